//! One run: a place, a release in it, core started from it, everything removed – on every way out.
//! The main thread only waits, for whichever comes first: the work done, core ended, or a signal.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use homeport_bootstrap::place::Place;
use homeport_bootstrap::release::{self, CORE, Release, ReleaseError, Source};
use homeport_bootstrap::trust::Key;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::args::Start;
use crate::failure::Failure;
use crate::show::{self, Line};

/// Room for a release packed and unpacked; one takes about 15 MB.
const ROOM: u64 = 64_000_000;
/// How long a stopped worker may take to let go of the directory before it is removed under it. Only a worker that
/// waits for the network takes longer, and that one writes nothing.
const LET_GO: Duration = Duration::from_secs(2);

enum Event {
    Obtained(Result<Release, ReleaseError>),
    Ended(io::Result<ExitStatus>),
    Signal(i32),
}

/// Carries the call out. Returns core's exit code.
pub(crate) fn run(start: Start) -> Result<u8, Failure> {
    let key = Key::compiled()?;
    let (sender, events) = channel();
    watch_signals(sender.clone()).map_err(|error| Failure::signals(&error))?;
    let place = Place::create(room(&start.source))?;
    let release = obtain(&start, key, place.path(), sender.clone(), &events)?;
    if let Ok(Event::Signal(signal)) = events.try_recv() {
        return Err(Failure::stopped(signal));
    }
    let child = spawn(&start, &release.dir).map_err(|error| Failure::start(&error))?;
    let code = wait(child, sender, &events);
    if start.keep {
        show::kept(&place.keep());
    }
    Ok(code)
}

fn watch_signals(sender: Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT])?;
    thread::spawn(move || {
        signals
            .forever()
            .try_for_each(|signal| sender.send(Event::Signal(signal)))
    });
    Ok(())
}

fn room(source: &Source) -> u64 {
    match source {
        Source::File(path) => {
            std::fs::metadata(path).map_or(ROOM, |found| ROOM.saturating_add(found.len()))
        }
        Source::Server { .. } => ROOM,
    }
}

/// Gets the release on a thread of its own, so that a signal need not wait for a silent server.
fn obtain(
    start: &Start,
    key: Key,
    dir: &Path,
    sender: Sender<Event>,
    events: &Receiver<Event>,
) -> Result<Release, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let (source, dir, stopped) = (start.source.clone(), dir.to_owned(), stop.clone());
    thread::spawn(move || {
        let mut line = Line::new();
        let result = release::obtain(&source, &key, &dir, &mut |step| {
            if stopped.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            line.step(step);
            ControlFlow::Continue(())
        });
        line.clear();
        let _ = sender.send(Event::Obtained(result));
    });
    let signal = match events.recv() {
        Ok(Event::Obtained(result)) => return result.map_err(Failure::from),
        Ok(Event::Signal(signal)) => signal,
        // Neither can be: nothing has been started, and the caller holds a sender.
        Ok(Event::Ended(_)) | Err(_) => SIGTERM,
    };
    stop.store(true, Ordering::Relaxed);
    let _ = events.recv_timeout(LET_GO);
    Err(Failure::stopped(signal))
}

fn spawn(start: &Start, dir: &Path) -> io::Result<Child> {
    let mut command = Command::new(dir.join(CORE));
    command
        .args(&start.arguments)
        .env("HOMEPORT_BUNDLE_DIR", dir)
        .stdin(keyboard());
    if let Source::Server { base, channel, .. } = &start.source {
        command
            .env("HOMEPORT_BASE_URL", base)
            .env("HOMEPORT_CHANNEL", OsStr::new(&channel.to_string()));
    }
    command.spawn()
}

/// The terminal, also when this program was started with a script on its stdin, as in `curl … | bash`; without a
/// terminal whatever stdin is.
fn keyboard() -> Stdio {
    if io::stdin().is_terminal() {
        return Stdio::inherit();
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_or_else(|_| Stdio::inherit(), Stdio::from)
}

/// Waits for core. It is told of a hang-up or a request to terminate; what the keyboard sends it gets by itself.
fn wait(mut child: Child, sender: Sender<Event>, events: &Receiver<Event>) -> u8 {
    let core = Pid::from_child(&child);
    thread::spawn(move || sender.send(Event::Ended(child.wait())));
    loop {
        match events.recv() {
            Ok(Event::Ended(status)) => return status.map_or(1, exit_code),
            Ok(Event::Signal(SIGTERM)) => tell(core, Signal::TERM),
            Ok(Event::Signal(SIGHUP)) => tell(core, Signal::HUP),
            Ok(Event::Signal(_) | Event::Obtained(_)) => {}
            Err(_) => return 1,
        }
    }
}

/// A core that cannot be told has just ended; its end is the next event.
fn tell(core: Pid, signal: Signal) {
    let _ = kill_process(core, signal);
}

/// Core's own code, or 128 and the signal that ended it, as shells have it.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
