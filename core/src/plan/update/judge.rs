//! What a rehearsal has shown: whether anything got lost, and how long the pause will be.

use std::collections::BTreeMap;

use homeport_plugin_api::wire::database::NewerTable;
use schemars::JsonSchema;
use serde::Serialize;

/// What was counted in a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// A text that is the same as long as the schema is; `None`: the plugin does not say.
    pub schema: Option<String>,
}

impl Counted {
    /// Whether the candidate changed anything before anybody used it. Where nobody can tell, it has.
    pub fn migrated(&self, after: &Counted) -> bool {
        let same = self.schema.is_some() && self.schema == after.schema && self.rows == after.rows;
        !same
    }

    /// How many rows the migration itself has added by table; fewer are negative. Tables without a change are left out.
    pub fn added(&self, after: &Counted) -> BTreeMap<String, i64> {
        let tables = self.rows.keys().chain(after.rows.keys());
        let of = |counted: &Counted, table: &String| {
            let rows = counted.rows.get(table).copied().unwrap_or(0);
            i64::try_from(rows).unwrap_or(i64::MAX)
        };
        let added = tables.map(|table| (table.clone(), of(after, table) - of(self, table)));
        added.filter(|(_, rows)| *rows != 0).collect()
    }
}

/// A table that has fewer rows than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// Rows before the migration.
    pub before: u64,
    /// Rows after it; `None`: there is no such table any more.
    pub after: Option<u64>,
}

/// Tables that lost rows, those excepted of which the recipe says that rows come and go. Empty tables may vanish.
pub fn lost(before: &Counted, after: &Counted, volatile: &[String]) -> Vec<Difference> {
    let differ = |(table, rows): (&String, &u64)| {
        let now = after.rows.get(table).copied();
        let fewer = now.unwrap_or(0) < *rows && !volatile.contains(table);
        fewer.then(|| Difference {
            table: table.clone(),
            before: *rows,
            after: now,
        })
    };
    before.rows.iter().filter_map(differ).collect()
}

/// What became of a table's rows since a release came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Written {
    /// Rows that are new.
    pub added: u64,
    /// Of these, how many came with the update itself, as its rehearsal has counted.
    pub came_with_it: u64,
    /// Rows that have other values: users have written them – or the update has, which nobody has counted.
    pub changed: u64,
    /// Rows that are gone.
    pub removed: u64,
    /// Of these, how many went with the update itself.
    pub went_with_it: u64,
}

/// What was written since, beside what the update has done itself: tables of which nothing would be lost are left out.
/// `migrated` are the rows it has added by table; fewer are negative.
pub fn written(
    tables: Vec<NewerTable>,
    migrated: &BTreeMap<String, i64>,
) -> BTreeMap<String, Written> {
    let of = |table: NewerTable| {
        let own = migrated.get(&table.table).copied().unwrap_or(0);
        let written = Written {
            added: table.added,
            came_with_it: own.max(0).unsigned_abs().min(table.added),
            changed: table.changed,
            removed: table.removed,
            went_with_it: own.min(0).unsigned_abs().min(table.removed),
        };
        (table.table, written)
    };
    let all = tables.into_iter().map(of);
    all.filter(|(_, one)| one.by_users() > 0 || one.changed > 0)
        .collect()
}

impl Written {
    /// Rows that users have added or removed.
    fn by_users(&self) -> u64 {
        (self.added - self.came_with_it) + (self.removed - self.went_with_it)
    }
}

/// What was measured, milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Copying the database as the next generation is made.
    pub copy_ms: u64,
    /// The first start on the copy, until the last probe's answer: migrations run in it.
    pub first_start_ms: u64,
    /// Stopping the candidate.
    pub stop_ms: u64,
    /// The second start, with nothing left to migrate.
    pub second_start_ms: u64,
}

/// What can be said beforehand, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predicted {
    /// How long requests will wait.
    pub pause_ms: u64,
    /// Of that, the migrations.
    pub migration_ms: u64,
    /// How long they wait in all if it fails at the very end and is taken back.
    pub undo_ms: u64,
}

/// What every cut-over takes beside what was measured: looking that everything has ended, bringing the copy to the disk,
/// a few records. Measured in a guest on a busy machine with two cores.
const AROUND_MS: u64 = 150;

impl Timings {
    /// The sum of what happens while requests wait.
    pub fn predicted(&self) -> Predicted {
        let pause_ms = self.stop_ms + self.copy_ms + self.first_start_ms + AROUND_MS;
        Predicted {
            pause_ms,
            migration_ms: self.first_start_ms.saturating_sub(self.second_start_ms),
            undo_ms: pause_ms + self.stop_ms + self.second_start_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(rows: &[(&str, u64)], schema: &str) -> Counted {
        Counted {
            rows: rows
                .iter()
                .map(|(table, rows)| ((*table).to_owned(), *rows))
                .collect(),
            schema: Some(schema.to_owned()),
        }
    }

    #[test]
    fn a_table_with_fewer_rows_or_gone_with_some_is_lost() {
        let before = counted(
            &[("tasks", 10), ("sessions", 5), ("empty", 0), ("old", 3)],
            "a",
        );
        let after = counted(&[("tasks", 9), ("sessions", 0), ("new", 1)], "b");
        let found = lost(&before, &after, &["sessions".to_owned()]);
        let told: Vec<_> = found
            .iter()
            .map(|one| (one.table.as_str(), one.before, one.after))
            .collect();
        assert_eq!(told, [("old", 3, None), ("tasks", 10, Some(9))]);
        let added = before.added(&after);
        assert_eq!((added["tasks"], added["new"]), (-1, 1));
        assert!(!added.contains_key("empty"));
    }

    #[test]
    fn written_since_is_what_the_migration_has_not_done() {
        let table = |name: &str, (added, changed, removed)| NewerTable {
            table: name.to_owned(),
            added,
            changed,
            removed,
        };
        let tables = vec![
            table("tasks", (3, 1, 0)),
            table("migration", (2, 0, 0)),
            table("old", (0, 0, 4)),
            table("gone", (0, 0, 1)),
        ];
        let own = [("migration", 2), ("tasks", 1), ("old", -4)];
        let own = own.map(|(name, rows)| (name.to_owned(), rows)).into();
        let found = written(tables, &own);
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["gone", "tasks"]);
        let tasks = &found["tasks"];
        assert_eq!((tasks.added, tasks.came_with_it, tasks.changed), (3, 1, 1));
    }

    #[test]
    fn where_nobody_can_tell_it_has_migrated() {
        let one = counted(&[("tasks", 1)], "a");
        assert!(!one.migrated(&one.clone()));
        assert!(one.migrated(&counted(&[("tasks", 1)], "b")));
        assert!(one.migrated(&counted(&[("tasks", 2)], "a")));
        let silent = Counted {
            schema: None,
            ..one
        };
        assert!(silent.migrated(&silent.clone()));
    }

    #[test]
    fn the_pause_is_what_happens_while_requests_wait() {
        let timings = Timings {
            copy_ms: 100,
            first_start_ms: 700,
            stop_ms: 20,
            second_start_ms: 300,
        };
        let predicted = timings.predicted();
        assert_eq!((predicted.pause_ms, predicted.migration_ms), (970, 400));
        assert_eq!(predicted.undo_ms, 970 + 20 + 300);
    }
}
