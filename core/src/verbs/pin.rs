//! Pins a version of an app in its recipe: fetches the archive, compares it with all its publisher says of it, asks, writes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use homeport_bootstrap::digest::Digest;
use homeport_engine::durable;
use homeport_engine::local::Local;
use homeport_engine::op::{Content, Fetch, Op, PutFile, Trust, Verify};
use homeport_engine::plan::Place;
use homeport_engine::require::Observations;
use homeport_engine::run::{Executor, FaultKind, Hands};

use crate::error::{Error, Kind};
use crate::places;
use crate::recipe::{self, ARCH, Loaded, PinError};
use crate::source;
use crate::verbs::{Context, identity};

/// What the user asked for.
pub struct Request<'a> {
    /// The recipe's file or directory.
    pub recipe: &'a Path,
    /// Version to pin.
    pub version: &'a str,
    /// Base URL of the release's files; `None`: the publisher's.
    pub url: Option<&'a str>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pinned {
    /// The recipe's file.
    pub recipe: PathBuf,
    /// The version.
    pub version: String,
    /// SHA-256 of its archive.
    pub sha256: String,
    /// What its publisher says of it, as clauses.
    pub found: Vec<String>,
    /// Whether the recipe was changed; it was right already otherwise.
    pub changed: bool,
}

/// A checksum file is a few lines, a signature a few hundred bytes.
const SMALL: u64 = 64 << 10;

/// Pins it.
pub fn pin(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Pinned, Error> {
    let loaded = recipe::examine(request.recipe)?;
    let file = recipe::file(request.recipe);
    let scratch = Scratch::make()?;
    let (sha256, found) = examined(cx, request, &loaded, &scratch.0)?;
    let text = fs::read_to_string(&file).map_err(|error| Error::unreadable(&file, error))?;
    let mut pinned = Pinned {
        recipe: file.clone(),
        version: request.version.to_owned(),
        sha256: sha256.clone(),
        found,
        changed: true,
    };
    let changed = match recipe::pinned(&text, request.version, &sha256) {
        Ok(changed) => changed,
        Err(PinError::There { digest, .. }) if digest == sha256 => {
            pinned.changed = false;
            return Ok(pinned);
        }
        Err(error @ PinError::There { .. }) => {
            let why = format!("{error}; the archive has {sha256}");
            return Err(untrusted(&why));
        }
        Err(error) => {
            return Err(Error::new(
                Kind::Configuration,
                "The recipe cannot be changed.",
                error.to_string(),
            ));
        }
    };
    let question = format!(
        "{} {}: {}. Pin its digest {sha256} in {}?",
        loaded.recipe.title,
        request.version,
        pinned.found.join("; "),
        file.display()
    );
    (cx.confirm)(&question)?;
    let mode = fs::metadata(&file).map_err(|error| Error::unreadable(&file, error))?;
    durable::replace(&file, changed.as_bytes(), mode.permissions().mode() & 0o777)
        .map_err(|error| Error::state(&file, error))?;
    recipe::examine(request.recipe)?;
    Ok(pinned)
}

fn untrusted(why: &str) -> Error {
    Error::new(Kind::Untrusted, "The release is not trusted.", why)
        .with_remedy("Nothing was pinned. Ask its publisher which of both is right.")
}

/// The archive's digest, and what its publisher says of it. An error when anything speaks against it.
fn examined(
    cx: &mut Context<'_>,
    request: &Request<'_>,
    loaded: &Loaded,
    scratch: &Path,
) -> Result<(String, Vec<String>), Error> {
    let release = &loaded.recipe.source.release;
    let values = BTreeMap::from([("version", request.version), ("arch", ARCH)]);
    let text = |text: &str| loaded.text(text, &values);
    let base = text(request.url.unwrap_or(&release.base_url))?;
    let mut get = |name: &str, limit| -> Result<Option<PathBuf>, Error> {
        let to = scratch.join(name);
        let fetch = Fetch {
            url: format!("{}/{name}", base.trim_end_matches('/')),
            to: to.display().to_string(),
            trust: Trust::Signed,
            limit,
        };
        match source::fetch(&fetch, 0, cx.stop, cx.tell) {
            Ok(()) => Ok(Some(to)),
            Err(fault) if limit == SMALL && fault.kind == FaultKind::Download => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    };
    let name = text(&release.archive)?;
    let archive = get(&name, release.limit_mb << 20)?.unwrap_or_default();
    let unreadable = |error| Error::unreadable(&archive, error);
    let digest = fs::File::open(&archive).and_then(Digest::of_reader);
    let sha256 = digest.map_err(unreadable)?.0.to_string();
    let statement = get(&text(&release.checksum)?, SMALL)?;
    let statement = statement.map(fs::read_to_string).transpose();
    let said = stated(statement.map_err(unreadable)?, &name, &sha256)?;
    let mut found = vec![said.to_owned()];
    let Some(signature) = &release.signature else {
        found.push("the recipe names nobody who signs it".to_owned());
        return Ok((sha256, found));
    };
    let (Some(key), Some(signed)) = (&loaded.key, get(&text(&signature.file)?, SMALL)?) else {
        found.push("its signature could not be verified: it, or the key, is not there".to_owned());
        return Ok((sha256, found));
    };
    // Beside the key a keyring is made for a moment: not in the recipe's directory.
    let copy = scratch.join("publisher.key");
    fs::copy(key, &copy).map_err(|error| Error::unreadable(key, error))?;
    verified(&archive, &signed, &copy, &signature.fingerprint)?;
    found.push(format!("it is signed by {}", signature.fingerprint));
    Ok((sha256, found))
}

/// What the publisher's statement of digests says of this file.
fn stated(statement: Option<String>, name: &str, sha256: &str) -> Result<&'static str, Error> {
    let Some(statement) = statement else {
        return Ok("its publisher states no digest");
    };
    match source::digest_in(&statement, name) {
        Some(stated) if stated == sha256 => Ok("its publisher states the same digest"),
        Some(stated) => Err(untrusted(&format!(
            "its publisher states the digest {stated}, but it has {sha256}"
        ))),
        None => Ok("its publisher's statement does not name it"),
    }
}

/// An error unless the owner of this key has signed the file.
fn verified(file: &Path, signature: &Path, key: &Path, fingerprint: &str) -> Result<(), Error> {
    here(&Op::Verify(Verify {
        file: file.display().to_string(),
        signature: signature.display().to_string(),
        key: key.display().to_string(),
        fingerprint: fingerprint.to_owned(),
    }))
}

/// Carries out an op on this machine.
fn here(op: &Op) -> Result<(), Error> {
    let hands = Hands {
        seen: &Observations::new(),
        tell: &mut |_| {},
        number: 0,
        child: &mut |_| Ok(()),
    };
    Ok(Local::new(Place::Host, Arc::default())
        .apply(op, hands)
        .map(|_| ())?)
}

/// A directory of this command's own, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Scratch, Error> {
        let path = places::staging(&identity::operation()?);
        here(&Op::PutFile(PutFile {
            path: path.display().to_string(),
            mode: 0o700,
            owner: "root:root".to_owned(),
            content: Content::Directory,
        }))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // One that stays is an orphan that `doctor` names.
        let _ = fs::remove_dir_all(&self.0);
    }
}
