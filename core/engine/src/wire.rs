//! The conversation between `homeport` and `homeport-agent serve`: JSON lines, each with a wire version.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

use crate::WIRE;
use crate::event::Event;
use crate::plan::Plan;
use crate::recover::Outcome;
use crate::require::{Observation, Observations};
use crate::run::Fault;

/// Longest line either side accepts, bytes. A plan with its texts is far below it.
pub const LINE_LIMIT: u64 = 8 << 20;

/// What the host asks of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Ask {
    /// Run these steps, journal each. `seen` are the operation's observations so far.
    Run {
        /// The steps.
        plan: Box<Plan>,
        /// Observations of earlier steps.
        seen: Observations,
    },
    /// Resolve the operation's open journal: back before Commit, forward after it.
    Recover {
        /// Operation id; a journal of another operation is left alone and reported.
        operation: String,
    },
    /// The operation has ended well: close its journal.
    Close {
        /// Operation id.
        operation: String,
    },
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Answer {
    /// First line: who is there.
    Hello {
        /// Version of the agent.
        version: String,
        /// Operation whose journal is open, if one is.
        open: Option<String>,
    },
    /// Something happened.
    Told {
        /// What.
        told: Event,
    },
    /// A step is journalled as done.
    StepDone {
        /// Its number.
        number: u32,
        /// What it observed.
        seen: Option<Observation>,
    },
    /// Every 5 s while a step runs: the agent is alive.
    Heartbeat,
    /// The ask is done.
    Finished,
    /// The journal was resolved.
    Resolved {
        /// How the operation ended in the guest.
        outcome: Outcome,
    },
    /// The ask failed.
    Failed {
        /// Step it failed at, if at one.
        number: Option<u32>,
        /// Why.
        fault: Fault,
    },
}

/// A message with its wire version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<T> {
    /// Wire version of the sender.
    pub wire: u32,
    /// The message.
    #[serde(flatten)]
    pub body: T,
}

/// Why a line is not a message.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other side has closed its end.
    #[error("the other side ended the conversation")]
    Ended,
    /// The line is longer than [`LINE_LIMIT`].
    #[error("a line is longer than {LINE_LIMIT} bytes")]
    TooLong,
    /// The line is not a message.
    #[error("not a message: {0}")]
    Garbage(String),
    /// The sender speaks a newer version.
    #[error("the other side speaks wire version {0}, this program speaks {WIRE}")]
    Newer(u32),
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Writes one message and flushes it.
pub fn send<T: Serialize>(to: &mut dyn io::Write, body: &T) -> Result<(), WireError> {
    let mut line = serde_json::to_vec(&Message { wire: WIRE, body })
        .map_err(|error| WireError::Garbage(error.to_string()))?;
    line.push(b'\n');
    to.write_all(&line)?;
    Ok(to.flush()?)
}

/// Reads one message. Total: any bytes give a message or an error.
pub fn receive<T: for<'a> Deserialize<'a>>(from: &mut dyn BufRead) -> Result<T, WireError> {
    let mut line = Vec::new();
    let mut limited = io::Read::take(from, LINE_LIMIT + 1);
    limited.read_until(b'\n', &mut line)?;
    if line.len() as u64 > LINE_LIMIT {
        return Err(WireError::TooLong);
    }
    if line.last() != Some(&b'\n') {
        return if line.is_empty() {
            Err(WireError::Ended)
        } else {
            Err(WireError::Garbage("the line is cut off".to_owned()))
        };
    }
    parse(&line)
}

fn parse<T: for<'a> Deserialize<'a>>(line: &[u8]) -> Result<T, WireError> {
    #[derive(Deserialize)]
    struct Version {
        wire: u32,
    }
    let garbage = |error: serde_json::Error| WireError::Garbage(error.to_string());
    let Version { wire } = serde_json::from_slice(line).map_err(garbage)?;
    if wire > WIRE {
        return Err(WireError::Newer(wire));
    }
    Ok(serde_json::from_slice::<Message<T>>(line)
        .map_err(garbage)?
        .body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_the_wire() {
        let mut bytes = Vec::new();
        let ask = Ask::Close {
            operation: "op-1".to_owned(),
        };
        send(&mut bytes, &ask).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "{\"wire\":1,\"ask\":\"close\",\"operation\":\"op-1\"}\n"
        );
        assert_eq!(receive::<Ask>(&mut bytes.as_slice()).unwrap(), ask);
    }

    #[test]
    fn a_newer_sender_is_named_and_garbage_is_an_error() {
        let newer = b"{\"wire\":2,\"ask\":\"fly\"}\n";
        assert!(matches!(
            receive::<Ask>(&mut newer.as_slice()),
            Err(WireError::Newer(2))
        ));
        assert!(matches!(
            receive::<Ask>(&mut b"".as_slice()),
            Err(WireError::Ended)
        ));
        for garbage in [
            &b"\n"[..],
            b"{}\n",
            b"{\"wire\":1}\n",
            b"\xff\xfe\n",
            b"{\"wire\":1,\"ask\":\"close\"",
        ] {
            assert!(matches!(
                receive::<Ask>(&mut &*garbage),
                Err(WireError::Garbage(_))
            ));
        }
    }
}
