//! How many requests nginx can hold: its own limits and the system's.
//! A limit above the hard one would be ignored in silence (measured: 93 requests failed so), hence it is checked before
//! and proven after.

use homeport_plugin_api::{
    Answer, Refusal,
    wire::{
        Facts,
        proxy::Site,
        step::{Is, Require, Step},
    },
};
use serde_json::Value;

use crate::{reading, root};

/// Connections per worker: a waiting request has two, its user's and the gate's; the rest is for idle browsers. One
/// worker may get them all, so each has room for all.
pub(crate) fn connections(site: &Site) -> u64 {
    2 * u64::from(site.waiting) + 1024
}

/// Open files per worker: its connections, a file for every waiting body, and its logs.
pub(crate) fn files(site: &Site) -> u64 {
    connections(site) + u64::from(site.waiting) + 256
}

/// The unit's limits. Soft and hard alike, so that a worker never has to raise its own.
pub(crate) fn limits(site: &Site) -> String {
    format!(
        "# Written by Homeport: room for {} waiting requests.\n[Service]\nLimitNOFILE={}\n",
        site.waiting,
        files(site)
    )
}

/// Refuses if the guest's own hard limit is lower than what is needed.
pub(crate) fn fits(site: &Site, facts: &Facts) -> Answer<()> {
    let needed = files(site);
    match facts.get(reading::HARD_LIMIT).and_then(Value::as_u64) {
        Some(limit) if limit < needed => Err(Refusal::invalid(
            format!("this guest allows {limit} open files per process, nginx needs {needed}"),
            format!("raise the container's limit: `lxc.prlimit.nofile: {needed}`"),
        )),
        _ => Ok(()),
    }
}

/// What became of the limit, from the running master; its workers have the same.
pub(crate) fn proof(site: &Site, facts: &Facts) -> Answer<Vec<Step>> {
    let pid = facts
        .get(reading::MASTER)
        .and_then(Value::as_u64)
        .ok_or_else(|| {
            Refusal::invalid(
                "nginx is not running",
                format!("see why: `systemctl status {}`", crate::UNIT),
            )
        })?;
    let pid = pid.to_string();
    let argv = [
        "prlimit",
        "--pid",
        &pid,
        "--nofile",
        "--output",
        "SOFT",
        "--noheadings",
        "--raw",
    ];
    let needed = files(site);
    let require = Require::new(
        "nginx_files",
        Is::AtLeast(needed),
        format!("The running nginx may open fewer than the {needed} files it needs."),
        format!("`systemctl restart {}`", crate::UNIT),
    );
    Ok(vec![
        root("See how many files nginx may open", argv)
            .keep("nginx_files", 64)
            .into(),
        require.into(),
    ])
}
