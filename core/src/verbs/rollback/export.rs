//! The rows written since, kept as one JSON document on the host before anything is changed: written, brought to the
//! disk, read back and counted.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use homeport_bootstrap::utc;
use homeport_engine::cmd::{Input, Output};
use homeport_engine::durable;
use homeport_plugin_api::wire::database::{ExportedRow, NewerTable, RowIs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::since::{Since, purpose};
use crate::error::{Error, Kind};
use crate::plan::backup::DUMP;
use crate::plan::update::{Back, Newer};
use crate::verbs::operation::Operation;
use crate::verbs::parts::Partners;
use crate::verbs::slots::Found;

/// Number of the document's schema.
const SCHEMA: u32 = 1;

/// More than this is not put into one document, bytes.
const LARGEST: u64 = 512 << 20;

/// Where the rows are to be.
pub(super) struct Export {
    file: PathBuf,
}

/// Where the rows are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Exported {
    /// The document on the host, readable by root alone.
    pub file: PathBuf,
    /// Rows in it.
    pub rows: u64,
}

/// The document.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    /// [`SCHEMA`].
    schema: u32,
    instance: String,
    /// Version they were written by.
    version: String,
    /// Version that was gone back to.
    back_to: String,
    /// When that one went out of service, UTC.
    since: String,
    tables: BTreeMap<String, Table>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Table {
    added: Vec<Map<String, Value>>,
    changed: Vec<Map<String, Value>>,
    /// How many are gone; going back brings them back.
    removed: u64,
}

impl Table {
    fn rows(&self) -> u64 {
        (self.added.len() + self.changed.len()) as u64
    }
}

impl Export {
    /// Into this directory, or into this file, which must not be there. `at` is the time, Unix seconds.
    ///
    /// # Errors
    /// When it is there, or nothing can be written there.
    pub(super) fn into(path: &Path, found: &Found, at: u64) -> Result<Export, Error> {
        let state = &found.told.state;
        let name = format!(
            "{}-{}-newer-{}.json",
            state.instance,
            state.version,
            utc::unix(at).replace(':', "-")
        );
        let file = match path.is_dir() {
            true => path.join(name),
            false => path.to_owned(),
        };
        if fs::symlink_metadata(&file).is_ok() {
            let why = format!("`{}` is there already", file.display());
            return Err(Error::new(Kind::Usage, "Nothing is written over.", why)
                .with_remedy("Name a file that is not there yet, or a directory."));
        }
        let export = Export { file };
        // Found out now, not when everything else is done.
        let tried = export.create().and_then(|_| fs::remove_file(&export.file));
        tried.map_err(|error| export.unwritten(&error))?;
        Ok(export)
    }

    /// Has it exported, takes it over, reads it back. It stays, whatever becomes of the way back.
    pub(super) fn done(
        self,
        operation: &mut Operation<'_>,
        back: &Back<'_>,
        since: &Since,
        partners: &mut Partners,
    ) -> Result<Exported, Error> {
        let looked = (back.newer(Newer::Exported), since.looked.looks.as_slice());
        let purpose = purpose(back, Newer::Exported);
        let steps = partners.planned(&purpose, looked, &since.looked.seen)?;
        operation.stage(back.export(operation.next()?, &steps)?)?;
        let guest = &back.to.operation.guest;
        let (say, told) = mpsc::channel();
        let drain = Output::Drain(Box::new(move |from| {
            let _ = say.send(tables(&mut BufReader::new(from.take(LARGEST))));
            Ok(())
        }));
        operation.between(|target| {
            Ok(target.stream_guest(guest, &["cat", DUMP], Input::Null, drain)?)
        })?;
        let tables = told.recv().unwrap_or_else(|gone| Err(gone.to_string()));
        let document = Document {
            schema: SCHEMA,
            instance: back.state.instance.clone(),
            version: back.state.version.clone(),
            back_to: back.previous.version.clone(),
            since: utc::unix(back.previous.until),
            tables: tables.map_err(incomplete)?,
        };
        self.write(&document)
            .map_err(|error| self.unwritten(&error))?;
        let read = self.read_back().map_err(|error| self.unwritten(&error))?;
        if read.tables != document.tables {
            return Err(incomplete(
                "what was read back is not what was written".to_owned(),
            ));
        }
        Ok(Exported {
            rows: read.tables.values().map(Table::rows).sum(),
            file: self.file,
        })
    }

    fn create(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.file)
    }

    fn write(&self, document: &Document) -> io::Result<()> {
        let mut file = self.create()?;
        serde_json::to_writer_pretty(&mut file, document)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        durable::sync_parent(&self.file)
    }

    fn read_back(&self) -> io::Result<Document> {
        Ok(serde_json::from_reader(BufReader::new(File::open(
            &self.file,
        )?))?)
    }

    fn unwritten(&self, error: &io::Error) -> Error {
        let why = format!("`{}` cannot be written: {error}", self.file.display());
        Error::new(Kind::Resources, "The newer rows cannot be kept there.", why)
            .with_remedy("Name another place with --export-newer.")
    }
}

/// The tables of an export, in which every row must be that was counted with them.
fn tables(from: &mut dyn BufRead) -> Result<BTreeMap<String, Table>, String> {
    let (mut counted, mut tables) = (BTreeMap::new(), BTreeMap::<String, Table>::new());
    for line in from.lines() {
        let line = line.map_err(|error| error.to_string())?;
        match serde_json::from_str(&line).map_err(|error| error.to_string())? {
            Line::Table(table) => {
                tables.entry(table.table.clone()).or_default().removed = table.removed;
                counted.insert(table.table, (table.added, table.changed));
            }
            Line::Row(row) => {
                let table = tables.entry(row.of).or_default();
                match row.is {
                    RowIs::Added => table.added.push(row.row),
                    RowIs::Changed => table.changed.push(row.row),
                }
            }
        }
    }
    for (name, table) in &tables {
        let found = (table.added.len() as u64, table.changed.len() as u64);
        if counted.get(name) != Some(&found) {
            return Err(format!("not all rows of `{name}` have arrived"));
        }
    }
    tables.retain(|_, table| *table != Table::default());
    match counted.is_empty() {
        true => Err("nothing has arrived".to_owned()),
        false => Ok(tables),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Row(ExportedRow),
    Table(NewerTable),
}

fn incomplete(why: String) -> Error {
    Error::new(Kind::Backup, "The newer rows could not be kept.", why)
        .with_remedy("Try again; nothing is changed before they are kept.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"table":"tasks","added":1,"changed":1,"removed":2}
{"of":"tasks","is":"added","row":{"id":3,"file":{"hex":"00FF"}}}
{"of":"tasks","is":"changed","row":{"id":1,"title":"x"}}
{"table":"users","added":0,"changed":0,"removed":0}
"#;

    fn read(text: &str) -> Result<BTreeMap<String, Table>, String> {
        tables(&mut text.as_bytes())
    }

    #[test]
    fn every_row_that_was_counted_must_arrive() {
        let found = read(WHOLE).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found["tasks"].rows(), found["tasks"].removed), (2, 2));
        let cut: Vec<&str> = WHOLE.lines().collect();
        assert!(read(&cut[..2].join("\n")).unwrap_err().contains("not all"));
        assert!(read(&WHOLE[..WHOLE.len() - 9]).is_err());
        assert!(read("").is_err());
    }
}
