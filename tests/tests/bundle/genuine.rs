//! What has to work: from a server, from a file, in an empty root, without a network, fast.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use homeport_tests::http::Server;
use tempfile::TempDir;

use crate::craft::{self, FAR, Member, Site};
use crate::run::{Run, bootstrap, text};

#[test]
fn installs_the_newest_release_of_the_channel() {
    let site = Site::genuine();
    let server = Server::start(site.dir.path(), true).unwrap();
    Run::from(&server.url()).runs("install");
    let paths: Vec<_> = server
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    let bundle = format!("/{}", craft::name("0.2.0"));
    assert_eq!(
        paths,
        [
            "/stable.channel",
            "/stable.channel.minisig",
            bundle.as_str(),
            &format!("{bundle}.minisig")
        ]
    );
}

#[test]
fn takes_source_channel_and_release_from_flags_and_environment() {
    let site = Site::genuine();
    site.bundle("0.1.0", &craft::genuine("0.1.0"));
    let server = Server::start(site.dir.path(), true).unwrap();
    let url = format!("{}/", server.url());
    Run::new()
        .args(["--release=0.1.0", "--", "list"])
        .env("HOMEPORT_BASE_URL", &url)
        .runs("list");
    Run::from(&url)
        .env("HOMEPORT_VERSION", "0.1.0")
        .args(["install", "--dry-run"])
        .runs("install --dry-run");
    Run::from(&url)
        .env("HOMEPORT_CHANNEL", "beta")
        .refuses(8, "beta.channel` was answered with status 404");
    assert!(
        server
            .requests()
            .iter()
            .any(|request| request.path.contains("0.1.0"))
    );
}

#[test]
fn tells_the_core_where_it_lies_and_where_it_came_from() {
    let script = "#!/bin/sh\necho ran $HOMEPORT_BASE_URL $HOMEPORT_CHANNEL $(cd $HOMEPORT_BUNDLE_DIR; find * -type f | sort | tr '\\n' ' ') >> $MARKER\nexit 7\n";
    let site = Site::new();
    let members = [
        Member::file("bin/homeport", 0o755, script.as_bytes()),
        Member::file("templates/a", 0o644, b"a"),
    ];
    site.bundle("0.2.0", &craft::bundle("0.2.0", &members));
    site.channel("0.2.0", "0.2.0", FAR);
    let server = Server::start(site.dir.path(), true).unwrap();
    let mut run = Run::from(&server.url());
    assert_eq!(run.output().status.code(), Some(7));
    let expected = format!(
        "ran {} stable bin/homeport manifest.json templates/a\n",
        server.url()
    );
    assert_eq!(run.trace(), Some(expected));
}

/// Requirement W-2: no socket of the network families is even made.
#[test]
fn a_bundle_on_disk_needs_no_network_call() {
    let site = Site::genuine();
    let path = site.path(&craft::name("0.2.0").to_string());
    Run::under(&["unshare", "-n"])
        .args(["--bundle".as_ref(), path.as_os_str()])
        .runs("install");
    let calls = site.path("calls");
    let strace = [
        "strace",
        "-f",
        "-e",
        "trace=network",
        "-o",
        calls.to_str().unwrap(),
    ];
    Run::under(&strace)
        .args(["--bundle".as_ref(), path.as_os_str()])
        .runs("install");
    let calls = fs::read_to_string(calls).unwrap();
    assert!(
        calls.contains("+++ exited with 0 +++"),
        "strace saw nothing: {calls}"
    );
    assert!(
        !calls.contains("AF_INET") && !calls.contains("connect("),
        "{calls}"
    );
}

/// The bundle's core is the bootstrap itself here: the one program at hand that runs without a libc.
#[test]
fn runs_in_an_empty_root() {
    let site = Site::new();
    let core = fs::read(bootstrap()).unwrap();
    site.bundle(
        "0.2.0",
        &craft::bundle("0.2.0", &[Member::file("bin/homeport", 0o755, &core)]),
    );
    site.channel("0.2.0", "0.2.0", FAR);
    let server = Server::start(site.dir.path(), true).unwrap();
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("tmp")).unwrap();
    fs::copy(bootstrap(), root.path().join("bootstrap")).unwrap();
    let chroot = |args: &[&str]| {
        let mut command = Command::new("chroot");
        let output = command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin")
            .arg(root.path())
            .arg("/bootstrap")
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let version = chroot(&["--version"]);
    assert!(version.starts_with("homeport-bootstrap "), "{version}");
    assert_eq!(
        chroot(&["--base-url", &server.url(), "--", "--version"]),
        version
    );
    assert!(craft::is_empty(&root.path().join("tmp")));
}

#[test]
fn is_small_and_starts_fast() {
    let size = fs::metadata(bootstrap()).unwrap().len();
    assert!(size <= 2_000_000, "{size} bytes");
    let fastest = (0..10).map(|_| {
        let start = Instant::now();
        assert!(
            Command::new(bootstrap())
                .arg("--version")
                .stdout(Stdio::null())
                .status()
                .unwrap()
                .success()
        );
        start.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_millis(10), "{fastest:?}");
}

/// Progress is for people: on a terminal one line is drawn over and over and gone in the end, in a pipe there is none.
#[test]
fn shows_progress_on_a_terminal_only() {
    let site = Site::genuine();
    let server = Server::start(site.dir.path(), true).unwrap();
    let output = Run::from(&server.url()).output();
    assert_eq!(
        (text(&output.stdout), text(&output.stderr)),
        (String::new(), String::new())
    );
    let inner = format!("{} --base-url {}", bootstrap().display(), server.url());
    let output = Run::of(Command::new("script"))
        .args(["-qec", &inner, "/dev/null"])
        .output();
    let drawn = text(&output.stdout);
    assert!(
        drawn.contains("1/3 fetching stable.channel 100 % of 0.0 MB"),
        "{drawn:?}"
    );
    assert!(drawn.ends_with("\r\u{1b}[K"), "{drawn:?}");
}

#[test]
fn prints_whom_it_trusts() {
    let output = Run::new().args(["--print-trust"]).output();
    let key =
        fs::read_to_string(craft::dir_from("HOMEPORT_TEST_KEY_DIR").join("homeport.pub")).unwrap();
    assert!(text(&output.stdout).contains(key.lines().nth(1).unwrap()));
}

#[test]
fn keeps_the_release_only_when_asked() {
    let site = Site::genuine();
    let mut run = Run::bundle(&site.path(&craft::name("0.2.0").to_string())).args(["--keep"]);
    let output = run.output();
    assert!(output.status.success());
    let kept = fs::read_dir(run.tmp())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert!(text(&output.stderr).contains(kept.to_str().unwrap()));
    assert!(kept.join("release/bin/homeport").exists());
}
