//! Reads operation logs, also while they are written and rotated. What is in a file that root alone writes is still only
//! text: lines of another form are kept as text, and no file is read without limit.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::{KEPT, Level, archive};

/// More is not read of one file, bytes: several times what a file is rotated at.
const LIMIT: u64 = 64 << 20;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, UTC; empty: the line does not say.
    pub time: String,
    /// How much it matters.
    pub level: Level,
    /// The verb that wrote it.
    pub operation: String,
    /// What it says.
    pub text: String,
}

/// The last lines of a log and its packed files, at most so many, oldest first. One that is not there has none.
pub fn last(log: &Path, count: usize) -> io::Result<Vec<Entry>> {
    let mut entries = entries(&whole(log)?);
    for number in 1..=KEPT {
        if entries.len() >= count {
            break;
        }
        let mut older = self::entries(&unpacked(&archive(log, number))?);
        older.append(&mut entries);
        entries = older;
    }
    let surplus = entries.len().saturating_sub(count);
    Ok(entries.split_off(surplus))
}

/// What is appended to a log from now on.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    read: u64,
    rest: Vec<u8>,
}

impl Tail {
    /// Begins at the end of the log.
    pub fn of(log: &Path) -> Tail {
        Tail {
            path: log.to_owned(),
            read: log.metadata().map_or(0, |seen| seen.len()),
            rest: Vec::new(),
        }
    }

    /// Whole lines that have come since. A file that has become shorter was packed: it is read from its beginning.
    pub fn more(&mut self) -> io::Result<Vec<Entry>> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        if file.metadata()?.len() < self.read {
            self.read = 0;
            self.rest.clear();
        }
        file.seek(SeekFrom::Start(self.read))?;
        let count = file.take(LIMIT).read_to_end(&mut self.rest)?;
        self.read += count as u64;
        let whole = self
            .rest
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        Ok(entries(&lines))
    }
}

fn whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        file => {
            file?.take(LIMIT).read_to_end(&mut bytes)?;
        }
    }
    Ok(bytes)
}

/// A packed file that is damaged is read as far as it goes.
fn unpacked(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let _ = GzDecoder::new(whole(path)?.as_slice())
        .take(LIMIT)
        .read_to_end(&mut bytes);
    Ok(bytes)
}

fn entries(bytes: &[u8]) -> Vec<Entry> {
    String::from_utf8_lossy(bytes).lines().map(entry).collect()
}

/// `[time] [LEVEL] [operation] text`.
fn entry(line: &str) -> Entry {
    let parsed = || {
        let (time, rest) = line.strip_prefix('[')?.split_once("] [")?;
        let (word, rest) = rest.split_once("] [")?;
        let (operation, text) = rest.split_once("] ")?;
        let level = Level::ALL.into_iter().find(|level| level.word() == word)?;
        Some((time, level, operation, text))
    };
    let (time, level, operation, text) = parsed().unwrap_or(("", Level::Info, "", line));
    Entry {
        time: time.to_owned(),
        level,
        operation: operation.to_owned(),
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Log, path};
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        assert_eq!(
            entry("[2026-01-02T03:04:05Z] [WARN] [update] step 3 waits: [x] y"),
            Entry {
                time: "2026-01-02T03:04:05Z".to_owned(),
                level: Level::Warn,
                operation: "update".to_owned(),
                text: "step 3 waits: [x] y".to_owned(),
            }
        );
        for line in ["", "[", "[a] [INFO]", "[a] [LOUD] [b] c", "plain"] {
            assert_eq!(
                (entry(line).text.as_str(), entry(line).level),
                (line, Level::Info)
            );
        }
    }

    #[test]
    fn what_is_appended_is_read_once_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let log = path(dir.path(), "tasks");
        let mut tail = Tail::of(&log);
        assert_eq!(tail.more().unwrap(), []);
        Log::open(dir.path(), "tasks", "stop")
            .unwrap()
            .write(Level::Info, "one\ntwo")
            .unwrap();
        let texts = |entries: Vec<Entry>| {
            entries
                .into_iter()
                .map(|entry| entry.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(tail.more().unwrap()), ["one", "two"]);
        assert_eq!(tail.more().unwrap(), []);
        fs::write(&log, "half").unwrap();
        assert_eq!(tail.more().unwrap(), []);
        fs::write(&log, "half a line\n").unwrap();
        assert_eq!(texts(tail.more().unwrap()), ["half a line"]);
    }
}
