//! The proof: users' load through nginx and gate while the app is exchanged five times and the gate is killed once.
//! Nothing may fail, nothing acknowledged may be lost, nothing may be done twice.

use super::app::{App, Book};
use super::nginx::Nginx;
use super::rig::{Gate, one_at_a_time, raise_open_files, wait_for};
use homeport_tests::load::http::{Client, Line, Request, Server};
use homeport_tests::load::{Load, open_loop};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LOAD: Load = Load {
    per_second: 400,
    lasting: Duration::from_millis(36_500),
};
const HOLDS: u32 = 5;
const HELD: Duration = Duration::from_secs(3);
const FIRST: Duration = Duration::from_secs(4);
/// From the beginning of one hold to that of the next.
const PERIOD: Duration = Duration::from_millis(6600);
/// The hold in which the gate is killed.
const KILLED_IN: u32 = 2;
/// What a request costs the app.
const WORK: Duration = Duration::from_millis(1);
const UPLOAD: usize = 64 * 1024;
const SLOW: Duration = Duration::from_secs(6);
/// The very first body: begun 30 s before the last hold, whole in the middle of it.
const SLOWEST: Duration = Duration::from_secs(32);

#[test]
fn five_holds_under_load_lose_nothing() {
    let _turn = one_at_a_time();
    raise_open_files();
    let (mut gate, book) = (Gate::start(&["--width", "4"]), Arc::new(Book::default()));
    let nginx = Nginx::start(&gate.dir.path().join("requests"));
    let server = Server {
        plain: nginx.plain(),
        tls: nginx.tls(),
        name: "localhost",
    };
    let client = Client::new(server, &nginx.certificate()).expect("a client");
    let acknowledged = Mutex::new(BTreeSet::new());

    let app = App::start(gate.blue, &book, WORK);
    let (report, (_app, most_waiting)) = std::thread::scope(|scope| {
        let exchanging = scope.spawn(|| exchange_five_times(&mut gate, app, &book));
        let report = open_loop(LOAD, |number| shoot(&client, &acknowledged, number));
        (
            report,
            exchanging.join().expect("the holds went as planned"),
        )
    });

    println!(
        "load: {} requests, {} at once at most, {most_waiting:?} waiting at each release, longest {:.2} s",
        report.shots.len(),
        report.most_at_once,
        report.longest().as_secs_f64()
    );
    report
        .kept_schedule()
        .unwrap_or_else(|sentence| panic!("{sentence}"));
    let failed = report.failed();
    assert!(
        failed.is_empty(),
        "{} failed, such as {:?}; nginx: {}",
        failed.len(),
        failed[0],
        nginx.complaints()
    );
    check_book(&book, &acknowledged.into_inner().expect("no shot panicked"));
    let counted = nginx.counted();
    assert_eq!(
        counted.len(),
        report.shots.len(),
        "nginx counted every request"
    );
    assert!(counted.iter().all(|status| *status == 200));
    assert!(
        most_waiting.iter().all(|waiting| *waiting >= 1000),
        "too few waited to show anything: {most_waiting:?}"
    );
}

/// One request of the mixture: a third over new TLS connections, a tenth uploads, one in eighty a body that takes 6 s.
fn shoot(
    client: &Client,
    acknowledged: &Mutex<BTreeSet<String>>,
    number: u64,
) -> Result<(), String> {
    let line = [Line::NewTls, Line::Plain, Line::KeptTls][(number % 3) as usize];
    let path = format!("/{number}");
    let body = vec![b'x'; UPLOAD];
    let (method, body, over) = match number {
        0 => ("PUT", &body[..], SLOWEST),
        n if n % 80 == 79 => ("PUT", &body[..], SLOW),
        n if n % 10 == 8 => ("PUT", &body[..], Duration::ZERO),
        n if n % 2 == 0 => ("POST", &body[..100], Duration::ZERO),
        _ => ("GET", &body[..0], Duration::ZERO),
    };
    let answer = client.send(
        line,
        Request {
            method,
            path: &path,
            headers: "",
            body,
            over,
        },
    )?;
    if answer.status != 200 || answer.body != body.len().to_string().as_bytes() {
        return Err(format!(
            "{method} {path}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        ));
    }
    if method != "GET" {
        acknowledged
            .lock()
            .map_err(|_| "a shot panicked")?
            .insert(path);
    }
    Ok(())
}

/// Hold, stop the app, 3 s of nothing, start it on the other side, switch, let go. The app that runs in the end, and
/// how many waited each time.
fn exchange_five_times(gate: &mut Gate, mut app: App, book: &Arc<Book>) -> (App, Vec<u64>) {
    let start = Instant::now();
    let mut waited = Vec::new();
    for hold in 0..HOLDS {
        sleep_until(start + FIRST + PERIOD * hold);
        assert!(
            gate.status()["width"].is_null(),
            "the last release has emptied the queue: {}",
            gate.status()
        );
        let began = Instant::now();
        let passed = hold_when_calm(gate);
        drop(app);
        if hold == KILLED_IN {
            sleep_until(began + HELD / 2);
            gate.signal(Signal::KILL);
            std::thread::sleep(Duration::from_millis(500));
            gate.restart();
            assert_eq!(gate.status()["holding"], true);
        }
        sleep_until(began + HELD);
        let passed = if hold == KILLED_IN { 0 } else { passed };
        assert_eq!(
            gate.figure("accepted_total"),
            passed,
            "nobody was taken during the hold"
        );
        let (port, from, to) = if hold % 2 == 0 {
            (gate.green, "blue", "green")
        } else {
            (gate.blue, "green", "blue")
        };
        app = App::start(port, book, WORK);
        gate.switch(from, to);
        waited.push(gate.figure("waiting"));
        gate.release(2 << (hold % 2));
    }
    (app, waited)
}

/// Holds and waits for what is in flight. How many have been taken up to then.
fn hold_when_calm(gate: &Gate) -> u64 {
    gate.hold();
    wait_for("nothing is in flight", || gate.figure("in_flight") == 0);
    assert_eq!(gate.figure("parked"), 0);
    gate.figure("accepted_total")
}

fn sleep_until(moment: Instant) {
    std::thread::sleep(moment.saturating_duration_since(Instant::now()));
}

fn check_book(book: &Book, acknowledged: &BTreeSet<String>) {
    let writes = book.writes.lock().expect("the app did not panic");
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|path| !writes.contains_key(*path))
        .collect();
    let doubled: Vec<_> = writes.iter().filter(|(_, (times, _))| *times > 1).collect();
    println!(
        "writes: {} acknowledged, {} lost, {} doubled",
        acknowledged.len(),
        lost.len(),
        doubled.len()
    );
    assert!(
        lost.is_empty() && doubled.is_empty(),
        "lost {lost:?}, doubled {doubled:?}"
    );
    assert!(
        acknowledged.len() > LOAD.per_second as usize,
        "there were writes"
    );
}
