//! Removes a container that is ours, and what a creation that was killed leaves: a lock and nothing else in its
//! configuration, a volume no configuration names, a mount, a loop device. Never anything else.

use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::event::Event;
use homeport_engine::journal::Child;
use homeport_engine::local::end_leftover;
use homeport_engine::op::GuestIdentity;
use homeport_engine::process::alive;
use homeport_engine::run::{Fault, FaultKind};
use rustix::process::{Pid, Signal, kill_process_group};

use super::Proxmox;
use super::argv;
use super::etc::Located;
use super::fault::{lied, refused};
use super::guest::{Waiting, is_ours, vmid};
use super::host::{OnStop, title};
use super::leftover;
use super::parse;
use crate::target::GuestKind;

/// Volumes on slow storages take a while to be freed.
const DESTROY_SECONDS: u64 = 600;

const LOOK_SECONDS: u64 = 60;

/// A creation that is asked to end cleans up by itself: so long it may take.
const CLEAN_UP: Duration = Duration::from_secs(60);

/// So long the lock of a creation's worker is waited for; the worker ends soon after the program that began it.
const WORKER: Duration = Duration::from_secs(120);

impl Proxmox {
    /// Ensures that the guest is gone, for a verb. One that is not ours is a fault.
    pub(super) fn remove_guest(
        &mut self,
        guest: &GuestIdentity,
        waiting: Waiting<'_>,
    ) -> Result<(), Fault> {
        let id = vmid(guest)?;
        match self.etc.locate(id)? {
            None => return Ok(()),
            // A removal that was killed has freed everything already but this.
            Some(found) if self.hollow(&found) && found.config.lock() != Some("create") => {
                return self.sweep(id);
            }
            Some(_) => {}
        }
        let (id, config) = self.ours_unlocked(guest, waiting)?;
        if config.protected() {
            let why = format!("container {id} is protected against removal");
            return Err(Fault::new(FaultKind::Locked, why)
                .with_remedy(format!("If it may go: pct set {id} --protection 0")));
        }
        self.hang_up();
        self.destroy(id)
    }

    /// Takes a creation back. `child` is the process that carried it out, if it came to that. A guest that has the id
    /// and is not ours was there before us or won the race for the id: it is left alone, and ours does not exist.
    pub(super) fn discard_guest(
        &mut self,
        guest: &GuestIdentity,
        child: Option<&Child>,
    ) -> Result<(), Fault> {
        let id = vmid(guest)?;
        if let Some(child) = child {
            end_creation(child)?;
        }
        let mut found = self.etc.locate(id)?;
        if child.is_some() && found.as_ref().is_some_and(|found| self.hollow(found)) {
            // A worker that went on to its end has filled it up meanwhile: whose it is shows only now.
            self.sweep(id)?;
            found = self.etc.locate(id)?;
        }
        match found {
            Some(found) if is_ours(&found, guest) => {
                let waiting = Waiting {
                    number: 0,
                    tell: &mut |_: Event| {},
                };
                return self.remove_guest(guest, waiting);
            }
            Some(_) => return Ok(()),
            None => {}
        }
        match child {
            Some(_) => self.free_volumes(id, &guest.storage),
            None => Ok(()),
        }
    }

    fn hollow(&self, found: &Located) -> bool {
        found.kind == GuestKind::Container && found.node == self.node && found.config.hollow()
    }

    fn destroy(&mut self, id: u32) -> Result<(), Fault> {
        let argv = argv::destroy(id);
        let title = title(&argv);
        let end = self.host.ask(argv, DESTROY_SECONDS, OnStop::Finish)?;
        match self.etc.locate(id)? {
            None => Ok(()),
            Some(_) if end.ok() => Err(lied(&title, "the container is still there", &end)),
            Some(_) => Err(refused(&title, &end)),
        }
    }

    /// Removes a hollow configuration. While the worker of a creation lives it holds the lock file, `pct unlock` waits
    /// for that and gives up; so this never happens under a creation that goes on. What has filled up meanwhile is
    /// left to the caller.
    fn sweep(&mut self, id: u32) -> Result<(), Fault> {
        let until = Instant::now() + WORKER;
        loop {
            let argv = argv::unlock(id);
            let title = title(&argv);
            let end = self.host.ask(argv, LOOK_SECONDS, OnStop::Finish)?;
            match self.etc.locate(id)? {
                Some(found) if !self.hollow(&found) => return Ok(()),
                Some(found) if found.config.lock().is_some() && Instant::now() >= until => {
                    return Err(refused(&title, &end));
                }
                Some(found) if found.config.lock().is_some() => {
                    thread::sleep(Duration::from_secs(1))
                }
                Some(_) => {
                    leftover::release(id)?;
                    return self.destroy(id);
                }
                None => return Ok(()),
            }
        }
    }

    /// Frees the volumes of an id that no guest has. That they are the creation's own was made sure before it began.
    fn free_volumes(&mut self, id: u32, storage: &str) -> Result<(), Fault> {
        if self.etc.locate(id)?.is_some() {
            return Ok(());
        }
        leftover::release(id)?;
        let volumes = self.volumes(id, storage)?;
        for volume in &volumes {
            self.host
                .ask(argv::free(volume), DESTROY_SECONDS, OnStop::Finish)?;
        }
        // Freeing says that it did well whatever happens.
        let left = if volumes.is_empty() {
            volumes
        } else {
            self.volumes(id, storage)?
        };
        left.first().map_or(Ok(()), |volume| {
            Err(Fault::new(
                FaultKind::Failed,
                format!("volume `{volume}` could not be freed"),
            )
            .with_remedy(format!("See what uses it, then: pvesm free {volume}")))
        })
    }

    fn volumes(&mut self, id: u32, storage: &str) -> Result<Vec<String>, Fault> {
        let end = self
            .host
            .must(argv::volumes(storage, id), LOOK_SECONDS, OnStop::Finish)?;
        Ok(parse::volumes(&end.text()))
    }
}

/// Asks a creation to end, which cleans up after itself, and ends it if it does not.
fn end_creation(child: &Child) -> Result<(), Fault> {
    let lives = || alive(child).unwrap_or(true);
    let group = i32::try_from(child.pid).ok().and_then(Pid::from_raw);
    if let Some(group) = group.filter(|_| lives()) {
        // It may end by itself just now; then there is nothing to be told.
        let _ = kill_process_group(group, Signal::TERM);
        let until = Instant::now() + CLEAN_UP;
        while lives() && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
    }
    end_leftover(child)
}
