//! Cut-overs of a living instance, with somebody killed at a random moment of each while a crowd waits: afterwards one slot
//! serves, on its own whole data, nothing is held, nothing acknowledged is lost or done twice, nothing is left in between –
//! and nobody had to do anything.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::cutover::Colour;
use homeport_engine::wire::Answer;
use homeport_tests::app::App;

use crate::crossing::{NOTE, Standing, Talk, cut_over, prepare, resolve, text};
use crate::crowd::{Crowd, fence, longest};
use crate::instance::{Instance, turn};
use crate::moment::Random;
use crate::release::{self, bundled};
use crate::run::{call, eventually, inside};
use crate::user::{Person, answers};

/// Rows, unless `HOMEPORT_CUTS` says otherwise.
const ROWS: u32 = 12;

/// When somebody is killed at the latest, milliseconds from the fence: requests still wait then.
const WAITING: u64 = 400;

/// The same in every third row: the watch is under way by then.
const LATEST: u64 = 900;

/// Requests may wait so long at most: deadline, way back, and a boot.
pub const BUDGET: Duration = Duration::from_secs(45);

/// Requests that come at once when a hold begins.
const BURST: u64 = 60;

/// The kernel brings to disk by itself what is older.
pub const UNSYNCED: Duration = Duration::from_secs(35);

/// Rows for which one login is good.
const ROWS_A_LOGIN: u32 = 20;

/// Whom it strikes, and the script that does it in the guest. `OP` is the operation.
const VICTIMS: [(&str, &str); 10] = [
    ("nobody", "true"),
    ("homeport", HOST),
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

/// Victims that no request goes through: then nobody may be refused.
const ASIDE: [&str; 4] = ["nobody", "homeport", "the cut-over", "the agent"];

/// The host's side is killed, with everything it has started there.
const HOST: &str = "host";

/// The container is killed: what it wrote stays in the kernel's memory.
pub const GUEST: &str = "";

/// Its file system stops first, as when the power is cut: what was not on disk is lost.
pub const POWER: &str = "power";

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
    let session = app.login("ann", "correct horse").unwrap();
    let crowd = Crowd::new(&instance, &app, &session).hurried();
    for row in 0..rows {
        if row % ROWS_A_LOGIN == ROWS_A_LOGIN - 1 {
            crowd.renewed(&app.login("ann", "correct horse").unwrap());
        }
        let victim = VICTIMS[row as usize % VICTIMS.len()];
        let after = random.between(0, if row % 3 == 2 { LATEST } else { WAITING });
        let next = at.next(row + 2);
        at = one(
            &Row {
                id: &id,
                app: &app,
                crowd: &crowd,
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
    crowd: &'a Crowd<'a>,
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
    let ((talk, struck), report, _) = row.crowd.while_it(|wish| {
        let mut talk = Talk::cross(row.id, "e2e-cut", &cut_over(&operation, from, to));
        fence_is_up(row.id);
        wish.burst(BURST);
        thread::sleep(after);
        let struck = Instant::now();
        match script {
            HOST => talk.kill(),
            script => strike(row.id, &operation, from, script),
        }
        let told = talk.end();
        answers(row.app);
        (told, struck)
    });
    let forward = resolve(row.id, &operation);
    let standing = if forward { to } else { from };
    let told = match &talk {
        Some(Answer::Finished) => "told: switched".to_owned(),
        Some(Answer::Failed { fault, .. }) => format!("told: {:?}", fault.kind),
        other => format!("cut off ({})", other.is_some()),
    };
    let all = row.crowd.waited(&report);
    let waiting = all
        .iter()
        .filter(|one| one.from <= struck && one.until > struck);
    let longest = longest(&all);
    let failed = report.failed();
    println!(
        "table: {:>5} ms  {victim:<13} {:<4} {:>3} requests waited, {:>3} of {} failed, longest wait {:.1} s, {told}",
        after.as_millis(),
        if forward { "new" } else { "old" },
        waiting.count(),
        failed.len(),
        all.len(),
        longest.as_secs_f64()
    );
    if ASIDE.contains(&victim) {
        assert!(failed.is_empty(), "{:?}", failed.first());
    }
    if let Some(Answer::Finished) = talk {
        assert!(forward, "it was told to be switched");
    }
    assert!(longest < BUDGET, "requests waited for {longest:?}");
    if script == POWER {
        // Going forward the database was brought to disk with its copy; files are the app's own, and it does not.
        let unsynced = struck - UNSYNCED;
        let before = if forward { struck - after } else { unsynced };
        let gone = row.crowd.forgives(before, unsynced);
        println!("table:          {gone} writes gone that the app had not brought to disk");
    }
    row.crowd.finds_everything();
    is_whole(row, standing, if forward { from } else { to });
    standing
}

/// Waits for the moment at which nothing starts by itself any more; if it was missed, the cut-over is over soon.
fn fence_is_up(id: &str) {
    let (fence, begun) = (fence(id), Instant::now());
    while !fence.exists() && begun.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(1));
    }
}

fn strike(id: &str, operation: &str, from: Standing, script: &str) {
    if [GUEST, POWER].contains(&script) {
        return strike_guest(id, script);
    }
    let script = script
        .replace("OP", operation)
        .replace("OLD", from.colour.name());
    // What is not there any more cannot be killed.
    call(&["pct", "exec", id, "--", "sh", "-c", &script]);
}

/// Kills the container, its file system first if it is the power that goes, and starts it again.
pub fn strike_guest(id: &str, how: &str) {
    if how == POWER {
        let init = call(&["lxc-info", "-n", id, "-pH"]).well();
        let root = format!("/proc/{}/root", init.trim());
        call(&["python3", "-c", SHUTDOWN, &root]).well();
    }
    call(&["pct", "stop", id]).well();
    call(&["pct", "start", id]).well();
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
