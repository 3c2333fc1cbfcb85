//! What a machine that holds guests tells and does, whatever it is made of. Targets carry plans out; they never make
//! one, and know no app, plugin or verb.

mod machine;
pub mod network;
pub mod proxmox;
mod surroundings;
mod tls;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use homeport_engine::cmd::{Input, Output};
use homeport_engine::op::{GuestIdentity, HostSecret};
use homeport_engine::run::{Executor, Fault};

pub(crate) use machine::free;
pub use surroundings::{AptSource, ForGuest, Proxies, Surroundings};
pub(crate) use tls::{bare, connect as secure};

/// A machine that holds guests.
pub trait Target: Executor {
    /// Everything preflight wants to know, gathered at one go. What is missing is told as a fact, not as a fault: the
    /// facts of a machine that is no Proxmox host at all are nearly empty.
    fn facts(&mut self) -> Result<HostFacts, Fault>;

    /// The guests of all nodes, sorted by id.
    fn guests(&mut self) -> Result<Vec<GuestSeen>, Fault>;

    /// Has the list of templates to be had renewed, and the facts with it. The reason, if that did not work; what was
    /// listed before is then listed still.
    fn renew_templates(&mut self, facts: &mut HostFacts) -> Result<Option<String>, Fault>;

    /// Pieces of guests that belong to no guest any more, whoever left them. Looks only.
    fn orphans(&mut self) -> Result<Vec<Orphan>, Fault>;

    /// Takes the lowest free guest id for this process, so that no other Homeport on this node is given it. The claim
    /// ends with the target; it reserves nothing against other programs.
    fn claim_id(&mut self) -> Result<String, Fault>;

    /// Runs a read-only command of the guest as its root, in one call; its stdout. The guest must be ours and running.
    fn ask_guest(
        &mut self,
        guest: &GuestIdentity,
        argv: &[&str],
        stdin: &[u8],
    ) -> Result<String, Fault>;

    /// Runs a read-only command of the guest as its root, in one call, and feeds and reads it while it runs, until it ends,
    /// its reader wants no more, or the user asks to stop: none of these is a fault. The guest must be ours and running.
    fn stream_guest(
        &mut self,
        guest: &GuestIdentity,
        argv: &[&str],
        input: Input,
        output: Output,
    ) -> Result<(), Fault>;

    /// Keeps a secret in memory for the steps of this command that need it.
    fn keep(&mut self, secret: HostSecret, text: String);

    /// How many of the platform's own programs have been called so far. Each costs about a second on a real host.
    fn host_calls(&self) -> u32;
}

/// What is known of the host before anything is planned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// This node's name.
    pub node: String,
    /// The virtualisation platform, if there is one.
    pub platform: Option<Platform>,
    /// Whether this process may do what it must: it runs as root.
    pub root: bool,
    /// Whether the cluster lets this node change anything. A node that stands alone always does.
    pub quorate: bool,
    /// All nodes of the cluster, this one included.
    pub nodes: Vec<NodeSeen>,
    /// All configured storages.
    pub storages: Vec<StorageSeen>,
    /// Templates that lie in a storage or can be downloaded, newest first.
    pub templates: Vec<TemplateSeen>,
    /// The guests of all nodes, sorted by id.
    pub guests: Vec<GuestSeen>,
    /// The lowest guest id nobody uses. Not a reservation: see [`Target::claim_id`].
    pub free_id: Option<String>,
    /// Bridges guests can be connected to.
    pub bridges: Vec<Bridge>,
    /// Processor threads of the node.
    pub cpus: u32,
    /// Memory in all, MiB.
    pub memory_total_mb: u64,
    /// Memory that is available now, MiB.
    pub memory_available_mb: u64,
    /// Whether a guest of this kernel may lay one file system over another; else files have to be copied.
    pub overlay: bool,
    /// What a guest has to be given to reach the world as the host does.
    pub surroundings: Surroundings,
    /// The host's clock, Unix seconds.
    pub clock: u64,
}

/// The virtualisation platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// Its name, for messages.
    pub name: &'static str,
    /// Its version, most significant part first.
    pub version: Vec<u32>,
}

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSeen {
    /// Its name.
    pub name: String,
    /// Whether the cluster sees it.
    pub online: bool,
}

/// A storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageSeen {
    /// Its name.
    pub name: String,
    /// Its type in the platform's words: `dir`, `lvmthin`, `zfspool`, …
    pub kind: String,
    /// What it may hold in the platform's words: `rootdir`, `vztmpl`, …
    pub contents: BTreeSet<String>,
    /// Whether this node can use it now.
    pub state: StorageState,
    /// Free space, bytes; `None` when the platform does not say.
    pub available: Option<u64>,
    /// Where its files lie, if it is made of files.
    pub path: Option<PathBuf>,
}

/// Whether a node can use a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageState {
    /// It can.
    Active,
    /// It is meant to, but the storage does not answer.
    Inactive,
    /// An administrator has switched it off.
    Disabled,
    /// It is for other nodes only.
    Elsewhere,
}

/// A container template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSeen {
    /// File name.
    pub name: String,
    /// Distribution: `debian`, …
    pub os: String,
    /// Release of the distribution, then build of the template: Debian 12.12-1 is `[12, 12, 1]`.
    pub version: Vec<u32>,
    /// Storages it lies in.
    pub stores: BTreeSet<String>,
    /// Whether it can be downloaded.
    pub listed: bool,
    /// Whether guests may be made of it: a Debian this program knows and this host's software can run.
    pub fits: bool,
}

/// Code name of a release of Debian, if guests may be made of it: these three are what Proxmox VE 7 to 9 have templates
/// of, and what the packages of all parts are known to work on.
pub fn codename(release: u32) -> Option<&'static str> {
    match release {
        11 => Some("bullseye"),
        12 => Some("bookworm"),
        13 => Some("trixie"),
        _ => None,
    }
}

/// A guest, ours or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestSeen {
    /// The platform's identifier.
    pub id: String,
    /// Node it lives on.
    pub node: String,
    /// Whether that is this node.
    pub here: bool,
    /// What it is.
    pub kind: GuestKind,
    /// Its name, once it has one.
    pub name: Option<String>,
    /// Its tags, lower-case.
    pub tags: BTreeSet<String>,
    /// What it does.
    pub status: GuestStatus,
    /// The platform's own lock on it: `backup`, `create`, …
    pub lock: Option<String>,
    /// Storage of its root file system, if its configuration names one.
    pub storage: Option<String>,
    /// Addresses its configuration gives it, without prefix length.
    pub addresses: Vec<IpAddr>,
    /// Hardware address of its interface, lower-case, if its configuration names one.
    pub mac: Option<String>,
    /// The command that gives it another address, which stands in it as `ADDRESS`.
    pub readdress: Option<String>,
    /// What it does with its processors, as the platform measured some seconds ago.
    pub cpu: Option<CpuSeen>,
}

/// Use of processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuSeen {
    /// How many there are.
    pub cores: u32,
    /// Their use, percent of all of them.
    pub used_percent: u32,
}

/// A piece of a guest that is gone, or never came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// What it is, as a clause.
    pub what: String,
    /// What takes it away: a command to paste in backticks.
    pub remedy: String,
}

/// Kind of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestKind {
    /// A container.
    Container,
    /// A virtual machine.
    Machine,
}

/// What a guest does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestStatus {
    /// It runs.
    Running,
    /// It does not.
    Stopped,
    /// Its node has not said so lately.
    Unknown,
}

/// A bridge of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// Its name.
    pub name: String,
    /// The host's addresses on it, with prefix length.
    pub addresses: Vec<String>,
    /// Largest packet, bytes.
    pub mtu: u32,
}
