//! Ways back: after an update that migrated, and after one that did not; what was written meanwhile is told first, and
//! kept where somebody wants it kept. From the host, and in the guest without it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use homeport_tests::app::{App, Session};
use serde_json::Value;

use crate::instance::{Instance, turn};
use crate::release::bundled;
use crate::run::{Ended, call, homeport, inside};
use crate::update::{Published, data};
use crate::user::Person;
use crate::users::{Users, at_work, none_failed};

/// How long users are at work while it is gone back, seconds: longer than that takes.
const LOAD_S: u64 = 40;

fn rollback(name: &str, more: &[&str]) -> Ended {
    homeport(&[&["rollback", name, "--yes", "--json"], more].concat())
}

// FR-014
#[test]
fn ways_back() {
    let _turn = turn();
    let instance = Instance::new("e2e-back", 133);
    let published = Published::new(2);
    let words = published.install(&instance, "2.4.0", &["--retention-count", "1"]);
    bundled(&words).well();
    let id = instance.id().unwrap();
    let app = instance.served();
    let person = Person::arrives(&app);
    rollback(instance.name, &[]).refuses(17, "");
    let session = app.login("ann", "correct horse").unwrap();
    let users = Users::new(&app, &session);
    let project = session.create_project("Kept").unwrap();
    let task = session.create_task(project, "As it was").unwrap();

    let early = planned(&instance, &published, "early.json");
    let first = published.update(instance.name, "3.0.0", &[]).json();
    let since = session.create_task(project, "Since then").unwrap();
    session.attach(since, "new.txt", b"newer").unwrap();
    session.update_task(task, "As it is", true).unwrap();
    told_and_nothing_done(&instance, &id);
    with_the_data(&instance, &users, published.directory.path());
    assert_eq!(titles(&session, project), ["As it was"]);
    person.finds_everything(&app);

    without_the_host(&id, &app);
    assert_eq!(titles(&session, project), ["As it is", "Since then"]);
    let second = applied(&instance, &published, &early);
    only_the_last_is_kept(&first, &second);
    session.create_task(project, "Last").unwrap();
    code_only(&instance, &users);
    assert_eq!(
        titles(&session, project),
        ["As it is", "Since then", "Last"]
    );
    person.finds_everything(&app);
    remembered(&instance);
}

fn titles(session: &Session<'_>, project: u64) -> Vec<String> {
    let mut tasks = session.tasks(project).unwrap();
    tasks.sort_by_key(|task| task.id);
    tasks.into_iter().map(|task| task.title).collect()
}

/// Asking tells what would be lost, and changes nothing: no data, no history.
fn told_and_nothing_done(instance: &Instance, id: &str) {
    let (before, past) = (data(id), operations(instance).len());
    let asked = homeport(&["rollback", instance.name, "--yes"]);
    asked.refuses(2, "in `tasks` 1 new, 1 changed rows");
    asked.refuses(2, "in `files` 1 new rows");
    asked.refuses(2, "1 files, which stay on the disk");
    asked.refuses(2, "--export-newer");
    asked.refuses(2, "--lose-newer");
    asked.refuses(2, "Nothing was changed");
    assert_eq!((data(id), operations(instance).len()), (before, past));
    println!("table: asked: {}", asked.words());
}

/// Code and data go back; the newer rows are on the host before that, complete and for root alone.
fn with_the_data(instance: &Instance, users: &Users<'_>, directory: &Path) {
    let taken = directory.join("taken");
    fs::write(&taken, "").unwrap();
    let into = taken.to_str().unwrap();
    rollback(instance.name, &["--export-newer", into]).refuses(2, "");
    let file = directory.join("newer.json");
    let into = file.to_str().unwrap();
    let (report, ended) = at_work(users, LOAD_S, || {
        rollback(instance.name, &["--export-newer", into])
    });
    let done = ended.json();
    none_failed(&report);
    assert_eq!(done["requests"]["failed"], 0);
    assert_eq!(done["exported"]["file"], into);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let rows = |kind: &str| kept["tables"]["tasks"][kind].as_array().unwrap().clone();
    assert!(rows("added").iter().any(|row| row["title"] == "Since then"));
    assert!(rows("changed").iter().any(|row| row["title"] == "As it is"));
    println!(
        "table: back with the data: {} rows kept, held {} ms, {} of {} requests failed",
        done["exported"]["rows"],
        done["cut_over"]["held_ms"],
        done["requests"]["failed"],
        done["requests"]["all"]
    );
}

/// In the guest, and forward again: the other generation is as it was left.
fn without_the_host(id: &str, app: &App) {
    let agent = "/usr/local/bin/homeport-agent";
    let agent = ["pct", "exec", id, "--", agent, "rollback"];
    let asked = call(&agent);
    assert_ne!(asked.code, 0);
    assert!(asked.err.contains("from 2.4.0 to 3.0.0"), "{}", asked.err);
    assert!(
        asked.err.contains("will not be seen any more"),
        "{}",
        asked.err
    );
    let said = call(&[&agent[..], &["--yes"]].concat()).well();
    assert!(said.contains("3.0.0 is in service again"), "{said}");
    assert_eq!(app.version().unwrap(), "v3.0.0");
    let state: Value =
        serde_json::from_str(&inside(id, "cat /var/lib/homeport/state.json")).unwrap();
    assert_eq!(state["previous"]["version"], "2.4.0");
    println!("table: in the guest: {}", said.trim());
}

/// An update to 3.0.1 as a file; nothing is done.
fn planned(instance: &Instance, published: &Published, name: &str) -> String {
    let file = published.directory.path().join(name);
    let file = file.to_str().unwrap().to_owned();
    let plan = || published.update(instance.name, "3.0.1", &["--plan-out", &file]);
    plan().well();
    let again = plan();
    assert!(again.out.contains("cannot be written"), "{}", again.out);
    file
}

/// Only what was planned from what is so now is carried out.
fn applied(instance: &Instance, published: &Published, early: &str) -> Value {
    let refused = homeport(&["apply", early, "--yes"]);
    refused.refuses(2, "the version in service was 2.4.0 and is 3.0.0");
    refused.refuses(2, "Nothing was changed");
    let late = planned(instance, published, "late.json");
    homeport(&["apply", &late, "--yes", "--json"]).json()
}

/// Of the backups that both have made the older one was let go of, with its digest.
fn only_the_last_is_kept(first: &Value, second: &Value) {
    let there = |of: &Value, end: &str| {
        let archive = of["backup"].as_str().unwrap();
        Path::new(&format!("{archive}{end}")).exists()
    };
    assert_eq!(first.get("pruned"), None);
    assert_eq!(second["pruned"], serde_json::json!([first["backup"]]));
    assert!(!there(first, "") && !there(first, ".sha256"));
    assert!(there(second, "") && there(second, ".sha256"));
}

/// Where nothing was migrated the data stays as it is.
fn code_only(instance: &Instance, users: &Users<'_>) {
    let (report, ended) = at_work(users, LOAD_S, || rollback(instance.name, &[]));
    let done = ended.json();
    none_failed(&report);
    assert_eq!(done["requests"]["failed"], 0);
    assert_eq!(done["since"]["data_goes_back"], false);
    println!(
        "table: back without the data: held {} ms, {} of {} requests failed, {} s",
        done["cut_over"]["held_ms"],
        done["requests"]["failed"],
        done["requests"]["all"],
        done["seconds"]
    );
}

fn operations(instance: &Instance) -> Vec<Value> {
    let found = homeport(&["history", instance.name, "--json"]).json();
    found["operations"].as_array().unwrap().clone()
}

/// Everything is in the history, by number; only the release before can be gone back to.
fn remembered(instance: &Instance) {
    let past: Vec<String> = operations(instance)
        .iter()
        .map(|one| {
            format!(
                "{} {} {}",
                one["number"], one["verb"], one["release"]["version"]
            )
        })
        .collect();
    let expected = [
        "5 \"rollback\" \"3.0.0\"",
        "4 \"update\" \"3.0.1\"",
        "3 \"rollback\" \"2.4.0\"",
        "2 \"update\" \"3.0.0\"",
        "1 \"install\" \"2.4.0\"",
    ];
    assert_eq!(past, expected);
    let one = homeport(&["history", "show", "2", instance.name]).well();
    for part in [
        "Backup before it: /var",
        "predicted:",
        "tasks ",
        "Put 3.0.0 in service",
    ] {
        assert!(one.contains(part), "`{part}` is missing in {one}");
    }
    let back = |number: &str| rollback(instance.name, &["--to", number, "--dry-run"]);
    back("1").refuses(17, "");
    back("9").refuses(17, "");
    assert_eq!(back("4").code, 0);
}
