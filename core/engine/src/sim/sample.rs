//! The smallest cut-over a plan can ask for, for tests of what is made of one.

use crate::cutover::{Colour, CutOver, Drain, Gate, Marks, Side};
use crate::exec::Exec;
use crate::op::{Content, Op, PutFile};
use crate::plan::Step;
use crate::probe::{Check, Probe};

/// From blue to green, one unit each, with a generation of one command.
pub fn small_cut_over(operation: &str) -> CutOver {
    let made = "g2".to_owned();
    let mut copy = Exec::root(["cp", "-a", "/data/g1", "/data/g2"], 60);
    copy.creates = vec![made.clone()];
    let mut away = Exec::root(["rm", "-rf", "/data/g2"], 60);
    away.destroys = vec![made];
    let copied = Step::guest("Copy the database", Op::Exec(copy)).undone_by(Op::Exec(away));
    CutOver {
        operation: operation.to_owned(),
        from: side(Colour::Blue, "1.0"),
        to: side(Colour::Green, "2.0"),
        gates: vec![Gate {
            component: "backend".to_owned(),
            control: "/run/homeport/gate/backend.control".to_owned(),
        }],
        marks: Marks::usual(),
        drain: Drain::usual(),
        deadline_ms: 20_000,
        clock: None,
        alone: vec!["/data/g1".to_owned()],
        generation: vec![copied],
        durable: vec!["/data/g2".to_owned()],
        watch_ms: 30_000,
    }
}

/// One side with one unit, one question, and one file.
fn side(colour: Colour, version: &str) -> Side {
    let unit = format!("app@{}.service", colour.name());
    let check = Check::UnitActive {
        unit: unit.clone(),
        for_ms: 0,
    };
    Side {
        colour,
        version: version.to_owned(),
        probes: vec![Probe {
            check,
            deadline_ms: 5_000,
            interval_ms: 50,
            unit: Some(unit.clone()),
        }],
        units: vec![unit],
        through: Vec::new(),
        needs: Vec::new(),
        files: vec![PutFile {
            path: "/var/lib/homeport/state.json".to_owned(),
            mode: 0o644,
            owner: "root:root".to_owned(),
            content: Content::Text(format!("{{\"version\":\"{version}\",\"epoch\":1}}")),
        }],
    }
}
