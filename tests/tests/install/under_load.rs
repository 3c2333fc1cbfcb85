//! Updates and failed updates one after another while a crowd uses the app: nobody is refused, nothing that was
//! acknowledged is lost or done twice, and more than a thousand wait at once.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use homeport_tests::app::App;
use homeport_tests::load::{Report, Wish};
use serde_json::Value;

use crate::crowd::{BURST, Crowd, Waited, fence, longest};
use crate::instance::Instance;
use crate::run::{Ended, inside};
use crate::update::{DIES, Published, good};

/// The crowd is there so long before the first update: some uploads are old enough then.
const BEFORE: Duration = Duration::from_secs(31);

/// And so long after the last.
const AFTER: Duration = Duration::from_secs(3);

/// Tasks there are besides.
const TASKS: u32 = 10_000;

/// An upload began so long before the hold.
const UPLOADING: Duration = Duration::from_secs(30);

/// As many requests wait at once.
const WAITING: usize = 1_000;

/// Nobody waits longer: the deadline, and the way back.
const LONGEST: Duration = Duration::from_secs(25);

/// One change and what was seen of it.
struct Cell {
    /// The how-manieth of its kind.
    number: u32,
    to: String,
    /// The exit code it must have.
    code: i32,
    ended: Ended,
    from: Instant,
    until: Instant,
    /// When nothing started by itself any more, with everybody held.
    fenced: Option<Instant>,
}

/// So many failures and updates in turn.
pub fn under_load(instance: &Instance, published: &Published, app: &App, cells: u32) {
    let id = instance.id().unwrap();
    let session = app.login("ann", "correct horse").unwrap();
    let crowd = Crowd::new(instance, app, &session);
    inside(&id, &filled());
    let kept = Kept::new();
    let changes = (0..cells).flat_map(|n| [(n, DIES.to_owned(), 11), (n, good(n), 0)]);
    let changes: Vec<_> = changes
        .filter(|(n, _, code)| !kept.has(*n, *code))
        .collect();
    // The crowd's tokens are good for ten minutes.
    for changes in changes.chunks(4) {
        crowd.renewed(&app.login("ann", "correct horse").unwrap());
        let change = |wish: &Wish| {
            thread::sleep(BEFORE);
            let change = |(number, to, code): &(u32, String, i32)| {
                crowd.gather();
                let version = app.version().unwrap();
                let ends = (*number, *code);
                let cell = watched(&id, wish, to, ends, || {
                    published.update(instance.name, to, &[])
                });
                let served = if *code == 0 {
                    format!("v{to}")
                } else {
                    version
                };
                assert_eq!(
                    cell.ended.code, *code,
                    "{}\n{}",
                    cell.ended.out, cell.ended.err
                );
                assert_eq!(app.version().unwrap(), served);
                cell
            };
            let cells: Vec<Cell> = changes.iter().map(change).collect();
            thread::sleep(AFTER);
            cells
        };
        let (cells, report, tabs) = crowd.while_it(change);
        judged(&report);
        for cell in &cells {
            let (told, failed) = tell(&crowd, &report, cell);
            println!("table: load     {told}");
            let log =
                "awk '$4 == \"r\" && ($2 >= 500 || $2 == 499)' /var/log/nginx/homeport-count.log";
            assert!(failed.is_ok(), "{failed:?}: {}", inside(&id, log));
            kept.keep(cell.number, cell.code, &told);
        }
        let before = crowd.locked(report.begun, report.begun + BEFORE);
        println!(
            "table: load     two writers at once, refused without any update: {before} in {BEFORE:?}"
        );
        let (tasks, files) = crowd.finds_everything();
        println!(
            "table: load     {tasks} tasks and {files} files were acknowledged, each is there once; tabs {tabs:?}"
        );
        assert!(tabs.iter().all(|tab| tab.echoes > 20), "{tabs:?}");
    }
}

/// SQL that fills the database, as somebody's who has used it for years.
fn filled() -> String {
    format!(
        "cd /var/lib/vikunja/db/g1; sqlite3 -cmd '.timeout 5000' *.db \"INSERT INTO tasks \
         (project_id, number, title, description, done, created, updated) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {TASKS}) \
         SELECT 99999, i, 'task ' || i, hex(randomblob(100)), 0, '2026-01-01', '2026-01-01' FROM n;\""
    )
}

/// Carries the change out; a burst comes when everybody is held.
fn watched(
    id: &str,
    wish: &Wish,
    to: &str,
    (number, code): (u32, i32),
    change: impl FnOnce() -> Ended,
) -> Cell {
    let fence = fence(id);
    let (over, fenced) = (AtomicBool::new(false), Mutex::new(None));
    let from = Instant::now();
    let ended = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                if fence.exists() {
                    *fenced.lock().unwrap() = Some(Instant::now());
                    wish.burst(BURST);
                    return;
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        let ended = change();
        over.store(true, Ordering::SeqCst);
        ended
    });
    Cell {
        number,
        to: to.to_owned(),
        code,
        ended,
        from,
        until: Instant::now(),
        fenced: fenced.into_inner().unwrap(),
    }
}

/// What is told of a cell; an error if the proxy counts more failures than the crowd.
fn tell(crowd: &Crowd<'_>, report: &Report, cell: &Cell) -> (String, Result<(), u64>) {
    let Cell {
        to, code, ended, ..
    } = cell;
    let fenced = cell.fenced.expect("there was a hold");
    let all = crowd.waited(report);
    let during = |one: &&Waited| one.from >= cell.from && one.from < cell.until;
    let during: Vec<&Waited> = all.iter().filter(during).collect();
    let longest = longest(during.iter().copied());
    let most = most_at_once(&during);
    let slow = |one: &&Waited| one.begun + UPLOADING <= fenced && one.from >= fenced;
    let slow = all.iter().filter(slow).count();
    let locked = crowd.locked(cell.from, cell.until);
    let told: Value = serde_json::from_str(&ended.out).unwrap_or_default();
    let line = format!(
        "{} {to}: exit {code}, {} requests, none failed, {most} waiting at once, longest wait {:.2} s, \
         {slow} uploads under way for 30 s at the hold, {locked} locked; held {} ms, predicted {} ms, {} host calls, {} s",
        if *code == 0 {
            "update to"
        } else {
            "failure of"
        },
        during.len(),
        longest.as_secs_f64(),
        told["cut_over"]["held_ms"],
        told["rehearsed"]["pause_ms"],
        told["host_calls"],
        (cell.until - cell.from).as_secs(),
    );
    assert!(most >= WAITING, "{most} waited at once");
    assert!(slow > 0, "no upload was under way");
    assert!(longest < LONGEST, "{longest:?}");
    let failed = told["requests"]["failed"].as_u64();
    match failed.filter(|failed| *failed as usize > locked) {
        Some(failed) => (line, Err(failed)),
        None => (line, Ok(())),
    }
}

/// Where cells are kept that have been seen to be well, with the commit they ran on: a run that was broken off goes on
/// after them.
struct Kept(Option<(PathBuf, String)>);

impl Kept {
    /// In the file that `HOMEPORT_CELLS` names, for the commit in `HOMEPORT_COMMIT`; nowhere without them.
    fn new() -> Kept {
        let named = env::var_os("HOMEPORT_CELLS").zip(env::var("HOMEPORT_COMMIT").ok());
        Kept(named.map(|(path, commit)| (path.into(), commit)))
    }

    fn key(commit: &str, number: u32, code: i32) -> String {
        format!("{commit} {number} {code}: ")
    }

    fn has(&self, number: u32, code: i32) -> bool {
        self.0.as_ref().is_some_and(|(path, commit)| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let key = Kept::key(commit, number, code);
            text.lines().any(|line| line.starts_with(&key))
        })
    }

    fn keep(&self, number: u32, code: i32, line: &str) {
        if let Some((path, commit)) = &self.0 {
            let mut file = File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap();
            writeln!(file, "{}{line}", Kept::key(commit, number, code)).unwrap();
        }
    }
}

fn most_at_once(requests: &[&Waited]) -> usize {
    let mut events: Vec<(Instant, bool)> = Vec::new();
    for one in requests {
        events.extend([(one.from, true), (one.until, false)]);
    }
    events.sort_unstable();
    let (mut now, mut most) = (0_usize, 0);
    for (_, comes) in events {
        now = if comes {
            now + 1
        } else {
            now.saturating_sub(1)
        };
        most = most.max(now);
    }
    most
}

/// The run counts, and nobody was refused.
#[track_caller]
fn judged(report: &Report) {
    let failed = report.failed();
    let why: BTreeSet<String> = failed
        .iter()
        .filter_map(|shot| shot.outcome.clone().err())
        .map(|why| why.chars().take(120).collect())
        .take(20)
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {} failed: {why:#?}",
        failed.len(),
        report.shots.len()
    );
    if let Err(sentence) = report.kept_schedule() {
        // Beside the other tests that may be; a refusal is one all the same.
        assert!(env::var_os("HOMEPORT_CELLS").is_none(), "{sentence}");
        println!("table: load     {sentence}");
    }
}
