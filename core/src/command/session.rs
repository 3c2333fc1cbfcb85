//! What surrounds a verb while it runs: the wish to stop, progress on the terminal, the log on disk.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::event::Event;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::cli::args::Common;
use crate::cli::progress::{About, Mode, Progress};
use crate::cli::{ask, output};
use crate::error::Error;
use crate::lock;
use crate::log::{self, Level, Log};
use crate::program::Program;
use crate::report::Finding;
use crate::target::proxmox::Proxmox;
use crate::verbs::Context;

/// How often a pause looks whether it is over.
const STEP: Duration = Duration::from_millis(50);

/// One verb's surroundings.
pub struct Session {
    common: Common,
    verb: &'static str,
    looks_only: bool,
    program: Program,
    stop: Arc<AtomicBool>,
}

/// What a running verb leaves behind for people: lines in a log, a picture on the terminal.
struct Traces {
    verb: &'static str,
    about: About,
    mode: Mode,
    log: RefCell<Option<Log>>,
    unlogged: RefCell<Option<io::Error>>,
    progress: RefCell<Option<Progress>>,
}

impl Session {
    /// For this verb. One that only looks is not logged and shows no progress.
    pub fn new(common: Common, verb: &'static str, looks_only: bool) -> Result<Session, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, stop.clone())
                .map_err(|error| Error::state(Path::new("/proc/self"), error))?;
        }
        let program = Program::find()?;
        Ok(Session {
            common,
            verb,
            looks_only,
            program,
            stop,
        })
    }

    /// This Homeport.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Set when the user asks to stop.
    pub fn stop(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Whether the user asked to stop.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Asks to stop once nobody reads the results any more, such as `head` that has seen enough.
    pub fn stop_when_unread(&self) {
        let stop = self.stop.clone();
        thread::spawn(move || {
            output::until_unread();
            stop.store(true, Ordering::SeqCst);
        });
    }

    /// Waits; false as soon as the user asked to stop.
    pub fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.stopped() && Instant::now() < until {
            thread::sleep(STEP.min(until.saturating_duration_since(Instant::now())));
        }
        !self.stopped()
    }

    /// Runs the verb. `interrupt` is what Ctrl-C does, as the rest of a sentence.
    pub fn run<T>(
        &mut self,
        interrupt: &str,
        verb: impl FnOnce(&mut Context<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let traces = self.traces(interrupt);
        let ended = verb(&mut Context {
            program: &self.program,
            target: &mut Proxmox::new(self.stop.clone()),
            stop: &self.stop,
            tell: &mut |event| {
                // From here on there is only forward: the wish to stop is over.
                if event == Event::Committed {
                    self.stop.store(false, Ordering::SeqCst);
                }
                traces.tell(event);
            },
            named: &mut |instance| traces.open(instance),
            remark: &mut |finding| self.remark(&traces, finding),
            confirm: &mut |question| self.ask(&traces, question),
        });
        traces.close(&ended);
        if !self.looks_only {
            // What killed commands left there holds nobody up, and is no failure of this one.
            let _ = lock::sweep(Path::new(lock::DIRECTORY));
        }
        ended
    }

    fn traces(&self, interrupt: &str) -> Traces {
        let mode = if self.looks_only {
            Mode::Quiet
        } else {
            self.common.progress()
        };
        let (heading, interrupt) = (self.verb.to_owned(), interrupt.to_owned());
        Traces {
            verb: self.verb,
            about: About {
                heading,
                steps: 0,
                interrupt,
            },
            mode,
            log: RefCell::default(),
            unlogged: RefCell::default(),
            progress: RefCell::default(),
        }
    }

    /// What is in nobody's way is talk, and a line of the log.
    fn remark(&self, traces: &Traces, finding: &Finding) {
        traces.write(|log| log.write(Level::Warn, &finding.clause()));
        output::remark(finding, self.common.progress());
    }

    /// Whoever reads JSON cannot answer a question.
    fn ask(&self, traces: &Traces, question: &str) -> Result<(), Error> {
        traces.progress.take();
        if self.common.json && !self.common.yes {
            return Err(Error::cannot_ask(question));
        }
        ask::confirm(question, self.common.yes)
    }
}

impl Traces {
    /// The instance is known and this verb is the one that works on it: from here on there is a log.
    fn open(&self, instance: &str) -> Result<(), Error> {
        let directory = Path::new(log::DIRECTORY);
        let opened = Log::open(directory, &instance.to_lowercase(), self.verb);
        let opened = opened.map_err(|source| Error::state(directory, source))?;
        *self.log.borrow_mut() = Some(opened);
        Ok(())
    }

    fn tell(&self, event: Event) {
        self.write(|log| log.event(&event));
        let mut progress = self.progress.borrow_mut();
        let progress =
            progress.get_or_insert_with(|| Progress::start(self.about.clone(), self.mode));
        progress.tell(event);
    }

    fn write(&self, write: impl FnOnce(&mut Log) -> io::Result<()>) {
        if let Some(Err(error)) = self.log.borrow_mut().as_mut().map(write) {
            self.unlogged.borrow_mut().get_or_insert(error);
        }
    }

    /// The log's last line says how it ended. A log that could not be written is said, but is no failure of the verb.
    fn close<T>(&self, ended: &Result<T, Error>) {
        self.progress.take();
        match ended {
            Ok(_) => self.write(|log| log.write(Level::Success, "done")),
            Err(error) => {
                self.write(|log| log.write(Level::Error, &format!("{} {}", error.what, error.why)))
            }
        }
        if let Some(error) = self.unlogged.take() {
            output::talk(&format!(
                "The log in {} could not be written: {error}.",
                log::DIRECTORY
            ));
        }
    }
}
