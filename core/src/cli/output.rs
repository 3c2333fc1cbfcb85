//! The hand that writes to stdout and stderr. A reader that has gone away ends nothing: the work goes on.

use std::io::{self, IsTerminal, Write};
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

/// Writes one line of many to stdout.
///
/// # Errors
/// When nobody reads them any more.
pub fn line(text: &str) -> io::Result<()> {
    let mut to = io::stdout().lock();
    writeln!(to, "{text}")?;
    to.flush()
}

/// Writes one result of a row to stdout: on a terminal in place of the one before – each line to its end, nothing below –
/// with a line on how to end it; elsewhere below the one before.
pub fn again(text: &str, how_to_end: &str) {
    let to = io::stdout();
    if !to.is_terminal() {
        return result(text);
    }
    let text = format!("{}\n\n{how_to_end}", text.trim_end_matches('\n'));
    let lines = text.replace('\n', "\x1b[K\n");
    write(to.lock(), &format!("\x1b[H{lines}\x1b[K\x1b[J"));
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
