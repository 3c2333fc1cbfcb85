//! Which container is meant, whether it is ours, and whether somebody else holds it. Looks only.

use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::event::Event;
use homeport_engine::op::GuestIdentity;
use homeport_engine::run::{Fault, FaultKind, Hands};

use rustix::fs::{FlockOperation, flock};

use super::Proxmox;
use super::etc::Located;
use super::host::fault;
use super::parse::GuestConfig;
use crate::target::GuestKind;

/// So long an administrator's lock – a backup, a snapshot – is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(300);

/// Where a step tells that it waits.
pub(super) struct Waiting<'a> {
    /// Number of the step.
    pub(super) number: u32,
    /// Where events go.
    pub(super) tell: &'a mut dyn FnMut(Event),
}

impl<'a> Waiting<'a> {
    /// Where a step with these hands tells it.
    pub(super) fn of(hands: Hands<'a>) -> Waiting<'a> {
        Waiting {
            number: hands.number,
            tell: hands.tell,
        }
    }
}

/// An id as Proxmox takes them: 100 to 999999999.
pub(super) fn vmid(guest: &GuestIdentity) -> Result<u32, Fault> {
    let id = guest
        .id
        .parse()
        .ok()
        .filter(|id| (100..=999_999_999).contains(id));
    id.filter(|_| !guest.id.starts_with(['+', '0']))
        .ok_or_else(|| {
            Fault::new(
                FaultKind::Failed,
                format!("`{}` is no container id", guest.id),
            )
        })
}

/// Whether the guest found is the one meant.
pub(super) fn is_ours(found: &Located, guest: &GuestIdentity) -> bool {
    found.kind == GuestKind::Container && found.config.has_tag(&guest.tag)
}

/// A guest that is not ours, or not here, is nobody's to touch.
pub(super) fn not_ours(id: u32, found: &Located) -> Fault {
    let name = found.config.name().unwrap_or("without a name");
    let why = format!(
        "guest {id} ({name}) on node `{}` is not this instance's",
        found.node
    );
    Fault::new(FaultKind::NotOurs, why).with_remedy(format!(
        "Nothing was changed. If it is the instance's all the same, see whether its tag was removed: pct config {id}"
    ))
}

impl Proxmox {
    /// The configuration of a guest that is ours and lives here.
    pub(super) fn ours(&self, guest: &GuestIdentity) -> Result<(u32, GuestConfig), Fault> {
        let id = vmid(guest)?;
        match self.etc.locate(id)? {
            None => fault(FaultKind::Failed, format!("container {id} does not exist")),
            Some(found) if !is_ours(&found, guest) => Err(not_ours(id, &found)),
            Some(found) if found.node != self.node => Err(elsewhere(id, &found)),
            Some(found) => Ok((id, found.config)),
        }
    }

    /// The same, once no task of Proxmox holds it any more.
    pub(super) fn ours_unlocked(
        &self,
        guest: &GuestIdentity,
        waiting: Waiting<'_>,
    ) -> Result<(u32, GuestConfig), Fault> {
        let until = Instant::now() + LOCK_WAIT;
        let mut told = None;
        loop {
            let (id, config) = self.ours(guest)?;
            let lock = match (config.lock(), in_use(id)?) {
                (Some(lock), _) => lock.to_owned(),
                (None, true) => "another command".to_owned(),
                (None, false) => return Ok((id, config)),
            };
            if self.host.stop().load(Ordering::SeqCst) {
                return fault(FaultKind::Cancelled, "you asked to stop");
            }
            if Instant::now() >= until {
                return Err(held(id, &lock));
            }
            if told.as_ref() != Some(&lock) {
                let text = format!("waits for container {id}, which is locked: {lock}");
                (waiting.tell)(Event::Waiting {
                    number: waiting.number,
                    text,
                });
                told = Some(lock);
            }
            thread::sleep(Duration::from_secs(1));
        }
    }
}

/// Whether some command of Proxmox's works on the container at this moment. Another one would wait ten seconds for it and
/// then fail.
fn in_use(id: u32) -> Result<bool, Fault> {
    let path = format!("/run/lock/lxc/pve-config-{id}.lock");
    let unseen = |error: io::Error| {
        Fault::new(
            FaultKind::Failed,
            format!("`{path}` cannot be looked at: {error}"),
        )
    };
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file.map_err(unseen)?,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(unseen(error.into())),
    }
}

fn elsewhere(id: u32, found: &Located) -> Fault {
    let why = format!("container {id} lives on node `{}`", found.node);
    Fault::new(FaultKind::NotOurs, why).with_remedy("Run the same command there")
}

fn held(id: u32, lock: &str) -> Fault {
    let why = format!("container {id} is locked: {lock}");
    Fault::new(FaultKind::Locked, why)
        .with_remedy("Wait for the task to end, then run the same command again")
        .with_remedy(format!(
            "If the task list shows none for it, the lock is a leftover: pct unlock {id}"
        ))
}
