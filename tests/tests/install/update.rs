//! Updates of an instance people use: good ones without a failed request, broken ones that change nothing.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use homeport_tests::app::App;
use tempfile::TempDir;

use crate::instance::{Instance, turn};
use crate::release::{self, bundled};
use crate::run::{Ended, homeport, inside};
use crate::under_load::under_load;
use crate::user::Person;

/// Updates, and as many failures, unless `HOMEPORT_UPDATES` says otherwise.
const CELLS: u32 = 2;

/// The release that is well in its rehearsal and dies when it is put in service, after it has migrated.
pub const DIES: &str = "3.1.1";

/// Releases under names that say nothing of what is wrong with them: tag and entry of the stand-in's table.
const RELEASES: [(&str, &str); 4] = [
    ("v2.4.0", "v2.4.0"),
    ("v3.1.0", "v2.6.0"),
    ("v3.1.1", "v2.6.13"),
    ("v3.1.2", "v2.6.11"),
];

/// The release the `n`-th good update is to.
pub fn good(n: u32) -> String {
    format!("3.0.{n}")
}

/// What a publisher has: all of them, and so many good ones.
pub struct Published {
    built: PathBuf,
    pub directory: TempDir,
}

impl Published {
    pub fn new(good_ones: u32) -> Published {
        let entry = |n| if n == 0 { "v2.5.0" } else { "v2.5.1" };
        let good_ones = (0..good_ones).map(|n| (format!("v{}", good(n)), entry(n)));
        let others = RELEASES.map(|(tag, entry)| (tag.to_owned(), entry));
        Published::of(others.into_iter().chain(good_ones))
    }

    /// Of these tags, each with the entry it is.
    pub fn of<'a>(releases: impl Iterator<Item = (String, &'a str)>) -> Published {
        let wanted: Vec<String> = releases
            .map(|(tag, entry)| format!("{tag}={entry}"))
            .collect();
        let (built, directory) = (
            release::built("update-apps", &wanted),
            TempDir::new().unwrap(),
        );
        for tag in wanted.iter().filter_map(|one| one.split('=').next()) {
            for file in fs::read_dir(built.join(tag)).unwrap().flatten() {
                symlink(file.path(), directory.path().join(file.file_name())).unwrap();
            }
        }
        Published { built, directory }
    }

    /// SHA-256 of a release's archive.
    pub fn digest(&self, version: &str) -> String {
        let tag = format!("v{version}");
        release::stated(&self.built.join(&tag), &tag)
    }

    /// The words that install this version.
    pub fn install(&self, instance: &Instance, version: &str, more: &[&str]) -> Vec<String> {
        let (from, digest) = (
            self.directory.path().to_str().unwrap(),
            self.digest(version),
        );
        let source = ["--source-directory", from, "--source-version", version];
        instance.install(&[&source, &["--source-sha256", &digest][..], more].concat())
    }

    /// Updates to this version.
    pub fn update(&self, name: &str, to: &str, more: &[&str]) -> Ended {
        let digest = self.digest(to);
        let words = ["update", name, "--yes", "--json", "--to", to];
        homeport(&[&words, &["--source-sha256", &digest][..], more].concat())
    }
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
pub fn nothing_in_between(id: &str) {
    let left = inside(
        id,
        "ls -d /var/lib/homeport/rehearsal /var/lib/homeport/export /opt/vikunja/rehearsal \
         /etc/vikunja/*rehearsal* /run/systemd/system/*rehearsal* /var/lib/homeport/fence 2>/dev/null || true; \
         mount | grep rehearsal || true",
    );
    assert_eq!(left.trim(), "");
}

// FR-006, FR-007, FR-008, FR-009, SC-003
#[test]
fn updates_and_failures() {
    let _turn = turn();
    let cells = env::var("HOMEPORT_UPDATES").map_or(CELLS, |text| text.parse().unwrap());
    let instance = Instance::new("e2e-update", 131);
    let published = Published::new(cells.max(CELLS));
    bundled(&published.install(&instance, "2.4.0", &[])).well();
    let id = instance.id().unwrap();
    let app = instance.served();
    let person = Person::arrives(&app);

    offered(&instance);
    rehearsed(&instance, &published, &id);
    under_load(&instance, &published, &app, cells);
    person.finds_everything(&app);
    for (to, code) in [("3.1.0", 10), ("3.1.2", 10), (DIES, 11)] {
        broken(&instance, &published, &app, to, code);
    }
    person.finds_everything(&app);
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

fn rehearsed(instance: &Instance, published: &Published, id: &str) {
    let before = data(id);
    let found = published
        .update(instance.name, "3.0.0", &["--rehearse"])
        .json();
    assert_eq!(found["migrates"], true);
    let interfaces = found["interfaces"].as_array().unwrap();
    assert_eq!(interfaces.len(), 1, "{interfaces:?}");
    assert_eq!(interfaces[0]["name"], "lo");
    assert_eq!(found["asked"].as_array().unwrap().len(), 8);
    assert_eq!(data(id), before);
    nothing_in_between(id);
    println!("table: rehearsal: {found}");
}

/// An update to a release that is not well ends with this code, and nothing has changed.
#[track_caller]
pub fn broken(instance: &Instance, published: &Published, app: &App, to: &str, code: i32) {
    let id = &instance.id().unwrap();
    let (before, version) = (data(id), app.version().unwrap());
    let ended = published.update(instance.name, to, &[]);
    assert_eq!(ended.code, code, "{}\n{}", ended.out, ended.err);
    assert_eq!(app.version().unwrap(), version);
    assert_eq!(data(id), before);
    nothing_in_between(id);
    println!("table: broken release {to}: exit {code}");
}
