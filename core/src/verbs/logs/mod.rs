//! What an instance's programs have logged: the journal of its guest, and Homeport's own log of what it did to it. Only
//! reads. What a guest says is anybody's text: it is bounded here and made harmless where it is shown.

mod entry;
mod guest;
mod units;

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use homeport_bootstrap::utc;

use crate::error::{Error, Kind};
use crate::log::{self, read};
use crate::report::Line;
use crate::verbs::Context;
use crate::verbs::living::{self, Living};

/// The component that is Homeport's own log.
pub const OWN: &str = "homeport";

/// How often Homeport's own log is looked at while it is followed.
const GLANCE: Duration = Duration::from_millis(250);

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Name of the instance.
    pub name: Option<String>,
    /// Components; none: all of the guest.
    pub components: Vec<String>,
    /// So many of the last lines.
    pub lines: u32,
    /// Nothing before this, Unix seconds.
    pub since: Option<u64>,
    /// Whether what comes is shown until the user asks to stop.
    pub follow: bool,
}

/// Shows a line; an error ends it, and is none when the reader has gone away.
pub type Show = Box<dyn FnMut(Line) -> io::Result<()> + Send>;

/// Shows the log.
pub fn logs(cx: &mut Context<'_>, request: &Request, show: Show) -> Result<(), Error> {
    let own = request
        .components
        .iter()
        .filter(|name| *name == OWN)
        .count();
    if own > 0 && own < request.components.len() {
        let why = format!("`{OWN}` is a log on the host, all others are in the guest");
        return Err(
            Error::new(Kind::Usage, "They cannot be shown together.", why)
                .with_remedy(format!("homeport logs --component {OWN}")),
        );
    }
    if own > 0 {
        return homeports(cx, request, show);
    }
    let living = living::find(cx.target, request.name.as_deref())?;
    living.here()?;
    if !living.running() {
        return Err(stopped(&living));
    }
    guest::logs(cx, &living, request, show)
}

fn stopped(living: &Living) -> Error {
    let instance = &living.guest.instance;
    Error::host(
        format!(
            "container {} does not run, so its journal cannot be read",
            living.guest.id
        ),
        format!("homeport start {instance}"),
    )
    .with_remedy(format!("homeport logs {instance} --component {OWN}"))
}

/// Homeport's own log of the instance, which may be gone already: only its name is needed.
fn homeports(cx: &mut Context<'_>, request: &Request, mut show: Show) -> Result<(), Error> {
    let instance = match &request.name {
        Some(name) => name.to_lowercase(),
        None => living::find(cx.target, None)?.guest.instance,
    };
    let path = log::path(Path::new(log::DIRECTORY), &instance);
    let unread = |source| Error::unreadable(&path, source);
    if !path.exists() {
        let why = format!("`{}` is not there", path.display());
        return Err(
            Error::new(Kind::NotFound, "Nothing was done to it from here.", why)
                .with_remedy("homeport list"),
        );
    }
    let mut tail = read::Tail::of(&path);
    let entries = read::last(&path, request.lines as usize).map_err(unread)?;
    let shown = |entries: Vec<read::Entry>, show: &mut Show| {
        let lines = entries.into_iter().map(own_line);
        lines
            .filter(|line| recent(line, request.since))
            .try_for_each(show)
    };
    if shown(entries, &mut show).is_err() {
        return Ok(());
    }
    while request.follow && !cx.stop.load(std::sync::atomic::Ordering::SeqCst) {
        if shown(tail.more().map_err(unread)?, &mut show).is_err() {
            return Ok(());
        }
        thread::sleep(GLANCE);
    }
    Ok(())
}

fn own_line(entry: read::Entry) -> Line {
    Line {
        time: entry.time,
        component: OWN.to_owned(),
        unit: None,
        level: entry.level,
        text: format!("{}: {}", entry.operation, entry.text),
    }
}

/// Times in this form are ordered as text.
fn recent(line: &Line, since: Option<u64>) -> bool {
    since.is_none_or(|since| line.time >= utc::unix(since))
}
