//! The hand that writes to stdout and stderr. A reader that has gone away ends nothing: the work goes on.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::progress::Mode;
use super::style::{Style, cut};
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

/// Waits until nobody can read stdout any more; where that cannot come about, for ever.
pub fn until_unread() {
    let to = io::stdout();
    let mut watched = [PollFd::new(&to, PollFlags::empty())];
    while poll(&mut watched, None) == Err(Errno::INTR) {}
}

/// Writes one result of a row to stdout: on a terminal in place of the one before – each line to its end, nothing below –
/// with a line on how to end it; elsewhere below the one before.
pub fn again(text: &str, how_to_end: &str) {
    let to = io::stdout();
    if !to.is_terminal() {
        return result(text);
    }
    let rows = rustix::termios::tcgetwinsize(&to).map_or(0, |size| usize::from(size.ws_row));
    let lines = fitting(text, rows).join("\x1b[K\n");
    let how_to_end = cut(how_to_end, Style::of(&to).width.saturating_sub(1));
    write(
        to.lock(),
        &format!("\x1b[H{lines}\x1b[K\n\x1b[K\n{how_to_end}\x1b[K\x1b[J"),
    );
}

/// The first lines of a text, so that with two more and the cursor's they fit into a terminal of so many rows; 0: unknown.
/// What is left out is counted.
fn fitting(text: &str, rows: usize) -> Vec<String> {
    let lines: Vec<String> = text.trim_end().lines().map(str::to_owned).collect();
    let room = rows.saturating_sub(3);
    if rows == 0 || lines.len() <= room {
        return lines;
    }
    let shown = room.saturating_sub(1);
    let more = format!(
        "… {} more lines: a higher window shows them",
        lines.len() - shown
    );
    lines.into_iter().take(shown).chain([more]).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_results_fits_into_the_window() {
        assert_eq!(fitting("a\nb\nc\n", 6), ["a", "b", "c"]);
        assert_eq!(fitting("a\nb\nc\n", 0), ["a", "b", "c"]);
        let more = "… 2 more lines: a higher window shows them";
        assert_eq!(fitting("a\nb\nc\n", 5), ["a", more]);
        assert_eq!(fitting("a\nb\nc\n", 1).len(), 1);
    }
}
