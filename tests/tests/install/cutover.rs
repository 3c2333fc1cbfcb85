//! Cut-overs of a living instance, with somebody killed at a random moment of each: afterwards one slot serves, on its own
//! whole data, nothing is held, nothing is left in between – and nobody had to do anything.

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::cutover::Colour;
use homeport_engine::wire::Answer;
use homeport_tests::app::App;

use crate::crossing::{NOTE, Standing, Talk, cut_over, prepare, resolve, text};
use crate::instance::{Instance, turn};
use crate::moment::Random;
use crate::release::{self, bundled};
use crate::run::{call, eventually, inside};
use crate::user::{Person, answers};

/// Rows, unless `HOMEPORT_CUTS` says otherwise.
const ROWS: u32 = 12;

/// When somebody is killed at the latest, milliseconds from the beginning: the watch is under way by then.
const LATEST: u64 = 1_800;

/// Requests may wait so long at most: deadline, way back, and a boot.
const BUDGET: Duration = Duration::from_secs(45);

/// Whom it strikes, and the script that does it in the guest. `OP` is the operation.
const VICTIMS: [(&str, &str); 9] = [
    ("nobody", "true"),
    (
        "the cut-over",
        "systemctl kill -s KILL homeport-cutover@OP.service",
    ),
    ("the agent", "pkill -KILL -f 'homeport-agent serve'"),
    (
        "the gate",
        "systemctl kill -s KILL homeport-gate@backend.service",
    ),
    ("all agents", "pkill -KILL homeport-agent"),
    (
        "the old app",
        "systemctl kill -s KILL vikunja-backend@OLD.service",
    ),
    (
        "the proxy",
        "systemctl kill -s KILL nginx.service; systemctl restart nginx.service",
    ),
    ("the guest", GUEST),
    ("the power", POWER),
];

/// The container is killed: what it wrote stays in the kernel's memory.
const GUEST: &str = "";

/// Its file system stops first, as when the power is cut: what was not on disk is lost.
const POWER: &str = "power";

/// The shutdown ioctl of ext4 without flushing its log (`EXT4_IOC_SHUTDOWN`, `EXT4_GOING_FLAGS_NOLOGFLUSH`).
const SHUTDOWN: &str = "import fcntl, os, struct, sys\n\
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

#[test]
fn cut_over_killed_at_any_moment() {
    let _turn = turn();
    let (mut random, seed) = Random::seeded();
    println!("table: cuts     seed {seed} (HOMEPORT_SEED repeats it)");
    let rows = env::var("HOMEPORT_CUTS").map_or(ROWS, |text| text.parse().unwrap());
    let instance = Instance::new("e2e-cut", 118);
    let directory = release::app().display().to_string();
    let words = ["--source-directory", &directory];
    bundled(&instance.install(&words)).well();
    let app = instance.served();
    let person = Person::arrives(&app);
    let id = instance.id().unwrap();
    let mut at = Standing {
        colour: Colour::Blue,
        generation: 1,
    };
    for row in 0..rows {
        let victim = VICTIMS[row as usize % VICTIMS.len()];
        let after = random.between(0, LATEST);
        let next = at.next(row + 2);
        at = one(
            &Row {
                id: &id,
                app: &app,
                person: &person,
                number: row,
            },
            at,
            next,
            victim,
            after,
        );
    }
}

struct Row<'a> {
    id: &'a str,
    app: &'a App,
    person: &'a Person,
    number: u32,
}

/// One cut-over; where it stands afterwards.
fn one(
    row: &Row<'_>,
    from: Standing,
    to: Standing,
    (victim, script): (&str, &str),
    after: Duration,
) -> Standing {
    let operation = format!("cut-{}", row.number);
    prepare(row.id, to);
    let (talk, longest) = while_asking(row.app, || {
        let talk = Talk::cross(row.id, "e2e-cut", &cut_over(&operation, from, to));
        // The agent answers after about as long as `pct exec` takes to start it.
        thread::sleep(Duration::from_millis(700) + after);
        strike(row.id, &operation, from, script);
        talk.end()
    });
    if [GUEST, POWER].contains(&script) {
        answers(row.app);
    }
    let forward = resolve(row.id, &operation);
    let standing = if forward { to } else { from };
    let told = match &talk {
        Some(Answer::Finished) => "told: switched".to_owned(),
        Some(Answer::Failed { fault, .. }) => format!("told: {:?}", fault.kind),
        other => format!("cut off ({})", other.is_some()),
    };
    println!(
        "table: {:>5} ms  {victim:<13} {:<9} longest wait {:.1} s, {told}",
        after.as_millis(),
        if forward { "new" } else { "old" },
        longest.as_secs_f64()
    );
    if let Some(Answer::Finished) = talk {
        assert!(forward, "it was told to be switched");
    }
    assert!(longest < BUDGET, "requests waited for {longest:?}");
    is_whole(row, standing, if forward { from } else { to });
    standing
}

fn strike(id: &str, operation: &str, from: Standing, script: &str) {
    if [GUEST, POWER].contains(&script) {
        if script == POWER {
            let init = call(&["lxc-info", "-n", id, "-pH"]).well();
            let root = format!("/proc/{}/root", init.trim());
            call(&["python3", "-c", SHUTDOWN, &root]).well();
        }
        call(&["pct", "stop", id]).well();
        call(&["pct", "start", id]).well();
        return;
    }
    let script = script
        .replace("OP", operation)
        .replace("OLD", from.colour.name());
    // What is not there any more cannot be killed.
    call(&["pct", "exec", id, "--", "sh", "-c", &script]);
}

/// Asks the app again and again while something happens; the longest it went without an answer.
fn while_asking<T>(app: &App, happens: impl FnOnce() -> T) -> (T, Duration) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut longest, mut last) = (Duration::ZERO, Instant::now());
            while !over.load(Ordering::SeqCst) {
                if app.version().is_ok() {
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
                thread::sleep(Duration::from_millis(20));
            }
            longest.max(last.elapsed())
        });
        let done = happens();
        over.store(true, Ordering::SeqCst);
        (done, asking.join().expect("it asks"))
    })
}

/// One slot serves what was there before; of the other nothing runs, and of its generation nothing is left unless it was
/// in service.
fn is_whole(row: &Row<'_>, standing: Standing, other: Standing) {
    eventually("an answer", 30, || row.app.version().is_ok());
    row.person.finds_everything(row.app);
    let id = row.id;
    let marks = "ls /var/lib/homeport/colour; ls /var/lib/homeport/fence /run/homeport/permit-* 2>/dev/null; \
                 ls /run/homeport/gate/*.hold 2>/dev/null; true";
    let said = inside(id, marks);
    assert_eq!(said.trim(), standing.colour.name(), "marks");
    let active = |at: Standing| inside(id, &format!("systemctl is-active {} || true", at.unit()));
    assert_eq!(active(standing).trim(), "active");
    assert_ne!(active(other).trim(), "active");
    let kept = standing.generation > other.generation;
    let there = call(&["pct", "exec", id, "--", "test", "-e", &other.directory()]).code == 0;
    assert_eq!(there, kept, "{other:?} beside {standing:?}");
    if let Some(text) = text(id, NOTE) {
        assert_eq!(text, standing.generation.to_string());
    }
}
