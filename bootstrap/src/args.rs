//! What was asked for: flags first, then environment, then what was compiled in. Written by hand because a parser
//! library would be a quarter of this program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use homeport_bootstrap::fetch::Patience;
use homeport_bootstrap::release::Source;

/// The base URL of this build: `HOMEPORT_DEFAULT_BASE_URL` as given to the compiler.
pub(crate) const DEFAULT_BASE_URL: Option<&str> = option_env!("HOMEPORT_DEFAULT_BASE_URL");

pub(crate) const HELP: &str = "\
Fetches a Homeport release, verifies it, and starts it.

usage: bootstrap [OPTIONS] [--] [ARGUMENTS OF homeport]

Without arguments, `homeport install` is started. What follows `--`, or the first
word that is no option, goes to homeport.

  --base-url URL     where releases lie                      [HOMEPORT_BASE_URL]
  --channel NAME     which channel to follow, else `stable`  [HOMEPORT_CHANNEL]
  --release VERSION  this release, not the newest            [HOMEPORT_VERSION]
  --bundle FILE      this bundle and FILE.minisig beside it; no network call is made
  --tries N          how often to try a download, else 5     [HOMEPORT_TRIES]
  --timeout SECONDS  how long to wait for the network to say anything, else 30
                                                             [HOMEPORT_TIMEOUT]
  --keep             leave the unpacked release behind and say where
  --print-trust      print the public key and base URL of this build
  --version, --help

Proxies are taken from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, certificates
from SSL_CERT_FILE, else from the system. Signatures are always verified.";

/// What to do.
#[derive(Debug)]
pub(crate) enum Call {
    Help,
    Version,
    PrintTrust,
    Start(Box<Start>),
}

/// A release to get and start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) source: Source,
    pub(crate) keep: bool,
    /// For `homeport`; never empty.
    pub(crate) arguments: Vec<OsString>,
}

/// The command line or the environment cannot be meant so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("there is no option `{0}`")]
    Unknown(String),
    #[error("`{0}` needs a value")]
    NoValue(String),
    #[error("`{name}` is `{value}`: {why}")]
    BadValue {
        name: &'static str,
        value: String,
        why: String,
    },
    #[error(
        "`--bundle` makes no network call, so it goes with none of --base-url, --channel and --release"
    )]
    BundleAndServer,
    #[error(
        "it is not known where releases lie: this build has no default and neither --base-url nor HOMEPORT_BASE_URL is given"
    )]
    NoBaseUrl,
}

#[derive(Default)]
struct Typed {
    base_url: Option<String>,
    channel: Option<String>,
    release: Option<String>,
    bundle: Option<PathBuf>,
    tries: Option<String>,
    timeout: Option<String>,
    keep: bool,
}

/// Reads the command line. `env` looks a variable up; empty ones count as not set.
pub(crate) fn parse(
    mut words: impl Iterator<Item = OsString>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Call, UsageError> {
    let mut typed = Typed::default();
    let mut arguments = Vec::new();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        let (flag, inline) = match text.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(OsString::from(value))),
            _ => (text.as_str(), None),
        };
        let mut value = || {
            inline
                .clone()
                .or_else(|| words.next())
                .ok_or_else(|| UsageError::NoValue(flag.to_owned()))
        };
        match flag {
            "--base-url" => typed.base_url = Some(text_of(value()?)),
            "--channel" => typed.channel = Some(text_of(value()?)),
            "--release" => typed.release = Some(text_of(value()?)),
            "--bundle" => typed.bundle = Some(value()?.into()),
            "--tries" => typed.tries = Some(text_of(value()?)),
            "--timeout" => typed.timeout = Some(text_of(value()?)),
            "--keep" => typed.keep = true,
            "--help" | "-h" => return Ok(Call::Help),
            "--version" | "-V" => return Ok(Call::Version),
            "--print-trust" => return Ok(Call::PrintTrust),
            "--" => break,
            _ if text.starts_with('-') => return Err(UsageError::Unknown(text)),
            _ => {
                arguments.push(word);
                break;
            }
        }
    }
    arguments.extend(words);
    if arguments.is_empty() {
        arguments.push("install".into());
    }
    let keep = typed.keep;
    Ok(Call::Start(Box::new(Start {
        source: source(typed, env)?,
        keep,
        arguments,
    })))
}

fn text_of(value: OsString) -> String {
    value.to_string_lossy().into_owned()
}

fn source(typed: Typed, env: &dyn Fn(&str) -> Option<String>) -> Result<Source, UsageError> {
    if let Some(bundle) = typed.bundle {
        let server = typed.base_url.is_some() || typed.channel.is_some() || typed.release.is_some();
        return if server {
            Err(UsageError::BundleAndServer)
        } else {
            Ok(Source::File(bundle))
        };
    }
    let channel = typed.channel.or_else(|| env("HOMEPORT_CHANNEL"));
    let version = typed.release.or_else(|| env("HOMEPORT_VERSION"));
    let base = typed
        .base_url
        .or_else(|| env("HOMEPORT_BASE_URL"))
        .or(DEFAULT_BASE_URL.map(str::to_owned));
    Ok(Source::Server {
        base: base.ok_or(UsageError::NoBaseUrl)?,
        channel: channel
            .map(|text| read("--channel", text))
            .transpose()?
            .unwrap_or_default(),
        version: version.map(|text| read("--release", text)).transpose()?,
        patience: patience(
            typed.tries.or_else(|| env("HOMEPORT_TRIES")),
            typed.timeout.or_else(|| env("HOMEPORT_TIMEOUT")),
        )?,
    })
}

fn patience(tries: Option<String>, timeout: Option<String>) -> Result<Patience, UsageError> {
    let mut patience = Patience::default();
    if let Some(text) = tries {
        patience.tries = read::<std::num::NonZeroU32>("--tries", text)?.get();
    }
    if let Some(text) = timeout {
        patience.silence = Duration::from_secs(
            read::<std::num::NonZeroU32>("--timeout", text)?
                .get()
                .into(),
        );
    }
    Ok(patience)
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    value: String,
) -> Result<T, UsageError> {
    value.parse().map_err(|why: T::Err| UsageError::BadValue {
        name,
        value,
        why: why.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(words: &[&str], variables: &[(&str, &str)]) -> Result<Start, UsageError> {
        let env = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_string())
        };
        match parse(words.iter().map(OsString::from), &env)? {
            Call::Start(start) => Ok(*start),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_win_over_the_environment() {
        let env = [
            ("HOMEPORT_BASE_URL", "http://env"),
            ("HOMEPORT_CHANNEL", "beta"),
            ("HOMEPORT_VERSION", "0.1.0"),
        ];
        let Source::Server {
            base,
            channel,
            version,
            ..
        } = start(&["--base-url=http://flag", "--release", "0.2.0"], &env)
            .unwrap()
            .source
        else {
            panic!("not a server")
        };
        assert_eq!(
            (base.as_str(), channel.to_string().as_str()),
            ("http://flag", "beta")
        );
        assert_eq!(version.unwrap().to_string(), "0.2.0");
    }

    #[test]
    fn the_rest_goes_to_homeport() {
        let env = [("HOMEPORT_BASE_URL", "http://x")];
        for (words, expected) in [
            (&[][..], &["install"][..]),
            (&["--keep"], &["install"]),
            (
                &["install", "--keep", "--", "x"],
                &["install", "--keep", "--", "x"],
            ),
            (&["--", "--version"], &["--version"]),
        ] {
            assert_eq!(start(words, &env).unwrap().arguments, expected, "{words:?}");
        }
    }

    #[test]
    fn a_bundle_needs_no_server_and_suffers_none() {
        let env = [
            ("HOMEPORT_BASE_URL", "http://x"),
            ("HOMEPORT_VERSION", "broken"),
        ];
        assert!(
            matches!(start(&["--bundle", "f"], &env).unwrap().source, Source::File(path) if path.as_os_str() == "f")
        );
        assert!(matches!(
            start(&["--bundle", "f", "--channel", "x"], &[]),
            Err(UsageError::BundleAndServer)
        ));
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(
            matches!(start(&[], &[]), Err(UsageError::NoBaseUrl)) || DEFAULT_BASE_URL.is_some()
        );
        assert!(matches!(
            start(&["--no-verify"], &[]),
            Err(UsageError::Unknown(_))
        ));
        assert!(matches!(
            start(&["--channel"], &[]),
            Err(UsageError::NoValue(_))
        ));
        for words in [
            ["--channel", "../x"],
            ["--release", "1"],
            ["--tries", "0"],
            ["--timeout", "-1"],
        ] {
            let env = [("HOMEPORT_BASE_URL", "http://x")];
            assert!(
                matches!(start(&words, &env), Err(UsageError::BadValue { .. })),
                "{words:?}"
            );
        }
    }
}
