//! The hand that writes to stdout and stderr. A reader that has gone away ends nothing: the work goes on.

use std::io::{self, Write};
use std::process::ExitCode;

use super::progress::Mode;
use super::style::Style;
use super::{json, show};
use crate::error::Error;
use crate::report::Finding;

/// Writes a result to stdout.
pub fn result(text: &str) {
    write(io::stdout().lock(), text);
}

/// Writes to the terminal on stdout in place of what stands there: from its first line on, each line to its end, and
/// nothing below.
pub fn screen(text: &str) {
    let lines = text.trim_end_matches('\n').replace('\n', "\x1b[K\n");
    write(io::stdout().lock(), &format!("\x1b[H{lines}\x1b[K\x1b[J"));
}

/// Writes talk to stderr.
pub fn talk(text: &str) {
    write(io::stderr().lock(), text);
}

/// Writes to stderr what should be known, in the way progress is shown.
pub fn remark(finding: &Finding, mode: Mode) {
    match mode {
        Mode::Quiet => {}
        Mode::Json => talk(&json::finding(finding)),
        Mode::Talk { .. } => {
            let style = Style::of(&io::stderr());
            talk(&show::findings(std::slice::from_ref(finding), style));
        }
    }
}

/// Writes to stderr what moves the cursor there.
pub(super) fn control(sequence: &str) {
    let mut to = io::stderr().lock();
    let _ = to.write_all(sequence.as_bytes()).and_then(|()| to.flush());
}

/// Tells of an error – as prose on stderr, or as JSON on stdout – and gives the exit code.
pub fn fail(error: &Error, json: bool) -> ExitCode {
    if json {
        result(&json::error(error));
    } else {
        talk(&show::error(error, Style::of(&io::stderr())));
    }
    ExitCode::from(error.code())
}

fn write(mut to: impl Write, text: &str) {
    let _ = writeln!(to, "{}", text.trim_end_matches('\n')).and_then(|()| to.flush());
}
