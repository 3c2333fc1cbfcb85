//! What the machine's figures mean: disk, memory, certificate. The limits are FR-012's.

use homeport_plugin_api::wire::health::{Check, Outcome, Reading, Status};

use crate::findings::Meaning;
use crate::remedy::in_guest;

/// Free space below these parts of a hundred is worth a warning, and critical (FR-012).
const DISK_WARN: u64 = 20;
const DISK_CRITICAL: u64 = 10;
/// Memory in use above this part of a hundred is worth a warning (FR-012).
const MEMORY_WARN: u64 = 80;
/// Days of a certificate's life left that are worth a warning: time enough to get another.
const CERTIFICATE_WARN_DAYS: u64 = 21;

/// A probe that passed may still have figures that need attention.
pub(crate) fn attention(check: &Check, outcome: &Outcome, reading: &Reading) -> Option<Meaning> {
    let figure = |name: &str| outcome.figures.get(name).copied();
    match check {
        Check::Disk { path } => disk(path, figure("free")?, figure("total")?, reading),
        Check::Memory => memory(figure("available")?, figure("total")?, reading),
        Check::Certificate { address, file } => {
            certificate(address, file.as_deref(), figure("expires_in")?, reading)
        }
        _ => None,
    }
}

fn disk(path: &str, free: u64, total: u64, reading: &Reading) -> Option<Meaning> {
    let percent = percent(free, total)?;
    let status = match percent {
        p if p < DISK_CRITICAL => Status::Unhealthy,
        p if p < DISK_WARN => Status::Degraded,
        _ => return None,
    };
    let (free, total) = (mebibytes(free), mebibytes(total));
    Some(Meaning {
        status,
        message: format!("{path} has {percent} % free ({free} of {total} MiB)."),
        remedy: vec![
            in_guest(reading, &["du", "-xhd2", path]),
            in_guest(reading, &["journalctl", "--vacuum-size=50M"]),
            in_guest(reading, &["apt-get", "clean"]),
            "If the data needs the room, make the disk larger.".to_owned(),
        ],
    })
}

fn memory(available: u64, total: u64, reading: &Reading) -> Option<Meaning> {
    let used = percent(total.saturating_sub(available), total)?;
    (used > MEMORY_WARN).then(|| Meaning {
        status: Status::Degraded,
        message: format!("{used} % of {} MiB memory are in use.", mebibytes(total)),
        remedy: vec![
            in_guest(reading, &["ps", "-eo", "rss,pid,comm", "--sort=-rss"]),
            "If that is what the app needs, give it more memory.".to_owned(),
        ],
    })
}

fn certificate(
    address: &str,
    file: Option<&str>,
    expires_in: u64,
    reading: &Reading,
) -> Option<Meaning> {
    let (status, message) = match expires_in / 86_400 {
        _ if expires_in == 0 => (Status::Unhealthy, "has expired".to_owned()),
        days if days < CERTIFICATE_WARN_DAYS => (
            Status::Degraded,
            format!("expires within {} days", days + 1),
        ),
        _ => return None,
    };
    let show = match file {
        Some(file) => in_guest(
            reading,
            &[
                "openssl", "x509", "-noout", "-subject", "-issuer", "-dates", "-in", file,
            ],
        ),
        None => in_guest(reading, &["openssl", "s_client", "-connect", address]),
    };
    let place = file.map_or_else(String::new, |file| format!(", `{file}` and beside it"));
    Some(Meaning {
        status,
        message: format!("The certificate at {address} {message}."),
        remedy: vec![
            show,
            format!(
                "Get a new one from whoever issued this one; it and its key take the place of the old pair{place}."
            ),
        ],
    })
}

fn percent(part: u64, whole: u64) -> Option<u64> {
    (u128::from(part) * 100)
        .checked_div(u128::from(whole))
        .and_then(|percent| u64::try_from(percent).ok())
}

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}
