//! Installs ended at random moments – killed, terminated, interrupted –, and what becomes of them: the same command
//! completes, or taking back leaves nothing. Containers that only look like ours are never touched.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;
use std::{env, fs};

use homeport_engine::journal::{self, Record};
use tempfile::TempDir;

use crate::attempt::{Attempt, HOWS, How, Told};
use crate::decoy::{Decoy, lookalikes};
use crate::instance::{Instance, turn};
use crate::moment::Random;
use crate::release::from_bundle;
use crate::remains::inside as within;
use crate::run::{eventually, run};

/// Ends, unless `HOMEPORT_KILLS` says otherwise.
const KILLS: u32 = 12;

/// Every so many-th is completed, unless `HOMEPORT_KILLS_COMPLETE` is `all`; taking back is quicker.
const COMPLETED: u32 = 7;

/// When an install is ended at the latest, milliseconds: most while the container is made, where most can be left
/// behind, some while packages are installed into it.
const EARLY: u64 = 7000;
const LATE: u64 = 14_000;

/// The same when all are completed: up to and after its Commit.
const AT_ALL: u64 = 30_000;

// FR-001: Ctrl-C at any moment.
#[test]
fn at_any_moment() {
    let _turn = turn();
    let (mut random, seed) = Random::seeded();
    println!("table: kills    seed {seed} (HOMEPORT_SEED repeats it)");
    let kills = env::var("HOMEPORT_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let all = env::var("HOMEPORT_KILLS_COMPLETE").is_ok_and(|text| text == "all");
    let instance = Instance::new("e2e-kill", 107);
    let decoys = lookalikes(instance.name);
    for row in 0..kills {
        let after = moment(&mut random, row, all);
        let attempt = Attempt::new(&instance, HOWS[row as usize % HOWS.len()]);
        let told = attempt.ended(|| sleep(after));
        let became = attempt.resolved(told.code, all || row % COMPLETED == COMPLETED - 2);
        decoys.iter().for_each(Decoy::is_untouched);
        let when = format!("{:.3} s", after.as_secs_f64());
        tell(&when, &attempt, &told, &became);
    }
    after_commit(&instance);
}

// A command killed before its first record leaves a place for journals, and no more.
#[test]
fn what_never_began_is_swept() {
    let _turn = turn();
    let instance = Instance::new("e2e-never", 107);
    let journals = instance.journals();
    fs::create_dir_all(&journals).unwrap();
    fs::write(journals.join("0000000000-planted.jsonl"), "").unwrap();
    let tmp = TempDir::new().unwrap();
    let undone = run(&mut from_bundle(tmp.path(), &instance.uninstall()));
    assert_eq!(undone.code, 17, "{}", undone.err);
    assert!(!journals.exists());
}

/// Past that point there is only forward: what was killed is brought to its end by the same command.
fn after_commit(instance: &Instance) {
    let attempt = Attempt::new(instance, How::Core);
    let committed = || {
        let journals = within(&instance.journals()).into_iter();
        let mut records = journals.filter_map(|path| journal::load(Path::new(&path)).ok()?);
        records.any(|records| records.contains(&Record::Commit))
    };
    let told = attempt.ended(|| eventually("Commit", 120, committed));
    assert_eq!(told.code, Some(137), "it had ended already");
    let became = attempt.resolved(told.code, true);
    tell("Commit", &attempt, &told, &became);
}

fn tell(when: &str, attempt: &Attempt<'_>, told: &Told, became: &str) {
    println!(
        "table: {when:>9}  {:<9}  {:<40}  ended in {:>4.1} s, {became}",
        format!("{:?}", attempt.how),
        told.under_way,
        told.took.as_secs_f64(),
    );
}

fn moment(random: &mut Random, row: u32, all: bool) -> Duration {
    match row % 5 {
        _ if all => random.between(0, AT_ALL),
        4 => random.between(EARLY, LATE),
        _ => random.between(0, EARLY),
    }
}
