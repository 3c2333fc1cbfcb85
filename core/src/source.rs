//! Fetches an app's release and takes it apart. Nothing is opened before its digest is known to be right.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use homeport_bootstrap::digest::Digest;
use homeport_bootstrap::fetch::{FetchError, Fetcher, Patience, Progress, Request};
use homeport_engine::durable;
use homeport_engine::event::Event;
use homeport_engine::op::{Fetch, Trust, Unpack};
use homeport_engine::run::{Fault, FaultKind, Tell};

use crate::sums::Sum;

/// A checksum file is one line.
const CHECKSUM_LIMIT: u64 = 4096;

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
        Trust::StatedAt(url) => sha256(&stated(&mut source, url, fetch)?)?,
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

/// The digest its publisher states beside the file: the line that names it, or the only line.
fn stated(source: &mut Source<'_>, url: &str, fetch: &Fetch) -> Result<String, Fault> {
    let beside = format!("{}.sha256", fetch.to);
    let path = Path::new(&beside);
    source.get(url, path, CHECKSUM_LIMIT)?;
    let text = fs::read_to_string(path)
        .map_err(|error| fault(format!("`{beside}` cannot be read: {error}")));
    let _ = fs::remove_file(path);
    let name = fetch.url.rsplit('/').next().unwrap_or_default();
    digest_in(&text?, name)
        .ok_or_else(|| untrusted(format!("`{url}` states no digest of `{name}`")))
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
            if told.as_ref() != Some(&text) {
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
            if stop.load(Ordering::SeqCst) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
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

/// Carries out [`Unpack`].
pub fn unpack(unpack: &Unpack) -> Result<(), Fault> {
    let broken = |why: String| {
        fault(format!(
            "`{}` in `{}` cannot be unpacked: {why}",
            unpack.member, unpack.archive
        ))
    };
    let file = File::open(&unpack.archive).map_err(|error| broken(error.to_string()))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
    let member = archive
        .by_name(&unpack.member)
        .map_err(|error| broken(error.to_string()))?;
    if !member.is_file() {
        return Err(broken("it is not a file".to_owned()));
    }
    let mut limited = member.take(unpack.limit + 1);
    durable::replace_with(Path::new(&unpack.to), 0o600, |to| {
        let count = io::copy(&mut limited, to)?;
        if count > unpack.limit {
            Err(io::Error::other(format!(
                "it is larger than {} bytes",
                unpack.limit
            )))
        } else {
            Ok(())
        }
    })
    .map_err(|error| broken(error.to_string()))
}

fn fault(why: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Download, why)
}

fn untrusted(why: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Untrusted, why)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("app.zip"), "hello").unwrap();
        let state = |text: String| {
            fs::write(dir.path().join("sums"), text).unwrap();
            fetched(
                dir.path(),
                Trust::StatedAt(format!("file://{}/sums", dir.path().display())),
            )
        };
        state(format!("{HEX}  app.zip\n")).unwrap();
        state(format!("{HEX}\n")).unwrap();
        let other = state(format!("{HEX}  other.zip\n")).unwrap_err();
        assert!(
            other.why.ends_with("states no digest of `app.zip`"),
            "{}",
            other.why
        );
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

    #[test]
    fn a_member_is_unpacked_within_its_limit_and_garbage_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        zip.start_file("app", zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(&[7; 500]).unwrap();
        zip.finish().unwrap();
        let job = |member: &str, limit| Unpack {
            archive: path.display().to_string(),
            member: member.to_owned(),
            to: dir.path().join("app").display().to_string(),
            limit,
        };
        unpack(&job("app", 500)).unwrap();
        assert_eq!(fs::read(dir.path().join("app")).unwrap(), [7; 500]);
        assert!(
            unpack(&job("app", 499))
                .unwrap_err()
                .why
                .ends_with("it is larger than 499 bytes")
        );
        assert!(unpack(&job("missing", 500)).is_err());
        let bytes = fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            assert!(unpack(&job("app", 500)).is_err());
        }
    }
}
