//! Ends the program when it is told to stop while it waits for a key, and gives the terminal back as it was. What waits for
//! a key has changed nothing yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::{super::output, terminal};
use crate::error::Error;

/// How often it is looked.
const STEP: Duration = Duration::from_millis(50);

/// Shows the cursor, which prompts may have hidden, and clears what stands below it.
const CURSOR: &str = "\x1b[?25h\r\n\x1b[J";

/// Watches until it is dropped.
pub struct Watch {
    over: Arc<AtomicBool>,
    watching: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to watch `stop`.
    pub fn start(stop: Arc<AtomicBool>) -> Watch {
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let before = terminal().ok().and_then(|tty| tcgetattr(tty).ok());
        let watching = thread::spawn(move || {
            while !until.load(Ordering::SeqCst) {
                if stop.load(Ordering::SeqCst) {
                    leave(before.as_ref());
                }
                thread::sleep(STEP);
            }
        });
        Watch {
            over,
            watching: Some(watching),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(watching) = self.watching.take() {
            let _ = watching.join();
        }
    }
}

fn leave(before: Option<&Termios>) -> ! {
    if let Some((tty, before)) = terminal().ok().zip(before) {
        let _ = tcsetattr(tty, OptionalActions::Now, before);
    }
    output::control(CURSOR);
    let error = Error::left();
    output::fail(&error, false);
    std::process::exit(error.code().into())
}
