//! The agent's own options. Each subcommand names the ones it takes; any other is an error.

use crate::state::{ROOT, StateDir};

/// What was given.
pub(crate) struct Options {
    /// The agent's directory.
    pub(crate) state: StateDir,
    /// Who asks, for the lock.
    pub(crate) who: String,
    /// Whether units wait for this program.
    pub(crate) boot: bool,
    /// Whether what was not committed is taken back here.
    pub(crate) take_back: bool,
    /// Whether to check that this guest is the one its state is about.
    pub(crate) check: bool,
    /// Whether it is to be done, not only told.
    pub(crate) yes: bool,
    /// The slot that is to be started.
    pub(crate) slot: Option<String>,
    /// File the specification is read from; `-` is standard input.
    pub(crate) spec: Option<String>,
}

/// The command line cannot be understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(String);

impl Options {
    /// Reads the options after a subcommand.
    pub(crate) fn parse(args: &[String], allowed: &[&str]) -> Result<Options, Usage> {
        let mut options = Options {
            state: StateDir::new(ROOT),
            who: "somebody".to_owned(),
            boot: false,
            take_back: false,
            check: false,
            yes: false,
            slot: None,
            spec: None,
        };
        let mut words = args.iter();
        while let Some(name) = words.next().map(String::as_str) {
            if !allowed.contains(&name) {
                return Err(Usage(format!("`{name}` is not an option here")));
            }
            let mut value = || {
                let value = words.next().cloned();
                value.ok_or_else(|| Usage(format!("`{name}` wants a value")))
            };
            match name {
                "--state" => options.state = StateDir::new(value()?),
                "--who" => options.who = value()?,
                "--spec" => options.spec = Some(value()?),
                "--take-back" => options.take_back = true,
                "--check" => options.check = true,
                "--yes" => options.yes = true,
                "--slot" => options.slot = Some(value()?),
                _ => options.boot = true,
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, Usage> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Options::parse(&words, &["--state", "--boot"])
    }

    #[test]
    fn options_are_those_the_subcommand_takes() {
        let options = parse(&["--boot", "--state", "/x"]).ok().unwrap();
        assert!(options.boot && options.state.lock().starts_with("/x"));
        for wrong in [&["--state"][..], &["--who", "me"], &["x"], &["--bot"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
