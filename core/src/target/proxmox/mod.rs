//! Proxmox VE as a target: containers of this node, driven by Proxmox's own programs.
//!
//! State is trusted, exit statuses only where they are known to mean something. Ten rules, found out by reading and by
//! running them; code and tests name those they rest on:
//!
//! 1. Some programs end with 0 whatever happened: `pct push`, `pull`, `resize`, `pveam download`, `update`, `pvesm free`.
//! 2. `pct create --start` ends with 0 though the start failed.
//! 3. What a task prints goes to stdout, errors too; its last error stands alone on stderr.
//! 4. Which number a failure ends with means nothing.
//! 5. Whether a container is privileged when nobody says so depends on the version.
//! 6. Where nobody says where it is to lie, that is `local`, which on most nodes holds no containers.
//! 7. `pct exec` hands the caller's environment, directory and terminal on.
//! 8. A command inside outlives the `pct exec` that began it, unless the signal went to the whole group.
//! 9. `pct` and `pvesm` know this node only, ids belong to the cluster, and the cluster's list is seconds behind.
//! 10. Name, hosts, resolver and interfaces inside are written anew at every start.

mod agent;
mod alive;
mod argv;
mod channel;
mod claim;
mod create;
mod etc;
mod facts;
mod fault;
mod guest;
mod host;
mod leftover;
mod orphans;
mod parse;
mod power;
mod pull;
mod push;
mod remove;
mod template;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind::BrokenPipe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use homeport_engine::cmd::{CmdError, Input, Output};
use homeport_engine::event::Event;
use homeport_engine::journal::Child;
use homeport_engine::local::Local;
use homeport_engine::op::{GuestIdentity, HostSecret, Op};
use homeport_engine::plan::{Place, Plan};
use homeport_engine::recover::Outcome;
use homeport_engine::require::{Observation, Observations};
use homeport_engine::run::{Executor, Fault, FaultKind, Hands, NoteDone, Tell};

use self::channel::Channel;
use self::claim::{CLAIMS, Claim};
use self::etc::Etc;
use self::fault::{broken, refused};
use self::guest::Waiting;
use self::host::{Host, OnStop, fault, title};
use super::{GuestSeen, HostFacts, Orphan, Target, tls};
use crate::source;

/// Most that is read of a guest's answer, bytes.
const ANSWER: usize = 8 << 20;

/// Time for a guest's answer.
const ANSWER_SECONDS: u64 = 30;

/// Time for a stream that ends when the user has seen enough: ten years.
const STREAM_SECONDS: u64 = 10 * 365 * 86_400;

/// Longest description Proxmox takes, bytes.
const DESCRIPTION: usize = 8192;

/// Time for a change of a container's settings; Proxmox waits ten seconds for its lock.
const SET_SECONDS: u64 = 60;

/// This node of a Proxmox cluster.
pub struct Proxmox {
    node: String,
    host: Host,
    etc: Etc,
    local: Local,
    channel: Option<Channel>,
    claim: Option<Claim>,
    /// Versions of Proxmox's packages, as last seen.
    packages: BTreeMap<String, Vec<u32>>,
}

impl Proxmox {
    /// The node this program runs on. `stop` is the user's wish to stop: set, it ends what may be ended, and has the
    /// guest's agent finish its step and begin no other – before Commit. After it, who set it takes it back.
    pub fn new(stop: Arc<AtomicBool>) -> Proxmox {
        Proxmox::with(Etc::new(), Host::new(stop.clone()), stop)
    }

    fn with(etc: Etc, host: Host, stop: Arc<AtomicBool>) -> Proxmox {
        Proxmox {
            node: node_name(),
            host,
            etc,
            local: Local::new(Place::Host, stop).secured(tls::connect),
            channel: None,
            claim: None,
            packages: BTreeMap::new(),
        }
    }

    fn describe(
        &mut self,
        guest: &GuestIdentity,
        text: &str,
        waiting: Waiting<'_>,
    ) -> Result<(), Fault> {
        let (id, _) = self.ours_unlocked(guest, waiting)?;
        if text.len() > DESCRIPTION {
            return fault(
                FaultKind::Failed,
                format!("the description is longer than {DESCRIPTION} bytes"),
            );
        }
        self.host
            .must(argv::describe(id, text), SET_SECONDS, OnStop::Finish)
            .map(|_| ())
    }

    fn tag(
        &mut self,
        guest: &GuestIdentity,
        tags: &[String],
        waiting: Waiting<'_>,
    ) -> Result<(), Fault> {
        let (id, _) = self.ours_unlocked(guest, waiting)?;
        self.host
            .must(argv::tags(id, tags), SET_SECONDS, OnStop::Finish)
            .map(|_| ())
    }

    /// Carries something out that must not be disturbed by the wish to stop that may have led to it.
    fn undisturbed<T>(&mut self, body: impl FnOnce(&mut Proxmox) -> T) -> T {
        let stop = self.host.exchange_stop(Arc::default());
        let result = body(self);
        self.host.exchange_stop(stop);
        result
    }
}

/// The kernel's host name up to the first dot, as Proxmox has it.
fn node_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().split('.').next().unwrap_or_default().to_owned()
}

impl Executor for Proxmox {
    fn place(&self) -> Place {
        Place::Host
    }

    fn apply(&mut self, op: &Op, hands: Hands<'_>) -> Result<Option<Observation>, Fault> {
        let done = match op {
            Op::EnsureTemplate { storage, name } => self.ensure_template(storage, name, hands),
            Op::EnsureGuest(spec) => self.ensure_guest(spec, hands),
            Op::RemoveGuest(guest) => self.remove_guest(guest, Waiting::of(hands)),
            Op::Power { guest, to } => self.power(guest, *to, Waiting::of(hands)),
            Op::Describe { guest, text } => self.describe(guest, text, Waiting::of(hands)),
            Op::Tag { guest, tags } => self.tag(guest, tags, Waiting::of(hands)),
            Op::Push { guest, files } => self.push(guest, files, Waiting::of(hands)),
            Op::Fetch(fetch) => source::fetch(fetch, hands.number, self.host.stop(), hands.tell),
            Op::Pull {
                guest,
                exec,
                archive,
                metadata,
            } => self.pull(
                guest,
                exec,
                Path::new(archive),
                metadata,
                Waiting::of(hands),
            ),
            _ => return self.local.apply(op, hands),
        };
        done.map(|()| None)
    }

    fn undo(&mut self, op: &Op, child: Option<&Child>) -> Result<(), Fault> {
        match op {
            Op::RemoveGuest(guest) => {
                self.undisturbed(|proxmox| proxmox.discard_guest(guest, child))
            }
            op if op.host_only() => self.undisturbed(|proxmox| {
                let hands = Hands {
                    seen: &Observations::new(),
                    tell: &mut |_: Event| {},
                    number: 0,
                    child: &mut |_| Ok(()),
                };
                proxmox.apply(op, hands).map(|_| ())
            }),
            _ => Local::new(Place::Host, Arc::default()).undo(op, child),
        }
    }

    fn before_image(&mut self, op: &Op) -> Result<Op, Fault> {
        self.local.before_image(op)
    }

    fn hand_over(
        &mut self,
        batch: Plan,
        seen: &Observations,
        tell: Tell<'_>,
        done: NoteDone<'_>,
    ) -> Result<(), Fault> {
        self.agent_runs(batch, seen, tell, done)
    }

    fn recover_guest(&mut self, plan: &Plan, tell: Tell<'_>) -> Result<Outcome, Fault> {
        self.agent_recovers(plan, tell)
    }

    fn close(&mut self, plan: &Plan) -> Result<(), Fault> {
        self.agent_closes(plan)
    }
}

impl Target for Proxmox {
    fn facts(&mut self) -> Result<HostFacts, Fault> {
        self.gather()
    }

    fn guests(&mut self) -> Result<Vec<GuestSeen>, Fault> {
        self.all_guests()
    }

    fn renew_templates(&mut self, facts: &mut HostFacts) -> Result<Option<String>, Fault> {
        self.renew(facts)
    }

    fn orphans(&mut self) -> Result<Vec<Orphan>, Fault> {
        self.all_orphans()
    }

    fn claim_id(&mut self) -> Result<String, Fault> {
        let ids = self.unused_ids()?;
        let claim = Claim::first(Path::new(CLAIMS), ids);
        let claim = claim.map_err(|error| {
            Fault::new(
                FaultKind::Failed,
                format!("`{CLAIMS}` cannot be used: {error}"),
            )
        })?;
        self.claim = claim;
        match &self.claim {
            Some(claim) => Ok(claim.id.to_string()),
            None => Err(Fault::new(FaultKind::Resources, "no container id is free")
                .with_remedy("Widen the range of ids: Datacenter, Options, Next Free VMID Range")),
        }
    }

    fn ask_guest(
        &mut self,
        guest: &GuestIdentity,
        argv: &[&str],
        stdin: &[u8],
    ) -> Result<String, Fault> {
        let (id, _) = self.ours(guest)?;
        let argv = argv::inside(id, argv.iter().copied());
        let title = title(&argv);
        let input = Input::Bytes(stdin.to_vec());
        let end = self
            .host
            .stream(argv, ANSWER_SECONDS, input, Output::Keep(ANSWER));
        let end = end.map_err(|error| broken(&title, &error))?;
        if end.ok() {
            Ok(end.text())
        } else {
            Err(refused(&title, &end))
        }
    }

    fn stream_guest(
        &mut self,
        guest: &GuestIdentity,
        argv: &[&str],
        input: Input,
        output: Output,
    ) -> Result<(), Fault> {
        let (id, _) = self.ours(guest)?;
        let argv = argv::inside(id, argv.iter().copied());
        let title = title(&argv);
        match self.host.stream(argv, STREAM_SECONDS, input, output) {
            Ok(end) if end.ok() => Ok(()),
            Ok(end) => Err(refused(&title, &end)),
            Err(CmdError::Stopped { .. }) => Ok(()),
            Err(CmdError::Pipe { source, .. }) if source.kind() == BrokenPipe => Ok(()),
            Err(error) => Err(broken(&title, &error)),
        }
    }

    fn keep(&mut self, secret: HostSecret, text: String) {
        self.local.keep(secret, text);
    }

    fn host_calls(&self) -> u32 {
        self.host.calls()
    }
}

#[cfg(test)]
mod sequence_tests;
