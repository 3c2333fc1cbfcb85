//! What the guest tells of a source: which commit it is, what it is called, which tools it pins, which of them are there.
//! Total: any text gives a revision or an error.

use std::collections::{BTreeMap, BTreeSet};

use ct_codecs::{Base64, Decoder};
use homeport_engine::require::Observations;
use serde_json::Value;

use super::{Build, BuildError, From, source::REVISION};
use crate::recipe::{PinFormat, Toolchain};
use crate::refs;

/// What is to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// What the name that was asked for is.
    pub kind: Kind,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// How the app will call itself.
    pub reported: String,
    /// The same as users, directories and state have it: without a `v` before the number, in one word.
    pub version: String,
    /// The tools it wants, in the recipe's order.
    pub pins: Vec<Pin>,
    /// Tools that are there already: `NAME-VERSION`.
    pub there: BTreeSet<String>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A branch: what it is called changes with every commit.
    Branch,
    /// A tag.
    Tag,
    /// A commit.
    Commit,
    /// What lies on the host, at its commit or beyond.
    Local,
}

/// A tool at the version a source wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The tool.
    pub tool: String,
    /// The version, or how it begins.
    pub version: Within,
    /// Digest of its package that the source itself states: SHA-512, lower-case hexadecimal.
    pub sha512: Option<String>,
}

impl Pin {
    /// The version as the source names it.
    pub fn wanted(&self) -> &str {
        match &self.version {
            Within::Exactly(version) | Within::NewestOf(version) => version,
        }
    }
}

/// How closely a version is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    /// This version.
    Exactly(String),
    /// The newest one that begins with these numbers.
    NewestOf(String),
}

impl Build<'_> {
    /// Reads what the first stage has observed.
    pub fn revision(&self, seen: &Observations) -> Result<Revision, BuildError> {
        let told = seen.get(REVISION).map_or("", |seen| seen.stdout.as_str());
        let unreadable = |what: &str| BuildError::Unreadable(format!("no {what} in it"));
        let field = |name: &str| {
            let mut lines = told.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        };
        let kind = self.kind(field("kind").ok_or_else(|| unreadable("kind"))?)?;
        let commit = field("commit")
            .filter(|text| refs::is_id(text))
            .ok_or_else(|| unreadable("commit"))?;
        let described = field("described").ok_or_else(|| unreadable("description"))?;
        let values = BTreeMap::from([("described", described)]);
        let reported = self.recipe.text(&self.how.version, values)?;
        let files: BTreeMap<&str, String> = told.lines().filter_map(file).collect();
        let pin = |tool: &Toolchain| {
            pin(tool, files.get(tool.pin.file.as_str())).map_err(|why| BuildError::NoPin {
                file: tool.pin.file.clone(),
                commit: commit.to_owned(),
                tool: tool.name.clone(),
                why,
            })
        };
        let there = told.lines().filter_map(|line| line.strip_prefix("tool "));
        Ok(Revision {
            kind,
            commit: commit.to_owned(),
            version: version(&reported)?,
            reported,
            pins: self
                .how
                .toolchains
                .iter()
                .map(pin)
                .collect::<Result<_, _>>()?,
            there: there.map(str::to_owned).collect(),
        })
    }

    fn kind(&self, word: &str) -> Result<Kind, BuildError> {
        let reference = self.wanted().to_owned();
        match (word, self.from) {
            ("branch", _) => Ok(Kind::Branch),
            ("tag", _) => Ok(Kind::Tag),
            ("commit", _) => Ok(Kind::Commit),
            ("local", _) => Ok(Kind::Local),
            ("ambiguous", _) => Err(BuildError::Ambiguous { reference }),
            ("none", From::Git { repository, .. }) => Err(BuildError::NoSuch {
                repository: repository.to_owned(),
                reference,
            }),
            _ => Err(BuildError::Unreadable(format!(
                "`{word}` is no kind of source"
            ))),
        }
    }
}

impl Revision {
    /// What stands for one in a plan that is only shown.
    pub fn unseen(wanted: &str) -> Revision {
        Revision {
            kind: Kind::Commit,
            commit: String::new(),
            reported: wanted.to_owned(),
            version: wanted.to_owned(),
            pins: Vec::new(),
            there: BTreeSet::new(),
        }
    }

    /// What is known of one that was built before: its version and its commit.
    pub fn known(version: &str, commit: Option<&str>) -> Revision {
        let number = version.starts_with(|c: char| c.is_ascii_digit());
        Revision {
            commit: commit.unwrap_or_default().to_owned(),
            reported: match number {
                true => format!("v{version}"),
                false => version.to_owned(),
            },
            version: version.to_owned(),
            ..Revision::unseen(version)
        }
    }

    /// What it is, for people: `branch main at 0123456789`.
    pub fn told(&self, wanted: &str) -> String {
        let short = self.commit.get(..10).unwrap_or(&self.commit);
        match self.kind {
            Kind::Branch => format!("branch {wanted} at commit {short}"),
            Kind::Tag => format!("tag {wanted}, commit {short}"),
            Kind::Commit => format!("commit {short}"),
            Kind::Local => format!("the clone at commit {short}"),
        }
    }
}

/// Not every name of a tag can be part of a path, an argument of a linker and a text in a page at once.
fn version(reported: &str) -> Result<String, BuildError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+/-".contains(c);
    let right = reported.starts_with(|c: char| c.is_ascii_alphanumeric())
        && reported.len() <= 100
        && reported.chars().all(plain)
        && !reported.contains("..");
    if !right {
        return Err(BuildError::Version(reported.to_owned()));
    }
    let number = reported
        .strip_prefix('v')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    Ok(number.unwrap_or(reported).replace('/', "-"))
}

/// `file PATH BASE64`.
fn file(line: &str) -> Option<(&str, String)> {
    let (path, encoded) = line.strip_prefix("file ")?.rsplit_once(' ')?;
    let bytes = Base64::decode_to_vec(encoded, None).ok()?;
    Some((path, String::from_utf8(bytes).ok()?))
}

fn pin(tool: &Toolchain, text: Option<&String>) -> Result<Pin, String> {
    let text = text.ok_or("it is not there, or not a text")?;
    let (wanted, sha512) = match tool.pin.reads {
        PinFormat::GoMod => (go_mod(text).ok_or("it has no `go` line")?, None),
        PinFormat::Text => (text.trim().to_owned(), None),
        PinFormat::PackageManager => package_manager(text, &tool.name)?,
    };
    let exact = tool.pin.reads != PinFormat::Text;
    let version = within(&wanted, exact).ok_or_else(|| format!("`{wanted}` is no version"))?;
    Ok(Pin {
        tool: tool.name.clone(),
        version,
        sha512,
    })
}

/// The `toolchain` line, else the `go` line. Since Go 1.21 the first release of a line has a third number, which older
/// files leave out.
fn go_mod(text: &str) -> Option<String> {
    let word = |key: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(key)).then(|| words.next()).flatten()
        })
    };
    let toolchain = word("toolchain").and_then(|name| name.strip_prefix("go"));
    let version = toolchain.or_else(|| word("go"))?;
    let mut numbers = version.split('.');
    let minor = numbers.nth(1).and_then(|number| number.parse::<u32>().ok());
    match (minor, numbers.next()) {
        (Some(21..), None) => Some(format!("{version}.0")),
        _ => Some(version.to_owned()),
    }
}

/// `NAME@VERSION` or `NAME@VERSION+sha512.HEX`.
fn package_manager(text: &str, tool: &str) -> Result<(String, Option<String>), String> {
    let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let named = json.get("packageManager").and_then(Value::as_str);
    let named = named.ok_or("it has no `packageManager`")?;
    let rest = named
        .strip_prefix(tool)
        .and_then(|rest| rest.strip_prefix('@'));
    let rest = rest.ok_or_else(|| format!("`packageManager` is `{named}`, not {tool}"))?;
    let Some((version, hash)) = rest.split_once('+') else {
        return Ok((rest.to_owned(), None));
    };
    let hex = hash
        .strip_prefix("sha512.")
        .filter(|hex| hex.len() == 128 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let hex = hex.ok_or_else(|| format!("`{hash}` is not the SHA-512 digest that was expected"))?;
    Ok((version.to_owned(), Some(hex.to_ascii_lowercase())))
}

/// A version's text: numbers, and what may follow them. `24`, `24.x` and `v24` name the newest that begins so.
fn within(text: &str, exact: bool) -> Option<Within> {
    let text = text.trim_start_matches('v');
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    if text.is_empty() || text.len() > 40 || !text.chars().all(plain) || text.contains("..") {
        return None;
    }
    let begins = text.trim_end_matches(".x");
    let numbers = |text: &str| text.split('.').all(|part| part.parse::<u32>().is_ok());
    match begins.split('.').count() {
        1 | 2 if !exact && numbers(begins) => Some(Within::NewestOf(begins.to_owned())),
        _ if text.starts_with(|c: char| c.is_ascii_digit()) && text == begins => {
            Some(Within::Exactly(text.to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "revision_tests.rs"]
mod tests;
