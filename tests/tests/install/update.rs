//! Updates of an instance people use: good ones without a failed request, broken ones that change nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use homeport_tests::app::{App, Session};
use homeport_tests::load::{Load, Report, open_loop};
use tempfile::TempDir;

use crate::instance::{Instance, turn};
use crate::release::{self, bundled};
use crate::run::{Ended, homeport, inside};
use crate::user::{Person, page};

/// Releases under names that say nothing of what is wrong with them: tag and entry of the stand-in's table.
const RELEASES: [(&str, &str); 6] = [
    ("v2.4.0", "v2.4.0"),
    ("v3.0.0", "v2.5.0"),
    ("v3.0.1", "v2.5.1"),
    ("v3.1.0", "v2.6.0"),
    ("v3.1.1", "v2.6.9"),
    ("v3.1.2", "v2.6.11"),
];

/// All of them, built once, each in a directory of its own.
fn releases() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let wanted = RELEASES.map(|(tag, entry)| format!("{tag}={entry}"));
        release::built("update-apps", &wanted)
    })
}

/// All of them, as one directory of a publisher has them.
pub fn published(into: &Path) {
    for (tag, _) in RELEASES {
        for file in fs::read_dir(releases().join(tag)).unwrap().flatten() {
            symlink(file.path(), into.join(file.file_name())).unwrap();
        }
    }
}

/// SHA-256 of a release's archive.
fn digest(version: &str) -> String {
    let tag = format!("v{version}");
    release::stated(&releases().join(&tag), &tag)
}

/// What is in the database and the files, word for word.
pub fn data(id: &str) -> String {
    let script = "cd /var/lib/vikunja/db; \
                  g=$(grep -h ^VIKUNJA_DATABASE_PATH= /etc/vikunja/backend-$(ls /var/lib/homeport/colour).env | cut -d= -f2); \
                  sqlite3 \"$g\" .dump | grep -v -e cron_runs -e INTO.sessions | sha256sum; \
                  cd ../files; find . -type f | sort | xargs -r sha256sum";
    inside(id, script)
}

/// Nothing of a rehearsal or an undone generation is left, and nobody waits.
fn nothing_in_between(id: &str) {
    let left = inside(
        id,
        "ls -d /var/lib/homeport/rehearsal /var/lib/homeport/export /opt/vikunja/rehearsal \
         /etc/vikunja/*rehearsal* /run/systemd/system/*rehearsal* /var/lib/homeport/fence 2>/dev/null || true; \
         mount | grep rehearsal || true",
    );
    assert_eq!(left.trim(), "");
}

pub fn update(name: &str, to: &str, more: &[&str]) -> Ended {
    let digest = digest(to);
    let words = [
        "update",
        name,
        "--yes",
        "--json",
        "--to",
        to,
        "--source-sha256",
        &digest,
    ];
    homeport(&[&words[..], more].concat())
}

/// Reads, and every fifth time writes, while an update goes on. Acknowledged writes are counted.
pub struct Users<'a> {
    app: &'a App,
    tokens: homeport_tests::app::Tokens,
    project: u64,
    /// How many writes were begun: each has a title of its own, in all updates together.
    begun: AtomicU64,
    kept: AtomicU64,
}

impl<'a> Users<'a> {
    /// Of this person's session, in a project of its own.
    pub fn new(app: &'a App, session: &Session<'_>) -> Users<'a> {
        Users {
            app,
            tokens: session.tokens().clone(),
            project: session.create_project("Load").unwrap(),
            begun: AtomicU64::new(0),
            kept: AtomicU64::new(0),
        }
    }

    fn shoot(&self, number: u64) -> Result<(), String> {
        let session = self.app.session(self.tokens.clone());
        if !number.is_multiple_of(5) {
            return match self.app.page("/") {
                Ok((200, _)) => Ok(()),
                other => Err(format!("{other:?}")),
            };
        }
        let title = format!("load {}", self.begun.fetch_add(1, Ordering::SeqCst));
        match session.create_task(self.project, &title) {
            Ok(_) => {
                self.kept.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
            // Two writers at once: refused by SQLite with or without an update.
            Err(error) if error.is_locked() => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Carries `change` out under load; the load's report and what the change said.
pub fn under_load(
    users: &Users<'_>,
    seconds: u64,
    change: impl FnOnce() -> Ended + Send,
) -> (Report, Ended) {
    std::thread::scope(|scope| {
        let changed = scope.spawn(change);
        let load = Load {
            per_second: 20,
            lasting: Duration::from_secs(seconds),
        };
        let report = open_loop(load, |number| users.shoot(number));
        (report, changed.join().unwrap())
    })
}

#[track_caller]
pub fn none_failed(report: &Report) {
    let failed: BTreeSet<String> = report
        .failed()
        .iter()
        .filter_map(|shot| shot.outcome.clone().err())
        .collect();
    assert_eq!(failed, BTreeSet::new());
}

// FR-006, FR-007, FR-008, FR-009, SC-003
#[test]
fn updates_and_failures() {
    let _turn = turn();
    let instance = Instance::new("e2e-update", 131);
    let directory = TempDir::new().unwrap();
    published(directory.path());
    let from = directory.path().to_str().unwrap();
    let id = installed(&instance, from, &[]);
    let app = instance.served();
    let person = Person::arrives(&app);

    offered(&instance);
    rehearsed(&instance, &id);
    let session = app.login("ann", "correct horse").unwrap();
    let users = Users::new(&app, &session);
    good(&instance, &users, "3.0.0", true);
    good(&instance, &users, "3.0.1", false);
    person.finds_everything(&app);
    broken(&instance, &id, &app, "3.1.0", 10);
    broken(&instance, &id, &app, "3.1.2", 10);
    broken(&instance, &id, &app, "3.1.1", 11);
    person.finds_everything(&app);
    let tasks = session.tasks(users.project).unwrap();
    let titles: BTreeSet<&str> = tasks.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(titles.len(), tasks.len(), "a write was done twice");
    assert!(
        tasks.len() as u64 >= users.kept.load(Ordering::SeqCst),
        "a write was lost"
    );
}

/// Installs the first of them from there; the id of its guest.
pub fn installed(instance: &Instance, from: &str, more: &[&str]) -> String {
    let digest = digest("2.4.0");
    let words = [
        "--source-directory",
        from,
        "--source-version",
        "2.4.0",
        "--source-sha256",
        &digest,
    ];
    bundled(&instance.install(&[&words[..], more].concat())).well();
    instance.id().unwrap()
}

fn offered(instance: &Instance) {
    let found = homeport(&["update", instance.name, "--check", "--json"]).json();
    assert_eq!(found["version"], "2.4.0");
    let newer = found["newer"].as_array().unwrap().iter();
    let newer: Vec<_> = newer
        .map(|offer| offer["version"].as_str().unwrap())
        .collect();
    assert_eq!(newer, ["3.1.2", "3.1.1", "3.1.0", "3.0.1", "3.0.0"]);
    let older = homeport(&["update", instance.name, "--to", "2.3.0"]);
    assert_eq!(older.code, 2, "{}", older.err);
}

fn rehearsed(instance: &Instance, id: &str) {
    let before = data(id);
    let found = update(instance.name, "3.0.0", &["--rehearse"]).json();
    assert_eq!(found["migrates"], true);
    let interfaces = found["interfaces"].as_array().unwrap();
    assert_eq!(interfaces.len(), 1, "{interfaces:?}");
    assert_eq!(interfaces[0]["name"], "lo");
    assert_eq!(found["asked"].as_array().unwrap().len(), 8);
    assert_eq!(data(id), before);
    nothing_in_between(id);
    println!("table: rehearsal: {found}");
}

fn good(instance: &Instance, users: &Users<'_>, to: &str, migrates: bool) {
    let (report, ended) = under_load(users, 80, || update(instance.name, to, &[]));
    let done = ended.json();
    none_failed(&report);
    assert_eq!(done["rehearsed"]["migrates"], migrates);
    assert_eq!(done["requests"]["failed"], 0);
    assert_eq!(users.app.version().unwrap(), format!("v{to}"));
    page(users.app);
    println!(
        "table: update to {to}: held {} ms, predicted {} ms, longest of {} requests {:?}, {} host calls, {} s",
        done["cut_over"]["held_ms"],
        done["rehearsed"]["pause_ms"],
        report.shots.len(),
        report.longest(),
        done["host_calls"],
        done["seconds"],
    );
}

fn broken(instance: &Instance, id: &str, app: &App, to: &str, code: i32) {
    let (before, version) = (data(id), app.version().unwrap());
    let ended = update(instance.name, to, &[]);
    assert_eq!(ended.code, code, "{}\n{}", ended.out, ended.err);
    assert_eq!(app.version().unwrap(), version);
    assert_eq!(data(id), before);
    nothing_in_between(id);
    println!("table: broken release {to}: exit {code}");
}
