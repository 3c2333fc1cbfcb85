//! Where a release is unpacked: not on a file system that starts no programs or is full; and what dead runs left.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use homeport_tests::http::{Answer, Server};

use crate::craft::{self, Member, Site, name};
use crate::run::{Run, bootstrap, eventually, text};

/// The bootstrap in a mount namespace of its own, after `script` has prepared it. It is started through an open file,
/// for its own directory may be mounted over.
fn prepared(script: &str) -> Run {
    let script = format!("exec 8<\"$0\"; {script}; exec /proc/self/fd/8 \"$@\"");
    Run::under(&["unshare", "-m", "sh", "-e", "-c", &script])
}

/// A bundle whose core says where it lies.
fn telling() -> Site {
    let site = Site::new();
    let core = Member::file(
        "bin/homeport",
        0o755,
        b"#!/bin/sh\necho ran $HOMEPORT_BUNDLE_DIR >> $MARKER\n",
    );
    site.bundle("0.2.0", &craft::bundle("0.2.0", &[core]));
    site
}

/// The site lies under /tmp too, so it is bound to where the mounts leave it in reach.
#[test]
fn goes_elsewhere_when_tmp_starts_no_programs_or_is_full() {
    let site = telling();
    for options in ["noexec", "size=1m", "noexec,size=1m"] {
        let script = format!(
            "exec 9<{}; for dir in \"$TMPDIR\" /tmp; do mount -t tmpfs -o {options} none \"$dir\"; done; \
             mount -t tmpfs none /var/tmp; mkdir /var/tmp/site; mount --bind /proc/self/fd/9 /var/tmp/site",
            site.dir.path().display()
        );
        let bundle = format!("/var/tmp/site/{}", name("0.2.0"));
        let run = prepared(&script).args(["--bundle", &bundle]);
        let output = run.env("MARKER", "/var/tmp/site/marker").output();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let trace = fs::read_to_string(site.path("marker")).unwrap();
        assert!(
            trace.starts_with("ran /var/tmp/homeport-bootstrap-"),
            "{trace}"
        );
        fs::remove_file(site.path("marker")).unwrap();
    }
}

#[test]
fn says_why_no_place_will_do() {
    let everywhere = "for dir in \"$TMPDIR\" /tmp /var/tmp /dev/shm /run /root; do mount -t tmpfs -o noexec none \"$dir\"; done";
    prepared(everywhere)
        .args(["--bundle", "/nowhere"])
        .refuses(4, "/dev/shm does not let programs start (noexec)");
    let full = "for dir in \"$TMPDIR\" /tmp /var/tmp /dev/shm /run /root; do mount -t tmpfs -o size=4m none \"$dir\"; done";
    prepared(full)
        .args(["--bundle", "/nowhere"])
        .refuses(4, "/run has 4 MB free, 64 MB are needed");
}

#[test]
fn a_disk_that_fills_up_on_the_way_is_not_the_bundles_fault() {
    let site = Site::new();
    let members = [
        Member::core(),
        Member::file("large", 0o644, &vec![0; 100_000_000]),
    ];
    let path = site.bundle("0.2.0", &craft::bundle("0.2.0", &members));
    let run = prepared("mount -t tmpfs -o size=70m none \"$TMPDIR\"")
        .args(["--bundle".as_ref(), path.as_os_str()]);
    run.refuses(4, "`large` cannot be written: No space left");
}

/// After `kill -9` nothing can be cleaned up at once; the next run does it, and leaves a living one alone.
#[test]
fn sweeps_what_a_killed_run_left() {
    let site = Site::genuine();
    let server = Server::start(site.dir.path(), true).unwrap();
    let bundle = format!("/{}", name("0.2.0"));
    let run = Run::new();
    let start = || {
        server.misbehave(&bundle, [Answer::Stall(10)]);
        let mut command = Command::new(bootstrap());
        command
            .args(["--base-url", &server.url(), "--timeout", "60"])
            .env("TMPDIR", run.tmp());
        command.stderr(Stdio::null()).spawn().unwrap()
    };
    let left = || {
        fs::read_dir(run.tmp())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let (mut dead, mut alive) = (start(), start());
    eventually("both downloads", || {
        server
            .requests()
            .iter()
            .filter(|request| request.path == bundle)
            .count()
            == 2
    });
    dead.kill().unwrap();
    dead.wait().unwrap();
    for dir in left() {
        fs::File::open(dir)
            .unwrap()
            .set_modified(SystemTime::now() - Duration::from_secs(60))
            .unwrap();
    }
    let third = Run::from(&server.url()).env("TMPDIR", run.tmp());
    assert!({ third }.output().status.success());
    assert_eq!(left().len(), 1);
    assert!(alive.try_wait().unwrap().is_none());
    alive.kill().unwrap();
    alive.wait().unwrap();
}
