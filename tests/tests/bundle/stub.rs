//! `install.sh`, the few lines that are piped into a shell: they run the right program or nothing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use homeport_tests::http::{Answer, Server};
use rustix::process::{Pid, Signal, kill_process};

use crate::craft::{Site, is_empty};
use crate::run::{Run, bootstrap, eventually, text};

const BOOTSTRAP: &str = "bootstrap-x86_64-linux";

fn script(name: &str) -> String {
    format!("{}/../bootstrap/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A genuine site with bootstrap and rendered stub.
fn published() -> (Site, Server) {
    let site = Site::genuine();
    fs::copy(bootstrap(), site.path(BOOTSTRAP)).unwrap();
    let server = Server::start(site.dir.path(), true).unwrap();
    let rendered = Command::new(script("render-install.sh"))
        .arg(server.url())
        .arg(bootstrap())
        .output()
        .unwrap();
    assert!(rendered.status.success(), "{}", text(&rendered.stderr));
    fs::write(site.path("install.sh"), rendered.stdout).unwrap();
    (site, server)
}

/// The one-liner as users type it.
fn one_liner(server: &Server, arguments: &str) -> Run {
    let mut command = Command::new("bash");
    command.args([
        "-c",
        &format!("bash <(curl -fsSL {}/install.sh) {arguments}", server.url()),
    ]);
    Run::of(command)
}

fn stub(file: &Path) -> Run {
    let mut command = Command::new("sh");
    command.arg(file);
    Run::of(command)
}

#[test]
fn the_one_liner_runs_the_core_and_leaves_nothing() {
    let (_site, server) = published();
    one_liner(&server, "").runs("install");
    one_liner(&server, "--release 0.2.0 install --config 'a file.yaml'")
        .runs("install --config a file.yaml");
    let mut piped = Command::new("bash");
    piped.args([
        "-c",
        &format!("curl -fsSL {}/install.sh | sh", server.url()),
    ]);
    Run::of(piped).runs("install");
}

#[test]
fn another_server_can_be_named() {
    let (site, server) = published();
    let mirror = Server::start(site.dir.path(), true).unwrap();
    one_liner(&server, "")
        .env("HOMEPORT_BASE_URL", mirror.url())
        .runs("install");
    assert_eq!(server.requests().len(), 1, "only the stub itself");
}

/// Whatever has arrived of it, nothing happens until all has.
#[test]
fn a_cut_stub_runs_nothing() {
    let (site, server) = published();
    let whole = fs::read_to_string(site.path("install.sh")).unwrap();
    let fetched = server.requests().len();
    let end = whole.trim_end().len();
    for cut in (0..end).step_by(97).chain(end - 16..end) {
        fs::write(site.path("cut.sh"), &whole.as_bytes()[..cut]).unwrap();
        let mut run = stub(&site.path("cut.sh"));
        run.output();
        assert_eq!(
            (run.trace(), is_empty(&run.tmp())),
            (None, true),
            "cut at {cut}"
        );
    }
    assert_eq!(server.requests().len(), fetched);
    stub(&site.path("install.sh")).runs("install");
}

#[test]
fn a_bootstrap_with_another_digest_is_not_run() {
    let (site, server) = published();
    let mut changed = fs::read(bootstrap()).unwrap();
    changed.push(0);
    fs::write(site.path(BOOTSTRAP), changed).unwrap();
    one_liner(&server, "").refuses(13, "its sha256 is not ");
    let unrendered = stub(Path::new(&script("install.sh"))).env("HOMEPORT_BASE_URL", server.url());
    unrendered.refuses(13, "its sha256 is not @");
    stub(Path::new(&script("install.sh"))).refuses(2, "published without an address");
}

#[test]
fn says_what_is_missing() {
    let (site, server) = published();
    fs::remove_file(site.path(BOOTSTRAP)).unwrap();
    one_liner(&server, "").refuses(8, "could not be fetched");
    let tools = site.path("tools");
    fs::create_dir(&tools).unwrap();
    std::os::unix::fs::symlink("/usr/bin/curl", tools.join("curl")).unwrap();
    let file = site.path("install.sh");
    let run = Run::of(Command::new("/bin/sh"))
        .args([&file])
        .env("PATH", &tools);
    run.refuses(4, "the program `sha256sum` is missing");
}

#[test]
fn a_tmp_that_starts_no_programs_is_avoided() {
    let (site, _server) = published();
    let script = format!(
        "mount -t tmpfs -o noexec none \"$TMPDIR\" && exec sh {}",
        site.path("install.sh").display()
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script]);
    Run::of(command).runs("install");
}

#[test]
fn a_signal_reaches_whatever_runs() {
    let (site, server) = published();
    server.misbehave("/stable.channel", [Answer::Stall(0)]);
    let mut run = stub(&site.path("install.sh")).env("HOMEPORT_TIMEOUT", "60");
    let child = run.command.spawn().unwrap();
    eventually("the bootstrap's download", || {
        server
            .requests()
            .iter()
            .any(|request| request.path == "/stable.channel")
    });
    thread::sleep(Duration::from_millis(50));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    run.was_refused(&output, 143, "signal");
}
