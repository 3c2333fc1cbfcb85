//! A guest whose name server is silent at first: a step that needs the network waits for it, says so, and can be asked to
//! stop while it waits.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use homeport_core::target::proxmox::Proxmox;
use homeport_engine::event::Event;
use homeport_engine::op::Op;
use homeport_engine::plan::Plan;
use homeport_engine::require::Observations;
use homeport_engine::run::{Executor, Fault, FaultKind};

use crate::agent::{part, with_agent};

/// The lab's bridge.
const SERVER: &str = "10.78.0.1:53";

/// A name server that hears everything, and answers once it has been asked for so long. Every name is 192.0.2.1.
fn name_server(silent: Duration) {
    let socket = UdpSocket::bind(SERVER).unwrap();
    thread::spawn(move || {
        let (mut first, mut bytes) = (None, [0; 512]);
        while let Ok((count, client)) = socket.recv_from(&mut bytes) {
            let since: &mut Instant = first.get_or_insert_with(Instant::now);
            if since.elapsed() >= silent {
                let _ = socket.send_to(&answer(&bytes[..count]), client);
            }
        }
    });
}

/// The answer to a question for an IPv4 address (RFC 1035, 4.1); to any other one, that there is none.
fn answer(question: &[u8]) -> Vec<u8> {
    let name = question[12..].iter().position(|byte| *byte == 0).unwrap();
    let end = 12 + name + 5;
    let is_address = question[end - 3] == 1;
    let mut answer = question[..end].to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[6..12].copy_from_slice(&[0, u8::from(is_address), 0, 0, 0, 0]);
    if is_address {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    }
    answer
}

/// Every command of the part needs the network.
fn over_network(mut part: Plan) -> Plan {
    for step in &mut part.steps {
        if let Op::Exec(exec) = &mut step.op {
            exec.network_s = Some(60);
        }
    }
    part
}

/// Runs a part; how often it said that it waits. `waits` is called each time.
fn run(target: &mut Proxmox, part: Plan, waits: &dyn Fn()) -> (Result<(), Fault>, u32) {
    let mut waited = 0;
    let mut tell = |event: Event| {
        if matches!(event, Event::Waiting { .. }) {
            waited += 1;
            waits();
        }
    };
    let seen = Observations::new();
    let result = target.hand_over(part, &seen, &mut tell, &mut |_, _| Ok(()));
    (result, waited)
}

// Edge case: network lost midway.
#[test]
fn a_name_server_that_answers_late_is_waited_for_unless_one_is_asked_to_stop() {
    name_server(Duration::from_secs(4));
    let stop = Arc::new(AtomicBool::new(false));
    let mut target = Proxmox::new(Arc::clone(&stop));
    let mine = with_agent(9534, &mut target);
    let asked = "printf 'nameserver 10.78.0.1\\noptions timeout:1 attempts:1\\n' >/etc/resolv.conf; \
                 getent ahostsv4 late.homeport.test";
    let steps = over_network(part(&mine, 0, &[asked]));
    let (result, waited) = run(&mut target, steps, &|| {});
    result.unwrap();
    assert!((1..=3).contains(&waited), "{waited}");

    let steps = over_network(part(&mine, 1, &["echo 'no way out' >&2; false"]));
    let begun = Instant::now();
    let (result, _) = run(&mut target, steps, &|| stop.store(true, Ordering::SeqCst));
    assert_eq!(result.unwrap_err().kind, FaultKind::Cancelled);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}
