//! Which versions there are. Looks where the deployment's releases come from: a directory, a page that lists files, or the
//! tags of a repository.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use homeport_bootstrap::fetch::{Patience, Request as Download};
use semver::Version;

use super::report::{Checked, Offer};
use super::{Request, sources};
use crate::error::{Error, Kind};
use crate::recipe::{ARCH, Loaded};
use crate::refs::{self, Ref};
use crate::settings::Source;
use crate::source::{self, Unheld};
use crate::state::State;
use crate::verbs::held::Held;

/// A larger page or list of tags is refused, bytes.
const LIMIT: u64 = 16 << 20;

/// Stands for the version while a text is taken apart; no version has it.
const MARK: &str = "\u{1f}";

/// Where versions are looked for.
enum Place {
    Directory(String),
    Page {
        url: String,
        before: String,
        after: String,
    },
    Tags(String),
}

/// What is new.
///
/// # Errors
/// When it cannot be looked.
pub(super) fn checked(held: &Held, state: &State, request: &Request<'_>) -> Result<Checked, Error> {
    if held.settings.source.kind.builds() {
        return sources::checked(held, state, request);
    }
    let source = source(held, request);
    let place = place(&held.recipe, &source)?;
    let names = found(&held.recipe, &place)?;
    let current = parsed(&state.version);
    let mut newer: Vec<Version> = names
        .iter()
        .filter_map(|name| parsed(name))
        .filter(|version| current.as_ref().is_none_or(|current| version > current))
        .filter(|version| request.pre_releases || version.pre.is_empty())
        .collect();
    newer.sort_unstable_by(|a, b| b.cmp(a));
    newer.dedup();
    let offer = |version: &Version| Offer {
        version: version.to_string(),
        pre_release: !version.pre.is_empty(),
    };
    Ok(Checked {
        instance: state.instance.clone(),
        version: state.version.clone(),
        source: place.shown(),
        newer: newer.iter().map(offer).collect(),
        built: false,
        needs_mb: 0,
        free_mb: 0,
    })
}

/// What is built must not be older than what is in service. How far beyond a version a commit is, is not looked at.
///
/// # Errors
/// When it is.
pub(super) fn not_older(state: &State, version: &str) -> Result<(), Error> {
    let numbers = |text: &str| parsed(text).map(|one| (one.major, one.minor, one.patch));
    match (numbers(version), numbers(&state.version)) {
        (Some(wanted), Some(current)) if wanted < current => {
            Err(older(&state.instance, &state.version, version))
        }
        _ => Ok(()),
    }
}

/// The version to update to; `None` if there is nothing newer.
///
/// # Errors
/// When the one asked for is older.
pub(super) fn wanted(checked: &Checked, request: &Request<'_>) -> Result<Option<String>, Error> {
    if checked.built {
        return Ok(checked.newer.first().map(|offer| offer.version.clone()));
    }
    let Some(to) = request.to else {
        return Ok(checked.newer.first().map(|offer| offer.version.clone()));
    };
    let to = to.trim_start_matches('v').to_owned();
    match (parsed(&to), parsed(&checked.version)) {
        _ if to == checked.version => Ok(None),
        (Some(wanted), Some(current)) if wanted < current => {
            Err(older(&checked.instance, &checked.version, &to))
        }
        _ => Ok(Some(to)),
    }
}

fn older(instance: &str, version: &str, to: &str) -> Error {
    let why = format!(
        "`{instance}` is at {version}, and {to} is older: it would meet a database it does not know"
    );
    Error::new(Kind::Usage, "An update does not go back.", why).with_remedy(format!(
        "To the release before: homeport rollback {instance}"
    ))
}

/// Where the releases come from, once what was asked for is heeded.
pub(super) fn source(held: &Held, request: &Request<'_>) -> Source {
    let mut source = held.settings.source.clone();
    // What was given was the digest of the release in service.
    source.sha256 = request.sha256.map(str::to_owned);
    if let Some(from) = request.from {
        let url = from.contains("://");
        source.url = url.then(|| from.to_owned());
        source.directory = (!url).then(|| from.to_owned());
    }
    source
}

fn place(recipe: &Loaded, source: &Source) -> Result<Place, Error> {
    let release = &recipe.recipe.source.release;
    if let Some(directory) = &source.directory {
        return Ok(Place::Directory(directory.clone()));
    }
    let url = match (&source.url, &release.tags) {
        (None, Some(tags)) => return Ok(Place::Tags(tags.clone())),
        (Some(url), _) => url,
        (None, None) => &release.base_url,
    };
    let text = marked(recipe, url)?;
    // Up to the part of the path that names the version; without one, the files' own names do.
    let (above, rest) = match text.split_once(MARK) {
        Some((before, after)) => {
            let (above, name) = before.rsplit_once('/').unwrap_or((before, ""));
            let after = after.split('/').next().unwrap_or_default();
            (above.to_owned(), (name.to_owned(), after.to_owned()))
        }
        None => (text, parts(&marked(recipe, &release.archive)?)),
    };
    let (before, after) = rest;
    let url = format!("{}/", above.trim_end_matches('/'));
    Ok(Place::Page { url, before, after })
}

impl Place {
    fn shown(&self) -> String {
        match self {
            Place::Directory(path) => path.clone(),
            Place::Page { url, .. } => url.clone(),
            Place::Tags(repository) => format!("tags of {repository}"),
        }
    }
}

fn found(recipe: &Loaded, place: &Place) -> Result<Vec<String>, Error> {
    match place {
        Place::Directory(path) => {
            let (before, after) = parts(&marked(recipe, &recipe.recipe.source.release.archive)?);
            let path = Path::new(path);
            let entries = fs::read_dir(path).map_err(|source| Error::unreadable(path, source))?;
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            Ok(names
                .filter_map(|name| between(&name, &before, &after).map(str::to_owned))
                .collect())
        }
        Place::Page { url, before, after } => {
            let text = String::from_utf8_lossy(&downloaded(url)?).into_owned();
            let words = text.split(['"', '\'', '<', '>', ' ', '\n', '/', '=']);
            Ok(words
                .filter_map(|word| between(word, before, after).map(str::to_owned))
                .collect())
        }
        Place::Tags(repository) => {
            let refs = refs_of(repository)?;
            let tags = refs
                .iter()
                .filter_map(|one| one.name.strip_prefix("refs/tags/"));
            Ok(tags
                .filter(|tag| !tag.ends_with("^{}"))
                .map(|tag| tag.trim_start_matches('v').to_owned())
                .collect())
        }
    }
}

/// Branches and tags of a repository.
pub(super) fn refs_of(repository: &str) -> Result<Vec<Ref>, Error> {
    let url = format!(
        "{}/info/refs?service=git-upload-pack",
        repository.trim_end_matches('/')
    );
    refs::read(&downloaded(&url)?).map_err(|why| {
        let what = "The list of versions cannot be read.";
        Error::new(Kind::Download, what, format!("{url}: {why}"))
    })
}

fn marked(recipe: &Loaded, text: &str) -> Result<String, Error> {
    let values = serde_json::json!({"version": MARK, "arch": ARCH});
    Ok(recipe.text(text, values)?)
}

fn parts(text: &str) -> (String, String) {
    let (before, after) = text.split_once(MARK).unwrap_or((text, ""));
    let after = after.split(MARK).next().unwrap_or_default();
    (before.to_owned(), after.to_owned())
}

fn between<'a>(name: &'a str, before: &str, after: &str) -> Option<&'a str> {
    name.strip_prefix(before)?.strip_suffix(after)
}

fn downloaded(url: &str) -> Result<Vec<u8>, Error> {
    let request = Download { url, limit: LIMIT };
    let held = source::held(&request, Patience::default(), &AtomicBool::new(false));
    held.map_err(|unheld| match unheld {
        Unheld::Memory(error) => Error::host(
            format!("no memory for a list of versions: {error}"),
            "free -m",
        ),
        Unheld::Fetch(error) => {
            let what = "It cannot be seen what is new.";
            Error::new(Kind::Download, what, error.to_string()).with_remedy(format!(
                "Check this host's way to {url}, then run the same command again."
            ))
        }
    })
}

/// A version as its publisher writes it: a `v` before it and missing last numbers are nothing unusual.
fn parsed(text: &str) -> Option<Version> {
    let text = text.trim_start_matches('v');
    let padded = |text: &str| match text.matches('.').count() {
        0 => format!("{text}.0.0"),
        1 => format!("{text}.0"),
        _ => text.to_owned(),
    };
    Version::parse(text)
        .or_else(|_| Version::parse(&padded(text)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_versions() {
        assert!(parsed("2.10.0") > parsed("v2.9.9"));
        assert!(parsed("2.5.0-rc1") < parsed("2.5.0"));
        assert_eq!(parsed("2.5"), parsed("2.5.0"));
        assert_eq!(parsed("main"), None);
        assert_eq!(between("app-2.5.0.zip", "app-", ".zip"), Some("2.5.0"));
    }
}
