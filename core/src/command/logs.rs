//! `logs`: lines, one after another, as long as somebody reads them.

use std::process::ExitCode;

use homeport_engine::run::unix_now;

use super::session::Session;
use super::style;
use crate::cli::args::{Common, Logs};
use crate::cli::{json, output, show};
use crate::error::Error;
use crate::verbs::logs::{self, Request, Show};

pub(super) fn logs(common: Common, given: &Logs) -> Result<ExitCode, Error> {
    let request = Request {
        name: given.one.instance.clone(),
        components: given.component.clone(),
        lines: given.lines,
        since: given.since.map(|since| since.time(unix_now())),
        follow: given.follow,
    };
    let style = style();
    let show: Show = Box::new(move |line| {
        let text = if common.json {
            json::line(&line)
        } else {
            show::line(&line, style)
        };
        output::line(&text)
    });
    let mut session = Session::new(common, "logs", true)?;
    if given.follow {
        session.stop_when_unread();
    }
    let ended = session.run("stops looking", |cx| logs::logs(cx, &request, show));
    match ended {
        // Ctrl-C is how looking ends; what was under way then failed because of it.
        Err(_) if given.follow && session.stopped() => Ok(ExitCode::SUCCESS),
        ended => ended.map(|()| ExitCode::SUCCESS),
    }
}
