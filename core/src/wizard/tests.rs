//! The order of the questions, what is offered, what is refused.

use homeport_plugin_api::wire::schema;
use serde_json::json;

use super::*;
use crate::settings::{DatabaseDefaults, resolve};

fn defaults() -> Defaults {
    let field = |name: &str, kind, required, default| schema::Field {
        name: name.to_owned(),
        kind,
        required,
        default,
        help: "What it is.".to_owned(),
    };
    let fields = vec![
        field("host", schema::FieldKind::Text, true, None),
        field("port", schema::FieldKind::Port, false, Some(json!(5432))),
        field("tls", schema::FieldKind::Flag, true, None),
    ];
    let database = |plugin: &str, fields| DatabaseDefaults {
        plugin: plugin.to_owned(),
        also: Vec::new(),
        settings: schema::Schema { fields },
    };
    Defaults {
        values: [("app", "tasks"), ("database.plugin", "filedb")]
            .map(|(path, value)| (path.to_owned(), value.to_owned()))
            .into(),
        databases: vec![database("filedb", Vec::new()), database("serverdb", fields)],
        ..Defaults::default()
    }
}

fn network(bridge: &str, third: u8) -> NetworkHint {
    let at = |last: u8, length| (format!("10.0.{third}.{last}{length}"), "because".to_owned());
    NetworkHint {
        bridge: bridge.to_owned(),
        address: Some(at(50, "/24")),
        gateway: Some(at(1, "")),
    }
}

fn interview(flags: &[(&str, &str)], bridges: &[(&str, u8)]) -> Interview {
    let given = Sources {
        flags: flags
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Sources::default()
    };
    let hints = Hints {
        bridges: bridges
            .iter()
            .map(|(name, third)| network(name, *third))
            .collect(),
        taken: vec![("10.0.0.60".parse().unwrap(), "guest 101".to_owned())],
        notes: BTreeMap::new(),
    };
    Interview::new(given, defaults(), hints)
}

fn paths(interview: &Interview) -> Vec<String> {
    interview
        .questions()
        .into_iter()
        .map(|question| question.path)
        .collect()
}

fn question(interview: &Interview, path: &str) -> Question {
    let all = interview.everything().into_iter();
    all.into_iter()
        .find(|question| question.path == path)
        .unwrap()
}

fn answer(interview: &mut Interview, path: &str, text: &str) {
    let question = question(interview, path);
    assert_eq!(interview.objection(&question, text), None, "{path}");
    interview.answer(&question, text);
}

const USUAL: [&str; 9] = [
    "network.domain",
    "network.ip_address",
    "network.gateway",
    "admin.email",
    "registration",
    "database.plugin",
    "resources.cpu_cores",
    "resources.memory_mb",
    "resources.disk_size_gb",
];

#[test]
fn five_screens_and_the_plan_are_enough_for_most() {
    let mut interview = interview(&[], &[("vmbr0", 0)]);
    assert_eq!(paths(&interview), USUAL);
    let mut screens: Vec<Screen> = interview
        .questions()
        .iter()
        .map(|question| question.screen)
        .collect();
    screens.dedup();
    assert!(screens.len() <= 5, "{screens:?}");
    for (path, text) in [
        ("network.domain", "tasks.example.org"),
        ("admin.email", "me@example.org"),
    ] {
        answer(&mut interview, path, text);
    }
    for question in interview.questions() {
        assert!(!question.reason.is_empty(), "{}", question.path);
        let default = question.default.clone().unwrap();
        answer(&mut interview, &question.path, &default);
    }
    let settings = resolve(&interview.sources(), &defaults()).unwrap();
    assert_eq!(settings.network.ip_address.to_string(), "10.0.0.50/24");
    assert_eq!(settings.network.gateway, Some([10, 0, 0, 1].into()));
}

#[test]
fn what_was_given_is_not_asked_but_can_be_changed() {
    let given = [
        ("domain", "tasks.example.org"),
        ("ip-address", "10.0.0.7/24"),
        ("database-plugin", "filedb"),
    ];
    let mut interview = interview(&given, &[("vmbr0", 0)]);
    let asked = paths(&interview);
    assert!(
        !asked
            .iter()
            .any(|path| ["network.domain", ADDRESS, PLUGIN].contains(&path.as_str())),
        "{asked:?}"
    );
    answer(&mut interview, "network.domain", "other.example.org");
    answer(&mut interview, "admin.email", "me@example.org");
    answer(&mut interview, "database.plugin", "serverdb");
    answer(&mut interview, "database.settings.host", "db");
    answer(&mut interview, "database.settings.tls", "true");
    let settings = resolve(&interview.sources(), &defaults()).unwrap();
    assert_eq!(settings.network.domain, "other.example.org");
    assert_eq!(settings.database.plugin, "serverdb");
}

#[test]
fn a_database_s_own_settings_follow_its_choice() {
    let mut interview = interview(&[], &[]);
    answer(&mut interview, PLUGIN, "serverdb");
    let asked = paths(&interview);
    let at = asked.iter().position(|path| path == PLUGIN).unwrap();
    assert_eq!(
        asked[at + 1..at + 3],
        ["database.settings.host", "database.settings.tls"]
    );
    let all: Vec<String> = interview
        .everything()
        .into_iter()
        .map(|question| question.path)
        .collect();
    assert!(all.contains(&"database.settings.port".to_owned()));
    let choices = |path: &str| {
        question(&interview, path)
            .choices
            .into_iter()
            .map(|choice| choice.shown)
            .collect::<Vec<_>>()
    };
    assert_eq!(choices("database.settings.tls"), ["yes", "no"]);
    assert_eq!(choices("database.plugin"), ["filedb", "serverdb"]);
}

#[test]
fn each_bridge_has_an_address_of_its_own_network() {
    let mut interview = interview(&[], &[("vmbr0", 0), ("vmbr1", 1)]);
    assert_eq!(paths(&interview)[1..4], [BRIDGE, ADDRESS, GATEWAY]);
    let offered = |interview: &Interview| question(interview, ADDRESS).default.unwrap();
    assert_eq!(offered(&interview), "10.0.0.50/24");
    answer(&mut interview, BRIDGE, "vmbr1");
    assert_eq!(offered(&interview), "10.0.1.50/24");
    assert_eq!(question(&interview, GATEWAY).because, "because");
}

#[test]
fn answers_are_refused_by_the_rules_of_the_file() {
    let mut interview = interview(&[("gateway", "10.0.0.1")], &[("vmbr0", 0)]);
    let wrong = |interview: &Interview, path: &str, text: &str| {
        interview
            .objection(&question(interview, path), text)
            .unwrap_or_default()
    };
    assert!(
        wrong(&interview, "network.domain", "https://x.org/")
            .contains("give only the name, `x.org`")
    );
    assert!(wrong(&interview, "network.domain", "a b").contains("neither a host name"));
    assert_eq!(wrong(&interview, "network.domain", ""), "is needed");
    assert_eq!(
        wrong(&interview, ADDRESS, "10.0.0.60/24"),
        "is the address of guest 101"
    );
    assert_eq!(wrong(&interview, GATEWAY, ""), "");
    assert!(
        wrong(&interview, ADDRESS, "10.0.1.5/24")
            .starts_with("does not fit: `network.gateway` is 10.0.0.1"),
        "{}",
        wrong(&interview, ADDRESS, "10.0.1.5/24")
    );
    assert!(wrong(&interview, "resources.memory_mb", "9").contains("a whole number from 256"));
    answer(&mut interview, ADDRESS, "10.0.0.5/24");
    assert_eq!(wrong(&interview, "registration", "open"), "");
}

#[test]
fn labels_are_words() {
    let interview = interview(&[], &[]);
    let label = |path: &str| question(&interview, path).label;
    assert_eq!(
        [
            "network.ip_address",
            "resources.disk_size_gb",
            "admin.email",
            "services.frontend.ssl_cert"
        ]
        .map(label),
        [
            "IP address",
            "Disk size in GiB",
            "Admin e-mail",
            "TLS certificate"
        ]
    );
}
