//! Ctrl-C, termination and hang-up, while downloading and while the core runs; and the terminal the core is given.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use homeport_tests::http::{Answer, Server};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::craft::{self, Member, Site, is_empty, name};
use crate::run::{Run, eventually, text};

const SIGNALS: [(Signal, i32); 4] = [
    (Signal::INT, 130),
    (Signal::TERM, 143),
    (Signal::HUP, 129),
    (Signal::QUIT, 131),
];

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Fails, rather than waiting for ever, if the signal was not answered.
fn finish(mut child: Child) -> Output {
    eventually("the end", || child.try_wait().unwrap().is_some());
    child.wait_with_output().unwrap()
}

/// A bundle whose core, once started, waits, and says on which signal it ended.
fn waiting() -> Site {
    let core = "#!/bin/sh\nfor s in INT TERM HUP; do trap \"echo $s >> $MARKER; exit 20\" $s; done\n\
                echo started >> $MARKER\nwhile :; do sleep 0.05; done\n";
    let site = Site::new();
    site.bundle(
        "0.2.0",
        &craft::bundle(
            "0.2.0",
            &[Member::file("bin/homeport", 0o755, core.as_bytes())],
        ),
    );
    site
}

#[test]
fn a_signal_during_a_silent_download_ends_it_at_once() {
    let site = Site::genuine();
    for (file, answer) in [
        ("/stable.channel", Answer::Stall(0)),
        (&*format!("/{}", name("0.2.0")), Answer::Stall(50)),
    ] {
        for (signal, code) in SIGNALS {
            let server = Server::start(site.dir.path(), true).unwrap();
            server.misbehave(file, [answer.clone()]);
            let mut run = Run::from(&server.url()).args(["--timeout", "60"]);
            let child = run.command.spawn().unwrap();
            eventually("the download", || {
                server.requests().iter().any(|request| request.path == file)
            });
            let begun = Instant::now();
            send(&child, signal);
            let output = finish(child);
            assert!(
                begun.elapsed() < Duration::from_secs(4),
                "{:?}",
                begun.elapsed()
            );
            run.was_refused(&output, code, "signal");
        }
    }
}

/// Twenty moments of a whole run, spread over what one takes; whenever it comes, all is gone or all was done.
#[test]
fn a_signal_at_any_moment_leaves_nothing() {
    let site = Site::genuine();
    let server = Server::start(site.dir.path(), true).unwrap();
    for number in 0..20 {
        server.misbehave(&format!("/{}", name("0.2.0")), [Answer::Throttle(4000)]);
        let mut run = Run::from(&server.url());
        let child = run.command.spawn().unwrap();
        thread::sleep(Duration::from_millis(2 + number * 11));
        send(&child, Signal::TERM);
        let output = finish(child);
        match (output.status.code(), run.trace()) {
            (Some(143), None) if !output.stderr.is_empty() => {
                run.was_refused(&output, 143, "signal")
            }
            // The core ended as it likes, or of the signal, perhaps before it could leave a trace.
            (Some(0 | 143), _) => assert!(is_empty(&run.tmp())),
            // It came before anything could be watched, let alone made.
            (None, None) => assert!(is_empty(&run.tmp())),
            other => panic!("{other:?}: {}", text(&output.stderr)),
        }
    }
}

#[test]
fn termination_and_hang_up_reach_the_core() {
    let site = waiting();
    for (signal, word) in [(Signal::TERM, "TERM"), (Signal::HUP, "HUP")] {
        let mut run = Run::bundle(&site.path(&name("0.2.0").to_string()));
        let child = run.command.spawn().unwrap();
        eventually("the start of the core", || run.trace().is_some());
        send(&child, signal);
        assert_eq!(finish(child).status.code(), Some(20));
        assert_eq!(run.trace(), Some(format!("started\n{word}\n")));
        assert!(is_empty(&run.tmp()));
    }
}

/// As the terminal does it: to everyone in the foreground. The bootstrap outlives the core and cleans up.
#[test]
fn ctrl_c_is_the_cores_to_answer() {
    let site = waiting();
    let mut run = Run::bundle(&site.path(&name("0.2.0").to_string()));
    let child = std::os::unix::process::CommandExt::process_group(&mut run.command, 0)
        .spawn()
        .unwrap();
    eventually("the start of the core", || run.trace().is_some());
    kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(finish(child).status.code(), Some(20));
    assert_eq!(run.trace().as_deref(), Some("started\nINT\n"));
    assert!(is_empty(&run.tmp()));
}

#[test]
fn a_killed_core_shows_as_the_shell_shows_it() {
    let site = Site::new();
    let core = Member::file("bin/homeport", 0o755, b"#!/bin/sh\nkill -9 $$\n");
    let path = site.bundle("0.2.0", &craft::bundle("0.2.0", &[core]));
    let mut run = Run::bundle(&path);
    assert_eq!(run.output().status.code(), Some(137));
    assert!(is_empty(&run.tmp()));
}

/// `curl … | bash` has the script on stdin; the core gets the terminal instead, and only if there is one.
#[test]
fn the_core_can_ask_although_stdin_is_a_pipe() {
    let site = Site::new();
    let core = "#!/bin/sh\n[ -t 0 ] && read answer && echo terminal $answer >> $MARKER || echo none >> $MARKER\n";
    let path = site.bundle(
        "0.2.0",
        &craft::bundle(
            "0.2.0",
            &[Member::file("bin/homeport", 0o755, core.as_bytes())],
        ),
    );
    let mut run = Run::bundle(&path);
    run.command.stdin(Stdio::piped());
    let detached = Run::under(&["setsid", "-w"]).args(["--bundle".as_ref(), path.as_os_str()]);
    let mut detached = detached;
    assert!(detached.output().status.success());
    assert_eq!(detached.trace().as_deref(), Some("none\n"));

    // script(1) makes a terminal and types what is on its own stdin.
    let inner = format!(
        "true | {} --bundle {}",
        crate::run::bootstrap().display(),
        path.display()
    );
    let mut run = Run::of(Command::new("script"));
    run.command
        .args(["-qec", &inner, "/dev/null"])
        .stdin(Stdio::piped());
    let mut child = run.command.spawn().unwrap();
    thread::sleep(Duration::from_millis(300));
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"typed\n").unwrap();
    let output = finish(child);
    assert_eq!(
        run.trace().as_deref(),
        Some("terminal typed\n"),
        "{}",
        text(&output.stdout)
    );
    assert!(fs::read_dir(run.tmp()).unwrap().next().is_none());
}
