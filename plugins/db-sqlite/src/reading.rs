//! What the program's output means. Total: whatever it says is facts or a refusal.

use homeport_plugin_api::{
    Answer, Refusal,
    wire::{
        Facts,
        conversation::Output,
        database::{self, ROWS},
    },
};
use serde_json::Value;

use crate::newer;

/// The observed names of tables, and the fact made of them.
pub(crate) const TABLES: &str = "table_names";
/// The observed schema.
pub(crate) const SCHEMA: &str = "schema";
/// The kept row counts.
pub(crate) const COUNTS: &str = "row_counts";

pub(crate) fn facts(name: &str, output: &Output) -> Answer<Facts> {
    if output.exit != 0 {
        return Err(Refusal::unreadable(format!(
            "sqlite3 ended with status {} for `{name}`",
            output.exit
        )));
    }
    let fact = match name {
        TABLES => Some((TABLES, names(&output.stdout)?)),
        SCHEMA => Some((database::SCHEMA, output.stdout.as_str().into())),
        COUNTS => Some((ROWS, rows(&output.stdout)?)),
        newer::THEN => Some((newer::THEN, newer::observed(&output.stdout)?)),
        newer::NOW => Some((newer::NOW, newer::observed(&output.stdout)?)),
        newer::COUNTS => Some(newer::counted(&output.stdout)?),
        _ => None,
    };
    Ok(fact
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect())
}

/// What was not observed.
pub(crate) fn missing(fact: &str) -> Refusal {
    Refusal::invalid(
        format!("the fact `{fact}` is missing"),
        "run the commands of `observe` first",
    )
}

/// The names that `observe` found, from the facts.
pub(crate) fn tables(facts: &Facts) -> Answer<Vec<String>> {
    let names = facts.get(TABLES).and_then(Value::as_array);
    let names = names.ok_or_else(|| missing(TABLES))?;
    Ok(names
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect())
}

/// sqlite3 prints nothing at all, not `[]`, for no rows.
fn names(stdout: &str) -> Answer<Value> {
    let text = if stdout.trim().is_empty() {
        "[]"
    } else {
        stdout
    };
    let found: Vec<Facts> = serde_json::from_str(text).map_err(|e| misread(&e))?;
    Ok(found
        .into_iter()
        .filter_map(|mut row| row.remove("name"))
        .collect())
}

fn rows(stdout: &str) -> Answer<Value> {
    let mut counted = Facts::new();
    for line in stdout.lines().filter(|line| !line.trim().is_empty()) {
        let (table, rows) = row(line)?;
        counted.insert(table, rows.into());
    }
    Ok(counted.into())
}

fn row(line: &str) -> Answer<(String, u64)> {
    let row: Value = serde_json::from_str(line).map_err(|e| misread(&e))?;
    match (row["table"].as_str(), row["rows"].as_u64()) {
        (Some(table), Some(rows)) => Ok((table.to_owned(), rows)),
        _ => Err(Refusal::unreadable(format!("{line:?} is no row count"))),
    }
}

pub(crate) fn misread(error: &serde_json::Error) -> Refusal {
    Refusal::unreadable(format!("sqlite3 did not answer in JSON: {error}"))
}
