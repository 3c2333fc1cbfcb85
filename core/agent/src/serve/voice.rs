//! What the agent says, from whichever thread: whole lines, one after another.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use homeport_engine::wire::{Answer, send};

/// Time between two heartbeats; the host gives up after several.
const BEAT: Duration = Duration::from_secs(5);

/// The agent's side of the conversation.
pub(super) struct Voice {
    to: Mutex<Box<dyn Write + Send>>,
    stop: Arc<AtomicBool>,
}

impl Voice {
    /// Speaks to `to`. `stop` is set when nobody listens any more.
    pub(super) fn new(to: impl Write + Send + 'static, stop: Arc<AtomicBool>) -> Voice {
        Voice {
            to: Mutex::new(Box::new(to)),
            stop,
        }
    }

    /// Says it. That nobody listens is no reason to break off a step, only to begin no other.
    pub(super) fn say(&self, answer: &Answer) {
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        if send(&mut *to, answer).is_err() {
            self.stop.store(true, Ordering::SeqCst);
        }
    }

    /// Does the work, with a heartbeat all the while.
    pub(super) fn beating<T>(&self, work: impl FnOnce() -> T) -> T {
        let (over, beat) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                while beat.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                    self.say(&Answer::Heartbeat);
                }
            });
            let done = work();
            drop(over);
            done
        })
    }
}
