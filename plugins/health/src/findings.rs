//! What one outcome means and what to do about it. Every remedy is a command to paste, run in the guest.

use homeport_plugin_api::wire::health::{Check, Finding, Outcome, Probe, Reading, Status};

/// Free space below these parts of a hundred is worth a warning, and critical (FR-012).
const DISK_WARN: u64 = 20;
const DISK_CRITICAL: u64 = 10;
/// Memory in use above this part of a hundred is worth a warning (FR-012).
const MEMORY_WARN: u64 = 80;
/// Days of a certificate's life left that are worth a warning: time enough to get another.
const CERTIFICATE_WARN_DAYS: u64 = 21;

/// A finding and how bad it is.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) status: Status,
    pub(crate) finding: Finding,
}

/// What `outcome` means, if it means anything. A probe without an outcome was not run: that is a failure too.
pub(crate) fn judge(probe: &Probe, outcome: Option<&Outcome>, reading: &Reading) -> Option<Judged> {
    let said = outcome.map_or("it was not tried", |outcome| outcome.said.as_str());
    let (status, message, remedy) = match outcome {
        Some(outcome) if outcome.passed => attention(&probe.check, outcome)?,
        _ => failure(probe, said, reading),
    };
    let remedy = in_guest(reading, &remedy);
    Some(Judged {
        status,
        finding: Finding {
            component: probe.component.clone(),
            message,
            remedy,
        },
    })
}

type Meaning = (Status, String, Vec<String>);

/// A probe that failed.
fn failure(probe: &Probe, said: &str, reading: &Reading) -> Meaning {
    let component = &probe.component;
    match &probe.check {
        Check::Unit { unit } => (
            Status::Unhealthy,
            format!("{component} is not running: {said}."),
            words(&["systemctl", "restart", unit]),
        ),
        Check::Http { expect, .. } => {
            let message = format!(
                "{component} does not answer {} as it should ({}): {said}.",
                expect.path, probe.name
            );
            (Status::Unhealthy, message, log(probe, reading))
        }
        Check::Connect { .. } => {
            let message = format!("{component} takes no connections ({}): {said}.", probe.name);
            (Status::Unhealthy, message, log(probe, reading))
        }
        Check::Exec { argv, .. } => (
            Status::Unhealthy,
            format!("{} failed: {said}.", probe.name),
            argv.clone(),
        ),
        Check::Disk { path } => (
            Status::Degraded,
            format!("{path} cannot be measured: {said}."),
            words(&["df", path]),
        ),
        Check::Memory => (
            Status::Degraded,
            format!("Memory cannot be measured: {said}."),
            words(&["free", "-m"]),
        ),
        Check::Certificate { address } => {
            let message = format!("The certificate at {address} cannot be read: {said}.");
            (Status::Unhealthy, message, words(&["ss", "-ltn"]))
        }
    }
}

/// Its unit's last words, if it has a unit; otherwise everyone's.
fn log(probe: &Probe, reading: &Reading) -> Vec<String> {
    let unit = reading.probes.iter().find_map(|other| match &other.check {
        Check::Unit { unit } if other.component == probe.component => Some(["-u", unit]),
        _ => None,
    });
    let unit = unit.into_iter().flatten();
    ["journalctl", "--no-pager", "-n", "50"]
        .into_iter()
        .chain(unit)
        .map(str::to_owned)
        .collect()
}

/// A probe that passed may still have figures that need attention.
fn attention(check: &Check, outcome: &Outcome) -> Option<Meaning> {
    let figure = |name: &str| outcome.figures.get(name).copied();
    match check {
        Check::Disk { path } => disk(path, figure("free")?, figure("total")?),
        Check::Memory => memory(figure("available")?, figure("total")?),
        Check::Certificate { address } => certificate(address, figure("expires_in")?),
        _ => None,
    }
}

fn disk(path: &str, free: u64, total: u64) -> Option<Meaning> {
    let percent = percent(free, total)?;
    let status = match percent {
        p if p < DISK_CRITICAL => Status::Unhealthy,
        p if p < DISK_WARN => Status::Degraded,
        _ => return None,
    };
    let message = format!(
        "{path} has {percent} % free ({} of {} MiB).",
        mebibytes(free),
        mebibytes(total)
    );
    Some((status, message, words(&["du", "-xhd1", path])))
}

fn memory(available: u64, total: u64) -> Option<Meaning> {
    let used = percent(total.saturating_sub(available), total)?;
    let message = format!("{used} % of {} MiB memory are in use.", mebibytes(total));
    (used > MEMORY_WARN).then(|| {
        (
            Status::Degraded,
            message,
            words(&["ps", "-eo", "rss,comm", "--sort=-rss"]),
        )
    })
}

fn certificate(address: &str, expires_in: u64) -> Option<Meaning> {
    let show = words(&["openssl", "s_client", "-connect", address]);
    match expires_in / 86_400 {
        _ if expires_in == 0 => Some((
            Status::Unhealthy,
            format!("The certificate at {address} has expired."),
            show,
        )),
        days if days < CERTIFICATE_WARN_DAYS => Some((
            Status::Degraded,
            format!(
                "The certificate at {address} expires within {} days.",
                days + 1
            ),
            show,
        )),
        _ => None,
    }
}

fn percent(part: u64, whole: u64) -> Option<u64> {
    (u128::from(part) * 100)
        .checked_div(u128::from(whole))
        .and_then(|percent| u64::try_from(percent).ok())
}

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn in_guest(reading: &Reading, command: &[String]) -> String {
    let words = reading.in_guest.iter().chain(command);
    words.map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// For pasting into a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
