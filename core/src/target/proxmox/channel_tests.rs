use homeport_engine::wire::Ask;

use super::*;

/// An agent played by a shell script. `say` prints an answer.
fn agent(script: &str) -> Command {
    let say = r#"say() { printf '{"wire":1,"answer":"%s"%s}\n' "$1" "$2"; }; hello() { say hello ',"version":"1","open":null'; };"#;
    Command::new(
        ["/bin/sh", "-c", &format!("{say} {script}")],
        Duration::from_secs(0),
    )
}

const PATIENCE: Duration = Duration::from_secs(5);

fn close() -> Ask {
    Ask::Close {
        operation: "op-1".to_owned(),
    }
}

fn opened(script: &str) -> Channel {
    Channel::open(101, agent(script), PATIENCE).unwrap()
}

fn until_finished(answer: Answer) -> Result<Heard, Fault> {
    match answer {
        Answer::Finished => Ok(Heard::Finished),
        _ => Ok(Heard::Noted),
    }
}

fn asked(channel: &mut Channel, stop: &AtomicBool) -> Result<Vec<Event>, Unheard> {
    let mut told = Vec::new();
    channel
        .ask(
            &close(),
            stop,
            &mut |event| told.push(event),
            &mut until_finished,
        )
        .map(|()| told)
}

#[test]
fn answers_are_heard_until_the_ask_is_done_and_the_channel_is_used_again() {
    let script = r#"hello; while read -r ask; do say heartbeat; say told ',"told":{"event":"committed"}'; say told ',"told":{"event":"done","number":1,"ms":2}'; say finished; done"#;
    let mut channel = opened(script);
    for _ in 0..3 {
        let told = match asked(&mut channel, &AtomicBool::new(false)) {
            Ok(told) => told,
            Err(Unheard::Fault(fault)) => panic!("{fault}"),
            Err(Unheard::Lost(why)) => panic!("{why}"),
        };
        // The agent's Commit is that of its part; the operation's own is told by who keeps its journal.
        assert_eq!(told, [Event::Done { number: 1, ms: 2 }]);
    }
    assert!(channel.leads_to(101) && !channel.leads_to(102));
    channel.close();
}

#[test]
fn who_does_not_say_hello_is_no_agent() {
    let refused = |script: &str| {
        Channel::open(101, agent(script), Duration::from_millis(300))
            .err()
            .unwrap()
    };
    assert!(
        refused("say finished")
            .why
            .contains("did not introduce itself")
    );
    assert!(refused("echo garbage").why.contains("not a message"));
    assert!(
        refused("echo '{\"wire\":2,\"answer\":\"hello\"}'")
            .why
            .contains("wire version 2")
    );
    assert!(refused("sleep 3").why.contains("no sign of life"));
    let gone = refused("echo container 101 not running! >&2; exit 255");
    assert!(gone.why.contains("not running!"), "{gone}");
    assert!(!gone.remedy.is_empty());
}

#[test]
fn rule_8_stopping_closes_the_agents_input_and_lets_its_step_finish() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("step");
    let script = format!(
        "hello; read -r ask; sleep 0.4; touch {}; say step-done ',\"number\":3,\"seen\":null'; cat >/dev/null",
        mark.display()
    );
    let mut channel = opened(&script);
    let mut done = Vec::new();
    let mut hear = |answer: Answer| {
        done.push(answer);
        Ok(Heard::Noted)
    };
    let stop = AtomicBool::new(true);
    let ended = channel.ask(&close(), &stop, &mut |_| {}, &mut hear);
    assert!(matches!(ended, Err(Unheard::Fault(fault)) if fault.kind == FaultKind::Cancelled));
    assert!(mark.exists());
    assert_eq!(
        done,
        [Answer::StepDone {
            number: 3,
            seen: None
        }]
    );
    assert!(!channel.leads_to(101));
    channel.close();
}

#[test]
fn an_agent_that_dies_is_lost_and_one_that_fails_is_not() {
    let mut channel = opened("hello; read -r ask; exit 3");
    let lost = asked(&mut channel, &AtomicBool::new(false));
    assert!(matches!(lost, Err(Unheard::Lost(_))));
    let remedy = channel.lost("it is gone").remedy.concat();
    assert!(
        remedy.contains("goes on where this one stopped"),
        "{remedy}"
    );
    let failing = r#"hello; while read -r ask; do say failed ',"number":1,"fault":{"kind":"locked","why":"held"}'; done"#;
    let mut channel = opened(failing);
    let failed = asked(&mut channel, &AtomicBool::new(false));
    assert!(matches!(failed, Err(Unheard::Fault(fault)) if fault.kind == FaultKind::Locked));
    assert!(channel.leads_to(101));
    channel.close();
}

#[test]
fn a_listener_that_cannot_go_on_ends_the_agents_work() {
    let mut channel =
        opened(r#"hello; read -r ask; say step-done ',"number":1,"seen":null'; cat >/dev/null"#);
    let mut hear = |_: Answer| Err(Fault::new(FaultKind::Failed, "the journal is full"));
    let ended = channel.ask(&close(), &AtomicBool::new(false), &mut |_| {}, &mut hear);
    assert!(matches!(ended, Err(Unheard::Fault(fault)) if fault.why == "the journal is full"));
    assert!(!channel.leads_to(101));
    channel.close();
}
