//! Rules that hold between settings: each looks at values that are valid on their own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::cidr::Cidr;
use super::cidr6::Cidr6;
use super::error::{Finding, Origin};
use super::schema::Defaults;
use super::sources::Answers;

/// Adds a finding for every rule that does not hold.
pub(crate) fn check(answers: &mut Answers, defaults: &Defaults) {
    let rules = [
        gateway(answers),
        gateway6(answers),
        one_source(answers),
        no_directory(answers),
        certificate(answers),
    ];
    let mut found: Vec<Finding> = rules.into_iter().flatten().collect();
    found.extend(of_another_source(answers));
    found.extend(ports(answers));
    found.extend(alone(answers, defaults));
    found.extend(floor(
        answers,
        "resources.memory_mb",
        "MiB of memory",
        defaults.floors.memory_mb,
    ));
    found.extend(floor(
        answers,
        "resources.disk_size_gb",
        "GiB of disk",
        defaults.floors.disk_size_gb,
    ));
    answers.findings.extend(found);
}

fn text<'a>(answers: &'a Answers, path: &str) -> Option<&'a str> {
    answers
        .by_path
        .get(path)
        .and_then(|answer| answer.value.as_str())
}

fn finding(answers: &Answers, path: &str, why: String) -> Finding {
    let origin = answers
        .by_path
        .get(path)
        .map_or(Origin::Default, |answer| answer.origin.clone());
    Finding::new(origin, path, why)
}

/// The gateway is another machine of the same network.
fn gateway(answers: &Answers) -> Option<Finding> {
    let cidr: Cidr = text(answers, "network.ip_address")?.parse().ok()?;
    let gateway: Ipv4Addr = text(answers, "network.gateway")?.parse().ok()?;
    let why = if !cidr.contains(gateway) {
        format!("is {gateway}, but that is not in the network of {cidr}")
    } else if gateway == cidr.address() {
        format!("is {gateway}, but that is the container's own address")
    } else if !cidr.usable(gateway) {
        format!(
            "is {gateway}, but that is the first or last address of its network, which no machine can have"
        )
    } else {
        return None;
    };
    Some(finding(answers, "network.gateway", why))
}

/// The same for IPv6, where a router may be known by its link alone.
fn gateway6(answers: &Answers) -> Option<Finding> {
    let path = "network.ipv6_gateway";
    let gateway: Ipv6Addr = text(answers, path)?.parse().ok()?;
    let Some(address) = text(answers, "network.ipv6_address") else {
        let why = "is given without `network.ipv6_address`; a gateway needs a network".to_owned();
        return Some(finding(answers, path, why));
    };
    let cidr: Cidr6 = address.parse().ok()?;
    let why = if gateway == cidr.address() {
        format!("is {gateway}, but that is the container's own address")
    } else if !cidr.reaches(gateway) {
        format!("is {gateway}, but that is neither in the network of {cidr} nor link-local")
    } else {
        return None;
    };
    Some(finding(answers, path, why))
}

fn one_source(answers: &Answers) -> Option<Finding> {
    let both = text(answers, "source.url").and(text(answers, "source.directory"));
    both.map(|_| {
        finding(
            answers,
            "source.directory",
            "and `source.url` are both given; give one of them".to_owned(),
        )
    })
}

/// A clone lies somewhere.
fn no_directory(answers: &Answers) -> Option<Finding> {
    let local = text(answers, "source.kind")? == "local";
    let missing = local && text(answers, "source.directory").is_none();
    let why = || "is local, but `source.directory` does not say where the clone lies".to_owned();
    missing.then(|| finding(answers, "source.kind", why()))
}

/// What only another kind of source takes: each setting, and the kinds that take it.
const TAKEN_BY: [(&str, &[&str]); 6] = [
    ("source.version", &["release"]),
    ("source.sha256", &["release"]),
    ("source.url", &["release"]),
    ("source.directory", &["release", "local"]),
    ("git.repository", &["git"]),
    ("git.branch", &["git"]),
];

/// A setting that would be ignored is an error.
fn of_another_source(answers: &Answers) -> Vec<Finding> {
    let kind = text(answers, "source.kind").unwrap_or_default();
    let ignored = TAKEN_BY.iter().filter(|(path, kinds)| {
        !kind.is_empty() && text(answers, path).is_some() && !kinds.contains(&kind)
    });
    let why = |kinds: &[&str]| {
        let kinds = kinds.join("` or `");
        format!("is given, but `source.kind` is {kind}; it is for `{kinds}`")
    };
    ignored
        .map(|(path, kinds)| finding(answers, path, why(kinds)))
        .collect()
}

fn certificate(answers: &Answers) -> Option<Finding> {
    let (cert, key) = ("services.frontend.ssl_cert", "services.frontend.ssl_key");
    match (text(answers, cert), text(answers, key)) {
        (Some(_), None) => Some(finding(
            answers,
            cert,
            format!("is given without `{key}`; a certificate needs its key"),
        )),
        (None, Some(_)) => Some(finding(
            answers,
            key,
            format!("is given without `{cert}`; a key needs its certificate"),
        )),
        _ => None,
    }
}

/// A setting of the app's that says nothing without another that is not given.
fn alone(answers: &Answers, defaults: &Defaults) -> Vec<Finding> {
    let path = |name: &str| format!("settings.{name}");
    let mut found = Vec::new();
    for setting in &defaults.app {
        let own = path(&setting.field.name);
        let given = answers.by_path.get(&own);
        if given.is_none_or(|answer| answer.origin == Origin::Default) {
            continue;
        }
        let missing = setting.needs.iter().map(|need| path(need));
        for need in missing.filter(|need| !answers.by_path.contains_key(need)) {
            let why = format!("is given without `{need}`; without that it does nothing");
            found.push(finding(answers, &own, why));
        }
    }
    found
}

/// No two services listen on the same port.
fn ports(answers: &Answers) -> Vec<Finding> {
    let mut taken: BTreeMap<u64, &str> = BTreeMap::new();
    let mut found = Vec::new();
    let is_port = |path: &str| {
        path.starts_with("services.")
            && path
                .rsplit('.')
                .next()
                .is_some_and(|key| key.contains("port"))
    };
    for (path, answer) in answers.by_path.iter().filter(|(path, _)| is_port(path)) {
        let Some(port) = answer.value.as_u64() else {
            continue;
        };
        match taken.get(&port) {
            None => drop(taken.insert(port, path)),
            Some(other) => found.push(clash(answers, path, other, port)),
        }
    }
    found
}

/// Blames the one that somebody gave, if the other is a default.
fn clash(answers: &Answers, path: &str, other: &str, port: u64) -> Finding {
    let by_default = answers
        .by_path
        .get(path)
        .is_some_and(|answer| answer.origin == Origin::Default);
    let (blamed, other) = if by_default {
        (other, path)
    } else {
        (path, other)
    };
    finding(
        answers,
        blamed,
        format!("is {port}, but that is the port of `{other}`; all must be different"),
    )
}

fn floor(answers: &Answers, path: &str, what: &str, least: u32) -> Option<Finding> {
    let value = answers
        .by_path
        .get(path)
        .and_then(|answer| answer.value.as_u64())?;
    let why = || format!("is {value}, but the app needs at least {least} {what}");
    (value < u64::from(least)).then(|| finding(answers, path, why()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::sources::Answer;
    use super::*;

    fn findings(given: &[(&str, Value)]) -> Vec<String> {
        let by_path = given.iter().map(|(path, value)| {
            let origin = Origin::Flag("--x".to_owned());
            (
                (*path).to_owned(),
                Answer {
                    value: value.clone(),
                    origin,
                },
            )
        });
        let mut answers = Answers {
            by_path: by_path.collect(),
            ..Answers::default()
        };
        let floors = super::super::schema::Floors {
            memory_mb: 512,
            disk_size_gb: 4,
        };
        check(
            &mut answers,
            &Defaults {
                floors,
                ..Defaults::default()
            },
        );
        answers
            .findings
            .iter()
            .map(|finding| format!("{} {}", finding.key, finding.why))
            .collect()
    }

    #[test]
    fn a_gateway_is_another_machine_of_the_network() {
        let of = |gateway: &str| {
            findings(&[
                ("network.ip_address", "10.0.0.5/24".into()),
                ("network.gateway", gateway.into()),
            ])
        };
        assert_eq!(of("10.0.0.1"), Vec::<String>::new());
        assert_eq!(
            of("10.0.1.1"),
            ["network.gateway is 10.0.1.1, but that is not in the network of 10.0.0.5/24"]
        );
        assert_eq!(
            of("10.0.0.5"),
            ["network.gateway is 10.0.0.5, but that is the container's own address"]
        );
        for edge in ["10.0.0.0", "10.0.0.255"] {
            assert!(of(edge)[0].contains("first or last address"), "{edge}");
        }
    }

    #[test]
    fn an_ipv6_gateway_is_a_router_of_the_network() {
        let of = |gateway: &str| {
            findings(&[
                ("network.ipv6_address", "2001:db8::50/64".into()),
                ("network.ipv6_gateway", gateway.into()),
            ])
        };
        assert_eq!(of("2001:db8::1"), Vec::<String>::new());
        assert_eq!(of("fe80::1"), Vec::<String>::new());
        assert_eq!(
            of("2001:db8:1::1"),
            [
                "network.ipv6_gateway is 2001:db8:1::1, but that is neither in the network of 2001:db8::50/64 nor link-local"
            ]
        );
        assert!(of("2001:db8::50")[0].contains("own address"));
        assert!(
            findings(&[("network.ipv6_gateway", "fe80::1".into())])[0]
                .contains("given without `network.ipv6_address`")
        );
    }

    #[test]
    fn what_belongs_together_is_given_together_and_alternatives_are_not() {
        let path = |path: &'static str| (path, Value::from("/x"));
        assert!(
            findings(&[path("services.frontend.ssl_cert")])[0]
                .contains("given without `services.frontend.ssl_key`")
        );
        assert!(
            findings(&[path("services.frontend.ssl_key")])[0]
                .contains("given without `services.frontend.ssl_cert`")
        );
        assert!(
            findings(&[
                path("services.frontend.ssl_key"),
                path("services.frontend.ssl_cert")
            ])
            .is_empty()
        );
        assert!(
            findings(&[path("source.url"), path("source.directory")])[0].contains("both given")
        );
    }

    #[test]
    fn what_another_kind_of_source_takes_is_not_ignored() {
        let of = |kind: &'static str, path: &'static str| {
            findings(&[("source.kind", kind.into()), (path, "x".into())])
        };
        assert_eq!(
            of("release", "git.branch"),
            ["git.branch is given, but `source.kind` is release; it is for `git`"]
        );
        assert!(of("git", "source.directory")[0].contains("for `release` or `local`"));
        assert_eq!(of("git", "git.branch"), Vec::<String>::new());
        assert!(of("local", "x")[0].contains("does not say where the clone lies"));
        assert_eq!(of("local", "source.directory"), Vec::<String>::new());
    }

    #[test]
    fn ports_are_different_and_floors_hold() {
        let same = findings(&[
            ("services.a.port_blue", 3456.into()),
            ("services.frontend.ssl_port", 3456.into()),
        ]);
        assert_eq!(
            same,
            [
                "services.frontend.ssl_port is 3456, but that is the port of `services.a.port_blue`; all must be different"
            ]
        );
        assert_eq!(
            findings(&[("resources.memory_mb", 511.into())]),
            ["resources.memory_mb is 511, but the app needs at least 512 MiB of memory"]
        );
        assert!(
            findings(&[
                ("resources.memory_mb", 512.into()),
                ("resources.disk_size_gb", 4.into())
            ])
            .is_empty()
        );
    }
}
