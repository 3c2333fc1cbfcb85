//! What doctor says of what it found.

use serde_json::json;

use super::kept::{Journals, Kept, judge};
use super::*;
use crate::state::Registered;
use crate::target::{GuestKind, GuestSeen, GuestStatus};

fn instance(id: &str, name: &str, operation: &str) -> Living {
    living::among(vec![guest(id, name, operation, None)]).remove(0)
}

fn guest(id: &str, name: &str, operation: &str, lock: Option<&str>) -> GuestSeen {
    let tags = [
        "homeport".to_owned(),
        "hp-app-vikunja".to_owned(),
        format!("hp-id-{name}"),
        format!("hp-op-{operation}"),
    ];
    GuestSeen {
        id: id.to_owned(),
        node: "pve".to_owned(),
        here: true,
        kind: GuestKind::Container,
        name: Some(name.to_owned()),
        tags: tags.into(),
        status: GuestStatus::Stopped,
        lock: lock.map(str::to_owned),
        storage: None,
        addresses: Vec::new(),
        mac: None,
        readdress: None,
        cpu: None,
    }
}

fn entry(name: &str, operation: &str) -> Registered {
    let entry = json!({
        "schema": 1, "instance": name, "app": "vikunja", "guest": "105", "tag": format!("hp-op-{operation}"),
        "storage": "data", "version": "2.5.0", "url": "https://x", "address": "10.0.0.5",
    });
    serde_json::from_value(entry).unwrap()
}

fn journals(
    name: &str,
    open: Result<Option<(&str, &str)>, &str>,
    holder: Option<&str>,
) -> Journals {
    let owned = |(id, verb): (&str, &str)| (id.to_owned(), verb.to_owned());
    Journals {
        instance: name.to_owned(),
        open: open.map(|open| open.map(owned)).map_err(str::to_owned),
        holder: holder.map(str::to_owned),
    }
}

fn registry(entries: Vec<Result<Registered, String>>) -> Kept {
    let path = |entry| ("/reg/x.json".into(), entry);
    Kept {
        registry: entries.into_iter().map(path).collect(),
        ..Kept::default()
    }
}

/// Check and remedy of every finding.
fn said(findings: &[Finding]) -> Vec<(&'static str, &str)> {
    findings
        .iter()
        .map(|finding| (finding.check, finding.remedy.as_str()))
        .collect()
}

#[test]
fn what_fits_together_is_no_finding() {
    let mut kept = registry(vec![Ok(entry("tasks", "1")), Ok(entry("new", "2"))]);
    kept.journals = vec![
        journals("tasks", Ok(None), None),
        journals(
            "new",
            Ok(Some(("2", "install"))),
            Some("`install` of root@pve"),
        ),
    ];
    kept.staging = vec![("/staging/2".into(), "2".to_owned())];
    assert_eq!(judge(&kept, &[instance("105", "tasks", "1")]), []);
}

#[test]
fn the_registry_is_held_against_the_guests() {
    let kept = registry(vec![
        Ok(entry("gone", "1")),
        Ok(entry("moved", "1")),
        Err("expected value at line 1".to_owned()),
    ]);
    let found = judge(&kept, &[instance("106", "moved", "2")]);
    let remedy = "It is only a cache: `rm /reg/x.json`";
    assert_eq!(said(&found), [(REGISTRY, remedy); 3]);
    assert!(
        found[0].found.contains("no guest of the cluster"),
        "{found:?}"
    );
    assert!(
        found[1].found.contains("105") && found[1].found.contains("106"),
        "{found:?}"
    );
}

#[test]
fn what_was_broken_off_is_resolved_by_the_same_command() {
    let kept = Kept {
        journals: vec![
            journals("tasks", Ok(Some(("7", "install"))), None),
            journals("notes", Ok(Some(("8", "stop"))), None),
            journals("wiki", Ok(Some(("9", "stop"))), Some("`stop` of root@pve")),
        ],
        staging: vec![
            ("/staging/6".into(), "6".to_owned()),
            ("/staging/7".into(), "7".to_owned()),
        ],
        ..Kept::default()
    };
    let found = judge(&kept, &[]);
    let expected = [
        (
            JOURNAL,
            "Run the same install again, or take it back: `homeport uninstall tasks`",
        ),
        (
            JOURNAL,
            "The same command resolves it first: `homeport stop notes`",
        ),
        (STAGING, "`rm -r /staging/6`"),
    ];
    assert_eq!(said(&found), expected);
    assert!(
        found
            .iter()
            .all(|finding| finding.severity == Severity::Warns)
    );
}

// A journal that cannot be read may demand anything, so nothing that could be its own is called a leftover.
#[test]
fn a_journal_that_cannot_be_read_is_in_the_way() {
    let kept = Kept {
        journals: vec![journals("tasks", Err("line 3 is damaged"), None)],
        staging: vec![("/staging/7".into(), "7".to_owned())],
        ..registry(vec![Ok(entry("tasks", "1"))])
    };
    let found = judge(&kept, &[]);
    assert_eq!(
        (found.len(), found[0].severity, found[0].kind.code()),
        (1, Severity::Blocks, 12)
    );
}

#[test]
fn a_guest_is_there_once_and_nobody_holds_it() {
    let found = guests(&living::among(vec![
        guest("105", "tasks", "1", Some("backup")),
        guest("106", "notes", "2", None),
        guest("107", "tasks", "1", None),
    ]));
    assert_eq!(
        said(&found),
        [
            (
                LOCKS,
                "Wait for the task's end; if the task list shows none: `pct unlock 105`"
            ),
            (COPIES, &found[1].remedy),
            (COPIES, &found[2].remedy),
        ]
    );
    assert!(found[1].remedy.contains("homeport adopt"), "{found:?}");
    assert_eq!([found[0].kind.code(), found[1].kind.code()], [5, 18]);
}

#[test]
fn plugins_that_cannot_be_had_are_in_the_way() {
    let error = Error::new(
        Kind::Untrusted,
        "This Homeport is not whole.",
        "no manifest",
    )
    .with_remedy("Again.");
    let found = plugins(Err(error));
    assert_eq!(
        (found.len(), found[0].kind.code(), found[0].severity),
        (1, 13, Severity::Blocks)
    );
    assert_eq!(
        (found[0].found.as_str(), found[0].remedy.as_str()),
        ("No manifest.", "Again.")
    );
}
