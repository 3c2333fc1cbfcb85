//! Asks the person at the terminal. Without one, nothing is assumed: it is said how to answer beforehand.

mod prompt;
mod watch;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};

pub use prompt::{Asked, Prompt};
pub use watch::Watch;

use crate::error::Error;

/// Whether somebody can be asked, and sees what is asked.
pub fn possible() -> bool {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    !dumb && io::stderr().is_terminal() && terminal().is_ok()
}

fn terminal() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// Asks a yes-or-no question on the terminal, stdin being whatever it is (`curl … | bash`). `yes`: it was answered with
/// `--yes`. Anything but yes is no: [`Error::declined`]; no terminal: [`Error::cannot_ask`].
pub fn confirm(question: &str, yes: bool) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    let Ok(terminal) = terminal() else {
        return Err(Error::cannot_ask(question));
    };
    let Ok(reader) = terminal.try_clone() else {
        return Err(Error::cannot_ask(question));
    };
    answer(question, &mut BufReader::new(reader), &mut &terminal)
}

fn answer(question: &str, from: &mut impl BufRead, to: &mut impl Write) -> Result<(), Error> {
    let mut line = String::new();
    let read = write!(to, "{question} [y/N] ")
        .and_then(|()| to.flush())
        .and_then(|()| from.read_line(&mut line));
    match (read, line.trim().to_lowercase().as_str()) {
        (Err(_), _) => Err(Error::cannot_ask(question)),
        (Ok(_), "y" | "yes") => Ok(()),
        (Ok(_), _) => Err(Error::declined()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        let ask = |given: &str| {
            let mut shown = Vec::new();
            let said = answer("Remove it?", &mut given.as_bytes(), &mut shown)
                .map_err(|error| error.code());
            assert_eq!(String::from_utf8(shown).unwrap(), "Remove it? [y/N] ");
            said
        };
        assert_eq!(
            [ask("y\n"), ask("YES\n"), ask(" yes ")],
            [Ok(()), Ok(()), Ok(())]
        );
        assert_eq!(
            [ask("\n"), ask(""), ask("no\n"), ask("yesno\n")],
            [Err(20), Err(20), Err(20), Err(20)]
        );
    }

    #[test]
    fn without_a_terminal_nothing_is_assumed() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let error = answer("Remove it?", &mut "y\n".as_bytes(), &mut Gone).unwrap_err();
        assert_eq!(error.code(), 2);
        assert!(error.remedies()[0].contains("--yes"));
    }
}
