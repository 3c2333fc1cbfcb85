//! What `homeport-agent rehearse` is asked and what it answers: a candidate started on a copy, behind closed doors.

use serde::{Deserialize, Serialize};

use crate::probe::Probe;
use crate::talk::Request;

/// What is to be rehearsed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The rehearsal's units, in the order they are started. Each has the network of the first, and no other.
    pub units: Vec<String>,
    /// What shows that it is up; asked inside that network.
    pub probes: Vec<Probe>,
    /// Which act.
    pub act: Act,
}

/// The two acts: between them rows are counted, before anybody adds any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Starts it – it migrates now – and waits until it is up. It goes on running.
    Start,
    /// Talks with it, stops it, starts it again, stops it.
    Talk {
        /// `host:port` of the component that is talked with.
        address: String,
        /// `Host` header.
        host: String,
        /// What is said.
        requests: Vec<Request>,
    },
}

/// How an act went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// From the start to the last probe's answer, milliseconds; the second start's in the second act.
    pub start_ms: u64,
    /// From the order to stop to the end, milliseconds.
    pub stop_ms: u64,
    /// What was asked, in order.
    pub asked: Vec<Asked>,
    /// What went wrong, as a sentence; none if nothing did.
    pub wrong: Option<String>,
    /// The app's last log lines when something went wrong.
    #[serde(default)]
    pub lines: Vec<String>,
    /// The candidate's network interfaces at the end of the act.
    pub interfaces: Vec<Interface>,
}

/// One question and how long its answer took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What it was for.
    pub title: String,
    /// Milliseconds.
    pub ms: u64,
}

/// A network interface and what went through it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Packets received.
    pub received: u64,
    /// Packets sent.
    pub sent: u64,
}

/// Reads `/proc/<…>/net/dev`. Total: a line that is none is left out.
pub fn interfaces(text: &str) -> Vec<Interface> {
    let read = |line: &str| {
        let (name, figures) = line.split_once(':')?;
        let figures: Vec<u64> = figures
            .split_whitespace()
            .map_while(|figure| figure.parse().ok())
            .collect();
        Some(Interface {
            name: name.trim().to_owned(),
            received: *figures.get(1)?,
            sent: *figures.get(9)?,
        })
    };
    text.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_read_off_the_kernels_table() {
        let text = "Inter-|   Receive                |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n\
                    \x20   lo:    1234      12    0    0    0     0          0         0     1234      12    0    0    0     0       0          0\n\
                    garbage: 1\n";
        let lo = Interface {
            name: "lo".to_owned(),
            received: 12,
            sent: 12,
        };
        assert_eq!(interfaces(text), [lo]);
    }
}
