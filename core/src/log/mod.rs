//! The operation log of an instance: one line per thing that happened, kept, rotated and compressed. Never a secret:
//! what goes in are titles, reasons and events, which carry none.

pub mod read;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use homeport_bootstrap::utc;
use homeport_engine::event::Event;
use rustix::fs::{FlockOperation, flock};
use schemars::JsonSchema;
use serde::Serialize;

use crate::settings::instance_id;

/// Where the logs are.
pub const DIRECTORY: &str = "/var/log/homeport";

/// A file that would grow beyond this is rotated, bytes.
const ROTATE_AT: u64 = 10 << 20;
/// So many compressed files are kept beside the current one.
const KEPT: u32 = 5;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Only of interest when something is searched for.
    Debug,
    /// What happens.
    Info,
    /// Not as it should be, and nothing failed.
    Warn,
    /// Something failed.
    Error,
    /// Something is done and checked.
    Success,
}

impl Level {
    /// All of them.
    const ALL: [Level; 5] = [
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::Success,
    ];

    fn word(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
            Level::Success => "SUCCESS",
        }
    }
}

/// The log of one instance, open for one operation.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    operation: String,
    rotate_at: u64,
    /// Packing failed once: it is not tried again for every line of this operation.
    unpacked: bool,
}

/// Path of an instance's log below `directory`.
pub fn path(directory: &Path, instance: &str) -> PathBuf {
    directory.join(format!("{instance}.log"))
}

impl Log {
    /// Opens the instance's log (0640, made if there is none). `operation` is the verb in every line.
    pub fn open(directory: &Path, instance: &str, operation: &str) -> io::Result<Log> {
        instance_id(instance).map_err(|why| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("`{instance}` {why}"))
        })?;
        fs::create_dir_all(directory)?;
        let path = path(directory, instance);
        let file = append(&path)?;
        Ok(Log {
            path,
            file,
            operation: operation.to_owned(),
            rotate_at: ROTATE_AT,
            unpacked: false,
        })
    }

    /// Writes the text; of several lines each becomes one of its own. Others may write to the same file at the same time.
    ///
    /// # Errors
    /// When it could not be written; no half line stays. When the file is too long and could not be packed: then the text
    /// is written all the same.
    pub fn write(&mut self, level: Level, text: &str) -> io::Result<()> {
        let now = utc::format(SystemTime::now());
        let lines: String = text
            .lines()
            .map(|text| line(&now, level, &self.operation, text))
            .collect();
        flock(&self.file, FlockOperation::LockExclusive)?;
        let written = self.write_locked(&lines);
        flock(&self.file, FlockOperation::Unlock)?;
        written
    }

    fn write_locked(&mut self, lines: &str) -> io::Result<()> {
        let size = self.file.metadata()?.len();
        let long = size > 0 && size + lines.len() as u64 > self.rotate_at;
        let packed = if long && !self.unpacked {
            self.rotate()
        } else {
            Ok(())
        };
        self.unpacked |= packed.is_err();
        let before = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(lines.as_bytes()) {
            self.file.set_len(before)?;
            return Err(error);
        }
        packed
    }

    /// Writes what an event says.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let (level, text) = told(event);
        self.write(level, &text)
    }

    /// Moves `x.log` to `x.log.1.gz`, the older ones one further, the oldest away. It is packed before anything is moved: a
    /// full disk costs no old lines. The current file is emptied last: killed in between, lines are there twice rather than
    /// not at all.
    fn rotate(&mut self) -> io::Result<()> {
        let fresh = self.path.with_extension("log.gz.new");
        if let Err(error) = pack(&self.path, &fresh) {
            let _ = fs::remove_file(&fresh);
            return Err(error);
        }
        for number in (1..KEPT).rev() {
            match fs::rename(self.archive(number), self.archive(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&fresh, self.archive(1))?;
        self.file.set_len(0)
    }

    fn archive(&self, number: u32) -> PathBuf {
        archive(&self.path, number)
    }
}

/// The compressed file of this number beside a log; 1 is the youngest.
fn archive(log: &Path, number: u32) -> PathBuf {
    log.with_extension(format!("log.{number}.gz"))
}

fn pack(from: &Path, to: &Path) -> io::Result<()> {
    let mut packed = GzEncoder::new(create(to)?, Compression::default());
    io::copy(&mut File::open(from)?, &mut packed)?;
    packed.finish()?.sync_all()
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(path)
}

/// Control characters would let an app's output forge lines or colours.
fn line(now: &str, level: Level, operation: &str, text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!(
        "[{now}] [{}] [{operation}] {}\n",
        level.word(),
        text.trim_end()
    )
}

fn told(event: &Event) -> (Level, String) {
    match event {
        Event::Expected { steps } => (Level::Debug, format!("about {steps} steps")),
        Event::Stage { name, steps, .. } => (Level::Info, format!("stage `{name}`: {steps} steps")),
        Event::Started { number, title } => (Level::Info, format!("step {number}: {title}")),
        Event::Working { number, text } => (Level::Debug, format!("step {number}: {text}")),
        Event::Waiting { number, text } => (Level::Warn, format!("step {number} waits: {text}")),
        Event::Noticed { text } => (Level::Warn, text.clone()),
        Event::Done { number, ms } => (Level::Info, format!("step {number} done after {ms} ms")),
        Event::Failed { number, why } => (Level::Error, format!("step {number} failed: {why}")),
        Event::Committed => (
            Level::Info,
            "committed: from here on only forward".to_owned(),
        ),
        Event::Undoing { number, title } => {
            (Level::Warn, format!("taking back step {number}: {title}"))
        }
    }
}

#[cfg(test)]
mod tests;
