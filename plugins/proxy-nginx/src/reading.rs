//! What is looked at before planning, and what it means. Total: whatever a command says is facts or nothing.

use std::net::IpAddr;

use homeport_plugin_api::{
    Answer,
    wire::{
        Facts,
        conversation::{Command, Output},
        proxy::Purpose,
    },
};
use serde_json::{Value, json};

use crate::{UNIT, certificate, limits_file};

/// Whether the unit is active.
pub(crate) const RUNNING: &str = "running";
/// The text of our limits for the unit.
pub(crate) const LIMITS: &str = "limits";
/// The most files a process may open in this guest.
pub(crate) const HARD_LIMIT: &str = "hard_limit";
/// Whether the kernel has IPv6.
pub(crate) const IPV6: &str = "ipv6";
/// The names of the self-signed certificate in use.
pub(crate) const SELF_SIGNED_FOR: &str = "self_signed_for";
/// The guest's clock, seconds since 1970.
pub(crate) const CLOCK: &str = "clock";
/// The process id of nginx's master.
pub(crate) const MASTER: &str = "master";

/// What must be seen before this purpose can be planned.
pub(crate) fn commands(purpose: &Purpose) -> Vec<Command> {
    let (limits, in_use) = (limits_file(), certificate::in_use());
    let running = || command(RUNNING, &["systemctl", "is-active", UNIT]);
    let signed = || {
        let argv = [
            "openssl",
            "x509",
            "-in",
            &in_use,
            "-noout",
            "-subject",
            "-issuer",
            "-ext",
            "subjectAltName",
        ];
        command(SELF_SIGNED_FOR, &argv)
    };
    match purpose {
        Purpose::Site { .. } => vec![
            running(),
            command(LIMITS, &["cat", &limits]),
            command(HARD_LIMIT, &["cat", "/proc/1/limits"]),
            command(IPV6, &["cat", "/proc/net/if_inet6"]),
            signed(),
        ],
        Purpose::Certificate { .. } => vec![command(CLOCK, &["date", "+%s"]), signed()],
        Purpose::Verify { .. } => vec![command(MASTER, &["cat", "/run/nginx.pid"])],
        Purpose::Remove { .. } => Vec::new(),
    }
}

fn command(name: &str, argv: &[&str]) -> Command {
    Command {
        name: name.to_owned(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        user: "root".to_owned(),
        stdin: None,
        limit: 64 * 1024,
        timeout_seconds: 20,
    }
}

/// A command that failed said that the thing is not there yet; that is a fact too, or no fact at all.
pub(crate) fn facts(name: &str, output: &Output) -> Answer<Facts> {
    let Output { exit, stdout } = output;
    let value = match name {
        RUNNING => Some(json!(*exit == 0)),
        IPV6 => Some(json!(*exit == 0)),
        _ if *exit != 0 => None,
        LIMITS => Some(json!(stdout)),
        HARD_LIMIT => hard_limit(stdout),
        CLOCK | MASTER => stdout.trim().parse::<u64>().ok().map(Value::from),
        SELF_SIGNED_FOR => self_signed_for(stdout),
        _ => None,
    };
    Ok(value
        .into_iter()
        .map(|value| (name.to_owned(), value))
        .collect())
}

/// `Max open files   <soft>   <hard>   files`; `unlimited` is no number and no limit.
fn hard_limit(limits: &str) -> Option<Value> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(Value::from)
}

/// OpenSSL prints an IPv6 address in full, `FD00:0:0:0:0:0:0:5`; a site names it in its short form.
fn plain(name: &str) -> String {
    name.parse::<IpAddr>()
        .map_or_else(|_| name.to_owned(), |address| address.to_string())
}

/// `subject=…`, `issuer=…`, then a line `DNS:a, IP Address:b`; somebody else's certificate is not ours to replace.
fn self_signed_for(text: &str) -> Option<Value> {
    let field = |name| text.lines().find_map(|line| line.strip_prefix(name));
    if field("subject=")? != field("issuer=")? {
        return None;
    }
    let names = text
        .lines()
        .find(|line| line.contains("DNS:") || line.contains("IP Address:"))?;
    let names = names
        .split(',')
        .filter_map(|name| name.split_once(':'))
        .map(|(_, name)| plain(name.trim()));
    Some(names.collect::<Vec<_>>().into())
}
