//! Every call of the host's programs that a verb makes goes wrong once, in the ways the lab knows: the verb says so in four
//! parts and leaves nothing, or says what it left and completes when it is typed again. Whose container it is never changes.

use std::env;
use std::time::Instant;

use crate::calls::{Call, Calls, Knobs};
use crate::decoy::{Decoy, free_id, lookalikes};
use crate::instance::{Instance, turn};
use crate::release::{self, bundled};
use crate::remains::remains;
use crate::run::{Ended, call, homeport};
use crate::user::answers;

/// How a call goes wrong; tests/lab/README.md says what each of them does.
const KINDS: [&str; 8] = [
    "exit",
    "task",
    "garbage",
    "killed-before",
    "killed-midway",
    "killed-after",
    "exit-after",
    "hang",
];

/// How long a call hangs before it fails, seconds. Homeport's own limits are minutes and are tested beside the code.
const HANG_S: u32 = 3;

/// What a verb may end with when the host does not do as it is asked: resources, network, host or container.
const CODES: [i32; 3] = [4, 6, 18];

/// How a verb with a fault in it ended, and what became of it.
struct Row<'a> {
    verb: &'a str,
    call: &'a Call,
    kind: &'a str,
    began: Instant,
}

impl Row<'_> {
    fn tell(&self, code: i32, became: &str) {
        println!(
            "table: {:<9}  {:<32}  {:<13}  exit {code:>2}, {became}, {:.1} s",
            self.verb,
            self.call.title(),
            self.kind,
            self.began.elapsed().as_secs_f64()
        );
    }
}

/// Everything with `HOMEPORT_FAULTS=all`; else each call once, each time the next kind: the same ones in every run, so
/// that what fails once can be looked at again.
struct Choice {
    all: bool,
    next: usize,
}

impl Choice {
    /// Begins with this kind.
    fn beginning(with: &str) -> Choice {
        Choice {
            all: env::var("HOMEPORT_FAULTS").is_ok_and(|text| text == "all"),
            next: KINDS.iter().position(|kind| *kind == with).unwrap(),
        }
    }

    fn kinds(&mut self) -> Vec<&'static str> {
        if self.all {
            return KINDS.to_vec();
        }
        let kind = KINDS[self.next % KINDS.len()];
        self.next += 1;
        vec![kind]
    }
}

/// A verb that meets this fault at its `number`-th call of the host.
#[track_caller]
fn met(number: usize, kind: &str, verb: impl FnOnce() -> Ended) -> Ended {
    let calls = Calls::record();
    let _knobs = Knobs::set(&format!(
        "LAB_FAULT=any:{number}={kind}\nLAB_FAULT_HANG_S={HANG_S}"
    ));
    let ended = verb();
    let made = calls.so_far();
    let hit = |call: &Call| call.fault.as_deref() == Some(kind);
    assert!(
        made.iter().any(hit),
        "no call was hit: {made:#?}\n{}",
        ended.err
    );
    ended
}

/// It failed as agreed, with all four parts of the message.
#[track_caller]
fn told(ended: &Ended) {
    let words = ended.words();
    assert!(CODES.contains(&ended.code), "{}: {}", ended.code, ended.err);
    for part in [" Why ", " State ", " Do "] {
        assert!(words.contains(part), "`{part}` is missing in {}", ended.err);
    }
}

// FR-020, SC-008, W-2
#[test]
fn at_every_call_of_an_install() {
    let _turn = turn();
    let instance = Instance::new("e2e-fault", 108);
    let decoys = lookalikes(instance.name);
    let mut choice = Choice::beginning("killed-before");
    let calls = recorded(|| bundled(&words(&instance)));
    bundled(&instance.uninstall()).well();
    for (number, call) in calls.iter().enumerate() {
        for kind in choice.kinds() {
            let row = Row {
                verb: "install",
                call,
                kind,
                began: Instant::now(),
            };
            installed_or_nothing(&instance, number + 1, &row);
            decoys.iter().for_each(Decoy::is_untouched);
        }
    }
}

// W-2
#[test]
fn at_every_call_of_the_short_verbs() {
    let _turn = turn();
    let instance = Instance::new("e2e-verbs", 109);
    let decoys = lookalikes(instance.name);
    let mut choice = Choice::beginning("exit");
    bundled(&words(&instance)).well();
    for verb in ["restart", "stop", "start"] {
        let type_it = || homeport(&[verb, instance.name]);
        let calls = recorded(type_it);
        for (number, call) in calls.iter().enumerate() {
            for kind in choice.kinds() {
                as_before(&instance, verb);
                let row = Row {
                    verb,
                    call,
                    kind,
                    began: Instant::now(),
                };
                let ended = met(number + 1, kind, type_it);
                settled(&instance, verb, &ended, &row);
                decoys.iter().for_each(Decoy::is_untouched);
            }
        }
    }
    uninstalls(&instance, &mut choice);
    decoys.iter().for_each(Decoy::is_untouched);
}

/// What the verb changes is to be changed.
fn as_before(instance: &Instance, verb: &str) {
    let opposite = if verb == "start" { "stop" } else { "start" };
    homeport(&[opposite, instance.name]).well();
}

/// A verb with a fault in it did what it was asked, or says why not and does it when it is typed again.
fn settled(instance: &Instance, verb: &str, ended: &Ended, row: &Row<'_>) {
    let became = if ended.code == 0 {
        "was borne"
    } else {
        told(ended);
        homeport(&[verb, instance.name]).well();
        "done by the same command"
    };
    if verb == "stop" {
        let id = instance.id().expect("it is there");
        assert!(call(&["pct", "status", &id]).well().contains("stopped"));
    } else {
        up(instance);
    }
    row.tell(ended.code, became);
}

/// An uninstall with a fault in it has nothing left behind once it is typed again. The last one ends the instance.
fn uninstalls(instance: &Instance, choice: &mut Choice) {
    let id: u32 = instance.id().expect("it is there").parse().unwrap();
    let type_it = || bundled(&instance.uninstall());
    let calls = recorded(type_it);
    for (number, call) in calls.iter().enumerate() {
        for kind in choice.kinds() {
            bundled(&words(instance)).well();
            let row = Row {
                verb: "uninstall",
                call,
                kind,
                began: Instant::now(),
            };
            let ended = met(number + 1, kind, type_it);
            let became = if ended.code == 0 {
                "was borne: nothing left"
            } else {
                told(&ended);
                type_it().well();
                "done by the same command: nothing left"
            };
            assert_eq!(
                remains(instance, id, "/nowhere".as_ref()),
                [""; 0],
                "{}",
                ended.err
            );
            row.tell(ended.code, became);
        }
    }
}

fn words(instance: &Instance) -> Vec<String> {
    instance.install(&["--source-directory", &release::app().display().to_string()])
}

/// The calls of an undisturbed verb.
fn recorded(verb: impl FnOnce() -> Ended) -> Vec<Call> {
    let calls = Calls::record();
    verb().well();
    calls.so_far()
}

/// An install with a fault in it: the app answers, or nothing is left, or the same command completes.
fn installed_or_nothing(instance: &Instance, number: usize, row: &Row<'_>) {
    let id = free_id();
    let ended = met(number, row.kind, || bundled(&words(instance)));
    let nothing = || remains(instance, id, "/nowhere".as_ref());
    if ended.code == 0 {
        up(instance);
        bundled(&instance.uninstall()).well();
        assert_eq!(nothing(), [""; 0], "{}", ended.err);
        return row.tell(0, "was borne: the app answers");
    }
    told(&ended);
    let before =
        ended.words().contains("as it was before") || ended.words().contains("Nothing was changed");
    if before {
        assert_eq!(nothing(), [""; 0], "{}", ended.err);
        return row.tell(ended.code, "nothing left");
    }
    bundled(&words(instance)).well();
    up(instance);
    bundled(&instance.uninstall()).well();
    assert_eq!(nothing(), [""; 0], "{}", ended.err);
    row.tell(ended.code, "completed by the same command");
}

/// The app answers at its address.
fn up(instance: &Instance) {
    answers(&instance.served());
}
