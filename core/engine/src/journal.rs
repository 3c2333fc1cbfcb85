//! The journal: what is about to happen, written down and on disk before it happens. One file per operation, JSON lines.
//!
//! A record that is not whole at the end of the file was never written; anywhere else it is damage, and nothing is
//! guessed about a damaged journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::WIRE;
use crate::durable::sync_parent;
use crate::op::Op;
use crate::plan::Plan;
use crate::recover::Outcome;
use crate::require::Observation;

/// Largest journal that is read, bytes. An install's is below 200 KiB.
pub const SIZE_LIMIT: u64 = 64 << 20;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "record")]
pub enum Record {
    /// A stage begins.
    Begin {
        /// The whole plan.
        plan: Plan,
        /// Version of the program that writes: it, and no other, resolves the journal.
        version: String,
        /// Unix time, seconds.
        at: u64,
    },
    /// A step is about to happen.
    Intent {
        /// Its number.
        number: u32,
        /// What takes it back, if anything does.
        undo: Option<Op>,
    },
    /// The step's child process, written before it does anything.
    Child {
        /// Number of the step.
        number: u32,
        /// The process.
        child: Child,
    },
    /// A step has happened.
    Done {
        /// Its number.
        number: u32,
        /// What it observed.
        seen: Option<Observation>,
        /// When, Unix milliseconds; 0: a Homeport that did not say wrote it.
        #[serde(default, skip_serializing_if = "unsaid")]
        at_ms: u64,
    },
    /// From here on only forward.
    Commit,
    /// A step has been taken back.
    Undone {
        /// Its number.
        number: u32,
    },
    /// Nothing is left to resolve.
    Closed {
        /// How it ended.
        outcome: Outcome,
        /// Unix time, seconds.
        at: u64,
    },
}

/// A process, recognisable after its number was given to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot: field 22 of `/proc/PID/stat`.
    pub started: u64,
    /// Boot it belongs to: `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn unsaid(at_ms: &u64) -> bool {
    *at_ms == 0
}

#[derive(Serialize, Deserialize)]
struct Line<R> {
    wire: u32,
    #[serde(flatten)]
    record: R,
}

/// Why a journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be written or read.
    #[error("the journal `{path}` cannot be used: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A line in the middle is not a record.
    #[error("the journal `{path}` is damaged in line {line}: {why}")]
    Damaged {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
}

/// Where the lines of a journal go: a file, or the simulated disk of [`crate::sim`].
pub trait Sink {
    /// Appends the bytes and returns when they are on disk.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// A journal's file.
struct Lines {
    file: File,
    /// So many bytes of it are whole lines. `None`: nobody knows, and nothing may follow.
    whole: Option<u64>,
}

impl Sink for Lines {
    /// A half line – the disk is full – is taken back: what is written next, once there is room again, must not follow
    /// it. A line that was never said to be on disk must not be found there later either.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let unknown = || io::Error::other("its last record may be half written");
        let whole = self.whole.take().ok_or_else(unknown)?;
        let written = self.file.write_all(bytes);
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            let cut = self.file.set_len(whole);
            self.whole = cut
                .and_then(|()| self.file.sync_data())
                .map(|()| whole)
                .ok();
            return Err(error);
        }
        self.whole = Some(whole + bytes.len() as u64);
        Ok(())
    }
}

/// A journal open for writing: of an operation, unless its records are of another kind.
pub struct Journal<R = Record> {
    path: String,
    sink: Box<dyn Sink>,
    records: Vec<R>,
}

impl<R: Serialize + DeserializeOwned + Clone> Journal<R> {
    /// Opens the journal at `path`, creating it (0600) if there is none. What is whole in it is kept and readable
    /// through [`Journal::records`], and on disk: whoever acts on it may rely on that. A torn last line is cut off, so
    /// that the next record starts on a line of its own.
    pub fn open(path: &Path) -> Result<Journal<R>, JournalError> {
        let name = path.display().to_string();
        let io = |source| JournalError::Io {
            path: name.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(io)?;
        sync_parent(path).map_err(io)?;
        let bytes = slurp(&mut file).map_err(io)?;
        let (records, whole) = read(&name, &bytes)?;
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(io)?;
        }
        file.sync_data().map_err(io)?;
        Ok(Journal {
            path: name,
            sink: Box::new(Lines {
                file,
                whole: Some(whole as u64),
            }),
            records,
        })
    }

    /// A journal over any sink that already holds `records`.
    pub fn over(path: &str, sink: Box<dyn Sink>, records: Vec<R>) -> Journal<R> {
        Journal {
            path: path.to_owned(),
            sink,
            records,
        }
    }

    /// All records, oldest first.
    pub fn records(&self) -> &[R] {
        &self.records
    }

    /// The file, for messages.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Appends records; they are on disk when this returns.
    pub fn append(&mut self, records: impl IntoIterator<Item = R>) -> Result<(), JournalError> {
        let io = |path: &str, source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let fresh: Vec<R> = records.into_iter().collect();
        for record in &fresh {
            let line = Line {
                wire: WIRE,
                record: record.clone(),
            };
            serde_json::to_writer(&mut bytes, &line)
                .map_err(|error| io(&self.path, error.into()))?;
            bytes.push(b'\n');
        }
        self.sink
            .append(&bytes)
            .map_err(|source| io(&self.path, source))?;
        self.records.extend(fresh);
        Ok(())
    }
}

/// Reads the journal at `path` without opening it for writing; `None` if there is no such file.
pub fn load<R: DeserializeOwned>(path: &Path) -> Result<Option<Vec<R>>, JournalError> {
    let name = path.display().to_string();
    let io = |source| JournalError::Io {
        path: name.clone(),
        source,
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let bytes = slurp(&mut file).map_err(io)?;
    Ok(Some(read(&name, &bytes)?.0))
}

/// Reads records from bytes; the second value is how many of the bytes are whole lines. Total.
pub fn read<R: DeserializeOwned>(
    path: &str,
    bytes: &[u8],
) -> Result<(Vec<R>, usize), JournalError> {
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let mut records = Vec::new();
    for (index, line) in bytes
        .get(..whole)
        .unwrap_or_default()
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
    {
        let damaged = |why: String| JournalError::Damaged {
            path: path.to_owned(),
            line: index + 1,
            why,
        };
        let line: Line<R> =
            serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
        if line.wire > WIRE {
            return Err(damaged(format!(
                "it was written by a newer Homeport (wire version {})",
                line.wire
            )));
        }
        records.push(line.record);
    }
    Ok((records, whole))
}

fn slurp(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(io::Error::other(format!(
            "it is larger than {SIZE_LIMIT} bytes"
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn intent(number: u32) -> Record {
        Record::Intent { number, undo: None }
    }

    #[test]
    fn records_survive_and_a_torn_tail_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("op.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        journal.append([intent(0), Record::Commit]).unwrap();
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"wire\":1,\"record\":\"und").unwrap();
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.records(), [intent(0), Record::Commit]);
        journal.append([Record::Undone { number: 0 }]).unwrap();
        assert_eq!(load::<Record>(&path).unwrap().unwrap().len(), 3);
    }

    #[test]
    fn damage_in_the_middle_is_named_and_nothing_is_guessed() {
        let damaged =
            b"{\"wire\":1,\"record\":\"commit\"}\nxx\n{\"wire\":1,\"record\":\"commit\"}\n";
        let error = read::<Record>("j", damaged).unwrap_err().to_string();
        assert!(
            error.starts_with("the journal `j` is damaged in line 2: "),
            "{error}"
        );
        let newer = b"{\"wire\":2,\"record\":\"commit\"}\n";
        assert!(
            read::<Record>("j", newer)
                .unwrap_err()
                .to_string()
                .contains("newer Homeport")
        );
        assert!(
            load::<Record>(Path::new("/nonexistent/j"))
                .unwrap()
                .is_none()
        );
    }

    proptest! {
        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read::<Record>("j", &bytes);
        }

        #[test]
        fn every_cut_gives_a_prefix(cut in 0usize..200) {
            let bytes: Vec<u8> = (0..4).flat_map(|n| format!("{{\"wire\":1,\"record\":\"undone\",\"number\":{n}}}\n").into_bytes()).collect();
            let cut = cut.min(bytes.len());
            let (records, whole) = read::<Record>("j", &bytes[..cut]).unwrap();
            prop_assert!(whole <= cut);
            prop_assert_eq!(records, (0..4).map(|number| Record::Undone { number }).take(cut * 4 / bytes.len()).collect::<Vec<_>>());
        }
    }
}
