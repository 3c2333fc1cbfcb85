//! The members of a tar stream, one after another, by the one set of rules for what may be in an archive: plain files
//! and directories with plain names, each once, within limits. The bytes are foreign; reading them is total.

use std::collections::BTreeMap;
use std::io::{self, Read};

use homeport_engine::stream::{MARKER, NAME_LIMIT, plain_name};
use tar::{Archive, EntryType, Header};

use super::{ArchiveError, CONTENT_LIMIT, MEMBERS_LIMIT, NAMES_LIMIT};

/// Most that may follow the end of a tar stream: zeros up to its block size.
const PADDING_LIMIT: u64 = 64 << 10;

/// One member.
pub(super) struct Member {
    /// Plain, without a slash at the end.
    pub(super) name: String,
    /// A directory; otherwise a regular file.
    pub(super) directory: bool,
    /// Bytes of its content.
    pub(super) size: u64,
    /// As it came.
    pub(super) header: Header,
}

/// Takes a member with its content; content that is not read is passed over.
pub(super) type Take<'a> = &'a mut dyn FnMut(&Member, &mut dyn Read) -> Result<(), ArchiveError>;

/// Hands every member to `take`, in order, and makes sure that nothing but padding follows the last.
pub(super) fn each(stream: impl Read, take: Take<'_>) -> Result<(), ArchiveError> {
    let mut archive = Archive::new(stream);
    let mut names = Names::default();
    let mut long = None;
    let mut bytes = 0u64;
    for entry in archive.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        let header = entry.header().clone();
        if header.entry_type() == EntryType::GNULongName && long.is_none() {
            long = Some(long_name(&mut entry)?);
            continue;
        }
        let name = long
            .take()
            .unwrap_or_else(|| entry.path_bytes().into_owned());
        let member = member(name, header, entry.size())?;
        names.add(&member)?;
        bytes = bytes.saturating_add(member.size);
        if bytes > CONTENT_LIMIT {
            return Err(ArchiveError::TooLarge("more than 1 TiB of content"));
        }
        take(&member, &mut entry)?;
    }
    if long.is_some() {
        return Err(ArchiveError::Incomplete(
            "the last member has only a name".to_owned(),
        ));
    }
    padding(archive.into_inner())
}

/// Everything else tar knows – links, devices, sparse files, extended headers – is never in an archive of ours.
fn member(name: Vec<u8>, header: Header, size: u64) -> Result<Member, ArchiveError> {
    let refused = |name: &[u8], why| {
        let name = String::from_utf8_lossy(name).into_owned();
        ArchiveError::Member { name, why }
    };
    let directory = match header.entry_type() {
        EntryType::Regular => false,
        EntryType::Directory if size == 0 => true,
        _ => return Err(refused(&name, "it is neither a file nor a directory")),
    };
    let bare = match name.strip_suffix(b"/") {
        Some(bare) if directory => bare,
        _ => &name,
    };
    let plain = std::str::from_utf8(bare)
        .ok()
        .filter(|name| plain_name(name) || (*name == MARKER && !directory));
    match plain {
        Some(plain) => Ok(Member {
            name: plain.to_owned(),
            directory,
            size,
            header,
        }),
        None => Err(refused(
            &name,
            "its name leads elsewhere or is no plain text",
        )),
    }
}

/// GNU tar's way to give a name of more than 100 bytes: a member of its own before the one that is meant.
fn long_name(content: &mut impl Read) -> Result<Vec<u8>, ArchiveError> {
    let mut name = Vec::new();
    let most = NAME_LIMIT as u64 + 2;
    content
        .take(most)
        .read_to_end(&mut name)
        .map_err(unreadable)?;
    if name.len() as u64 == most {
        return Err(ArchiveError::TooLarge("a name is over 4096 bytes"));
    }
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

/// Names so far; the value says whether it is a directory.
#[derive(Default)]
struct Names {
    seen: BTreeMap<String, bool>,
    bytes: usize,
}

impl Names {
    fn add(&mut self, member: &Member) -> Result<(), ArchiveError> {
        let name = &member.name;
        let refused = |why| ArchiveError::Member {
            name: name.clone(),
            why,
        };
        self.bytes += name.len();
        if self.seen.len() >= MEMBERS_LIMIT || self.bytes > NAMES_LIMIT {
            return Err(ArchiveError::TooLarge(
                "too many members, or too long names",
            ));
        }
        let mut above = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
        if above.any(|above| self.seen.get(above) == Some(&false)) {
            return Err(refused("it lies below a file"));
        }
        if !member.directory && self.has_below(name) {
            return Err(refused("it is a file where a directory was"));
        }
        match self.seen.insert(name.clone(), member.directory) {
            Some(_) => Err(refused("it is there twice")),
            None => Ok(()),
        }
    }

    fn has_below(&self, name: &str) -> bool {
        let below = format!("{name}/");
        let next = self.seen.range(below.clone()..).next();
        next.is_some_and(|(found, _)| found.starts_with(&below))
    }
}

fn padding(rest: impl Read) -> Result<(), ArchiveError> {
    let mut bytes = Vec::new();
    rest.take(PADDING_LIMIT)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 == PADDING_LIMIT || bytes.iter().any(|byte| *byte != 0) {
        return Err(ArchiveError::Damaged(
            "something follows its end".to_owned(),
        ));
    }
    Ok(())
}

/// An error of the stream, which may be one of its compression or of its form.
pub(super) fn unreadable(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::Incomplete(error.to_string()),
        _ => ArchiveError::Damaged(error.to_string()),
    }
}
