//! Runs a declared command: as its user, with its environment, stdin, output and limits, and nothing else.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::owner::account;
use crate::cmd::{CmdError, Command, Finished, Input, Output, Record, last_lines};
use crate::durable::replace_with;
use crate::exec::{Exec, Stdin, Stdout};
use crate::require::Observation;
use crate::run::{Fault, FaultKind};

/// Lines of output a fault carries.
pub(super) const LINES: usize = 30;

/// Exit status a shell gives for a program that does not exist.
const NO_PROGRAM: i32 = 127;

/// Runs the command; it must end with 0. Its child is recorded before it does anything.
pub(super) fn run(
    exec: &Exec,
    record: Record<'_>,
    stop: &AtomicBool,
) -> Result<Option<Observation>, Fault> {
    for path in &exec.secret_files {
        private(path)?;
    }
    match &exec.stdout {
        Stdout::Discard => {
            succeeded(exec, recorded(exec, Output::Tail, record, stop)?).map(|_| None)
        }
        Stdout::Keep { limit } => {
            let end = recorded(exec, Output::Keep(*limit as usize), record, stop)?;
            succeeded(exec, end).map(|end| {
                Some(Observation {
                    exit: end.code,
                    stdout: end.text(),
                })
            })
        }
        Stdout::File(path) => into_file(exec, path, record, stop).map(|()| None),
    }
}

/// Runs a read-only command. Whatever it ends with is what was observed; 127 stands for a program that is missing.
///
/// # Errors
/// When it exceeds a limit, is stopped, or its user or stdin does not exist.
pub fn observe(exec: &Exec, stop: &AtomicBool) -> Result<Observation, Fault> {
    let output = match exec.stdout {
        Stdout::Keep { limit } => Output::Keep(limit as usize),
        Stdout::Discard | Stdout::File(_) => Output::Discard,
    };
    match command(exec)?.output(output).run(stop) {
        Ok(end) => Ok(Observation {
            exit: end.code,
            stdout: end.text(),
        }),
        Err(CmdError::Start { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Observation {
                exit: NO_PROGRAM,
                stdout: String::new(),
            })
        }
        Err(error) => Err(broken(error)),
    }
}

fn recorded(
    exec: &Exec,
    output: Output,
    record: Record<'_>,
    stop: &AtomicBool,
) -> Result<Finished, Fault> {
    command(exec)?
        .output(output)
        .run_recorded(record, stop)
        .map_err(broken)
}

/// The file gets its name only when the command has succeeded and every byte is on disk.
fn into_file(exec: &Exec, path: &str, record: Record<'_>, stop: &AtomicBool) -> Result<(), Fault> {
    let mut fault = None;
    let filled = replace_with(Path::new(path), 0o600, |file| {
        let output = Output::File(file.try_clone()?);
        let end = recorded(exec, output, record, stop).and_then(|end| succeeded(exec, end));
        end.map(|_| ()).map_err(|why| {
            fault = Some(why);
            io::Error::other("the command failed")
        })
    });
    filled.map_err(|error| {
        let unwritable = || super::file::failed(path, "cannot be written", &error);
        fault.unwrap_or_else(unwritable)
    })
}

fn command(exec: &Exec) -> Result<Command, Fault> {
    let account = account(&exec.user)?;
    let mut command = Command::new(exec.argv.clone(), time_limit(exec))
        .env("HOME", &account.home)
        .input(input(exec)?);
    for (name, value) in &exec.env {
        command = command.env(name, value);
    }
    if account.uid != 0 {
        command = command.user(account.uid, account.gid);
    }
    Ok(command)
}

/// So long it may take.
pub(super) fn time_limit(exec: &Exec) -> Duration {
    Duration::from_secs(exec.timeout_s.into())
}

/// Its declared stdin.
pub(super) fn input(exec: &Exec) -> Result<Input, Fault> {
    Ok(match &exec.stdin {
        Stdin::None => Input::Null,
        Stdin::Text(text) => Input::Bytes(text.clone().into_bytes()),
        Stdin::File(path) => Input::File(
            File::open(path)
                .map_err(|error| super::file::failed(path, "cannot be read", &error))?,
        ),
    })
}

/// A secret that others can read is no secret: the command is not run.
fn private(path: &str) -> Result<(), Fault> {
    let found =
        fs::metadata(path).map_err(|error| super::file::failed(path, "cannot be read", &error))?;
    if found.permissions().mode() & 0o007 == 0 {
        return Ok(());
    }
    let why = format!("`{path}` holds a secret and can be read by everyone");
    Err(Fault::new(FaultKind::Failed, why).with_remedy(format!("chmod o= {path}")))
}

fn succeeded(exec: &Exec, end: Finished) -> Result<Finished, Fault> {
    if end.ok() {
        return Ok(end);
    }
    let program = exec.argv.first().map_or("", String::as_str);
    let why = match end.code {
        NO_PROGRAM => {
            format!("`{program}` ended with status 127: it or something it needs is missing")
        }
        code if code > 128 => format!("`{program}` was ended by signal {}", code - 128),
        code => format!("`{program}` ended with status {code}"),
    };
    let kind = exec.fails_as.unwrap_or(FaultKind::Failed);
    Err(Fault::new(kind, why).with_lines(last_of_both(&end)))
}

/// The end of stderr, and before it as much of stdout as there is room for: builds report there.
fn last_of_both(end: &Finished) -> Vec<String> {
    let mut errors = end.last_lines(LINES);
    let mut lines = last_lines(&end.stdout, LINES - errors.len());
    lines.append(&mut errors);
    lines
}

pub(super) fn broken(error: CmdError) -> Fault {
    let kind = match &error {
        CmdError::Stopped { .. } => FaultKind::Cancelled,
        CmdError::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            FaultKind::Resources
        }
        _ => FaultKind::Failed,
    };
    Fault::new(kind, error.to_string())
}

#[cfg(test)]
#[path = "exec_tests.rs"]
mod tests;
