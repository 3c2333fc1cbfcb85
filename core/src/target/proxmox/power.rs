//! Starts and stops a container. "Started" means that its init system says so, not that Proxmox spawned it; "not
//! running" is believed only of a container that exists.

use homeport_engine::op::{GuestIdentity, Power};
use homeport_engine::run::{Fault, FaultKind};

use super::Proxmox;
use super::argv;
use super::fault::{lied, refused};
use super::guest::Waiting;
use super::host::{OnStop, title};

const LOOK_SECONDS: u64 = 60;

/// Proxmox waits ten seconds for another command's lock, then for the container's start without limit.
const START_SECONDS: u64 = 180;

/// Seconds a guest gets to shut down before it is killed; databases flush in a few.
const SHUTDOWN_SECONDS: u32 = 90;

/// Waits inside the guest until systemd has started everything, as long as the limit lets it – in there, because a
/// command inside outlives the call that began it (rule 8). Then sees that the root file system is sound:
/// written through to the disk, and root's own.
const READY: &str = r#"
until state=$(systemctl is-system-running --wait 2>/dev/null); [ "$state" = running ] || [ "$state" = degraded ]; do
    sleep 0.3
done
[ "$(stat -c %u /)" = 0 ] || { echo "the root directory belongs to nobody" >&2; exit 1; }
probe=$(mktemp /var/lib/.homeport-XXXXXX) && dd if=/dev/zero of="$probe" bs=64k count=16 conv=fsync 2>/dev/null
written=$?
rm -f "$probe"
[ $written = 0 ] || { echo "the root file system cannot be written" >&2; exit 1; }
echo homeport-ready
"#;

/// What a guest that is ready answers.
const SENTINEL: &str = "homeport-ready";

/// Seconds the guest gets to be up.
const READY_SECONDS: &str = "150";

/// Seconds the call gets beyond that.
const READY_CALL_SECONDS: u64 = 170;

impl Proxmox {
    /// Ensures the state.
    pub(super) fn power(
        &mut self,
        guest: &GuestIdentity,
        to: Power,
        waiting: Waiting<'_>,
    ) -> Result<(), Fault> {
        let (id, _) = self.ours_unlocked(guest, waiting)?;
        match to {
            Power::Running => self.start(id),
            Power::Stopped => self.shut_down(id),
        }
    }

    fn start(&mut self, id: u32) -> Result<(), Fault> {
        let argv = argv::start(id);
        let title = title(&argv);
        let end = self.host.ask(argv, START_SECONDS, OnStop::Finish)?;
        // A container that runs already is an error of `start`, and what is wanted.
        if !end.ok() && !self.runs(id)? {
            return Err(refused(&title, &end));
        }
        self.ready(id)
    }

    fn ready(&mut self, id: u32) -> Result<(), Fault> {
        let argv = argv::inside(id, ["timeout", READY_SECONDS, "sh", "-c", READY]);
        let end = self.host.ask(argv, READY_CALL_SECONDS, OnStop::End)?;
        if end.ok() && end.text().lines().any(|line| line == SENTINEL) {
            return Ok(());
        }
        let title = format!("start of container {id}");
        Err(lied(&title, "the system in it does not come up", &end)
            .with_remedy(format!(
                "See what it waits for: pct exec {id} -- systemctl list-jobs"
            ))
            .with_remedy(format!(
                "See what failed: pct exec {id} -- systemctl --failed"
            )))
    }

    fn shut_down(&mut self, id: u32) -> Result<(), Fault> {
        let argv = argv::shutdown(id, SHUTDOWN_SECONDS);
        let title = title(&argv);
        let limit = 2 * u64::from(SHUTDOWN_SECONDS) + LOOK_SECONDS;
        let end = self.host.ask(argv, limit, OnStop::Finish)?;
        // Asked in any case: whatever the command said of itself, what counts is that the container is off.
        match (self.runs(id)?, end.ok()) {
            (false, _) => Ok(()),
            (true, false) => Err(refused(&title, &end)),
            (true, true) => Err(lied(&title, "the container still runs", &end)),
        }
    }

    /// Whether the container runs; one that does not exist is a fault.
    pub(super) fn runs(&mut self, id: u32) -> Result<bool, Fault> {
        let argv = argv::status(id);
        let title = title(&argv);
        let end = self.host.must(argv, LOOK_SECONDS, OnStop::Finish)?;
        match end.text().trim() {
            "status: running" => Ok(true),
            "status: stopped" => Ok(false),
            other => {
                let why = format!(
                    "`{title}` answered `{}`",
                    other.chars().take(80).collect::<String>()
                );
                Err(Fault::new(FaultKind::Failed, why))
            }
        }
    }
}
