//! The words spoken at the control socket – JSON lines, one answer per question – and the asking side, used by the
//! cut-over, by `gate-control` and by the rescue verbs.

use super::colour::Colour;
use super::error::GateError;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The version of these words.
pub(crate) const WIRE: u32 = 1;
/// The longest line either side reads.
pub(crate) const MAX_LINE: usize = 4096;
/// How long to try: a killed gate is back within a fraction of a second, and a living one answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);
const TRY_EVERY: Duration = Duration::from_millis(50);

/// What the gate can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    /// The version of the words, [`WIRE`].
    pub(crate) wire: u32,
    /// What to do.
    #[serde(flatten)]
    pub(crate) verb: Verb,
}

/// What the gate can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Verb {
    /// Let nobody pass from now on. Twice is once.
    Hold,
    /// End a hold, so many at once; the gate's own width when none is named. Without a hold nothing happens.
    Release {
        /// Requests let go at once, at least 1.
        width: Option<std::num::NonZeroU32>,
    },
    /// Only say how things are.
    Status,
}

/// What the gate answers: how things are after the verb, or why it was not done.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The version of the words, [`WIRE`].
    pub(crate) wire: u32,
    /// How things are, when the verb was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// How things are at a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Whether a hold is in force.
    pub(crate) holding: bool,
    /// While requests are being let go: how many at once.
    pub(crate) width: Option<u32>,
    /// The active colour, none while it is undecided.
    pub(crate) colour: Option<Colour>,
    /// Requests the app may have seen and not answered yet.
    pub(crate) in_flight: u32,
    /// The age of the oldest of them, in milliseconds.
    pub(crate) oldest_ms: u64,
    /// Requests accepted of which nothing has been sent, because the app refuses connections.
    pub(crate) parked: u32,
    /// WebSockets and streams open.
    pub(crate) streams: u32,
    /// Requests in the kernel's queue, unknown where the kernel does not tell.
    pub(crate) waiting: Option<u32>,
    /// Most connections of each kind that may be open.
    pub(crate) limit: u32,
    /// Connections accepted since the gate started.
    pub(crate) accepted_total: u64,
    /// Of these, closed unanswered because the app refused connections for too long.
    pub(crate) given_up_total: u64,
    /// Requests and streams let through to the app since the gate started that may have changed something there.
    #[serde(default)]
    pub(crate) writes_total: u64,
    /// Which run of the gate's program counts, 0 if it does not say.
    #[serde(default)]
    pub(crate) run: u64,
}

/// Lets nobody pass any more. When this returns, nothing new reaches the app; what is in flight goes on.
///
/// # Errors
/// [`GateError::Unreachable`] – whether a hold is in force is then unknown – or [`GateError::Refused`].
pub(crate) fn hold(control: &Path) -> Result<Status, GateError> {
    ask(control, Verb::Hold)
}

/// Ends a hold, letting `width` requests go at once.
///
/// # Errors
/// As [`hold`].
pub(crate) fn release(
    control: &Path,
    width: Option<std::num::NonZeroU32>,
) -> Result<Status, GateError> {
    ask(control, Verb::Release { width })
}

/// How things are.
///
/// # Errors
/// As [`hold`].
pub(crate) fn status(control: &Path) -> Result<Status, GateError> {
    ask(control, Verb::Status)
}

fn ask(control: &Path, verb: Verb) -> Result<Status, GateError> {
    understand(&ask_for(PATIENCE, control, verb)?)
}

/// Asks again as long as nobody answers: every verb done twice is as done once.
fn ask_for(patience: Duration, control: &Path, verb: Verb) -> Result<String, GateError> {
    let deadline = Instant::now() + patience;
    loop {
        match exchange(control, &Question { wire: WIRE, verb }) {
            Ok(line) if line.ends_with('\n') => return Ok(line),
            outcome if Instant::now() >= deadline => {
                let source = outcome
                    .err()
                    .unwrap_or_else(|| ErrorKind::UnexpectedEof.into());
                let path = control.to_owned();
                return Err(GateError::Unreachable { path, source });
            }
            _ => std::thread::sleep(TRY_EVERY),
        }
    }
}

fn understand(line: &str) -> Result<Status, GateError> {
    let answer: Answer = serde_json::from_str(line)
        .map_err(|error| GateError::Refused(format!("answered in unknown words ({error})")))?;
    match answer {
        Answer {
            wire: WIRE,
            status: Some(status),
            error: None,
        } => Ok(status),
        Answer {
            error: Some(error), ..
        } => Err(GateError::Refused(error)),
        Answer { wire, .. } => Err(GateError::Refused(format!(
            "answered in words of version {wire}, not {WIRE}"
        ))),
    }
}

fn exchange(control: &Path, question: &Question) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(control)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(question)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_LINE as u64)).read_line(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_these() {
        let width = std::num::NonZeroU32::new(1);
        let cases = [
            (Verb::Hold, r#"{"wire":1,"do":"hold"}"#),
            (
                Verb::Release { width },
                r#"{"wire":1,"do":"release","width":1}"#,
            ),
            (
                Verb::Release { width: None },
                r#"{"wire":1,"do":"release","width":null}"#,
            ),
            (Verb::Status, r#"{"wire":1,"do":"status"}"#),
        ];
        for (verb, line) in cases {
            let question = Question { wire: 1, verb };
            assert_eq!(serde_json::to_string(&question).unwrap(), line);
            assert_eq!(serde_json::from_str::<Question>(line).unwrap(), question);
        }
        let bare: Question = serde_json::from_str(r#"{"wire":1,"do":"release"}"#).unwrap();
        assert_eq!(bare.verb, Verb::Release { width: None });
    }

    #[test]
    fn other_words_are_refused() {
        for line in [
            r#"{"wire":1,"do":"stop"}"#,
            r#"{"do":"hold"}"#,
            r#"{"wire":1,"do":"release","width":0}"#,
            "hold",
        ] {
            assert!(serde_json::from_str::<Question>(line).is_err(), "{line}");
        }
    }

    #[test]
    fn answers_of_every_kind_are_told_apart() {
        let refused = understand(r#"{"wire":1,"error":"no"}"#).unwrap_err();
        assert_eq!(refused.to_string(), "gate: no");
        for line in [r#"{"wire":2}"#, "", "{}", r#"{"wire":1,"status":{}}"#] {
            assert!(understand(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_gate_that_comes_back_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control");
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask_for(PATIENCE, &path, Verb::Hold));
            std::thread::sleep(TRY_EVERY);
            let gate = std::os::unix::net::UnixListener::bind(&path).unwrap();
            drop(gate.accept().unwrap());
            let (mut asker, _) = gate.accept().unwrap();
            let mut question = String::new();
            BufReader::new(&asker).read_line(&mut question).unwrap();
            asker.write_all(b"held\n").unwrap();
            assert_eq!(asking.join().unwrap().unwrap(), "held\n");
        });
    }

    #[test]
    fn nobody_there_is_an_error_that_says_so() {
        let path = Path::new("/nonexistent/control");
        let error = ask_for(Duration::ZERO, path, Verb::Status)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nonexistent/control") && error.contains("unknown"),
            "{error}"
        );
    }
}
