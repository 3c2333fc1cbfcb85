//! Shows an operation while it runs: one redraw area on a terminal, plain timestamped lines without one, JSON lines for
//! programs. Never decides anything, and ends when it is told to, whatever the terminal does.

mod render;
mod state;

use std::io::{self, IsTerminal};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use homeport_bootstrap::utc;
use homeport_engine::event::Event;

use super::style::Style;
use super::{json, output};
use state::State;

/// How often the elapsed time is brought up to date.
const TICK: Duration = Duration::from_millis(500);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As the terminal allows; `verbose` shows also what steps say.
    Talk {
        /// Whether what steps say is shown without a terminal, too.
        verbose: bool,
    },
    /// One JSON line per event.
    Json,
    /// Not at all.
    Quiet,
}

/// What is shown of an operation beside its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What it is, as a heading: `install tasks`.
    pub heading: String,
    /// How many steps all stages have together, as far as is known beforehand; 0: not known.
    pub steps: u32,
    /// What Ctrl-C does before Commit, as the rest of a sentence: `removes what was made`.
    pub interrupt: String,
}

/// Shows events as they are told, until it is dropped.
#[derive(Debug)]
pub struct Progress {
    events: Option<Sender<Event>>,
    painter: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to show.
    pub fn start(about: About, mode: Mode) -> Progress {
        let (sender, events) = channel();
        let painter = std::thread::spawn(move || match mode {
            Mode::Quiet => events.iter().for_each(drop),
            Mode::Json => events
                .iter()
                .for_each(|event| output::talk(&json::event(&event))),
            Mode::Talk { .. } if io::stderr().is_terminal() => on_terminal(&about, &events),
            Mode::Talk { verbose } => in_lines(&about, &events, verbose),
        });
        Progress {
            events: Some(sender),
            painter: Some(painter),
        }
    }

    /// Shows an event.
    pub fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            // The painter is gone only if it panicked; the operation is worth more than its picture.
            let _ = events.send(event);
        }
    }
}

impl Drop for Progress {
    /// Shows what was told last and leaves the terminal as it was.
    fn drop(&mut self) {
        self.events = None;
        if let Some(painter) = self.painter.take() {
            let _ = painter.join();
        }
    }
}

fn in_lines(about: &About, events: &Receiver<Event>, verbose: bool) {
    let began = Instant::now();
    let mut state = State::new(about);
    for event in events {
        state.take(&event, began.elapsed());
        if let Some(line) = render::line(&state, &event, verbose) {
            output::talk(&format!("{} {line}", utc::format(SystemTime::now())));
        }
    }
}

fn on_terminal(about: &About, events: &Receiver<Event>) {
    let began = Instant::now();
    let mut state = State::new(about);
    let mut area = Area::default();
    output::talk(&Style::of(&io::stderr()).bold(&about.heading));
    loop {
        let style = Style::of(&io::stderr());
        match events.recv_timeout(TICK) {
            Ok(event) => {
                state.take(&event, began.elapsed());
                area.clear();
                if let Some(line) = render::lasting(&state, &event, style) {
                    output::talk(&line);
                }
                area.draw(&render::area(&state, began.elapsed(), style));
            }
            Err(RecvTimeoutError::Timeout) => {
                area.clear();
                area.draw(&render::area(&state, began.elapsed(), style));
            }
            Err(RecvTimeoutError::Disconnected) => return area.clear(),
        }
    }
}

/// The last lines of the terminal, drawn again and again. Lines are cut to its width, so each is one line.
#[derive(Debug, Default)]
struct Area {
    lines: usize,
}

impl Area {
    fn draw(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            output::talk(&lines.join("\n"));
        }
        self.lines = lines.len();
    }

    /// Up to the first line, and everything from there on away.
    fn clear(&mut self) {
        if self.lines > 0 {
            output::control(&format!("\x1b[{}F\x1b[J", self.lines));
        }
        self.lines = 0;
    }
}
