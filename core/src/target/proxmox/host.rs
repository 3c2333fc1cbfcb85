//! Calls Proxmox's programs: counts the calls, bounds them in time, and turns what goes wrong into faults that name the
//! remedy. No exit status means anything but "well" or "not well" (rule 4), and even that only where the
//! program is known to be honest about it (rule 1).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use homeport_engine::cmd::{CmdError, Command, Finished, Input, Output, Record};
use homeport_engine::run::{Fault, FaultKind};

use super::argv::Argv;
use super::fault::{broken, refused};

/// So much of an answer is read, bytes. A cluster of a thousand guests answers with 400 KiB.
const ANSWER: usize = 16 << 20;

/// The host's programs.
pub(super) struct Host {
    /// What is put before a program's name; nothing but in tests.
    prefix: String,
    calls: u32,
    stop: Arc<AtomicBool>,
}

/// Whether a call may be ended when the user asks to stop. One that takes things away runs to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnStop {
    /// End it.
    End,
    /// Let it finish.
    Finish,
}

impl Host {
    /// The programs found on the fixed PATH. `stop`, once set, ends the calls that may be ended.
    pub(super) fn new(stop: Arc<AtomicBool>) -> Host {
        Host::within("", stop)
    }

    pub(super) fn within(prefix: &str, stop: Arc<AtomicBool>) -> Host {
        Host {
            prefix: prefix.to_owned(),
            calls: 0,
            stop,
        }
    }

    /// How many calls there were.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// The user's wish to stop.
    pub(super) fn stop(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    /// Puts another wish in the place of this one, and gives this one back.
    pub(super) fn exchange_stop(&mut self, stop: Arc<AtomicBool>) -> Arc<AtomicBool> {
        std::mem::replace(&mut self.stop, stop)
    }

    /// A command whose end, good or bad, is for the caller to judge.
    pub(super) fn ask(
        &mut self,
        argv: Argv,
        seconds: u64,
        on_stop: OnStop,
    ) -> Result<Finished, Fault> {
        let title = title(&argv);
        let command = self.command(argv, seconds);
        command
            .run(&self.flag(on_stop))
            .map_err(|error| broken(&title, &error))
    }

    /// A command that must end well.
    pub(super) fn must(
        &mut self,
        argv: Argv,
        seconds: u64,
        on_stop: OnStop,
    ) -> Result<Finished, Fault> {
        let title = title(&argv);
        let end = self.ask(argv, seconds, on_stop)?;
        if end.ok() {
            Ok(end)
        } else {
            Err(refused(&title, &end))
        }
    }

    /// A command that is written down before it begins, and may be ended.
    pub(super) fn recorded(
        &mut self,
        argv: Argv,
        seconds: u64,
        record: Record<'_>,
    ) -> Result<Finished, Fault> {
        let title = title(&argv);
        let command = self.command(argv, seconds);
        command
            .run_recorded(record, &self.stop)
            .map_err(|error| broken(&title, &error))
    }

    /// A command that is fed and read by others.
    pub(super) fn stream(
        &mut self,
        argv: Argv,
        seconds: u64,
        input: Input,
        output: Output,
    ) -> Result<Finished, CmdError> {
        let command = self.command(argv, seconds).input(input).output(output);
        command.run(&self.stop)
    }

    /// A command to talk with.
    pub(super) fn command(&mut self, mut argv: Argv, seconds: u64) -> Command {
        self.calls += 1;
        if let Some(program) = argv.first_mut() {
            program.insert_str(0, &self.prefix);
        }
        Command::new(argv, Duration::from_secs(seconds)).output(Output::Keep(ANSWER))
    }

    fn flag(&self, on_stop: OnStop) -> Arc<AtomicBool> {
        match on_stop {
            OnStop::End => self.stop.clone(),
            OnStop::Finish => Arc::default(),
        }
    }
}

/// What a call is called in messages: program, verb and object, without options or contents.
pub(super) fn title(argv: &Argv) -> String {
    let words = argv.iter().take_while(|word| !word.starts_with("--"));
    words.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// A fault of this kind.
pub(super) fn fault<T>(kind: FaultKind, why: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(kind, why))
}
