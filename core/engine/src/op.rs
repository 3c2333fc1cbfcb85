//! The closed set of operations a plan is made of. Every op is phrased as *ensure*: doing it twice is doing it once.
//! Ops are data; nothing here touches a machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cutover::CutOver;
use crate::exec::Exec;
use crate::probe::Probe;
use crate::require::Condition;

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "op")]
pub enum Op {
    /// A template of this name lies in the storage, downloaded if need be. It stays there, whatever becomes of the
    /// operation: other guests may be made of it by then. Host only.
    EnsureTemplate {
        /// Storage that holds templates.
        storage: String,
        /// File name of the template.
        name: String,
    },
    /// A guest with this identity and this shape exists. Host only.
    EnsureGuest(GuestSpec),
    /// No guest with this identity exists. Refuses a guest that is not ours. Host only.
    RemoveGuest(GuestIdentity),
    /// The guest is in this power state. Host only.
    Power {
        /// Which guest.
        guest: GuestIdentity,
        /// The state it must end in.
        to: Power,
    },
    /// The guest's description panel shows this text. Host only.
    Describe {
        /// Which guest.
        guest: GuestIdentity,
        /// Markdown, at most 8 KiB (Proxmox's limit).
        text: String,
    },
    /// The guest carries exactly these tags, its ownership tag among them. Host only.
    Tag {
        /// Which guest.
        guest: GuestIdentity,
        /// All its tags.
        tags: Vec<String>,
    },
    /// This file was fetched, and is what it must be. Host only.
    Fetch(Fetch),
    /// These files of the host are in the guest, byte for byte. Host only.
    Push {
        /// Which guest.
        guest: GuestIdentity,
        /// What goes where.
        files: Vec<PushFile>,
    },
    /// A tar stream written by a guest command is stored on the host as a verified archive. Host only.
    Pull {
        /// Which guest.
        guest: GuestIdentity,
        /// The command whose stdout is the tar stream.
        exec: Exec,
        /// Where the archive is written, on the host.
        archive: String,
        /// What the archive's metadata says beside what is counted from its content.
        metadata: BTreeMap<String, String>,
    },
    /// A file's OpenPGP signature is good and of the key that is meant.
    Verify(Verify),
    /// One member of a zip archive, or all below one, lies unpacked at a path.
    Unpack(Unpack),
    /// The path is this file, directory or link – or nothing.
    PutFile(PutFile),
    /// A command has run to a successful end.
    Exec(Exec),
    /// A systemd unit is in this state.
    Service {
        /// Unit name with suffix.
        unit: String,
        /// The state it must end in.
        state: ServiceState,
    },
    /// The probe succeeded before its deadline.
    Probe(Probe),
    /// A read-only command; its stdout is kept under a name for later requirements and stages.
    Observe {
        /// Name of the observation, unique in the operation.
        name: String,
        /// The command. Its exit status is kept, too: a failing one is an observation, not a failure.
        exec: Exec,
    },
    /// Another slot is in service. Guest only: the agent does it by itself, and takes it back by itself.
    CutOver(Box<CutOver>),
    /// A condition on observations that must hold.
    Require {
        /// The condition.
        that: Condition,
        /// What failed, as a sentence.
        otherwise: String,
        /// What to do, as sentences or commands to paste.
        remedy: Vec<String>,
    },
}

/// Which guest, and how it is recognised as ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestIdentity {
    /// The target's own identifier: the VMID on Proxmox.
    pub id: String,
    /// Id of the instance that lives in it.
    pub instance: String,
    /// Tag that only the operation which created the guest knows; a guest without it is nobody's to remove.
    pub tag: String,
    /// Storage of its root file system, in the target's own notation: a creation that was killed leaves its volume there
    /// and says so nowhere.
    pub storage: String,
}

/// The shape of a new guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestSpec {
    /// Identity to create it under.
    pub identity: GuestIdentity,
    /// Host name inside, a DNS label.
    pub hostname: String,
    /// Template, in the target's own notation (`local:vztmpl/…` on Proxmox).
    pub template: String,
    /// Root file system, GiB.
    pub disk_gb: u32,
    /// CPU cores.
    pub cores: u32,
    /// Memory, MiB.
    pub memory_mb: u32,
    /// Swap, MiB.
    pub swap_mb: u32,
    /// The one network interface.
    pub network: GuestNetwork,
    /// Tags that say what it is, beside the operation's own.
    pub tags: Vec<String>,
}

/// The guest's network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestNetwork {
    /// Host bridge.
    pub bridge: String,
    /// IPv4 address with prefix length, e.g. `192.168.1.50/24`.
    pub address: String,
    /// IPv4 gateway.
    pub gateway: Option<String>,
    /// IPv6 address with prefix length, e.g. `2001:db8::50/64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address6: Option<String>,
    /// IPv6 gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway6: Option<String>,
    /// Largest packet, bytes; `None`: what the platform gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Name servers; empty = the host's own.
    pub nameservers: Vec<String>,
}

/// Power state of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// Started, and its init system answers.
    Running,
    /// Shut down cleanly, by force when its own time limit passes.
    Stopped,
}

/// A file to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// `https://…`, `http://…`, or `file:///…` for a directory on the host.
    pub url: String,
    /// Absolute path on the host it is written to.
    pub to: String,
    /// What makes it trusted.
    pub trust: Trust,
    /// More bytes than this are refused.
    pub limit: u64,
}

/// What makes a fetched file trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Lower-case hex SHA-256 of its content, known beforehand.
    Digest(String),
    /// Lower-case hex SHA-512 of its content, known beforehand.
    Sha512(String),
    /// Sum of all files of a Go module's zip archive, `h1:…`, known beforehand.
    ModuleSum(String),
    /// Its publisher's signature, which a later step verifies before anything is made of the file.
    Signed,
    /// It is such a signature. Where there is none, nothing is trusted.
    Signature,
}

/// A signature to verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// Absolute path of the signed file.
    pub file: String,
    /// Absolute path of the detached signature, binary or armoured.
    pub signature: String,
    /// Absolute path of the public key, binary or armoured.
    pub key: String,
    /// Fingerprint of the key, or of the primary key it belongs to: 40 digits from 0 to F.
    pub fingerprint: String,
}

/// One member of a zip archive to unpack, or everything below one of its directories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpack {
    /// Absolute path of the archive.
    pub archive: String,
    /// Name of the member.
    pub member: String,
    /// Absolute path it is written to.
    pub to: String,
    /// Permission bits of a file. `None`: it is a directory; of what is below it, what may be executed in the archive has
    /// mode 0755, everything else 0644.
    pub mode: Option<u32>,
    /// More bytes than this are refused.
    pub limit: u64,
    /// Whether it is a directory that not every archive has: without it there is nothing at the path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// One file to push into a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushFile {
    /// Where its content comes from.
    pub from: Origin,
    /// Absolute path in the guest.
    pub to: String,
    /// Permission bits.
    pub mode: u32,
    /// Lower-case hex SHA-256 of the content, if it is known when the plan is made. The digest of what was read is
    /// checked in the guest in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Where the content of a pushed file comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Origin {
    /// A file of the host, by its absolute path.
    File(String),
    /// A secret of the host's own, asked for when it is sent: no plan carries it and no file on the host holds it for us.
    Secret {
        /// Which.
        secret: HostSecret,
    },
}

/// A secret the host knows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostSecret {
    /// The HTTP proxy the host uses, as apt's configuration: its address may hold a password.
    AptProxy,
    /// The same for the tools of a build, as a shell's assignments.
    BuildProxy,
    /// The password of the app's first account: only the command that was given it, or made it, knows it.
    FirstPassword,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::File(path) => to.write_str(path),
            Origin::Secret { secret } => to.write_str(match secret {
                HostSecret::AptProxy | HostSecret::BuildProxy => "the host's HTTP proxy",
                HostSecret::FirstPassword => "the first password",
            }),
        }
    }
}

/// What a path must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutFile {
    /// Absolute path.
    pub path: String,
    /// Permission bits; ignored for links and absence.
    pub mode: u32,
    /// `user:group`, names or numbers of the machine the file lies on.
    pub owner: String,
    /// What is there.
    pub content: Content,
}

/// Content of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// A regular file with this text, replaced atomically and fsynced.
    Text(String),
    /// A directory. Existing content is left alone.
    Directory,
    /// A symbolic link to this target, switched by one rename.
    Link(String),
    /// A file of so many random characters of `[A-Za-z0-9]`. Made once: an existing file is kept.
    /// The characters never leave the machine that makes them.
    Random {
        /// Number of characters, at most 1024.
        length: u32,
    },
    /// A regular file with the content of this other file on the same machine: a secret, which no plan carries.
    CopyOf(String),
    /// Nothing: the file, link or directory (with all that is in it) is gone.
    Absent,
}

/// State of a systemd unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// Starts at boot and runs now.
    EnabledAndRunning,
    /// Runs now.
    Running,
    /// Does not run now.
    Stopped,
    /// Does not run now and does not start at boot.
    DisabledAndStopped,
    /// Was stopped and started again.
    Restarted,
}

impl Op {
    /// Whether the op only looks. Such a step needs no undo and may stand anywhere in a plan.
    pub fn only_reads(&self) -> bool {
        matches!(
            self,
            Op::Probe(_) | Op::Observe { .. } | Op::Require { .. } | Op::Verify(_)
        )
    }

    /// Whether all the op leaves behind is a verified copy of something public, worth as much to others as to this
    /// operation: it needs no undo.
    pub fn only_caches(&self) -> bool {
        matches!(self, Op::EnsureTemplate { .. })
    }

    /// Whether the op ends whole or not at all by its own means: it needs no undo.
    pub fn takes_itself_back(&self) -> bool {
        matches!(self, Op::CutOver(_))
    }

    /// Whether the op can be carried out only by the host's target, never by the agent in the guest.
    pub fn host_only(&self) -> bool {
        matches!(
            self,
            Op::EnsureTemplate { .. }
                | Op::EnsureGuest(_)
                | Op::RemoveGuest(_)
                | Op::Power { .. }
                | Op::Describe { .. }
                | Op::Tag { .. }
                | Op::Fetch(_)
                | Op::Push { .. }
                | Op::Pull { .. }
        )
    }

    /// Whether the op takes something away that may have been there before this operation.
    pub fn destroys(&self) -> bool {
        match self {
            Op::RemoveGuest(_) => true,
            Op::PutFile(file) => file.content == Content::Absent,
            Op::Exec(exec) => !exec.destroys.is_empty(),
            _ => false,
        }
    }
}
