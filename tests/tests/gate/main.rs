//! The gate seen from outside: the real static program, a real nginx, an app that is stopped and started.

mod app;
mod nginx;
mod proof;
mod rig;

use app::{App, Book};
use rig::{Gate, one_at_a_time, raise_open_files, wait_for};
use rustix::process::Signal;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

const AT_ONCE: Duration = Duration::ZERO;

/// Sends a write and does not wait for the answer. A gate that has given up may close before it is sent.
fn post(mut stream: UnixStream, name: &str) -> UnixStream {
    let request = format!("POST /{name} HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
    match stream.write_all(request.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("not sent: {error}"),
        _ => stream,
    }
}

/// All that comes back. A connection closed with the request unread is reset: nginx answers 502 then as well.
fn answer(mut stream: UnixStream) -> String {
    let mut text = String::new();
    match stream.read_to_string(&mut text) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("no end: {error}"),
        _ => text,
    }
}

fn is_ok(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n2")
}

/// Rule 2: held requests go at the width asked for, one by one if need be.
#[test]
fn a_release_lets_no_more_go_at_once_than_it_is_wide() {
    let _turn = one_at_a_time();
    let (gate, book) = (Gate::start(&["--width", "64"]), Arc::new(Book::default()));
    let _app = App::start(gate.blue, &book, Duration::from_millis(10));
    for width in [1, 3] {
        gate.hold();
        let held: Vec<_> = (0..40)
            .map(|n| post(gate.connect(), &format!("{width}/{n}")))
            .collect();
        assert_eq!((gate.figure("waiting"), gate.figure("in_flight")), (40, 0));
        book.forget_most();
        gate.release(width);
        assert!(held.into_iter().map(answer).all(|text| is_ok(&text)));
        assert_eq!(book.most(), width as usize);
    }
    assert!(
        book.writes
            .lock()
            .unwrap()
            .values()
            .all(|(times, _)| *times == 1)
    );
    let after = gate.status();
    assert_eq!(
        (&after["width"], &after["in_flight"]),
        (&serde_json::Value::Null, &0.into()),
        "{after}"
    );
}

/// A single long request in a width of one must not keep thousands waiting until the kernel's queue overflows.
#[test]
fn a_release_that_does_not_get_on_becomes_wider() {
    let _turn = one_at_a_time();
    let gate = Gate::start(&["--width", "1"]);
    let app = TcpListener::bind(("127.0.0.1", gate.blue)).unwrap();
    gate.hold();
    let held: Vec<_> = (0..8)
        .map(|n| post(gate.connect(), &n.to_string()))
        .collect();
    gate.release(1);
    // The app takes every connection and never answers.
    let taken: Vec<_> = (0..8).map(|_| app.accept().unwrap()).collect();
    assert_eq!(gate.figure("in_flight"), 8);
    drop((taken, held));
}

/// ≤ 8 MB with 4,000 connections waiting, in the kernel's queue and then at an app that does not answer.
#[test]
fn four_thousand_waiting_connections_cost_little_memory() {
    let _turn = one_at_a_time();
    raise_open_files();
    let gate = Gate::start(&["--width", "4000"]);
    let app = TcpListener::bind(("127.0.0.1", gate.blue)).unwrap();
    rustix::net::listen(&app, 4096).unwrap();
    gate.hold();
    let held: Vec<_> = (0..4000)
        .map(|n| post(gate.connect(), &n.to_string()))
        .collect();
    assert_eq!(gate.figure("waiting"), 4000);
    let [queued, _] = gate.memory();
    gate.release(4000);
    let taken: Vec<_> = (0..4000).map(|_| app.accept().unwrap()).collect();
    wait_for("all are with the app", || gate.figure("in_flight") == 4000);
    let [open, highest] = gate.memory();
    println!(
        "gate memory: {queued} KiB with 4,000 queued, {open} KiB with 4,000 open, {highest} KiB at most"
    );
    assert!(highest <= 8 * 1024, "{highest} KiB");
    drop((taken, held));
}

/// Rule 5: an app that is restarted is waited for, also for a POST, and what it had executed is not sent again.
#[test]
fn an_app_that_refuses_is_waited_for() {
    let _turn = one_at_a_time();
    let (gate, book) = (Gate::start(&["--width", "2"]), Arc::new(Book::default()));
    let waiting: Vec<_> = (0..20)
        .map(|n| post(gate.connect(), &n.to_string()))
        .collect();
    wait_for("one is parked, the others wait in the kernel", || {
        gate.figure("parked") == 1 && gate.figure("waiting") == 19
    });
    // In between the colour changes as well.
    gate.switch("blue", "green");
    let _app = App::start(gate.green, &book, Duration::from_millis(5));
    assert!(waiting.into_iter().map(answer).all(|text| is_ok(&text)));
    assert!(book.most() <= 2, "{} at once", book.most());
    assert_eq!(book.writes.lock().unwrap().len(), 20);
}

/// Rule 5: after a few seconds nobody waits any more, so that nginx can answer.
#[test]
fn an_app_that_stays_away_ends_the_waiting() {
    let _turn = one_at_a_time();
    let gate = Gate::start(&["--width", "2", "--connect-wait", "1s"]);
    let (began, waiting) = (
        Instant::now(),
        [post(gate.connect(), "a"), post(gate.connect(), "b")],
    );
    assert!(waiting.into_iter().map(answer).all(|text| text.is_empty()));
    assert!(began.elapsed() >= Duration::from_secs(1));
    let again = Instant::now();
    assert!(
        (0..50)
            .map(|_| answer(post(gate.connect(), "c")))
            .all(|text| text.is_empty())
    );
    assert!(
        again.elapsed() < Duration::from_secs(10),
        "50 that come later are closed at once"
    );
    assert_eq!(gate.figure("given_up_total"), 52);

    let _app = App::start(gate.blue, &Arc::default(), AT_ONCE);
    assert!(
        is_ok(&answer(post(gate.connect(), "d"))),
        "the first that comes when the app is back is served"
    );
}

/// Rule 3: while no colour is decided requests wait; none goes anywhere by guess.
#[test]
fn an_undecided_colour_is_waited_for() {
    let _turn = one_at_a_time();
    let (gate, book) = (Gate::start(&["--width", "2"]), Arc::new(Book::default()));
    let _apps = [gate.blue, gate.green].map(|port| App::start(port, &book, AT_ONCE));
    std::fs::write(gate.dir.path().join("colour/green"), "").unwrap();
    let waiting = post(gate.connect(), "a");
    wait_for("it is parked", || gate.figure("parked") == 1);
    assert!(gate.status()["colour"].is_null() && book.writes.lock().unwrap().is_empty());
    std::fs::remove_file(gate.dir.path().join("colour/blue")).unwrap();
    assert!(is_ok(&answer(waiting)));
    assert_eq!(gate.status()["colour"], "green");
}

/// Who goes away while waiting is forgotten, and the app never hears of it.
#[test]
fn a_client_that_goes_away_is_dropped() {
    let _turn = one_at_a_time();
    let (gate, book) = (Gate::start(&["--width", "2"]), Arc::new(Book::default()));
    let parked = post(gate.connect(), "gone");
    wait_for("it is parked", || gate.figure("parked") == 1);
    drop(parked);
    wait_for("it is dropped", || gate.figure("parked") == 0);
    let app = App::start(gate.blue, &book, AT_ONCE);
    assert!(is_ok(&answer(post(gate.connect(), "stayed"))));
    drop(app);
    assert_eq!(
        book.writes.lock().unwrap().keys().collect::<Vec<_>>(),
        ["/stayed"]
    );

    let app = TcpListener::bind(("127.0.0.1", gate.blue)).unwrap();
    let in_flight = post(gate.connect(), "gone too");
    let (mut request, _) = app.accept().unwrap();
    wait_for("it is in flight", || gate.figure("in_flight") == 1);
    drop(in_flight);
    let mut seen = String::new();
    request.read_to_string(&mut seen).unwrap();
    assert!(
        seen.ends_with("hi"),
        "what was sent arrives, and then the end: {seen}"
    );
    wait_for("it is over", || gate.figure("in_flight") == 0);
}

/// Each direction ends by itself: an app that answers only after the end of the request is heard.
#[test]
fn half_closed_connections_go_on_in_the_other_direction() {
    let _turn = one_at_a_time();
    let gate = Gate::start(&["--width", "2"]);
    let app = TcpListener::bind(("127.0.0.1", gate.blue)).unwrap();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7) as u8).collect();
    let mut client = gate.connect();
    let (mut sender, bytes) = (client.try_clone().unwrap(), sent.clone());
    let sending = std::thread::spawn(move || {
        sender.write_all(&bytes).unwrap();
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let (mut echo, _) = app.accept().unwrap();
    let mut received = Vec::new();
    echo.read_to_end(&mut received).unwrap();
    sending.join().unwrap();
    let echoing = std::thread::spawn(move || echo.write_all(&received).unwrap());
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    echoing.join().unwrap();
    assert!(back == sent);
    drop(client);
    wait_for("it is over", || gate.figure("in_flight") == 0);
}

/// Rule 4: streams are counted apart and come back only when the requests have been let go.
#[test]
fn streams_are_counted_apart() {
    let _turn = one_at_a_time();
    let gate = Gate::start(&["--width", "1"]);
    let app = TcpListener::bind(("127.0.0.1", gate.blue)).unwrap();
    let mut stream = gate.connect_stream();
    stream.write_all(b"hello").unwrap();
    let (mut other_end, _) = app.accept().unwrap();
    let mut word = [0; 5];
    other_end.read_exact(&mut word).unwrap();
    let status = gate.status();
    assert_eq!(
        (&status["streams"], &status["in_flight"]),
        (&1.into(), &0.into()),
        "{status}"
    );

    gate.hold();
    other_end.write_all(b"still").unwrap();
    stream.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"still", "a hold does not touch what is open");
    let (request, _new_stream) = (post(gate.connect(), "first"), gate.connect_stream());
    gate.release(1);
    let (mut first, _) = app.accept().unwrap();
    let mut line = [0; 11];
    first.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"POST /first", "the request goes before the stream");
    drop((first, request));
    wait_for("the stream follows", || gate.figure("streams") == 2);
}

/// Rule 6: a gate that is told to end finishes its requests; those that come meanwhile wait for the next gate.
#[test]
fn a_gate_is_exchanged_without_losing_a_request() {
    let _turn = one_at_a_time();
    let (mut gate, book) = (Gate::start(&["--width", "2"]), Arc::new(Book::default()));
    let _app = App::start(gate.blue, &book, Duration::from_millis(700));
    let long = post(gate.connect(), "long");
    wait_for("it is in flight", || gate.figure("in_flight") == 1);
    gate.signal(Signal::TERM);
    let next = post(gate.connect(), "next");
    assert!(!gate.has_ended(), "the request is still being answered");
    assert!(is_ok(&answer(long)));
    gate.restart();
    assert!(is_ok(&answer(next)));
    assert!(
        book.writes
            .lock()
            .unwrap()
            .values()
            .all(|(times, _)| *times == 1)
    );
}

/// A gate killed while it holds comes up holding, and those who waited still wait.
#[test]
fn a_killed_gate_comes_up_holding() {
    let _turn = one_at_a_time();
    let (mut gate, book) = (Gate::start(&["--width", "2"]), Arc::new(Book::default()));
    let _app = App::start(gate.blue, &book, AT_ONCE);
    gate.hold();
    let held: Vec<_> = (0..10)
        .map(|n| post(gate.connect(), &n.to_string()))
        .collect();
    gate.signal(Signal::KILL);
    gate.restart();
    assert_eq!(
        (gate.status()["holding"].as_bool(), gate.figure("waiting")),
        (Some(true), 10)
    );
    assert!(book.writes.lock().unwrap().is_empty());
    gate.release(1);
    assert!(held.into_iter().map(answer).all(|text| is_ok(&text)));
    gate.signal(Signal::KILL);
    gate.restart();
    assert_eq!(
        gate.status()["holding"],
        false,
        "a hold that has ended does not come back"
    );
}

/// A gate that cannot work ends at once and says why; nobody who waits is taken and lost.
#[test]
fn a_gate_that_cannot_work_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(dir.path().join("requests")).unwrap();
    let start = |stdin: Stdio, more: &[&str]| {
        let path = |name: &str| dir.path().join(name).display().to_string();
        let run = Command::new(rig::agent())
            .args(["gate", "--control", &path("control")])
            .args([
                "--hold-mark",
                &path("hold"),
                "--colour-dir",
                &path("missing"),
            ])
            .args(["--blue", "127.0.0.1:1", "--green", "127.0.0.1:2"])
            .args(more)
            .stdin(stdin)
            .stdout(OwnedFd::from(listener.try_clone().unwrap()))
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(1));
        String::from_utf8(run.stderr).unwrap()
    };
    let socket = || Stdio::from(OwnedFd::from(listener.try_clone().unwrap()));
    let cases = [
        (start(socket(), &[]), "--width is missing"),
        (
            start(Stdio::null(), &["--width", "1"]),
            "standard input is not a listening Unix socket",
        ),
        (
            start(socket(), &["--width", "1"]),
            "cannot read the colour directory",
        ),
    ];
    for (said, expected) in cases {
        assert!(said.contains(expected), "{said}");
    }
}

/// What is not understood changes nothing.
#[test]
fn unknown_words_are_refused() {
    let _turn = one_at_a_time();
    let gate = Gate::start(&["--width", "2"]);
    for line in [
        r#"{"wire":9,"do":"hold"}"#,
        r#"{"wire":1,"do":"stop"}"#,
        "hold",
        r#"{"wire":1,"do":"release","width":0}"#,
    ] {
        let answer = gate.ask(line);
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|error| error.contains("nothing was changed")),
            "{answer}"
        );
        assert!(answer["status"].is_null());
    }
    assert_eq!(gate.status()["holding"], false);
}

/// Many that talk at once, in pieces and of every size, get their own bytes back.
#[test]
fn bytes_never_reach_the_wrong_connection() {
    let _turn = one_at_a_time();
    let gate = Gate::start(&["--width", "8"]);
    let app = TcpListener::bind(("127.0.0.1", gate.blue)).unwrap();
    let right = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..400 {
                let (mut stream, _) = app.accept().unwrap();
                scope.spawn(move || std::io::copy(&mut stream.try_clone().unwrap(), &mut stream));
            }
        });
        for worker in 0..20_usize {
            let (gate, right) = (&gate, &right);
            scope.spawn(move || {
                for round in 0..20 {
                    let sent = vec![(worker * 20 + round) as u8; 1 + 997 * round * worker];
                    let mut client = gate.connect();
                    client.write_all(&sent).unwrap();
                    client.shutdown(Shutdown::Write).unwrap();
                    let mut back = Vec::new();
                    client.read_to_end(&mut back).unwrap();
                    right.fetch_add(usize::from(back == sent), SeqCst);
                }
            });
        }
    });
    assert_eq!(right.into_inner(), 400);
}
