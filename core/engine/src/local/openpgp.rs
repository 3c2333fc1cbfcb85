//! Whether a file is signed by the key that is meant. The signature is Debian's `gpgv`'s to judge; this reads its verdict.
//!
//! `gpgv` ends with 0 for signatures of revoked and expired keys, too. So its exit status counts for nothing by itself:
//! exactly one signature must be there, be called good, and be of the fingerprint.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ct_codecs::{Base64, Decoder};

use super::file::failed;
use crate::cmd::{CmdError, Command, Output};
use crate::durable::{beside, replace};
use crate::op::Verify;
use crate::run::{Fault, FaultKind};

/// Largest key or signature that is read, bytes.
const KEY_LIMIT: u64 = 1 << 20;

/// A GiB is hashed in seconds.
const TIME: Duration = Duration::from_secs(300);

const ARMOUR: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Carries out [`Verify`]: [`FaultKind::Untrusted`] unless the signature is good.
pub(super) fn verify(verify: &Verify, stop: &AtomicBool) -> Result<(), Fault> {
    let ring = Ring::of(&verify.key)?;
    let path = ring.0.display().to_string();
    let argv = [
        "gpgv",
        "--status-fd",
        "1",
        "--keyring",
        &path,
        &verify.signature,
        &verify.file,
    ];
    let ended = Command::new(argv, TIME)
        .output(Output::Keep(64 << 10))
        .run(stop)
        .map_err(|error| match error {
            CmdError::Stopped { .. } => Fault::new(FaultKind::Cancelled, error.to_string()),
            _ => Fault::new(FaultKind::Failed, error.to_string()),
        })?;
    let verdict = verdict(&ended.text(), &verify.fingerprint).and_then(|()| match ended.ok() {
        true => Ok(()),
        false => Err(format!("gpgv ended with status {}", ended.code)),
    });
    verdict.map_err(|why| {
        let name = Path::new(&verify.file).file_name().unwrap_or_default();
        let why = format!("`{}` is not trusted: {why}", name.display());
        Fault::new(FaultKind::Untrusted, why)
            .with_lines(ended.last_lines(super::exec::LINES))
            .with_remedy("Nothing was made of it. It was changed on its way, or somebody else has published it: try another source, or ask its publisher.")
    })
}

/// The verdict in `gpgv`'s status lines (GnuPG's doc/DETAILS); otherwise why it is none, as a clause. Total.
fn verdict(status: &str, fingerprint: &str) -> Result<(), String> {
    let mut good = false;
    let mut valid = Vec::new();
    for line in status.lines() {
        let mut words = line
            .strip_prefix("[GNUPG:] ")
            .unwrap_or_default()
            .split(' ');
        match words.next().unwrap_or_default() {
            "GOODSIG" => good = true,
            "VALIDSIG" => {
                let of: Vec<&str> = words.collect();
                valid.push([of.first().copied(), of.get(9).copied()]);
            }
            "BADSIG" => return Err("it is not what was signed".to_owned()),
            "EXPSIG" => return Err("its signature has expired".to_owned()),
            "EXPKEYSIG" => return Err("the key that signed it has expired".to_owned()),
            "REVKEYSIG" => return Err("the key that signed it is revoked".to_owned()),
            "ERRSIG" => {
                return Err(format!(
                    "it is signed by another key than {fingerprint}, or in a way gpgv does not know"
                ));
            }
            _ => {}
        }
    }
    let ours = |of: &[Option<&str>; 2]| {
        of.iter()
            .flatten()
            .any(|found| found.eq_ignore_ascii_case(fingerprint))
    };
    match valid.as_slice() {
        [one] if good && ours(one) => Ok(()),
        [_] if good => Err(format!("it is signed by another key than {fingerprint}")),
        [] => Err("what should be its signature is none".to_owned()),
        _ => Err("it must have exactly one good signature".to_owned()),
    }
}

/// A keyring as `gpgv` reads it, for as long as this lives: older ones read no armour.
struct Ring(PathBuf);

impl Ring {
    fn of(key: &str) -> Result<Ring, Fault> {
        let unusable = |error: io::Error| failed(key, "cannot be used as a key", &error);
        let mut bytes = Vec::new();
        let file = fs::File::open(key).map_err(unusable)?;
        file.take(KEY_LIMIT)
            .read_to_end(&mut bytes)
            .map_err(unusable)?;
        let bytes = dearmoured(bytes).map_err(|why| unusable(io::Error::other(why)))?;
        let path = beside(Path::new(&format!("{key}.ring"))).map_err(unusable)?;
        replace(&path, &bytes, 0o600).map_err(unusable)?;
        Ok(Ring(path))
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Who keeps it from going keeps a public key.
        let _ = fs::remove_file(&self.0);
    }
}

/// The bytes of all keys in an armoured file (RFC 9580, section 6); others as they are. Total.
fn dearmoured(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if !bytes.trim_ascii_start().starts_with(ARMOUR.as_bytes()) {
        return Ok(bytes);
    }
    let text = String::from_utf8(bytes).map_err(|_| "its armour is not text".to_owned())?;
    let mut keys = Vec::new();
    for block in text.split(ARMOUR).skip(1) {
        // Headers end with an empty line; the checksum begins with `=`.
        let body = block.lines().map(str::trim).skip(1);
        let body = body.skip_while(|line| !line.is_empty()).skip(1);
        let body = body.take_while(|line| !line.starts_with('=') && !line.starts_with("-----"));
        let base64: String = body.collect();
        keys.extend(
            Base64::decode_to_vec(base64, None).map_err(|_| "its armour is damaged".to_owned())?,
        );
    }
    Ok(keys)
}

#[cfg(test)]
#[path = "openpgp_tests.rs"]
mod tests;
