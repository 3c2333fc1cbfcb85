//! What an update and a way back are planned from, beside the facts of an install.

use std::collections::BTreeSet;

use homeport_core::plan::Operation;
use homeport_core::plan::deploy::{Health, Program};
use homeport_core::settings::Color;
use homeport_core::state::{Previous, State, Status};
use homeport_core::target::{GuestKind, GuestSeen, GuestStatus};
use homeport_core::verbs::held::Held;
use homeport_core::verbs::living::{Living, Told};
use homeport_core::verbs::slots::Found;
use homeport_core::verbs::{rollback, update};
use homeport_engine::plan::Plan;
use homeport_engine::report::{Report, Room};
use serde_json::json;

use crate::facts::{self, Facts};

/// From 2.4.0 in the blue slot to 2.5.0.
pub fn update(facts: Facts) -> Vec<Plan> {
    let found = found(facts, "2.4.0", None);
    let request = update::Request {
        name: None,
        to: Some("2.5.0"),
        from: None,
        sha256: None,
        pre_releases: false,
        check: false,
        rehearse: false,
        accept_loss: false,
        max_pause_ms: 5_000,
        dry_run: true,
        plan_out: None,
        planned: None,
    };
    let (program, about) = (program(), about("update"));
    let wanted = ("2.5.0".to_owned(), 6 << 10);
    update::planned(program, about, found, wanted, &request).unwrap()
}

/// Back to 2.4.0 in the green slot, whose database 2.5.0 has migrated – or not.
pub fn rollback(facts: Facts, migrated: bool) -> Vec<Plan> {
    let previous = Previous {
        version: "2.4.0".to_owned(),
        commit: None,
        release: "2.4.0".to_owned(),
        colour: Color::Green,
        generation: if migrated { 1 } else { 2 },
        until: 1_704_000_000,
        migrated: migrated.then(|| [("migration".to_owned(), 2)].into()),
    };
    let found = found(facts, "2.5.0", Some(previous));
    rollback::planned(program(), about("rollback"), found).unwrap()
}

fn about(verb: &str) -> Operation {
    facts::operation(verb, false)
}

fn program() -> Program {
    Program {
        version: facts::HOMEPORT.to_owned(),
        directory: facts::BUNDLE.to_owned(),
        passing: false,
    }
}

fn found(facts: Facts, version: &str, previous: Option<Previous>) -> Found {
    let guest = about("").guest;
    let state = State {
        version: version.to_owned(),
        generation: previous.as_ref().map_or(1, |_| 2),
        previous,
        ..facts::state(Status::Running, facts::fingerprint(facts::ORIGINAL))
    };
    let seen = GuestSeen {
        id: guest.id.clone(),
        kind: GuestKind::Container,
        status: GuestStatus::Running,
        here: true,
        addresses: vec!["192.168.1.50".parse().unwrap()],
        node: "pve".to_owned(),
        name: Some("tasks".to_owned()),
        tags: BTreeSet::new(),
        lock: None,
        storage: None,
        mac: None,
        readdress: None,
        cpu: None,
    };
    let room = Room {
        total: 8 << 30,
        free: 6 << 30,
    };
    let report: Report = serde_json::from_value(json!({
        "version": facts::HOMEPORT, "state": state, "open": null, "holder": null, "units": [], "outcomes": {},
        "memory": room, "disks": {"/": room}, "load_percent": 0, "errors": [],
    }))
    .unwrap();
    let living = Living {
        guest,
        app: "vikunja".to_owned(),
        seen,
        registered: None,
        doubt: None,
    };
    let told = Told {
        report,
        probes: Vec::new(),
        database: None,
        state,
        asks: Vec::new(),
    };
    let recipe = facts.installed();
    let Facts {
        wanted, plugins, ..
    } = facts;
    let held = Held {
        config: wanted.pages.yaml,
        recipe,
        whole: wanted.recipe,
        settings: wanted.settings,
        health: Health {
            spec: "{\"spec\": \"as it was\"}\n".to_owned(),
            probes: "[]\n".to_owned(),
            database: "null\n".to_owned(),
        },
        releases: vec![version.to_owned()],
    };
    Found {
        living,
        told,
        held,
        plugins,
    }
}
