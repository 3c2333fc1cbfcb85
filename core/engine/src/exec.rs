//! A command as data: everything that is to be known of it is declared, so that a plan can be checked and shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::FaultKind;

/// Where a command's program is looked up when its environment says nothing else.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One command. No shell is involved: `argv` is passed as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Program (absolute path or a name looked up in the fixed PATH) and arguments. Never a secret.
    pub argv: Vec<String>,
    /// User it runs as.
    pub user: String,
    /// Variables beside the fixed minimal environment (PATH, LANG, HOME). Never a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Secret files the command reads (password files, keys): named, so that they can be shown and checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_files: Vec<String>,
    /// What it reads.
    #[serde(default)]
    pub stdin: Stdin,
    /// What becomes of its output.
    #[serde(default)]
    pub stdout: Stdout,
    /// Seconds until it is ended (TERM, 5 s later KILL) and the step has failed.
    pub timeout_s: u32,
    /// It only brings things over the network, and may be run any number of times: when it fails, it is run again with
    /// growing pauses until so many seconds have passed since. Failing then is the network's fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_s: Option<u32>,
    /// What kind of failure it is when it ends with anything but 0; `None`: one of the machine's, or the network's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails_as: Option<FaultKind>,
    /// It is a build: long, and not to be trusted with the machine. Runs as a systemd service of its own that may use
    /// this much memory (MiB) and write below its home only; it is ended as soon as the user asks to stop, and every
    /// line it says is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_memory_mb: Option<u32>,
    /// Handles it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// Handles it creates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub creates: Vec<String>,
    /// Handles it destroys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destroys: Vec<String>,
}

/// Standard input of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stdin {
    /// `/dev/null`.
    #[default]
    None,
    /// This text.
    Text(String),
    /// The content of this file, e.g. an archive.
    File(String),
}

/// Standard output of a command. Standard error is always kept (its last 4 KiB) for the error message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stdout {
    /// Thrown away.
    #[default]
    Discard,
    /// Kept in the journal, up to so many bytes; more is an error.
    Keep {
        /// Limit, bytes.
        limit: u32,
    },
    /// Written to this file, mode 0600, fsynced.
    File(String),
}

impl Exec {
    /// A command run as root with nothing on stdin, its output discarded.
    pub fn root<const N: usize>(argv: [&str; N], timeout_s: u32) -> Exec {
        Exec {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            user: "root".to_owned(),
            env: BTreeMap::new(),
            secret_files: Vec::new(),
            stdin: Stdin::None,
            stdout: Stdout::Discard,
            timeout_s,
            network_s: None,
            fails_as: None,
            build_memory_mb: None,
            reads: Vec::new(),
            creates: Vec::new(),
            destroys: Vec::new(),
        }
    }

    /// The same command as another user.
    pub fn as_user(mut self, user: &str) -> Exec {
        user.clone_into(&mut self.user);
        self
    }

    /// The same command, tried again for so many seconds while the network is away.
    pub fn over_network(mut self, seconds: u32) -> Exec {
        self.network_s = Some(seconds);
        self
    }

    /// The same command, whose failure is of this kind.
    pub fn fails_as(mut self, kind: FaultKind) -> Exec {
        self.fails_as = Some(kind);
        self
    }

    /// The same command with its output kept, up to `limit` bytes.
    pub fn keep(mut self, limit: u32) -> Exec {
        self.stdout = Stdout::Keep { limit };
        self
    }

    /// The same command with one more environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Exec {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_left_out_have_the_harmless_value() {
        let exec: Exec =
            serde_json::from_str(r#"{"argv":["true"],"user":"root","timeout_s":5}"#).unwrap();
        assert_eq!(exec, Exec::root(["true"], 5));
    }
}
