//! The plugins that ship: they keep the contract through the very door, and answer fast.

use std::time::{Duration, Instant};

use homeport_core::plugin::{Plugin, Registry, TrustedBy};
use homeport_plugin_api::{
    conformance::{Door, assert_conforms},
    wire::{Kind, conversation::Packages},
};

use crate::place::{Place, built, host, shipped};

/// A running plugin as the contract suite sees it.
struct Running(Plugin);

impl Door for Running {
    fn manifest(&mut self) -> String {
        serde_json::to_string(self.0.manifest()).unwrap()
    }

    fn call(&mut self, message: &str) -> Result<String, String> {
        // A message is one line; what only a text without a newline can show was seen in the plugin's own test.
        self.0
            .exchange("suite", &message.replace('\n', " "))
            .unwrap_or_else(|e| panic!("{e}"))
    }
}

#[test]
fn sqlite_keeps_the_contract() {
    assert_conforms(&mut Running(
        Place::with(&shipped("db-sqlite")).start().unwrap(),
    ));
}

#[test]
fn nginx_keeps_the_contract() {
    assert_conforms(&mut Running(
        Place::with(&shipped("proxy-nginx")).start().unwrap(),
    ));
}

#[test]
fn health_keeps_the_contract() {
    assert_conforms(&mut Running(
        Place::with(&shipped("health")).start().unwrap(),
    ));
}

/// W-5, design §7: core never maps a plugin, and asking one takes at most 5 ms.
#[test]
fn a_call_takes_little_and_core_maps_nothing() {
    let place = Place::with(&shipped("db-sqlite"));
    let starts: Vec<Duration> = (0..20)
        .map(|_| timed(|| place.start().unwrap()).1)
        .collect();
    let mut plugin = place.start().unwrap();
    let asked = Packages {
        settings: Default::default(),
    };
    let calls: Vec<Duration> = (0..500)
        .map(|_| timed(|| plugin.call(&asked).unwrap()).1)
        .collect();
    println!(
        "table: plugin start {:?}, call {:?} (medians)",
        median(starts),
        median(calls)
    );

    let ours = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(
        !ours.contains("homeport-plugin") && !ours.contains("db-sqlite"),
        "{ours}"
    );
    let child = plugin.process_id().unwrap();
    let theirs = std::fs::read_to_string(format!("/proc/{child}/maps")).unwrap();
    assert!(
        theirs.contains("memfd:homeport-plugin"),
        "the child has not mapped it either, the check is blind"
    );
}

#[test]
fn the_registry_lists_what_there_is_and_hands_out_by_name() {
    let place = Place::with(&shipped("db-sqlite"));
    let unvouched = place.directory().join("other.so");
    std::fs::copy(built().join("plugins/health.so"), &unvouched).unwrap();
    let mut registry =
        Registry::scan(&host(), &[place.directory().to_owned()], &place.trust()).unwrap();

    let [sqlite, other] = registry.list().try_into().unwrap();
    assert_eq!(
        (sqlite.kind, sqlite.name.as_deref()),
        (Some(Kind::Database), Some("sqlite"))
    );
    assert_eq!(
        (sqlite.trusted_by, sqlite.problem),
        (Some(TrustedBy::Release), None)
    );
    assert!(
        other
            .problem
            .unwrap()
            .starts_with(&format!("nobody vouches for {}", unvouched.display()))
    );
    let [inspected] = registry.inspect("sqlite").try_into().unwrap();
    assert_eq!(inspected.confinement.unwrap().network, "none");

    let error = registry
        .take(Kind::Database, "postgresql")
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        error,
        "there is no database plugin `postgresql`; usable are: sqlite"
    );
    assert_eq!(
        registry
            .take(Kind::Database, "sqlite")
            .unwrap()
            .manifest()
            .name,
        "sqlite"
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (work(), start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
