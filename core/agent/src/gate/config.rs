//! The gate's command line. Paths and addresses come from the unit and its environment file; there are no defaults
//! for them, so that a forgotten line is an error and not a gate before the wrong app.

use super::colour::Colour;
use super::error::GateError;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How long a request waits for an app that refuses connections, unless `--connect-wait` says otherwise.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Connections of each kind open at once, unless `--max` says otherwise: as many as wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4096;

/// Everything the gate has been told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where `hold`, `release` and `status` arrive.
    pub(crate) control: PathBuf,
    /// The file that exists exactly while a hold is in force.
    pub(crate) hold_mark: PathBuf,
    /// The directory that holds the file `blue` or `green`.
    pub(crate) colour_dir: PathBuf,
    /// The blue app.
    pub(crate) blue: SocketAddr,
    /// The green app.
    pub(crate) green: SocketAddr,
    /// Requests let go at once after a hold or an outage of the app.
    pub(crate) width: u32,
    /// How long a request waits for an app that refuses connections.
    pub(crate) connect_wait: Duration,
    /// Most connections of each kind (requests, streams) open at once.
    pub(crate) max: usize,
}

impl Config {
    /// Reads `--name value` pairs. Every option but `--connect-wait` and `--max` is required.
    ///
    /// # Errors
    /// [`GateError::Usage`] naming the option.
    pub(crate) fn parse(args: &[String]) -> Result<Self, GateError> {
        let options = Options::read(args, &NAMES)?;
        Ok(Self {
            control: options.required("--control")?.into(),
            hold_mark: options.required("--hold-mark")?.into(),
            colour_dir: options.required("--colour-dir")?.into(),
            blue: options.address("--blue")?,
            green: options.address("--green")?,
            width: options.number("--width", options.required("--width")?)?,
            connect_wait: options
                .optional("--connect-wait")
                .map_or(Ok(CONNECT_WAIT), seconds)?,
            max: match options.optional("--max") {
                Some(text) => options.number("--max", text)? as usize,
                None => MAX_CONNECTIONS,
            },
        })
    }

    /// Where the app of that colour listens.
    pub(crate) fn address(&self, colour: Colour) -> SocketAddr {
        match colour {
            Colour::Blue => self.blue,
            Colour::Green => self.green,
        }
    }
}

/// `--name value` pairs; every name is one that was expected and appears once.
pub(crate) struct Options<'a>(Vec<(&'a str, &'a str)>);

const NAMES: [&str; 8] = [
    "--control",
    "--hold-mark",
    "--colour-dir",
    "--blue",
    "--green",
    "--width",
    "--connect-wait",
    "--max",
];

impl<'a> Options<'a> {
    /// # Errors
    /// [`GateError::Usage`] for a name that is unknown, given twice or without a value.
    pub(crate) fn read(args: &'a [String], names: &[&str]) -> Result<Self, GateError> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for pair in args.chunks(2) {
            let (name, value) = match pair {
                [name, value] => (name.as_str(), value.as_str()),
                _ => return Err(GateError::Usage(format!("{} has no value", pair.concat()))),
            };
            if !names.contains(&name) {
                return Err(GateError::Usage(format!("unknown option {name}")));
            }
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(GateError::Usage(format!("{name} is given twice")));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    pub(crate) fn optional(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&'a str, GateError> {
        self.optional(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| GateError::Usage(format!("{name} is missing")))
    }

    fn address(&self, name: &str) -> Result<SocketAddr, GateError> {
        let text = self.required(name)?;
        text.parse().map_err(|_| {
            GateError::Usage(format!(
                "{name} {text:?} is not ADDRESS:PORT, such as 127.0.0.1:3456"
            ))
        })
    }

    /// A whole number of at least 1: a width or limit of 0 would let nothing through for ever.
    pub(crate) fn number(&self, name: &str, text: &str) -> Result<u32, GateError> {
        text.parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| {
                GateError::Usage(format!("{name} {text:?} is not a number of at least 1"))
            })
    }
}

fn seconds(text: &str) -> Result<Duration, GateError> {
    text.strip_suffix('s')
        .and_then(|number| number.parse().ok())
        .map(Duration::from_secs)
        .ok_or_else(|| {
            GateError::Usage(format!(
                "--connect-wait {text:?} is not a number of seconds, such as 5s"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "--control /c --hold-mark /h --colour-dir /d --blue 127.0.0.1:3456 --green 127.0.0.1:3457 --width 1";

    fn parse(line: &str) -> Result<Config, String> {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Config::parse(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn a_full_line_is_read_and_the_rest_has_defaults() {
        let config = parse(GOOD).unwrap();
        assert_eq!(config.address(Colour::Green).port(), 3457);
        assert_eq!(
            (config.width, config.connect_wait.as_secs(), config.max),
            (1, 5, 4096)
        );
        let config = parse(&format!("{GOOD} --connect-wait 9s --max 10")).unwrap();
        assert_eq!((config.connect_wait.as_secs(), config.max), (9, 10));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (
                GOOD.replace("--blue 127.0.0.1:3456 ", ""),
                "--blue is missing",
            ),
            (
                GOOD.replace("--width 1", "--width 0"),
                "--width \"0\" is not a number",
            ),
            (
                GOOD.replace("127.0.0.1:3456", "localhost"),
                "--blue \"localhost\" is not ADDRESS:PORT",
            ),
            (format!("{GOOD} --speed 9"), "unknown option --speed"),
            (format!("{GOOD} --width 2"), "--width is given twice"),
            (format!("{GOOD} --max"), "--max has no value"),
            (
                format!("{GOOD} --connect-wait 5"),
                "not a number of seconds",
            ),
        ];
        for (line, expected) in cases {
            let error = parse(&line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
