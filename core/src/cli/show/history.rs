//! What was done to an instance: all of it in a table, one of it step by step.

use std::fmt::Write;

use homeport_bootstrap::utc;
use homeport_engine::cutover::{self, Ending};
use homeport_engine::recover::Outcome;

use super::table::table;
use crate::cli::style::{duration, harmless};
use crate::verbs::history::{Details, Done, Entry, Release};

/// The operations on an instance, in the order given.
pub fn history(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "Nothing has been done to it yet.".to_owned();
    }
    let row = |entry: &Entry| {
        let one = &entry.summary;
        let took = one.ended.map_or_else(String::new, |ended| {
            duration(ended.saturating_sub(one.began))
        });
        let version = entry
            .release
            .as_ref()
            .map(|release| release.version.clone());
        [
            entry.number.to_string(),
            format!("{} ago", duration(entry.age_s)),
            one.verb.clone(),
            version.unwrap_or_default(),
            ended(entry).to_owned(),
            format!("{}/{}", one.done, one.steps),
            took,
        ]
    };
    table(
        ["NO", "BEGAN", "VERB", "VERSION", "ENDED", "STEPS", "TOOK"],
        &entries.iter().map(row).collect::<Vec<_>>(),
    )
}

fn ended(entry: &Entry) -> &'static str {
    let one = &entry.summary;
    let trouble = one
        .cut_over
        .as_ref()
        .is_some_and(|outcome| matches!(outcome.ending, Ending::Switched { trouble: Some(_) }));
    match (one.outcome, one.committed) {
        (Some(Outcome::Done), _) if trouble => "done, but not well",
        (Some(Outcome::Done), _) => "done",
        (Some(Outcome::RolledBack), _) => "taken back",
        (None, true) => "open: to be finished",
        (None, false) => "open: to be taken back",
    }
}

/// One operation, step by step.
pub fn details(found: &Details) -> String {
    let one = &found.entry.summary;
    let mut text = format!(
        "{} {} of `{}`: {}\nBegan {} with Homeport {}, operation {}.\n",
        found.entry.number,
        one.verb,
        one.instance,
        ended(&found.entry),
        utc::unix(one.began),
        one.version,
        one.operation,
    );
    if let Some(release) = &found.entry.release {
        text.push_str(&about(release));
    }
    if let Some(outcome) = &one.cut_over {
        text.push_str(&crossed(outcome, found.entry.release.as_ref()));
    }
    let _ = write!(text, "\n{}", steps(&found.all));
    text
}

fn about(release: &Release) -> String {
    let noted = &release.noted;
    let from = noted.from.as_ref();
    let from = from.map_or_else(String::new, |from| format!(" (before: {from})"));
    let mut text = format!("Version {}{from}.\n", release.version);
    if let Some(backup) = &noted.backup {
        let _ = writeln!(text, "Backup before it: {backup}");
    }
    if !noted.rows.is_empty() {
        let rows = noted
            .rows
            .iter()
            .map(|(table, rows)| format!("{table} {rows}"));
        let rows: Vec<String> = rows.collect();
        let _ = writeln!(text, "Rows then: {}", harmless(&rows.join(", ")));
    }
    text
}

fn crossed(outcome: &cutover::Outcome, release: Option<&Release>) -> String {
    let predicted = release.and_then(|release| release.noted.predicted_ms);
    let predicted = predicted.map_or_else(String::new, |ms| format!(", predicted: {ms} ms"));
    let mut text = format!(
        "Requests were held for {} ms{predicted}; the longest wait was {} ms at most.\n",
        outcome.held_ms, outcome.waited_max_ms
    );
    for stretch in &outcome.steps {
        let _ = writeln!(text, "  {:>7} ms  {}", stretch.ms, harmless(&stretch.title));
    }
    text
}

fn steps(all: &[Done]) -> String {
    let row = |step: &Done| {
        let how = match (step.done, step.undone) {
            (_, true) => "taken back",
            (true, _) => "done",
            (false, _) => "",
        };
        let ms = step.ms.map_or_else(String::new, |ms| format!("{ms} ms"));
        let at = step
            .at_ms
            .map_or_else(String::new, |at| utc::unix(at / 1000));
        let title = step.title.clone();
        [
            (step.number + 1).to_string(),
            step.stage.clone(),
            at,
            ms,
            how.to_owned(),
            title,
        ]
    };
    table(
        ["STEP", "STAGE", "AT", "TOOK", "STATE", "WHAT"],
        &all.iter().map(row).collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    use homeport_engine::history::Summary;

    use super::*;
    use crate::verbs::history::Noted;

    fn entry() -> Entry {
        let summary = Summary {
            operation: "20260102-update".to_owned(),
            verb: "update".to_owned(),
            instance: "tasks".to_owned(),
            version: "0.1.0".to_owned(),
            stages: vec!["cut-over".to_owned()],
            began: 1_767_322_985,
            ended: Some(1_767_323_085),
            outcome: Some(Outcome::Done),
            committed: true,
            steps: 2,
            done: 2,
            undone: 0,
            cut_over: Some(cutover::Outcome {
                ending: Ending::Switched { trouble: None },
                drained_ms: 5,
                held_ms: 412,
                waited_max_ms: 460,
                steps: vec![cutover::Stretch {
                    title: "copy the database".to_owned(),
                    ms: 91,
                }],
            }),
        };
        Entry {
            number: 2,
            age_s: 7_300,
            summary,
            release: Some(Release {
                version: "2.5.0".to_owned(),
                directory: "2.5.0".to_owned(),
                generation: 2,
                noted: Noted {
                    from: Some("2.4.0".to_owned()),
                    predicted_ms: Some(380),
                    backup: Some("/var/backups/vikunja/tasks/x.tar.gz".to_owned()),
                    rows: [("tasks".to_owned(), 12), ("users".to_owned(), 1)].into(),
                },
            }),
        }
    }

    #[test]
    fn operations() {
        let open = Entry {
            number: 1,
            release: None,
            summary: Summary {
                verb: "stop".to_owned(),
                ended: None,
                outcome: None,
                committed: false,
                done: 1,
                cut_over: None,
                ..entry().summary
            },
            ..entry()
        };
        insta::assert_snapshot!(history(&[entry(), open]), @r#"
    NO  BEGAN          VERB    VERSION  ENDED                   STEPS  TOOK
    2   2 h 1 min ago  update  2.5.0    done                    2/2    1 min 40 s
    1   2 h 1 min ago  stop    -        open: to be taken back  1/2    -
    "#);
        assert_eq!(history(&[]), "Nothing has been done to it yet.");
    }

    #[test]
    fn one_operation() {
        let step = |number, done: bool| Done {
            number,
            stage: "cut-over".to_owned(),
            title: "Put 2.5.0 in service".to_owned(),
            at_ms: done.then_some(1_767_322_990_500),
            ms: done.then_some(5_500),
            done,
            undone: false,
        };
        let found = Details {
            entry: entry(),
            all: vec![step(0, true), step(1, false)],
        };
        insta::assert_snapshot!(details(&found), @r#"
    2 update of `tasks`: done
    Began 2026-01-02T03:03:05Z with Homeport 0.1.0, operation 20260102-update.
    Version 2.5.0 (before: 2.4.0).
    Backup before it: /var/backups/vikunja/tasks/x.tar.gz
    Rows then: tasks 12, users 1
    Requests were held for 412 ms, predicted: 380 ms; the longest wait was 460 ms at most.
           91 ms  copy the database

    STEP  STAGE     AT                    TOOK     STATE  WHAT
    1     cut-over  2026-01-02T03:03:10Z  5500 ms  done   Put 2.5.0 in service
    2     cut-over  -                     -        -      Put 2.5.0 in service
    "#);
    }
}
