//! `homeport-agent serve`: carries out what `homeport` asks, line by line, and tells how it goes.
//!
//! When its input ends in the middle of a step, that step is finished and journalled and – before Commit – no other is
//! begun. After Commit what was handed over is done to its end, for then there is only forward.

mod handed;
mod voice;
mod work;

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use homeport_engine::run::{Fault, FaultKind};
use homeport_engine::wire::{Answer, Ask, WireError, receive};

use crate::lock::Lock;
use crate::state::StateDir;
use voice::Voice;
use work::Work;

/// Version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Holds the conversation to its end. The first line said is `Hello`, or `Failed` when the lock is taken or the
/// directory cannot be used.
///
/// # Errors
/// What ended the conversation, if it was not its partner. It has been said, too.
pub(crate) fn serve(
    state: StateDir,
    who: &str,
    from: impl BufRead + Send + 'static,
    to: impl Write + Send + 'static,
) -> Result<(), Fault> {
    let stop = Arc::new(AtomicBool::new(false));
    let voice = Voice::new(to, Arc::clone(&stop));
    converse(state, who, from, &voice, &stop).inspect_err(|fault| {
        voice.say(&Answer::Failed {
            number: None,
            fault: fault.clone(),
        });
    })
}

fn converse(
    state: StateDir,
    who: &str,
    from: impl BufRead + Send + 'static,
    voice: &Voice,
    stop: &Arc<AtomicBool>,
) -> Result<(), Fault> {
    state.prepare()?;
    let lock = Lock::take(&state.lock(), who)?;
    voice.say(&Answer::Hello {
        version: VERSION.to_owned(),
        open: state.open()?.into_iter().next(),
    });
    let mut work = Work {
        state,
        lock,
        voice,
        stop,
    };
    for ask in listen(from, Arc::clone(stop)) {
        match ask {
            Ok(ask) => voice.say(&work.answer(ask)),
            Err(WireError::Ended) => return Ok(()),
            Err(error) => return Err(senseless(&error)),
        }
    }
    Ok(())
}

/// Hears what is asked on a thread of its own, so that the end of the input is noticed in the middle of a step.
fn listen(
    mut from: impl BufRead + Send + 'static,
    stop: Arc<AtomicBool>,
) -> Receiver<Result<Ask, WireError>> {
    let (say, heard) = mpsc::channel();
    thread::spawn(move || {
        loop {
            let ask = receive(&mut from);
            let over = ask.is_err();
            if over {
                stop.store(true, Ordering::SeqCst);
            }
            if say.send(ask).is_err() || over {
                return;
            }
        }
    });
    heard
}

fn senseless(error: &WireError) -> Fault {
    let fault = Fault::new(
        FaultKind::Failed,
        format!("the agent does not understand what it is asked: {error}"),
    );
    match error {
        WireError::Newer(_) => {
            fault.with_remedy("The agent in the guest is older than this Homeport: renew it")
        }
        _ => fault,
    }
}
