//! `homeport-agent gate`: the relay between proxy and app at which requests wait while a release is exchanged.
//! It never looks into what it relays, never sends a byte twice, and never ends a hold by itself.
//!
//! A kill loses nobody who waits: the listening sockets belong to systemd, and a gate that starts while the hold mark
//! is there comes up holding. To exchange the gate itself, restart its service: the old one takes nobody any more,
//! finishes its requests within the unit's `TimeoutStopSec`, and meanwhile new ones wait in the kernel's queue.

mod admission;
mod colour;
mod config;
pub(crate) mod control;
mod desk;
mod dial;
mod error;
mod flow;
mod listen;
mod mark;
mod notify;
mod poller;
mod queue;
mod relay;
mod serve;
mod table;
mod traffic;

pub(crate) use colour::ColourDir;
pub(crate) use error::GateError;

use config::{Config, Options};
use listen::Listeners;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::num::NonZeroU32;
use std::path::Path;

/// Runs the gate until it is told to end (SIGTERM, SIGINT). Changes the signal mask and the limit on open files of
/// the process, and takes over its standard input and output.
///
/// # Errors
/// When it cannot start, or the system stops reporting events.
pub(crate) fn run(args: &[String]) -> Result<(), GateError> {
    let config = Config::parse(args)?;
    let listeners = Listeners::inherited()?;
    let ending = ending().map_err(GateError::system("watch for signals"))?;
    std::fs::read_dir(&config.colour_dir)
        .map_err(GateError::system("read the colour directory"))?;
    let mut gate = serve::Gate::new(config, listeners, ending, raise_open_files())?;
    notify::ready().map_err(GateError::system("tell systemd that it is ready"))?;
    gate.run()
}

/// `gate-control hold|release|status --control PATH [--width N]`: asks a running gate.
///
/// # Errors
/// When the words are wrong, or the gate does not answer or refuses.
pub(crate) fn run_control(args: &[String]) -> Result<control::Status, GateError> {
    let (verb, options) = args
        .split_first()
        .ok_or_else(|| GateError::Usage("hold, release or status?".into()))?;
    let names: &[&str] = if verb == "release" {
        &["--control", "--width"]
    } else {
        &["--control"]
    };
    let options = Options::read(options, names)?;
    let path = Path::new(options.required("--control")?);
    let width = options
        .optional("--width")
        .map(|text| options.number("--width", text))
        .transpose()?;
    match verb.as_str() {
        "hold" => control::hold(path),
        "release" => control::release(path, width.and_then(NonZeroU32::new)),
        "status" => control::status(path),
        other => Err(GateError::Usage(format!(
            "{other:?} is not hold, release or status"
        ))),
    }
}

/// The signals that end the service, readable instead of deadly. (SIGPIPE is ignored by Rust's runtime.)
fn ending() -> io::Result<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    Ok(SignalFd::with_flags(
        &signals,
        SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC,
    )?)
}

/// Raises the soft limit on open files to the hard one; what it became decides how many connections are taken.
fn raise_open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // A refusal leaves the old limit, which is read back below.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files).unwrap_or(usize::MAX)
}
