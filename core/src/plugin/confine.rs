//! What a plugin's process gives up before it loads foreign code. Not part of core's own life: called in the child only.

use std::{path::Path, process};

use nix::{
    sched::{CloneFlags, unshare},
    sys::{
        prctl,
        resource::{Resource, setrlimit},
        signal::Signal,
    },
    unistd::{Gid, Uid, chdir, chroot, geteuid, setgroups, setresgid, setresuid},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What holds a plugin's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confinement {
    /// The user id it runs under.
    pub uid: u32,
    /// `none`, or why the host's network could not be taken away.
    pub network: String,
    /// `none`, or why the host's files could not be taken away.
    pub files: String,
}

/// User ids that no distribution, container or dynamic user has (systemd's UIDS-GIDS: 0x70000000 up is unused); one per
/// process, so that plugins cannot signal each other.
const UNUSED_UIDS: u32 = 0x7000_0000;

/// For a host that maps only the low ids, as an unprivileged container does: below `nobody`, given to nobody.
const SPARE_UID: u32 = 65_533;

/// Address space in bytes: core itself, the library and room to compute.
const MEMORY: u64 = 512 * 1024 * 1024;

/// Everything that can be given up is; as root, anything but the network must be. Says also under which path the
/// process now finds its standard input.
///
/// # Errors
/// What could not be given up.
pub(crate) fn confine() -> Result<(Confinement, &'static Path), String> {
    let network = outcome(unshare(own_network()));
    let jail = jail();
    let stdin = if jail.is_ok() {
        "/fd/0"
    } else {
        "/proc/self/fd/0"
    };
    if geteuid().is_root() {
        jail.map_err(|e| format!("own directory: {e}"))?;
    }
    limits()?;
    let uid = drop_user()?;
    prctl::set_no_new_privs().map_err(|e| format!("no_new_privs: {e}"))?;
    // Changing the user made the process's own directory root's; the library is opened through it.
    prctl::set_dumpable(true).map_err(|e| format!("dumpable: {e}"))?;
    prctl::set_pdeathsig(Some(Signal::SIGKILL)).map_err(|e| format!("pdeathsig: {e}"))?;
    Ok((
        Confinement {
            uid,
            network,
            files: outcome(jail),
        },
        Path::new(stdin),
    ))
}

fn outcome(taken_away: nix::Result<()>) -> String {
    taken_away.map_or_else(|e| format!("the host's: {e}"), |()| "none".to_owned())
}

/// The process's directory in /proc becomes its root: nothing of the host is below it, but its own open files are, so
/// that the library can still be loaded. What it needs beside libc must be part of it or of core.
fn jail() -> nix::Result<()> {
    chroot("/proc/self")?;
    chdir("/")
}

/// Only with a user namespace may someone other than root have a network namespace.
fn own_network() -> CloneFlags {
    let own = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
    if geteuid().is_root() {
        own
    } else {
        own | CloneFlags::CLONE_NEWUSER
    }
}

/// No processes or threads, no files written, no core dump with someone's settings in it, 30 s of computing.
fn limits() -> Result<(), String> {
    let limits = [
        (Resource::RLIMIT_AS, MEMORY),
        (Resource::RLIMIT_CPU, 30),
        (Resource::RLIMIT_NOFILE, 32),
        (Resource::RLIMIT_NPROC, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
    ];
    limits.into_iter().try_for_each(|(what, most)| {
        setrlimit(what, most, most).map_err(|e| format!("limit {what:?}: {e}"))
    })
}

/// Leaves root for ever and says for which user. Someone who is not root stays who they are.
fn drop_user() -> Result<u32, String> {
    if !geteuid().is_root() {
        return Ok(geteuid().as_raw());
    }
    setgroups(&[]).map_err(|e| format!("groups: {e}"))?;
    let unused = UNUSED_UIDS + process::id();
    let uid = if become_user(unused).is_ok() {
        unused
    } else {
        SPARE_UID
    };
    become_user(uid).map_err(|e| format!("user {uid}: {e}"))?;
    match setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)) {
        Ok(()) => Err("the process could become root again".to_owned()),
        Err(_) => Ok(uid),
    }
}

fn become_user(id: u32) -> nix::Result<()> {
    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}
