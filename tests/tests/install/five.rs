//! Five instances on one host, installed at the same moment although the host hands all of them the same free id, and one
//! of them taken away again.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use crate::instance::{Instance, turn};
use crate::release::{self, bundled};
use crate::run::{Ended, homeport};
use crate::user::{Person, answers};

/// Names and last numbers of the addresses.
const FIVE: [(&str, u8); 5] = [
    ("e2e-one", 111),
    ("e2e-two", 112),
    ("e2e-three", 113),
    ("e2e-four", 114),
    ("e2e-five", 115),
];

// FR-020, SC-007
#[test]
fn five_at_once() {
    let _turn = turn();
    let instances = FIVE.map(|(name, number)| Instance::new(name, number));
    // The app's release is built before the clock runs.
    release::app();
    let begun = Instant::now();
    for ended in at_once(&instances, installed) {
        ended.well();
    }
    let took = begun.elapsed().as_secs_f64();
    let ids = instances
        .each_ref()
        .map(|instance| instance.id().expect("it is there"));
    assert_eq!(BTreeSet::from(ids).len(), FIVE.len(), "two have one id");

    let apps = instances.each_ref().map(Instance::served);
    let people = apps.each_ref().map(Person::arrives);
    let [first, rest @ ..] = &instances;
    homeport(&["uninstall", first.name, "--yes"]).well();
    assert_eq!(first.id(), None);
    for (app, person) in apps.iter().zip(&people).skip(1) {
        answers(app);
        person.finds_everything(app);
    }
    let ended = at_once(rest, |instance| {
        homeport(&["uninstall", instance.name, "--yes"])
    });
    for ended in ended {
        ended.well();
    }
    println!("table: five     installed at once in {took:.1} s; one taken away, four untouched");
}

/// Does something with all of them at the same moment.
fn at_once(instances: &[Instance], what: impl Fn(&Instance) -> Ended + Sync) -> Vec<Ended> {
    let what = &what;
    thread::scope(|scope| {
        let all: Vec<_> = instances
            .iter()
            .map(|instance| scope.spawn(move || what(instance)))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn installed(instance: &Instance) -> Ended {
    let directory = release::app().display().to_string();
    bundled(&instance.install(&["--source-directory", &directory]))
}
