//! How the `sqlite3` program is called: arguments and scripts.
//! Never puts a path into a script that could end it: handles' paths are checked first.

use homeport_plugin_api::{
    Answer, Refusal,
    wire::{
        conversation::{Command, Context, Handle},
        step::Run,
    },
};

/// `BEGIN` and a read pin one state, so a busy app cannot make the copy start over; `-wal` is read like the rest.
pub(crate) const COPY: &str =
    "BEGIN;\nSELECT count(*) FROM sqlite_master;\n.backup main '{}'\nCOMMIT;\n";

/// Fails if anyone else has the file open, even idly; then moves what is in `-wal` into the main file.
pub(crate) const ALONE: &str =
    "PRAGMA locking_mode=EXCLUSIVE;\nBEGIN EXCLUSIVE;\nCOMMIT;\nPRAGMA wal_checkpoint(TRUNCATE);\n";

/// Virtual tables are left out: the program may lack their module, and their rows are in the tables behind them.
pub(crate) const TABLE_NAMES: &str = ".mode json\nSELECT name FROM sqlite_master WHERE type = 'table' \
     AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL %' ORDER BY name;\n";

/// Everything that was ever created, in the words it was created with; its order is the names', not that of creation.
pub(crate) const SCHEMA: &str =
    ".mode list\nSELECT type, name, sql FROM sqlite_master ORDER BY type, name;\n";

/// How a database is opened. Never created by opening: a wrong path is an error, not an empty database.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    Read,
    Write,
}

/// A run of `sqlite3` on `database` with `script` as its input.
pub(crate) fn sqlite3(
    title: &str,
    database: &Handle,
    mode: Mode,
    script: &str,
    context: &Context,
) -> Answer<Run> {
    let run = Run::new(title, &context.user, argv(database, mode)?).text(timed(script));
    Ok(run.reads(&database.name))
}

/// The same as a read-only command.
pub(crate) fn command(
    name: &str,
    database: &Handle,
    script: &str,
    context: &Context,
) -> Answer<Command> {
    Ok(Command {
        name: name.to_owned(),
        argv: argv(database, Mode::Read)?,
        user: context.user.clone(),
        stdin: Some(timed(script)),
        limit: 1024 * 1024,
        timeout_seconds: 60,
    })
}

/// `-init /dev/null`: the user's own `.sqliterc` is not ours to run.
pub(crate) fn argv(database: &Handle, mode: Mode) -> Answer<Vec<String>> {
    let mode = match mode {
        Mode::Read => "ro",
        Mode::Write => "rw",
    };
    let uri = format!("file:{}?mode={mode}", plain(&database.path)?);
    Ok(["sqlite3", "-batch", "-bail", "-init", "/dev/null", &uri]
        .map(str::to_owned)
        .to_vec())
}

/// The app may hold a lock for a moment; five seconds is what its own driver is given as a rule.
fn timed(script: &str) -> String {
    format!(".timeout 5000\n{script}")
}

/// A name of the database's own, quoted for a script.
pub(crate) fn name_of(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text, quoted for a script.
pub(crate) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One row count per line, as JSON, so that no table name can blur the output.
pub(crate) fn counting(tables: &[String]) -> String {
    let line = |table: &String| {
        let (text, name) = (text(table), name_of(table));
        format!("SELECT json_object('table', {text}, 'rows', count(*)) FROM {name};\n")
    };
    tables.iter().map(line).collect()
}

/// A copy's own settings, said to it by itself: without a `-wal` of its own, reading it later leaves nothing behind.
pub(crate) fn reopened(path: &str) -> String {
    format!(".open '{path}'\nPRAGMA journal_mode=DELETE;\n")
}

/// A path as it is, if it can stand in a script and a URI without quoting.
pub(crate) fn plain(path: &str) -> Answer<&str> {
    let right = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.starts_with('/') && path.chars().all(right) && !path.split('/').any(|part| part == "..")
    {
        return Ok(path);
    }
    Err(Refusal::invalid(
        format!(
            "the path {path:?} is not absolute or has characters other than letters, digits and ._-"
        ),
        "choose another data directory",
    ))
}

/// The directory `path` is in; `/` itself holds no database.
pub(crate) fn directory(path: &str) -> Answer<&str> {
    match path.rsplit_once('/') {
        Some((place, name)) if !place.is_empty() && !name.is_empty() => Ok(place),
        _ => Err(Refusal::invalid(
            format!("{path:?} leaves no directory for the database"),
            "choose a deeper path",
        )),
    }
}
