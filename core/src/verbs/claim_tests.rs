use homeport_engine::fingerprint::Fingerprint;
use homeport_engine::op::GuestIdentity;

use super::*;
use crate::target::{GuestKind, GuestSeen, GuestStatus};

const FIRST: &str = "hp-op-0065-a";
const LATER: &str = "hp-op-0066-b";

/// A guest that says it is `todo`, with the ownership tag, on a host that may remember the instance.
fn guest(id: &str, tag: &str, mac: &str, known: Option<(&str, &str)>) -> Living {
    let identity = |id: &str, tag: &str| GuestIdentity {
        id: id.to_owned(),
        instance: "todo".to_owned(),
        tag: tag.to_owned(),
        storage: "local".to_owned(),
    };
    let state: State =
        serde_json::from_str(include_str!("../../tests/golden/state-1.json")).unwrap();
    let fingerprint = |mac: &str| Fingerprint {
        mac: mac.to_owned(),
        machine_id: "0a".to_owned(),
    };
    let registered = known.map(|(id, mac)| Registered {
        fingerprint: Some(fingerprint(mac)),
        epoch: 5,
        ..Registered::of(&state, &identity(id, FIRST), "10.0.0.5")
    });
    Living {
        guest: identity(id, tag),
        app: "vikunja".to_owned(),
        seen: GuestSeen {
            id: id.to_owned(),
            node: "pve".to_owned(),
            cpu: None,
            here: true,
            kind: GuestKind::Container,
            name: None,
            tags: Default::default(),
            status: GuestStatus::Running,
            lock: None,
            storage: None,
            mac: Some(mac.to_owned()),
            addresses: Vec::new(),
            readdress: None,
        },
        registered,
        doubt: None,
    }
}

fn doubts(all: Vec<Living>) -> Vec<Option<Doubt>> {
    judge(all).into_iter().map(|one| one.doubt).collect()
}

fn twins(id: &str) -> Option<Doubt> {
    Some(Doubt::Twins(vec![(id.to_owned(), "pve".to_owned())]))
}

#[test]
fn a_guest_this_host_knows_or_knows_nothing_of_is_the_instance() {
    assert_eq!(
        doubts(vec![guest("105", FIRST, "aa", Some(("105", "aa")))]),
        [None]
    );
    // It has come from another node.
    assert_eq!(doubts(vec![guest("105", FIRST, "aa", None)]), [None]);
}

#[test]
fn a_clone_makes_both_doubtful() {
    let known = Some(("105", "aa"));
    let both = vec![
        guest("105", FIRST, "aa", known),
        guest("106", FIRST, "bb", known),
    ];
    let expected = [twins("106"), Some(Doubt::Other("container 105".to_owned()))];
    assert_eq!(doubts(both), expected);
    let unknown = vec![
        guest("105", FIRST, "aa", None),
        guest("106", FIRST, "aa", None),
    ];
    assert_eq!(doubts(unknown), [twins("106"), twins("105")]);
}

#[test]
fn once_adopted_as_the_original_a_guest_has_no_rival_and_the_other_stays_doubtful() {
    let known = Some(("106", "bb"));
    let both = vec![
        guest("105", FIRST, "aa", known),
        guest("106", LATER, "bb", known),
    ];
    assert_eq!(
        doubts(both),
        [Some(Doubt::Other("container 106".to_owned())), None]
    );
    let elsewhere = vec![
        guest("105", FIRST, "aa", None),
        guest("106", LATER, "bb", None),
    ];
    assert_eq!(doubts(elsewhere), [twins("106"), twins("105")]);
}

#[test]
fn a_guest_restored_under_another_id_or_with_another_mac_is_doubtful() {
    let moved = doubts(vec![guest("106", FIRST, "aa", Some(("105", "aa")))]);
    assert_eq!(moved, [Some(Doubt::Other("container 105".to_owned()))]);
    let other = doubts(vec![guest("105", FIRST, "bb", Some(("105", "aa")))]);
    let why = "a guest with the MAC address aa, not bb";
    assert_eq!(other, [Some(Doubt::Other(why.to_owned()))]);
}

#[test]
fn every_doubt_names_two_commands_that_settle_it() {
    let living = guest("105", FIRST, "aa", Some(("105", "aa")));
    let rolled_back = Doubt::RolledBack { guest: 3, host: 5 };
    let refusal = rolled_back.refusal(&living);
    assert_eq!(refusal.code(), 18);
    assert!(refusal.why.contains("epoch 3"), "{}", refusal.why);
    let expected = [
        "homeport adopt 105 --as-copy todo-105",
        "homeport adopt 105 --as-original",
    ];
    assert_eq!(refusal.remedies, expected);
    let elsewhere = Doubt::Twins(vec![("106".to_owned(), "far".to_owned())]);
    let expected = [
        "On node far: homeport adopt 106 --as-copy todo-106",
        "homeport adopt 105 --as-original",
    ];
    assert_eq!(elsewhere.remedies(&living), expected);
}

#[test]
fn an_older_epoch_is_a_rollback_and_a_change_rises_above_both() {
    let living = guest("105", FIRST, "aa", Some(("105", "aa")));
    let mut told = told(3);
    let rolled_back = Doubt::RolledBack { guest: 3, host: 5 };
    assert_eq!(inside(&living, &told), Some(rolled_back));
    assert_eq!(raised(&living, &told).epoch, 6);
    told.state.epoch = 7;
    assert_eq!(inside(&living, &told), None);
    assert_eq!(raised(&living, &told).epoch, 8);
    told.report.foreign = Some("It is a clone.".to_owned());
    assert_eq!(
        inside(&living, &told),
        Some(Doubt::Foreign("It is a clone.".to_owned()))
    );
}

fn told(epoch: u64) -> Told {
    let state: State =
        serde_json::from_str(include_str!("../../tests/golden/state-1.json")).unwrap();
    let report = serde_json::json!({
        "version": "0.1.0", "state": null, "open": null, "holder": null, "units": [], "outcomes": {},
        "memory": {"total": 0, "free": 0}, "disks": {}, "load_percent": 0, "errors": [],
    });
    Told {
        database: None,
        report: serde_json::from_value(report).unwrap(),
        probes: Vec::new(),
        state: State { epoch, ..state },
        asks: Vec::new(),
    }
}
