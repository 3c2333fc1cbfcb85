//! Brings an archive out of a container: the stream of one command inside becomes one verified file here.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use homeport_engine::cmd::{Drain, Input, Output};
use homeport_engine::exec::{Exec, Stdin};
use homeport_engine::op::GuestIdentity;
use homeport_engine::run::{Fault, FaultKind};

use super::Proxmox;
use super::argv;
use super::fault::{broken, refused};
use super::guest::Waiting;
use crate::archive::{self, ArchiveError, Summary};

/// What became of the archive.
type Written = Result<Summary, ArchiveError>;

/// The archive's writer ends soon after its stream.
const WRITER: Duration = Duration::from_secs(60);

impl Proxmox {
    /// Ensures the archive. One that is there already and proves whole is the same archive, written before.
    pub(super) fn pull(
        &mut self,
        guest: &GuestIdentity,
        exec: &Exec,
        to: &Path,
        about: &BTreeMap<String, String>,
        waiting: Waiting<'_>,
    ) -> Result<(), Fault> {
        if to.exists() {
            return archive::verify(to)
                .map(|_| ())
                .map_err(|error| unwritten(to, &error));
        }
        let (id, _) = self.ours_unlocked(guest, waiting)?;
        let title = format!("archive of container {id}");
        let (drain, written) = store(to.to_owned(), about.clone());
        let (argv, input) = (argv::declared(id, exec), input(exec)?);
        let end = self
            .host
            .stream(argv, exec.timeout_s.into(), input, Output::Drain(drain));
        let ended = match end {
            Ok(end) if end.ok() => Ok(()),
            Ok(end) => Err(refused(&title, &end)),
            Err(error) => Err(broken(&title, &error)),
        };
        both(ended, written.recv_timeout(WRITER).ok(), to)
    }
}

/// Both ends of the pipe must have done well: an archive of a command that failed at its last word is not kept.
fn both(ended: Result<(), Fault>, written: Option<Written>, to: &Path) -> Result<(), Fault> {
    match (ended, written) {
        (Ok(()), Some(Ok(_))) => Ok(()),
        (Ok(()), None) => Err(Fault::new(
            FaultKind::Failed,
            format!("`{}` was not written in time", to.display()),
        )),
        // A stream that was cut off is the command's fault, anything else that of this side, which broke the pipe.
        (Err(fault), Some(Err(ArchiveError::Incomplete(_) | ArchiveError::Damaged(_))) | None) => {
            Err(fault)
        }
        (_, Some(Err(error))) => Err(unwritten(to, &error)),
        (Err(fault), Some(Ok(_))) => Err(match discard(to) {
            Ok(()) => fault,
            Err(error) => fault.with_remedy(format!(
                "It is not to be used, and could not be removed ({error}): rm {}",
                to.display()
            )),
        }),
    }
}

fn cut_off(error: &ArchiveError) -> bool {
    matches!(
        error,
        ArchiveError::Incomplete(_) | ArchiveError::Damaged(_)
    )
}

/// Removes an archive and the file with its digest.
fn discard(archive: &Path) -> io::Result<()> {
    fs::remove_file(archive)?;
    fs::remove_file(format!("{}.sha256", archive.display()))
}

/// Writes the archive, and tells what became of it.
fn store(to: PathBuf, about: BTreeMap<String, String>) -> (Drain, Receiver<Written>) {
    let (tell, written) = channel();
    let drain: Drain = Box::new(move |stream| {
        let done = archive::write(stream, &to, &about);
        // A command whose stream was cut off will say why; one that sends what cannot be kept is stopped.
        let stop = done.as_ref().is_err_and(|error| !cut_off(error));
        // Nobody listens any more only if the call is over for another reason.
        let _ = tell.send(done);
        if stop {
            return Err(io::Error::other("the archive could not be written"));
        }
        Ok(())
    });
    (drain, written)
}

fn input(exec: &Exec) -> Result<Input, Fault> {
    Ok(match &exec.stdin {
        Stdin::None => Input::Null,
        Stdin::Text(text) => Input::Bytes(text.clone().into_bytes()),
        Stdin::File(path) => Input::File(File::open(path).map_err(|error| {
            Fault::new(
                FaultKind::Failed,
                format!("`{path}` cannot be read: {error}"),
            )
        })?),
    })
}

fn unwritten(to: &Path, error: &ArchiveError) -> Fault {
    let kind = match error {
        ArchiveError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
            FaultKind::Resources
        }
        _ => FaultKind::Failed,
    };
    Fault::new(
        kind,
        format!("the archive `{}` cannot be used: {error}", to.display()),
    )
}

#[cfg(test)]
mod tests {
    use homeport_engine::stream::{MARKER, Marker};

    use super::*;

    /// A stream of one file, as the agent sends it.
    fn bytes() -> Vec<u8> {
        let sent = Marker {
            files: 1,
            bytes: 5,
            ..Marker::default()
        };
        let marker = serde_json::to_vec(&sent).unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [("files/x", &b"hello"[..]), (MARKER, &marker)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn about() -> BTreeMap<String, String> {
        archive::ABOUT
            .map(|field| (field.to_owned(), "x".to_owned()))
            .into()
    }

    fn failed() -> Result<(), Fault> {
        Err(Fault::new(FaultKind::Failed, "the command failed"))
    }

    #[test]
    fn an_archive_is_kept_only_when_both_ends_did_well() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("a.tar.gz");
        for (ended, kept) in [(Ok(()), true), (failed(), false)] {
            let (drain, written) = store(to.clone(), about());
            drain(&mut bytes().as_slice()).unwrap();
            let result = both(ended, written.recv().ok(), &to);
            assert_eq!((result.is_ok(), to.exists()), (kept, kept), "{result:?}");
            if kept {
                discard(&to).unwrap();
            }
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_cannot_be_kept_stops_the_command_and_is_the_reason() {
        let to = Path::new("/proc/nowhere/a.tar.gz");
        let (drain, written) = store(to.to_owned(), about());
        drain(&mut bytes().as_slice()).unwrap_err();
        let fault = both(failed(), written.recv().ok(), to).unwrap_err();
        assert!(fault.why.contains("/proc/nowhere"), "{fault}");
    }

    #[test]
    fn a_stream_that_was_cut_is_the_commands_fault_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("a.tar.gz");
        let (drain, written) = store(to.clone(), about());
        drain(&mut bytes().get(..600).unwrap()).unwrap();
        assert_eq!(
            both(failed(), written.recv().ok(), &to).unwrap_err().why,
            "the command failed"
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
