//! Reads what publishers and registries state of tools: versions and digests. Total: any text gives an answer or none.

use ct_codecs::{Base64, Decoder};
use serde_json::Value;

use crate::plan::build::Within;
use crate::sums::hex;

/// Stands for a version in the name of an archive of which the version is looked for.
pub(super) const ANY: &str = "\u{1}";

/// The SHA-256 digest that a list states of the file an address ends in: the line that names it, or the only line.
pub(super) fn in_list(list: &str, url: &str) -> Option<String> {
    crate::source::digest_in(list, url.rsplit('/').next()?)
}

/// The newest version that begins so, among the files of a list with a name like the address's, [`ANY`] for the version.
pub(super) fn newest_in_list(list: &str, url: &str, begin: &str) -> Option<String> {
    let (before, after) = url.rsplit('/').next()?.split_once(ANY)?;
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    let versions = names.filter_map(|name| name.strip_prefix(before)?.strip_suffix(after));
    newest(versions, begin).map(str::to_owned)
}

/// The newest of the versions – whole ones, of numbers alone – that begin with these numbers.
pub(super) fn newest<'a>(versions: impl Iterator<Item = &'a str>, begin: &str) -> Option<&'a str> {
    let wanted = numbers(begin)?;
    let found = versions.filter_map(|version| Some((numbers(version)?, version)));
    let fitting = found.filter(|(found, _)| found.starts_with(&wanted));
    fitting.max().map(|(_, version)| version)
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    version
        .split('.')
        .map(|number| number.parse().ok())
        .collect()
}

/// The sum of a module's zip in a record of the checksum database.
pub(super) fn in_record(record: &str, module: &str, version: &str) -> Option<String> {
    let line = record.lines().find_map(|line| {
        let mut words = line.split(' ');
        let named = words.next() == Some(module) && words.next() == Some(version);
        named.then(|| words.next()).flatten()
    });
    line.filter(|sum| sum.starts_with("h1:")).map(str::to_owned)
}

/// The wanted version of an npm package, and the SHA-512 digest of its archive.
pub(super) fn in_packument(found: &Value, wanted: &Within) -> Option<(String, String)> {
    let versions = found.get("versions")?.as_object()?;
    let version = match wanted {
        Within::Exactly(version) => version,
        Within::NewestOf(begin) => newest(versions.keys().map(String::as_str), begin)?,
    };
    let stated = versions
        .get(version)?
        .pointer("/dist/integrity")?
        .as_str()?;
    let base64 = stated
        .split(' ')
        .find_map(|sum| sum.strip_prefix("sha512-"))?;
    let bytes = Base64::decode_to_vec(base64, None).ok()?;
    (bytes.len() == 64).then(|| (version.to_owned(), hex(&bytes)))
}
