//! Good plugins answer.

use std::time::Instant;

use homeport_plugin_api::wire::{Kind, conversation::Packages};

use crate::place::Place;

#[test]
fn sqlite_answers() {
    let mut plugin = Place::with("db-sqlite.so").start().unwrap();
    assert_eq!(plugin.manifest().kind, Kind::Database);
    println!("{:?} {:?}", plugin.confinement(), plugin.manifest());
    let start = Instant::now();
    let asked = Packages { settings: Default::default() };
    assert_eq!(plugin.call(&asked).unwrap(), ["sqlite3"]);
    println!("{:?}", start.elapsed());
    let start = Instant::now();
    for _ in 0..100 { plugin.call(&asked).unwrap(); }
    println!("{:?} / 100", start.elapsed());
}
