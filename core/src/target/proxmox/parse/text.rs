//! What Proxmox's programs print for people, and two lines of its configuration.

use std::collections::{BTreeMap, BTreeSet};

/// Volume names of `pvesm list`, below its heading.
pub(in crate::target::proxmox) fn volumes(answer: &str) -> Vec<String> {
    let rows = answer.lines().skip(1);
    let first = rows.filter_map(|line| line.split_whitespace().next());
    first
        .filter(|word| word.contains(':'))
        .map(str::to_owned)
        .collect()
}

/// Template names of `pveam available`: the second column; newer versions add a third.
pub(in crate::target::proxmox) fn available(answer: &str) -> Vec<String> {
    let rows = answer.lines().filter(|line| line.starts_with("system"));
    let second = rows.filter_map(|line| line.split_whitespace().nth(1));
    second.map(str::to_owned).collect()
}

/// Versions of `pveversion --verbose` by package.
pub(in crate::target::proxmox) fn packages(answer: &str) -> BTreeMap<String, Vec<u32>> {
    let pairs = answer.lines().filter_map(|line| line.split_once(':'));
    let version = |(name, rest): (&str, &str)| {
        let version = numbers(rest.split_whitespace().next()?);
        (!version.is_empty()).then(|| (name.trim().to_owned(), version))
    };
    pairs.filter_map(version).collect()
}

/// How the names of this processor's templates end. What a killed download leaves ends otherwise: `.tmp_dwnl.PID`.
const ARCHIVES: [&str; 4] = [
    "amd64.tar.zst",
    "amd64.tar.gz",
    "amd64.tar.xz",
    "amd64.tar.bz2",
];

/// Distribution and version of a template, by its name: `debian-12-standard_12.12-1_amd64.tar.zst` is
/// `("debian", [12, 12, 1])`. `None` for names of another form, other flavours and other processors.
pub(in crate::target::proxmox) fn template(name: &str) -> Option<(String, Vec<u32>)> {
    let mut parts = name.split('_');
    let (title, version, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let os = title.split('-').next().filter(|os| !os.is_empty())?;
    let known = title.ends_with("-standard") && ARCHIVES.contains(&rest);
    let version = numbers(version);
    (known && !version.is_empty()).then(|| (os.to_owned(), version))
}

/// The numbers a version begins with, most significant first: `8.4.21` and `12.12-1` alike. Compares as versions do.
pub(super) fn numbers(version: &str) -> Vec<u32> {
    version
        .split(['.', '-'])
        .map_while(|part| part.parse().ok())
        .collect()
}

/// The value of a `key: value` line of `datacenter.cfg`.
pub(in crate::target::proxmox) fn option<'a>(file: &'a str, key: &str) -> Option<&'a str> {
    let mut pairs = file.lines().filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(name, _)| name.trim() == key);
    found
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}

/// Lowest and first too high guest id, as `datacenter.cfg` has them (`next-id: lower=200,upper=300`) or by default.
pub(in crate::target::proxmox) fn id_range(datacenter: &str) -> (u32, u32) {
    let (mut lower, mut upper) = (100, 1_000_000);
    let pairs = option(datacenter, "next-id").unwrap_or_default().split(',');
    for (key, value) in pairs.filter_map(|pair| pair.split_once('=')) {
        match (key.trim(), value.trim().parse()) {
            ("lower", Ok(id)) => lower = u32::max(id, 100),
            ("upper", Ok(id)) => upper = id,
            _ => {}
        }
    }
    (lower, upper)
}

/// A list of words separated by commas, semicolons or blanks.
pub(super) fn words(list: &str) -> BTreeSet<String> {
    list.split([',', ';', ' '])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
