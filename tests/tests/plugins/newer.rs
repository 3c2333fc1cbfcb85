//! What db-sqlite finds newer in one generation than in the one before, carried out by the real `sqlite3`.

use std::fs;

use homeport_plugin_api::wire::database::{ExportedRow, NewerTable, Purpose, RowIs};
use serde_json::{Map, Value, json};

use crate::sqlite::{App, Data};

const BEFORE: &str = "CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT, done INTEGER DEFAULT 0);\n\
    CREATE TABLE \"o'brien \"\"x\"\"\"(a, b);\nCREATE TABLE links(a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;\n\
    CREATE TABLE sessions(id INTEGER PRIMARY KEY);\nCREATE TABLE same(id TEXT PRIMARY KEY);\n\
    INSERT INTO tasks(title) VALUES ('one'), ('two'), ('three');\nINSERT INTO same VALUES ('a'), (NULL);\n\
    INSERT INTO \"o'brien \"\"x\"\"\" VALUES (1, 2), (1, 2);\nINSERT INTO links VALUES (1, 1), (1, 2);\n";

/// What an update does, then what users do.
const SINCE: &str = "ALTER TABLE tasks ADD COLUMN colour TEXT DEFAULT 'it''s';\nCREATE TABLE fresh(id INTEGER PRIMARY KEY, x);\n\
    INSERT INTO tasks(title) VALUES ('f\u{fc}nf\n\"5\"'), (x'00ff');\nUPDATE tasks SET title = 'zwei' WHERE id = 2;\n\
    UPDATE tasks SET colour = 'red' WHERE id = 1;\nDELETE FROM tasks WHERE id = 3;\n\
    INSERT INTO \"o'brien \"\"x\"\"\" VALUES (1, 2), (3, NULL);\nINSERT INTO links VALUES (2, 2);\n\
    DELETE FROM links WHERE b = 1;\nINSERT INTO sessions VALUES (1);\nINSERT INTO fresh(x) VALUES (NULL);\n";

fn both(data: &mut Data) -> (Purpose, Purpose) {
    let (then, now) = (data.generation("g1"), data.generation("g2"));
    drop(App::with(&then, BEFORE));
    data.next(&then, &now).unwrap();
    drop(App::with(&now, SINCE));
    let leave_out = vec!["sessions".to_owned()];
    let compare = Purpose::Compare {
        then: then.clone(),
        now: now.clone(),
        leave_out: leave_out.clone(),
    };
    let export = Purpose::ExportNewer {
        then,
        now,
        file: data.file(),
        leave_out,
    };
    (compare, export)
}

fn table(name: &str, (added, changed, removed): (u64, u64, u64)) -> Value {
    let table = NewerTable {
        table: name.to_owned(),
        added,
        changed,
        removed,
    };
    serde_json::to_value(table).unwrap()
}

#[test]
fn every_row_that_differs_is_counted_and_exported() {
    let mut data = Data::new();
    let (compare, export) = both(&mut data);
    let found = data.ask(compare).unwrap();
    let expected = [
        table("fresh", (1, 0, 0)),
        table("links", (1, 0, 1)),
        table("o'brien \"x\"", (2, 0, 1)),
        table("tasks", (2, 2, 1)),
    ];
    assert_eq!(found["newer"], json!(expected));

    data.ask(export).unwrap();
    let text = fs::read_to_string(data.file().path).unwrap();
    let rows: Vec<ExportedRow> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert_eq!(rows.len(), 1 + 1 + 2 + 4, "{text}");
    let of = |is: RowIs| -> Vec<Map<String, Value>> {
        let rows = rows.iter().filter(|row| row.of == "tasks" && row.is == is);
        rows.map(|row| row.row.clone()).collect()
    };
    let added = json!([
        {"id": 4, "title": "f\u{fc}nf\n\"5\"", "done": 0, "colour": "it's"},
        {"id": 5, "title": {"hex": "00FF"}, "done": 0, "colour": "it's"},
    ]);
    assert_eq!(json!(of(RowIs::Added)), added);
    let changed = json!([
        {"id": 1, "title": "one", "done": 0, "colour": "red"},
        {"id": 2, "title": "zwei", "done": 0, "colour": "it's"},
    ]);
    assert_eq!(json!(of(RowIs::Changed)), changed);
}

#[test]
fn two_that_are_the_same_differ_in_nothing() {
    let mut data = Data::new();
    let (then, now) = (data.generation("g1"), data.generation("g2"));
    drop(App::with(&then, BEFORE));
    data.next(&then, &now).unwrap();
    let compare = Purpose::Compare {
        then,
        now,
        leave_out: Vec::new(),
    };
    assert_eq!(data.ask(compare).unwrap()["newer"], json!([]));
}
