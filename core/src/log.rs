//! The operation log of an instance: one line per thing that happened, kept, rotated and compressed. Never a secret:
//! what goes in are titles, reasons and events, which carry none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use homeport_bootstrap::utc;
use homeport_engine::event::Event;

use crate::settings::instance_id;

/// Where the logs are.
pub const DIRECTORY: &str = "/var/log/homeport";

/// A file that would grow beyond this is rotated, bytes.
const ROTATE_AT: u64 = 10 << 20;
/// So many compressed files are kept beside the current one.
const KEPT: u32 = 5;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    size: u64,
    operation: String,
    rotate_at: u64,
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
        let size = file.metadata()?.len();
        Ok(Log {
            path,
            file,
            size,
            operation: operation.to_owned(),
            rotate_at: ROTATE_AT,
        })
    }

    /// Writes the text; of several lines each becomes one of its own.
    pub fn write(&mut self, level: Level, text: &str) -> io::Result<()> {
        let now = utc::format(SystemTime::now());
        let lines: String = text
            .lines()
            .map(|text| line(&now, level, &self.operation, text))
            .collect();
        if self.size > 0 && self.size + lines.len() as u64 > self.rotate_at {
            self.rotate()?;
        }
        self.file.write_all(lines.as_bytes())?;
        self.size += lines.len() as u64;
        Ok(())
    }

    /// Writes what an event says.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let (level, text) = told(event);
        self.write(level, &text)
    }

    /// Moves `x.log` to `x.log.1.gz`, the older ones one further, the oldest away. The current file is emptied last:
    /// killed in between, lines are there twice rather than not at all.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            match fs::rename(self.archive(number), self.archive(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let fresh = self.path.with_extension("log.gz.new");
        let mut packed = GzEncoder::new(create(&fresh)?, Compression::default());
        io::copy(&mut File::open(&self.path)?, &mut packed)?;
        packed.finish()?.sync_all()?;
        fs::rename(&fresh, self.archive(1))?;
        self.file.set_len(0)?;
        self.size = 0;
        Ok(())
    }

    fn archive(&self, number: u32) -> PathBuf {
        self.path.with_extension(format!("log.{number}.gz"))
    }
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
mod tests {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn lines_have_the_agreed_form_and_cannot_be_forged() {
        assert_eq!(
            line("2026-01-02T03:04:05Z", Level::Info, "update", "text"),
            "[2026-01-02T03:04:05Z] [INFO] [update] text\n"
        );
        assert_eq!(
            line("T", Level::Error, "x", "a\x1b[31mb\rc"),
            "[T] [ERROR] [x] a [31mb c\n"
        );
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), "tasks", "install").unwrap();
        log.write(Level::Success, "one\ntwo").unwrap();
        log.event(&Event::Failed {
            number: 3,
            why: "no".to_owned(),
        })
        .unwrap();
        let path = path(dir.path(), "tasks");
        let text = fs::read_to_string(&path).unwrap();
        let ends: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_once("Z] "))
            .map(|(_, end)| end)
            .collect();
        assert_eq!(
            ends,
            [
                "[SUCCESS] [install] one",
                "[SUCCESS] [install] two",
                "[ERROR] [install] step 3 failed: no"
            ]
        );
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o640
        );
    }

    #[test]
    fn a_full_file_is_rotated_and_five_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), "tasks", "x").unwrap();
        log.rotate_at = 200;
        for number in 0..40 {
            log.write(Level::Info, &format!("line {number:02} {}", "x".repeat(40)))
                .unwrap();
        }
        drop(log);
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "tasks.log",
                "tasks.log.1.gz",
                "tasks.log.2.gz",
                "tasks.log.3.gz",
                "tasks.log.4.gz",
                "tasks.log.5.gz"
            ]
        );
        let mut text = fs::read_to_string(path(dir.path(), "tasks")).unwrap();
        for number in 1..=5 {
            let mut older = String::new();
            let file = File::open(dir.path().join(format!("tasks.log.{number}.gz"))).unwrap();
            GzDecoder::new(file).read_to_string(&mut older).unwrap();
            text.insert_str(0, &older);
        }
        let numbers: Vec<&str> = text
            .lines()
            .map(|line| line.split(' ').nth(4).unwrap())
            .collect();
        let expected: Vec<String> = (28..40).map(|number| format!("{number:02}")).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = Log::open(dir.path(), "../x", "stop").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn another_operation_goes_on_in_the_same_file() {
        let dir = tempfile::tempdir().unwrap();
        for operation in ["install", "stop"] {
            Log::open(dir.path(), "tasks", operation)
                .unwrap()
                .write(Level::Info, "x")
                .unwrap();
        }
        assert_eq!(
            fs::read_to_string(path(dir.path(), "tasks"))
                .unwrap()
                .lines()
                .count(),
            2
        );
    }
}
