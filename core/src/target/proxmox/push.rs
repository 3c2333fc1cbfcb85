//! Brings files into a container: one tar stream through one call. Proxmox's own `push` ends with 0 whatever happens
//! (rule 1), takes one file per call and leaves half a file when it is killed. Here the guest checks every
//! digest before any file gets its name, and each gets it by a rename.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, channel};

use homeport_engine::cmd::{Input, Output};
use homeport_engine::op::{GuestIdentity, HostSecret, Origin, PushFile};
use homeport_engine::run::{Fault, FaultKind};
use sha2::{Digest, Sha256};

use super::Proxmox;
use super::argv;
use super::facts::surroundings;
use super::fault::{broken, lied};
use super::guest::Waiting;
use super::host::fault;

/// 1 GiB at 2 MB/s.
const PUSH_SECONDS: u64 = 600;

/// Unpacks the numbered files, checks them, gives each its name. A file that has to go to another file system is copied
/// beside its destination first, so that the last step is a rename in any case. The arguments are the destinations.
const RECEIVE: &str = r#"
set -eu
umask 022
mkdir -p /var/lib/homeport
stage=/var/lib/homeport/push
rm -rf "$stage"
mkdir -m 700 "$stage"
trap 'rm -rf "$stage"' EXIT
cd "$stage"
tar -x -p --no-same-owner -f -
sha256sum --strict --quiet -c sums
n=0
for to in "$@"; do
    new="${to%/*}/.${to##*/}.homeport-new"
    mkdir -p "${to%/*}"
    mv -f -T "$n" "$new"
    sync "$new"
    mv -f -T "$new" "$to"
    sync "${to%/*}"
    n=$((n + 1))
done
echo "homeport-pushed $n"
"#;

/// Kernel's limit on all arguments of a program is 2 MiB; the destinations get half of it.
const NAMES: usize = 1 << 20;

impl Proxmox {
    /// Ensures the files.
    pub(super) fn push(
        &mut self,
        guest: &GuestIdentity,
        files: &[PushFile],
        waiting: Waiting<'_>,
    ) -> Result<(), Fault> {
        // Nothing to send is nothing to ask: the way back of a push that goes with its directory.
        if files.is_empty() {
            return Ok(());
        }
        let (id, _) = self.ours_unlocked(guest, waiting)?;
        acceptable(files)?;
        let sources = self.sources(files)?;
        let destinations = files.iter().map(|file| file.to.as_str());
        let argv = argv::inside(
            id,
            ["sh", "-c", RECEIVE, "sh"].into_iter().chain(destinations),
        );
        let title = format!("push of {} files into container {id}", files.len());
        let (input, reason) = stream(sources);
        let end = self
            .host
            .stream(argv, PUSH_SECONDS, input, Output::Keep(4096));
        // What went wrong on this side comes first: the other side only sees a stream that ends too early.
        if let Ok(reason) = reason.try_recv() {
            return Err(reason);
        }
        let end = end.map_err(|error| broken(&title, &error))?;
        if end.ok() && end.text().trim() == format!("homeport-pushed {}", files.len()) {
            return Ok(());
        }
        Err(
            lied(&title, "the files did not all arrive", &end).with_remedy(format!(
                "See the room in the container: pct exec {id} -- df -h /"
            )),
        )
    }
}

/// A file to send, with what it is if that is no file of the host's.
struct Source {
    file: PushFile,
    text: Option<String>,
}

impl Proxmox {
    /// The files with the secrets among them, which are asked for only now.
    fn sources(&self, files: &[PushFile]) -> Result<Vec<Source>, Fault> {
        let source = |file: &PushFile| {
            let text = match &file.from {
                Origin::File(_) => None,
                Origin::Secret { secret } => Some(self.secret(*secret)?),
            };
            let file = file.clone();
            Ok(Source { file, text })
        };
        files.iter().map(source).collect()
    }

    fn secret(&self, secret: HostSecret) -> Result<String, Fault> {
        let around = || surroundings(&self.etc.datacenter()?);
        Ok(match secret {
            HostSecret::AptProxy => around()?.apt_proxy(),
            HostSecret::BuildProxy => around()?.proxies.variables(),
            HostSecret::FirstPassword => format!("{}\n", self.local.kept(secret)?),
        })
    }
}

impl Source {
    /// What is to be sent, and how many bytes of it.
    fn open(&self) -> io::Result<(Box<dyn Read + '_>, u64)> {
        match (&self.text, &self.file.from) {
            (Some(text), _) => Ok((Box::new(text.as_bytes()), text.len() as u64)),
            (None, from) => {
                let file = File::open(from.to_string())?;
                let size = file.metadata()?.len();
                Ok((Box::new(file), size))
            }
        }
    }
}

fn acceptable(files: &[PushFile]) -> Result<(), Fault> {
    let whole = |path: &str| {
        path.starts_with('/') && !path.ends_with('/') && !path.split('/').any(|part| part == "..")
    };
    if let Some(file) = files.iter().find(|file| !whole(&file.to)) {
        return fault(
            FaultKind::Failed,
            format!("`{}` is no place for a file", file.to),
        );
    }
    if files.iter().map(|file| file.to.len() + 1).sum::<usize>() > NAMES {
        return fault(FaultKind::Failed, "these are too many files for one push");
    }
    Ok(())
}

/// The stream, and where the reason arrives if it cannot be made.
fn stream(files: Vec<Source>) -> (Input, Receiver<Fault>) {
    let (tell, reason) = channel();
    let fill = move |to: &mut dyn Write| {
        archive(&files, to).map_err(|fault| {
            // Nobody listens any more only if the call is over for another reason.
            let _ = tell.send(fault);
            io::Error::other("a file could not be sent")
        })?
    };
    (Input::Fill(Box::new(fill)), reason)
}

/// Writes the archive: files under their numbers, then their digests. The outer error is a file's, the inner the pipe's.
fn archive(files: &[Source], to: &mut dyn Write) -> Result<io::Result<()>, Fault> {
    let mut tar = tar::Builder::new(to);
    let mut sums = String::new();
    for (number, source) in files.iter().enumerate() {
        let file = &source.file;
        let unusable = |error: io::Error| {
            Fault::new(
                FaultKind::Failed,
                format!("`{}` cannot be sent: {error}", file.from),
            )
        };
        let (source, size) = source.open().map_err(unusable)?;
        let mut source = Summed {
            from: source.take(size),
            sum: Sha256::new(),
            read: 0,
        };
        let header = header(file.mode, size);
        if let Err(error) = entry(&mut tar, header, &number.to_string(), &mut source) {
            return Ok(Err(error));
        }
        let sum = source.digest(size).map_err(unusable)?;
        if file.sha256.as_ref().is_some_and(|planned| *planned != sum) {
            let why = format!(
                "`{}` is not the file that was planned: its digest is {sum}",
                file.from
            );
            return fault(FaultKind::Failed, why);
        }
        sums += &format!("{sum}  {number}\n");
    }
    let header = header(0o600, sums.len() as u64);
    let ended = entry(&mut tar, header, "sums", &mut sums.as_bytes());
    Ok(ended.and_then(|()| tar.finish()))
}

fn entry(
    tar: &mut tar::Builder<&mut dyn Write>,
    mut header: tar::Header,
    name: &str,
    from: &mut dyn Read,
) -> io::Result<()> {
    tar.append_data(&mut header, name, from)
}

fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// Sums up what is read from a file.
struct Summed<'a> {
    from: io::Take<Box<dyn Read + 'a>>,
    sum: Sha256,
    read: u64,
}

impl Summed<'_> {
    /// The digest, if the file had as many bytes as it said.
    fn digest(self, size: u64) -> io::Result<String> {
        if self.read != size {
            return Err(io::Error::other("it has become shorter meanwhile"));
        }
        let sum = self.sum.finalize();
        Ok(sum.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Read for Summed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.sum.update(into.get(..count).unwrap_or_default());
        self.read += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
#[path = "push_tests.rs"]
mod tests;
