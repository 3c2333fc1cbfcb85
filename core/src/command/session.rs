//! What surrounds a verb while it runs: the wish to stop, progress on the terminal, the log on disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use homeport_engine::event::Event;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::cli::args::Common;
use crate::cli::ask;
use crate::cli::progress::{About, Mode, Progress};
use crate::error::Error;
use crate::log::{self, Level, Log};
use crate::program::Program;
use crate::target::proxmox::Proxmox;
use crate::verbs::Context;

/// One verb's surroundings.
pub struct Session {
    common: Common,
    verb: &'static str,
    instance: String,
    looks_only: bool,
    program: Program,
    stop: Arc<AtomicBool>,
}

impl Session {
    /// For this verb on this instance. One that only looks is not logged and shows no progress.
    pub fn new(
        common: Common,
        verb: &'static str,
        instance: &str,
        looks_only: bool,
    ) -> Result<Session, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, stop.clone())
                .map_err(|error| Error::state(Path::new("/proc/self"), error))?;
        }
        let program = Program::find()?;
        Ok(Session {
            common,
            verb,
            instance: instance.to_owned(),
            looks_only,
            program,
            stop,
        })
    }

    /// Runs the verb. `interrupt` is what Ctrl-C does, as the rest of a sentence.
    pub fn run<T>(
        &mut self,
        interrupt: &str,
        verb: impl FnOnce(&mut Context<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut log = self.log()?;
        let heading = format!("{} {}", self.verb, self.instance)
            .trim_end()
            .to_owned();
        let about = About {
            heading,
            steps: 0,
            interrupt: interrupt.to_owned(),
        };
        let mode = if self.looks_only {
            Mode::Quiet
        } else {
            self.common.progress()
        };
        let mut progress: Option<Progress> = None;
        let mut unlogged = None;
        let mut tell = |event: Event| {
            if let Some(log) = &mut log
                && let Err(error) = log.event(&event)
            {
                unlogged.get_or_insert(error);
            }
            progress
                .get_or_insert_with(|| Progress::start(about.clone(), mode))
                .tell(event);
        };
        let yes = self.common.yes;
        let ended = verb(&mut Context {
            program: &self.program,
            target: &mut Proxmox::new(self.stop.clone()),
            stop: &self.stop,
            tell: &mut tell,
            confirm: &mut |question| ask::confirm(question, yes),
        });
        drop(progress);
        self.close(log, &ended, unlogged);
        ended
    }

    fn log(&self) -> Result<Option<Log>, Error> {
        if self.looks_only || self.instance.is_empty() {
            return Ok(None);
        }
        let directory = Path::new(log::DIRECTORY);
        let log = Log::open(directory, &self.instance.to_lowercase(), self.verb);
        log.map(Some)
            .map_err(|source| Error::state(directory, source))
    }

    /// The log's last line says how it ended. A log that could not be written is said, but is no failure of the verb.
    fn close<T>(
        &self,
        log: Option<Log>,
        ended: &Result<T, Error>,
        unlogged: Option<std::io::Error>,
    ) {
        let written = log.map(|mut log| match ended {
            Ok(_) => log.write(Level::Success, "done"),
            Err(error) => log.write(Level::Error, &format!("{} {}", error.what, error.why)),
        });
        if let Some(error) = unlogged.or(written.and_then(Result::err)) {
            crate::cli::output::talk(&format!(
                "The log in {} could not be written: {error}.",
                log::DIRECTORY
            ));
        }
    }
}
