//! Fetches an app's release, and small files that say something of one. Nothing is opened here: what is trusted by a
//! digest has it, or is deleted again; what is trusted by a signature is verified where it is unpacked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use homeport_bootstrap::digest::Digest;
use homeport_bootstrap::fetch::{FetchError, Fetcher, Patience, Progress, Request};
use homeport_engine::durable;
use homeport_engine::event::Event;
use homeport_engine::op::{Fetch, Trust};
use homeport_engine::run::{Fault, FaultKind, Tell};
use rustix::fs::{MemfdFlags, memfd_create};

use crate::sums::Sum;

/// Carries out [`Fetch`]. A file that is there already and right is kept.
pub fn fetch(fetch: &Fetch, number: u32, stop: &AtomicBool, tell: Tell<'_>) -> Result<(), Fault> {
    let fetcher = Fetcher::new(Patience::default());
    let mut source = Source {
        fetcher: &fetcher,
        number,
        stop,
        tell,
    };
    let sha256 = |text: &str| {
        let digest: Result<Digest, _> = text.parse();
        digest
            .map(Sum::Sha256)
            .map_err(|_| untrusted(format!("`{text}` is not a SHA-256 digest")))
    };
    let wanted = match &fetch.trust {
        Trust::Digest(digest) => sha256(digest)?,
        Trust::Signed => return source.get(&fetch.url, Path::new(&fetch.to), fetch.limit),
        Trust::Signature => return source.signature(fetch),
        Trust::Sha512(digest) => Sum::Sha512(digest.clone()),
        Trust::ModuleSum(sum) => Sum::Module(sum.clone()),
    };
    let path = Path::new(&fetch.to);
    if wanted.holds(path).unwrap_or(false) {
        return Ok(());
    }
    source.get(&fetch.url, path, fetch.limit)?;
    let found = wanted.of(path);
    if found.as_ref().is_ok_and(|found| *found == wanted.text()) {
        return Ok(());
    }
    let _ = fs::remove_file(path);
    let found = found.unwrap_or_else(|error| format!("none ({error})"));
    let wanted = wanted.text();
    Err(untrusted(format!("`{}` has the digest {found}, but {wanted} was expected; it was deleted unopened", fetch.url))
        .with_remedy("The file was changed or damaged on its way, or the server holds another one. Try again later, or use another source."))
}

/// Why a file is not in memory.
pub(crate) enum Unheld {
    /// There is no memory for it.
    Memory(io::Error),
    /// The server has not given it.
    Fetch(FetchError),
}

/// Downloads a small file into memory.
pub(crate) fn held(
    request: &Request<'_>,
    patience: Patience,
    stop: &AtomicBool,
) -> Result<Vec<u8>, Unheld> {
    let opened = memfd_create("download", MemfdFlags::CLOEXEC);
    let opened = opened.map_err(|error| Unheld::Memory(error.into()));
    let mut file = File::from(opened?);
    let fetched = Fetcher::new(patience).download(request, &mut file, &mut |_| go_on(stop));
    fetched.map_err(Unheld::Fetch)?;
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .map_err(Unheld::Memory)?;
    Ok(bytes)
}

/// On, unless the user asked to stop.
fn go_on(stop: &AtomicBool) -> ControlFlow<()> {
    match stop.load(Ordering::SeqCst) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

/// The digest a list states of a file. Total: any text gives a digest or nothing.
pub(crate) fn digest_in(text: &str, name: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let digest = words
            .next()
            .filter(|word| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some((
            digest.to_ascii_lowercase(),
            words
                .next()
                .map(|word| word.trim_start_matches('*').to_owned()),
        ))
    });
    let lines: Vec<_> = lines.collect();
    let named = lines.iter().find(|(_, file)| file.as_deref() == Some(name));
    let only = lines
        .first()
        .filter(|(_, file)| lines.len() == 1 && file.is_none());
    named.or(only).map(|(digest, _)| digest.clone())
}

struct Source<'a> {
    fetcher: &'a Fetcher,
    number: u32,
    stop: &'a AtomicBool,
    tell: Tell<'a>,
}

impl Source<'_> {
    /// Brings `url` to `path` whatever its scheme, fsynced.
    fn get(&mut self, url: &str, path: &Path, limit: u64) -> Result<(), Fault> {
        let written =
            |error: io::Error| fault(format!("`{}` cannot be written: {error}", path.display()));
        let _ = fs::remove_file(path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(written)?;
        match url.strip_prefix("file://") {
            Some(local) => copy(local, &mut file, limit)?,
            None => self.download(url, &mut file, limit)?,
        }
        file.sync_all().map_err(written)?;
        durable::sync_parent(path).map_err(written)
    }

    /// A signature that is not there is no failure of the network's.
    fn signature(&mut self, fetch: &Fetch) -> Result<(), Fault> {
        let got = self.get(&fetch.url, Path::new(&fetch.to), fetch.limit);
        got.map_err(|fault| match fault.kind {
            FaultKind::Download => {
                let why = format!("the release's signature cannot be had: {}", fault.why);
                untrusted(why).with_remedy(
                    "A release without its publisher's signature is not used. Try another source, or pin its digest: `--source-sha256`.",
                )
            }
            _ => fault,
        })
    }

    fn download(&mut self, url: &str, file: &mut File, limit: u64) -> Result<(), Fault> {
        let Source {
            fetcher,
            number,
            stop,
            tell,
        } = self;
        let mut told = None;
        let mut watch = |progress: Progress<'_>| {
            let text = words(&progress);
            // Less than a MiB is there before it could be read.
            let small = matches!(progress, Progress::Received { total: Some(total), .. } if total < 1 << 20);
            if !small && told.as_ref() != Some(&text) {
                let (number, shown) = (*number, text.clone());
                tell(match progress {
                    Progress::Waiting { .. } => Event::Waiting {
                        number,
                        text: shown,
                    },
                    Progress::Received { .. } => Event::Working {
                        number,
                        text: shown,
                    },
                });
                told = Some(text);
            }
            go_on(stop)
        };
        fetcher
            .download(&Request { url, limit }, file, &mut watch)
            .map(|_| ())
            .map_err(network)
    }
}

fn words(progress: &Progress<'_>) -> String {
    match progress {
        Progress::Received {
            bytes,
            total: Some(total),
        } => format!("{} of {} MiB", bytes >> 20, total >> 20),
        Progress::Received { bytes, total: None } => format!("{} MiB", bytes >> 20),
        Progress::Waiting { next, tries, why } => {
            format!("waiting to try again ({next} of {tries}): {why}")
        }
    }
}

fn network(error: FetchError) -> Fault {
    let kind = if matches!(error, FetchError::Stopped) {
        FaultKind::Cancelled
    } else {
        FaultKind::Download
    };
    Fault::new(kind, error.to_string()).with_remedy(
        "Check the address and this host's way to it, then run the same command again.",
    )
}

fn copy(from: &str, to: &mut File, limit: u64) -> Result<(), Fault> {
    let broken = |error: io::Error| fault(format!("`{from}` cannot be copied: {error}"));
    let source = File::open(from).map_err(broken)?;
    let count = io::copy(&mut source.take(limit + 1), to).map_err(broken)?;
    if count > limit {
        return Err(fault(format!(
            "`{from}` is larger than the {limit} bytes allowed"
        )));
    }
    Ok(())
}

fn fault(why: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Download, why)
}

fn untrusted(why: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Untrusted, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn fetched(dir: &Path, trust: Trust) -> Result<(), Fault> {
        let job = Fetch {
            url: format!("file://{}/app.zip", dir.display()),
            to: dir.join("got.zip").display().to_string(),
            trust,
            limit: 1000,
        };
        fetch(&job, 0, &AtomicBool::new(false), &mut |_| {})
    }

    #[test]
    fn a_file_is_kept_only_with_the_right_digest() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("app.zip"), "hello").unwrap();
        fetched(dir.path(), Trust::Digest(HEX.to_owned())).unwrap();
        assert_eq!(fs::read(dir.path().join("got.zip")).unwrap(), b"hello");
        let wrong = fetched(dir.path(), Trust::Digest(HEX.replace('2', "3"))).unwrap_err();
        assert_eq!(wrong.kind, FaultKind::Untrusted);
        assert!(
            wrong.why.ends_with("it was deleted unopened"),
            "{}",
            wrong.why
        );
        assert!(!dir.path().join("got.zip").exists());
    }

    #[test]
    fn the_publishers_statement_must_name_the_file() {
        let digest = |text: &str| digest_in(text, "app.zip");
        assert_eq!(digest(&format!("{HEX}  app.zip\n")).as_deref(), Some(HEX));
        assert_eq!(digest(&format!("{HEX}\n")).as_deref(), Some(HEX));
        assert_eq!(digest(&format!("{HEX}  other.zip\n")), None);
        assert_eq!(
            digest(&format!("{HEX}  other.zip\n{HEX} *app.zip\n")).as_deref(),
            Some(HEX)
        );
        assert_eq!(digest("not found"), None);
    }

    #[test]
    fn without_a_signature_nothing_is_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let missing = fetched(dir.path(), Trust::Signature).unwrap_err();
        assert_eq!(missing.kind, FaultKind::Untrusted, "{}", missing.why);
        fs::write(dir.path().join("app.zip"), "hello").unwrap();
        fetched(dir.path(), Trust::Signature).unwrap();
        fetched(dir.path(), Trust::Signed).unwrap();
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("app.zip"), vec![0; 1001]).unwrap();
        let error = fetched(dir.path(), Trust::Digest(HEX.to_owned())).unwrap_err();
        assert!(
            error.why.ends_with("is larger than the 1000 bytes allowed"),
            "{}",
            error.why
        );
    }
}
