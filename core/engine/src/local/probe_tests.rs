use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use super::*;
use crate::probe::Call;

static NEVER: AtomicBool = AtomicBool::new(false);

fn probe(check: Check, deadline_ms: u32) -> Probe {
    Probe {
        check,
        deadline_ms,
        interval_ms: 20,
        unit: None,
    }
}

fn run(probe: &Probe, stop: &AtomicBool) -> Result<(), Fault> {
    measure(probe, stop, None).result
}

fn page(via: Via, path: &str) -> Check {
    Check::Http(HttpCheck {
        via,
        host: "h".to_owned(),
        path: path.to_owned(),
        call: None,
        status: 200,
        body_contains: Some("hello".to_owned()),
        json_equals: None,
        post: None,
    })
}

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

/// Answers connections one after another with these bytes, the last for ever.
fn serve(answers: Vec<&'static [u8]>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let last = answers.last().copied().unwrap_or_default();
        for answer in answers.into_iter().chain(std::iter::repeat(last)) {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(answer);
        }
    });
    address
}

#[test]
fn a_probe_tries_again_until_the_answer_is_right() {
    let address = serve(vec![b"garbage", BUSY, HELLO]);
    let check = page(Via::Tcp(address), "/x?y=1");
    run(&probe(check, 5000), &NEVER).unwrap();
}

#[test]
fn what_is_posted_arrives_with_its_headers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            let mut some = [0; 1000];
            let read = stream.read(&mut some).unwrap();
            request.extend(&some[..read]);
        }
        stream.write_all(HELLO).unwrap();
        String::from_utf8(request).unwrap()
    });
    let Check::Http(mut check) = page(Via::Tcp(address), "/call") else {
        unreachable!("it is a page")
    };
    check.call = Some(Call {
        headers: [("Authorization".to_owned(), "Bearer nobody".to_owned())].into(),
        body: "{}".to_owned(),
    });
    run(&probe(Check::Http(check), 5000), &NEVER).unwrap();
    let asked = asked.join().unwrap();
    assert!(asked.starts_with("POST /call HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.contains("\r\nAuthorization: Bearer nobody\r\n"),
        "{asked}"
    );
    assert!(asked.contains("\r\nContent-Length: 2\r\n"), "{asked}");
}

#[test]
fn past_the_deadline_the_last_reason_is_given() {
    let address = serve(vec![BUSY]);
    let begun = Instant::now();
    let fault = run(&probe(page(Via::Tcp(address.clone()), "/"), 200), &NEVER).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unhealthy);
    assert_eq!(
        fault.why,
        format!("GET / at `{address}`: the answer has status 503 instead of 200")
    );
    assert!(begun.elapsed() < Duration::from_secs(2));
    let measured = measure(&probe(page(Via::Tcp(address), "/"), 1), &NEVER, None);
    assert_eq!(measured.answer.map(|answer| answer.status), Some(503));
    assert!(measured.took < Duration::from_secs(1));
}

#[test]
fn a_server_that_takes_and_says_nothing_or_trickles_does_not_hold_one_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let trickling = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = [&silent, &trickling].map(|it| it.local_addr().unwrap().to_string());
    thread::spawn(move || {
        for stream in trickling.incoming() {
            let mut stream = stream.unwrap();
            while stream.write_all(b"H").is_ok() {
                thread::sleep(Duration::from_millis(30));
            }
        }
    });
    for address in addresses {
        let begun = Instant::now();
        let fault = run(&probe(page(Via::Tcp(address), "/"), 300), &NEVER).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unhealthy);
        assert!(begun.elapsed() < Duration::from_millis(1500), "{fault}");
    }
}

#[test]
fn a_unix_socket_is_asked_too_and_a_full_queue_does_not_hold_one_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let via = || Via::Unix(path.display().to_string());
    let missing = run(&probe(page(via(), "/"), 50), &NEVER).unwrap_err();
    assert_eq!(missing.kind, FaultKind::Unhealthy);
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    let waiting: Vec<_> = std::iter::from_fn(|| unix(&path.display().to_string()).ok()).collect();
    let begun = Instant::now();
    assert!(run(&probe(page(via(), "/"), 200), &NEVER).is_err());
    assert!(begun.elapsed() < Duration::from_secs(2));
    drop(waiting);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(HELLO);
        }
    });
    run(&probe(page(via(), "/"), 5000), &NEVER).unwrap();
}

#[test]
fn a_port_is_open_or_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let open = probe(
        Check::Tcp {
            address: address.clone(),
        },
        1000,
    );
    run(&open, &NEVER).unwrap();
    drop(listener);
    let fault = run(&probe(Check::Tcp { address }, 100), &NEVER).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unhealthy);
    let nonsense = Check::Tcp {
        address: "no port".to_owned(),
    };
    assert!(run(&probe(nonsense, 50), &NEVER).is_err());
}

#[test]
fn tls_is_the_hosts_and_a_stop_is_heard() {
    let tls = Via::Tls {
        address: "h:1".to_owned(),
        roots: String::new(),
    };
    let fault = run(&probe(page(tls, "/"), 60_000), &NEVER).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Failed);
    let closed = Check::Tcp {
        address: "127.0.0.1:1".to_owned(),
    };
    let fault = run(&probe(closed, 60_000), &AtomicBool::new(true)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Cancelled);
}

#[test]
fn a_port_that_is_somebody_elses_is_not_the_units() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let listens = |port| Check::Listens {
        unit: "app@blue.service".to_owned(),
        port,
    };
    let fault = run(&probe(listens(port), 1), &NEVER).unwrap_err();
    let ours = format!("port {port} belongs to process {}", std::process::id());
    assert!(fault.why.starts_with(&ours), "{}", fault.why);
    assert!(
        fault.why.ends_with("not to `app@blue.service`"),
        "{}",
        fault.why
    );
    drop(taken);
    let fault = run(&probe(listens(port), 1), &NEVER).unwrap_err();
    assert!(fault.why.contains("does not listen"), "{}", fault.why);
}

#[test]
fn a_log_in_sends_the_password_and_is_written_down_without_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let Check::Http(ask) = page(
        Via::Tcp(listener.local_addr().unwrap().to_string()),
        "/login",
    ) else {
        unreachable!()
    };
    let log_in = crate::probe::LogIn {
        ask,
        name: ("username".to_owned(), "ann".to_owned()),
        password: "password".to_owned(),
        secret: crate::op::HostSecret::FirstPassword,
    };
    let op = crate::op::Op::Probe(probe(Check::LogIn(log_in), 1000));
    let apply = |local: &mut super::super::Local| {
        let hands = crate::run::Hands {
            seen: &Default::default(),
            tell: &mut |_| {},
            number: 0,
            child: &mut |_| Ok(()),
        };
        crate::run::Executor::apply(local, &op, hands)
    };
    let mut local = super::super::Local::new(crate::plan::Place::Host, Default::default());
    let unknown = apply(&mut local).unwrap_err();
    assert!(unknown.why.contains("known only"), "{}", unknown.why);
    local.keep(crate::op::HostSecret::FirstPassword, "a \"b\"".to_owned());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        while !text.contains('}') {
            let mut bytes = [0; 1000];
            let count = stream.read(&mut bytes).unwrap();
            text += &String::from_utf8_lossy(&bytes[..count]);
        }
        stream.write_all(HELLO).unwrap();
        text
    });
    apply(&mut local).unwrap();
    let asked = server.join().unwrap();
    assert!(asked.starts_with("POST /login HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.ends_with("\r\n\r\n{\"password\":\"a \\\"b\\\"\",\"username\":\"ann\"}"),
        "{asked}"
    );
    assert!(!serde_json::to_string(&op).unwrap().contains("a \\\"b"));
}
