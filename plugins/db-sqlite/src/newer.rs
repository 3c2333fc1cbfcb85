//! What one database has that another has not, by key where a table has one and by whole rows where not. The two may
//! differ by a migration: columns only one of them has are compared with what a new row has in them.
//! Names come from the databases' own schemas and go into scripts quoted; of defaults only plain literals do.

use std::collections::BTreeMap;

use homeport_plugin_api::{
    Answer, Compared, Refusal,
    wire::{
        conversation::{Command, Context, Handle},
        database::{NEWER, NewerTable},
        step::Run,
    },
};
use serde_json::Value;

use crate::program::{self, Mode, name_of, plain, sqlite3, text};
use crate::reading::{misread, missing};

/// The observed columns of what was in service before, and the fact made of them.
pub(crate) const THEN: &str = "columns_then";
/// The observed columns of what is in service.
pub(crate) const NOW: &str = "columns_now";
/// The kept counts.
pub(crate) const COUNTS: &str = "newer_counts";

const COLUMNS: &str = ".mode json\nSELECT m.name AS 'table', c.name AS 'column', c.pk AS 'key', c.dflt_value AS 'initial' \
     FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' \
     AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND m.sql NOT LIKE 'CREATE VIRTUAL %' ORDER BY m.name, c.cid;\n";

/// Comparing reads both databases whole, seconds.
const LONGEST_S: u32 = 900;

/// A column as `COLUMNS` tells it.
#[derive(Debug, Clone)]
struct Column {
    table: String,
    column: String,
    key: u64,
    initial: Option<String>,
}

/// A table of `now`, seen from both sides.
struct Table<'a> {
    name: &'a str,
    /// All columns.
    all: Vec<&'a str>,
    /// Columns of the key, if both have the same.
    key: Vec<&'a str>,
    /// What each column that is not of the key is compared with in the other: its own, or a literal.
    others: Vec<(&'a str, String)>,
    /// Whether the other has this table at all.
    known: bool,
}

pub(crate) fn looks(then: &Handle, now: &Handle, context: &Context) -> Answer<Vec<Command>> {
    Ok(vec![
        program::command(THEN, then, COLUMNS, context)?,
        program::command(NOW, now, COLUMNS, context)?,
    ])
}

/// The steps' counts, per table.
pub(crate) fn compare(databases: &Compared<'_>, context: &Context) -> Answer<Run> {
    let columns = (columns(THEN, context)?, columns(NOW, context)?);
    let script = script(databases, &columns, |table| table.counts())?;
    let title = "Compare the database with what it was";
    let run = sqlite3(title, databases.now, Mode::Read, &script, context)?;
    let run = run.reads(&databases.then.name).within(LONGEST_S);
    Ok(run.keep(COUNTS, 1024 * 1024))
}

/// The step that writes counts and rows into `file`.
pub(crate) fn export(databases: &Compared<'_>, file: &Handle, context: &Context) -> Answer<Run> {
    let columns = (columns(THEN, context)?, columns(NOW, context)?);
    let rows = script(databases, &columns, |table| {
        table.counts() + &table.exported()
    })?;
    let script = format!(".output '{}'\n{rows}", plain(&file.path)?);
    let title = "Write what is newer into a file";
    let run = sqlite3(title, databases.now, Mode::Read, &script, context)?;
    let run = run.reads(&databases.then.name).within(LONGEST_S);
    Ok(run.creates(&file.name))
}

/// Everything in one transaction: one state of what is in use.
fn script(
    databases: &Compared<'_>,
    (then, now): &(Vec<Column>, Vec<Column>),
    of: impl Fn(&Table<'_>) -> String,
) -> Answer<String> {
    let path = plain(&databases.then.path)?;
    let mut script = format!("ATTACH 'file:{path}?mode=ro' AS \"then\";\nBEGIN;\n");
    let (then, now) = (by_table(then), by_table(now));
    for (name, columns) in &now {
        if !databases.leave_out.iter().any(|left| left == name) {
            script.push_str(&of(&table(name, columns, then.get(name))));
        }
    }
    Ok(script + "COMMIT;\n")
}

/// Reads the observed columns.
pub(crate) fn observed(stdout: &str) -> Answer<Value> {
    let text = match stdout.trim() {
        "" => "[]",
        text => text,
    };
    let found: Value = serde_json::from_str(text).map_err(|e| misread(&e))?;
    read(&found)?;
    Ok(found)
}

fn read(found: &Value) -> Answer<Vec<Column>> {
    let column = |row: &Value| {
        Some(Column {
            table: row["table"].as_str()?.to_owned(),
            column: row["column"].as_str()?.to_owned(),
            key: row["key"].as_u64()?,
            initial: row["initial"].as_str().map(str::to_owned),
        })
    };
    let rows = found.as_array().map(|rows| rows.iter().map(column));
    let columns = rows.and_then(Iterator::collect);
    columns.ok_or_else(|| Refusal::unreadable("sqlite3 did not name columns"))
}

/// Reads the counts; tables that are the same in both are left out.
pub(crate) fn counted(stdout: &str) -> Answer<(&'static str, Value)> {
    let mut tables = Vec::new();
    for line in stdout.lines().filter(|line| !line.trim().is_empty()) {
        let table: NewerTable = serde_json::from_str(line).map_err(|e| misread(&e))?;
        if (table.added, table.changed, table.removed) != (0, 0, 0) {
            tables.push(serde_json::to_value(table).map_err(|e| misread(&e))?);
        }
    }
    Ok((NEWER, tables.into()))
}

fn columns(fact: &str, context: &Context) -> Answer<Vec<Column>> {
    let found = context.facts.get(fact);
    read(found.ok_or_else(|| missing(fact))?)
}

fn by_table(columns: &[Column]) -> BTreeMap<&str, Vec<&Column>> {
    let mut tables: BTreeMap<&str, Vec<&Column>> = BTreeMap::new();
    for column in columns {
        tables.entry(&column.table).or_default().push(column);
    }
    tables
}

fn table<'a>(name: &'a str, now: &[&'a Column], then: Option<&Vec<&'a Column>>) -> Table<'a> {
    let key = |columns: &[&'a Column]| -> Vec<&'a str> {
        let mut key: Vec<_> = columns.iter().filter(|column| column.key > 0).collect();
        key.sort_by_key(|column| column.key);
        key.iter().map(|column| column.column.as_str()).collect()
    };
    let before = then.map_or(&[][..], Vec::as_slice);
    let shared = Some(key(now)).filter(|own| *own == key(before));
    let key = shared.unwrap_or_default();
    let others = now
        .iter()
        .filter(|column| !key.contains(&column.column.as_str()));
    let others = others.filter_map(|column| {
        let had = before.iter().any(|other| other.column == column.column);
        let is = match had {
            true => Some(format!("o.{}", name_of(&column.column))),
            false => literal(column.initial.as_deref()),
        };
        Some((column.column.as_str(), is?))
    });
    Table {
        name,
        all: now.iter().map(|column| column.column.as_str()).collect(),
        others: others.collect(),
        known: then.is_some(),
        key,
    }
}

impl Table<'_> {
    fn now(&self) -> String {
        format!("main.{} AS n", name_of(self.name))
    }

    fn then(&self) -> String {
        format!("\"then\".{} AS o", name_of(self.name))
    }

    fn same_key(&self) -> String {
        let same = self.key.iter().map(|column| {
            let column = name_of(column);
            format!("n.{column} IS o.{column}")
        });
        same.collect::<Vec<_>>().join(" AND ")
    }

    /// Rows of this side, each as often as it is there, that the other has not as often.
    fn whole_rows(&self, of_now: bool) -> String {
        let names: Vec<String> = self.others.iter().map(|(name, _)| name_of(name)).collect();
        let was: Vec<&str> = self.others.iter().map(|(_, is)| is.as_str()).collect();
        let numbers: Vec<String> = (1..=names.len()).map(|number| number.to_string()).collect();
        let group = numbers.join(", ");
        let now = format!(
            "SELECT {}, count(*) FROM {} GROUP BY {group}",
            names.join(", "),
            self.now()
        );
        let then = format!(
            "SELECT {}, count(*) FROM {} GROUP BY {group}",
            was.join(", "),
            self.then()
        );
        match of_now {
            true => format!("{now} EXCEPT {then}"),
            false => format!("{then} EXCEPT {now}"),
        }
    }

    /// What follows `FROM` for the rows that were not there.
    fn added(&self) -> String {
        match (self.known, self.key.is_empty()) {
            (false, _) => self.now(),
            (true, true) => format!("({}) AS n", self.whole_rows(true)),
            (true, false) => format!(
                "{} WHERE NOT EXISTS (SELECT 1 FROM {} WHERE {})",
                self.now(),
                self.then(),
                self.same_key()
            ),
        }
    }

    /// The same for rows with other values; none where that cannot be.
    fn changed(&self) -> Option<String> {
        let differ = self.others.iter();
        let differ = differ.map(|(name, was)| format!("n.{} IS NOT {was}", name_of(name)));
        let differ: Vec<String> = differ.collect();
        let possible = self.known && !self.key.is_empty() && !differ.is_empty();
        possible.then(|| {
            format!(
                "{} JOIN {} ON {} WHERE {}",
                self.now(),
                self.then(),
                self.same_key(),
                differ.join(" OR ")
            )
        })
    }

    /// The same for rows that are gone.
    fn removed(&self) -> Option<String> {
        match (self.known, self.key.is_empty()) {
            (false, _) => None,
            (true, true) => Some(format!("({})", self.whole_rows(false))),
            (true, false) => Some(format!(
                "{} WHERE NOT EXISTS (SELECT 1 FROM {} WHERE {})",
                self.then(),
                self.now(),
                self.same_key()
            )),
        }
    }

    fn counts(&self) -> String {
        let count = |from: Option<String>| {
            from.map_or_else(
                || "0".to_owned(),
                |from| format!("(SELECT count(*) FROM {from})"),
            )
        };
        format!(
            "SELECT json_object('table', {}, 'added', {}, 'changed', {}, 'removed', {});\n",
            text(self.name),
            count(Some(self.added())),
            count(self.changed()),
            count(self.removed()),
        )
    }

    fn exported(&self) -> String {
        let kinds = [("added", Some(self.added())), ("changed", self.changed())];
        let rows = kinds.into_iter().filter_map(|(is, from)| Some((is, from?)));
        rows.map(|(is, from)| format!("SELECT {} FROM {from};\n", self.row(is)))
            .collect()
    }

    /// A row as a JSON object; put together as text, for functions take few arguments.
    fn row(&self, is: &str) -> String {
        let columns: Vec<&str> = match self.known && self.key.is_empty() {
            true => self.others.iter().map(|(name, _)| *name).collect(),
            false => self.all.clone(),
        };
        let fields = columns.iter().map(|column| {
            let (label, name) = (Value::from(*column).to_string(), name_of(column));
            format!(
                "{} || CASE typeof(n.{name}) WHEN 'blob' THEN json_object('hex', hex(n.{name})) ELSE json_quote(n.{name}) END",
                text(&format!("{label}:"))
            )
        });
        let begin = format!(
            "{{\"of\":{},\"is\":\"{is}\",\"row\":{{",
            Value::from(self.name)
        );
        format!(
            "{} || {} || '}}}}'",
            text(&begin),
            fields.collect::<Vec<_>>().join(" || ',' || ")
        )
    }
}

/// A column's default where it is a plain literal; `None`: it is an expression, whose value nobody knows.
fn literal(initial: Option<&str>) -> Option<String> {
    let Some(initial) = initial.map(str::trim) else {
        return Some("NULL".to_owned());
    };
    let word = ["NULL", "TRUE", "FALSE"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(initial));
    let number = initial.parse::<f64>().is_ok_and(f64::is_finite);
    let inner = initial
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    let quoted = inner.is_some_and(|inner| !inner.replace("''", "").contains('\''));
    (word || number || quoted).then(|| initial.to_owned())
}
