//! Validators for one value each: pure, total, and the same for flag, environment and file.
//!
//! Each takes a text and gives its normal form, or what is wrong as a clause that follows "but that".

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use homeport_bootstrap::digest::Digest;

use super::cidr::Cidr;
use super::cidr6::Cidr6;

/// The normal form, or what is wrong.
pub(crate) type Checked = Result<String, String>;

fn accept(text: &str, right: bool, otherwise: &str) -> Checked {
    if right {
        Ok(text.to_owned())
    } else {
        Err(otherwise.to_owned())
    }
}

fn made_of(text: &str, limit: usize, allowed: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.len() <= limit && text.chars().all(allowed)
}

fn edges(text: &str, right: impl Fn(char) -> bool) -> bool {
    text.starts_with(&right) && text.ends_with(&right)
}

fn alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// Letters, digits and hyphens, at most 40: it becomes part of host names, tags and file names.
pub(crate) fn instance_id(text: &str) -> Checked {
    let right = made_of(text, 40, |c| alphanumeric(c) || c == '-') && edges(text, alphanumeric);
    accept(
        text,
        right,
        "is not made of letters, digits and hyphens (at most 40, no hyphen at either end)",
    )
}

/// Name of a recipe or plugin.
pub(crate) fn name(text: &str) -> Checked {
    let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let right = made_of(text, 40, |c| small(c) || c == '-' || c == '_') && edges(text, small);
    accept(
        text,
        right,
        "is not a name of lower-case letters, digits and hyphens",
    )
}

/// Host name or IP address, lower-case.
pub(crate) fn domain(text: &str) -> Checked {
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        return Err(format!("is a URL; give only the name, `{host}`"));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_ascii_lowercase());
    }
    if !text.is_ascii() {
        return Err("has letters beyond ASCII; give its `xn--` form".to_owned());
    }
    let numeric = text
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    let right = text.len() <= 253 && text.split('.').all(label) && !numeric;
    let lower = text.to_ascii_lowercase();
    accept(
        &lower,
        right,
        "is neither a host name (labels of letters, digits and hyphens) nor an IP address",
    )
}

/// One label of a host name (RFC 1123): also a Proxmox node's name.
fn label(text: &str) -> bool {
    made_of(text, 63, |c| alphanumeric(c) || c == '-') && edges(text, alphanumeric)
}

/// Name of a Proxmox node.
pub(crate) fn node(text: &str) -> Checked {
    accept(
        text,
        label(text),
        "is not a node name of letters, digits and hyphens",
    )
}

/// Name of a Proxmox storage, by Proxmox's own rule.
pub(crate) fn storage(text: &str) -> Checked {
    let right = made_of(text, 100, |c| alphanumeric(c) || "-_.".contains(c))
        && text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(alphanumeric);
    accept(text, right, "is not a storage name, as in `local-lvm`")
}

/// Template as `STORAGE:vztmpl/FILE`, as a file name, or as an absolute path.
pub(crate) fn template(text: &str) -> Checked {
    let right =
        made_of(text, 255, |c| alphanumeric(c) || "-_.+:/".contains(c)) && !text.contains("..");
    accept(
        text,
        right,
        "is not a template, as in `local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst`",
    )
}

/// Name of a network interface; 15 bytes is the kernel's limit.
pub(crate) fn bridge(text: &str) -> Checked {
    let right =
        made_of(text, 15, |c| alphanumeric(c) || "-_.".contains(c)) && text != "." && text != "..";
    accept(
        text,
        right,
        "is not a bridge name, as in `vmbr0` (at most 15 characters)",
    )
}

/// IPv4 address with prefix length.
pub(crate) fn cidr(text: &str) -> Checked {
    text.parse::<Cidr>().map(|cidr| cidr.to_string())
}

/// IPv4 address of a gateway.
pub(crate) fn gateway(text: &str) -> Checked {
    accept(
        text,
        text.parse::<Ipv4Addr>().is_ok(),
        "is not an IPv4 address",
    )
}

/// IPv6 address with prefix length.
pub(crate) fn cidr6(text: &str) -> Checked {
    text.parse::<Cidr6>().map(|cidr| cidr.to_string())
}

/// IPv6 address of a gateway.
pub(crate) fn gateway6(text: &str) -> Checked {
    let address = text.parse::<Ipv6Addr>();
    address
        .map(|address| address.to_string())
        .map_err(|_| "is not an IPv6 address".to_owned())
}

/// IP address of a name server.
pub(crate) fn nameserver(text: &str) -> Checked {
    let address = text
        .parse::<IpAddr>()
        .ok()
        .filter(|address| !address.is_unspecified());
    address
        .map(|address| address.to_string())
        .ok_or_else(|| "is not an IP address".to_owned())
}

/// E-mail address, in the form mail servers take without quoting.
pub(crate) fn email(text: &str) -> Checked {
    const LOCAL: &str = "!#$%&'*+-/=?^_`{|}~.";
    let right = text.len() <= 254
        && text.rsplit_once('@').is_some_and(|(local, host)| {
            made_of(local, 64, |c| alphanumeric(c) || LOCAL.contains(c))
                && !local.split('.').any(str::is_empty)
                && domain(host).is_ok()
        });
    accept(
        text,
        right,
        "is not an e-mail address, as in `admin@example.org`",
    )
}

/// HTTP or HTTPS URL without user name, query or fragment; without closing slash.
pub(crate) fn url(text: &str) -> Checked {
    const WRONG: &str = "is not an address that begins with http:// or https://";
    let (scheme, rest) = text.split_once("://").ok_or(WRONG)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("carries a user name or password, which must not stand in settings".to_owned());
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let right = matches!(scheme, "http" | "https")
        && text.len() <= 2048
        && domain(bare).is_ok()
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && path
            .chars()
            .all(|c| alphanumeric(c) || "-_.~%/+,=:".contains(c));
    accept(text.trim_end_matches('/'), right, WRONG)
}

/// Absolute path without `..`.
pub(crate) fn path(text: &str) -> Checked {
    let right = text.starts_with('/')
        && text.len() <= 4096
        && !text.contains(char::is_control)
        && !text.split('/').any(|part| part == "..");
    accept(text, right, "is not an absolute path")
}

/// Name of an account: what apps agree on.
pub(crate) fn username(text: &str) -> Checked {
    let right = text.len() >= 3
        && made_of(text, 64, |c| alphanumeric(c) || "-_.".contains(c))
        && edges(text, alphanumeric);
    accept(
        text,
        right,
        "is not a name of 3 to 64 letters, digits, dots, hyphens and underscores",
    )
}

/// SHA-256 of a file.
pub(crate) fn sha256(text: &str) -> Checked {
    accept(
        text,
        text.parse::<Digest>().is_ok(),
        "is not a SHA-256 digest: 64 digits from 0 to f",
    )
}

/// Version of a release: it becomes part of file and directory names.
pub(crate) fn version(text: &str) -> Checked {
    let right = made_of(text, 64, |c| alphanumeric(c) || "-_.+".contains(c))
        && edges(text, alphanumeric)
        && text.contains(|c: char| c.is_ascii_digit());
    accept(text, right, "is not a version, as in `2.5.0`")
}

/// Branch, tag or commit: what git takes as a name and no shell or option parser takes for something else.
pub(crate) fn reference(text: &str) -> Checked {
    let right = made_of(text, 200, |c| alphanumeric(c) || "-_./+".contains(c))
        && edges(text, |c| alphanumeric(c) || c == '_')
        && !["..", "//", "/.", "./", ".lock/"]
            .iter()
            .any(|odd| text.contains(odd))
        && !text.ends_with(".lock");
    accept(
        text,
        right,
        "is not a branch, a tag or a commit, as in `main`",
    )
}

/// Time zone name as in the zone database.
pub(crate) fn timezone(text: &str) -> Checked {
    let part = |part: &str| made_of(part, 32, |c| alphanumeric(c) || "-_+".contains(c));
    let right = text.split('/').count() <= 3 && text.split('/').all(part);
    accept(text, right, "is not a time zone, as in `Europe/Vienna`")
}

/// Time as Homeport writes it.
pub(crate) fn time(text: &str) -> Checked {
    let right = homeport_bootstrap::utc::is_time(text);
    accept(
        text,
        right,
        "is not a UTC time, as in `2026-01-02T03:04:05Z`",
    )
}

/// One line of anything.
pub(crate) fn line(text: &str) -> Checked {
    let right = !text.is_empty() && text.len() <= 1024 && !text.contains(char::is_control);
    accept(text, right, "is not one line of text")
}

#[cfg(test)]
mod tests;
