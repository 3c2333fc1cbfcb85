//! One row per finding: what is changed about a good host, and what preflight then says. Printed as a table, so that a
//! test run shows every finding with its remedy.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::error::Kind;
use crate::recipe::{self, Loaded};
use crate::settings::{
    self, ComponentDefaults, ConfigFile, DatabaseDefaults, Defaults, SourceKind,
};
use crate::target::network::Greeting;
use crate::target::{
    Bridge, GuestKind, GuestSeen, GuestStatus, NodeSeen, Platform, StorageSeen, StorageState,
    TemplateSeen,
};

const SETTINGS: &str = "\
deployment: {instance_id: tasks}
network: {domain: tasks.example.org, ip_address: 10.0.0.5/24, gateway: 10.0.0.1}
admin: {email: admin@example.org}
";

fn shipped() -> Loaded {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
    recipe::load(&templates, "vikunja").unwrap()
}

fn wanted() -> Settings {
    let pairs = [
        ("app", "vikunja"),
        ("database.plugin", "filedb"),
        ("backup.directory", "/var/backups"),
    ];
    let defaults = Defaults {
        values: pairs
            .map(|(path, value)| (path.to_owned(), value.to_owned()))
            .into(),
        components: vec![ComponentDefaults {
            name: "backend".to_owned(),
            optional: false,
            port_blue: 3456,
            port_green: 3457,
        }],
        databases: vec![DatabaseDefaults {
            plugin: "filedb".to_owned(),
            also: Vec::new(),
            settings: Default::default(),
        }],
        ..Defaults::default()
    };
    let file = ConfigFile {
        name: "tasks.yaml".to_owned(),
        bytes: SETTINGS.into(),
    };
    settings::from_yaml(file, &defaults).unwrap()
}

fn storage(name: &str, contents: &[&str], free_gb: u64) -> StorageSeen {
    StorageSeen {
        name: name.to_owned(),
        kind: "dir".to_owned(),
        contents: contents
            .iter()
            .map(|content| (*content).to_owned())
            .collect(),
        state: StorageState::Active,
        available: Some(free_gb << 30),
        path: None,
    }
}

fn guest(id: &str, name: &str) -> GuestSeen {
    GuestSeen {
        id: id.to_owned(),
        node: "far".to_owned(),
        here: false,
        kind: GuestKind::Container,
        name: Some(name.to_owned()),
        tags: Default::default(),
        status: GuestStatus::Running,
        lock: None,
        storage: None,
        cpu: None,
        addresses: Vec::new(),
        mac: None,
        readdress: None,
    }
}

fn server(url: &str, answer: Result<i64, &str>) -> Server {
    Server {
        url: url.to_owned(),
        answer: answer
            .map(|ahead| Greeting { ahead: Some(ahead) })
            .map_err(str::to_owned),
    }
}

const RELEASES: &str = "https://dl.vikunja.io/";
const PACKAGES: &str = "http://deb.debian.org/";

/// A host on which nothing is wrong, and a network in which everybody answers who should.
fn good() -> Facts {
    let mut host = HostFacts {
        node: "pve".to_owned(),
        platform: Some(Platform {
            name: "Proxmox VE",
            version: vec![8, 4, 1],
        }),
        root: true,
        quorate: true,
        nodes: vec![NodeSeen {
            name: "pve".to_owned(),
            online: true,
        }],
        storages: vec![
            storage("local", &["iso", "vztmpl"], 20),
            storage("data", &["images", "rootdir"], 50),
        ],
        templates: vec![TemplateSeen {
            name: "debian-12-standard_12.12-1_amd64.tar.zst".to_owned(),
            os: "debian".to_owned(),
            version: vec![12, 12, 1],
            stores: Default::default(),
            listed: true,
            fits: true,
        }],
        guests: vec![guest("101", "web")],
        free_id: Some("100".to_owned()),
        bridges: vec![Bridge {
            name: "vmbr0".to_owned(),
            addresses: vec!["10.0.0.1/24".to_owned()],
            mtu: 1500,
        }],
        cpus: 4,
        memory_total_mb: 8192,
        memory_available_mb: 4096,
        overlay: true,
        clock: 1_800_000_000,
        ..HostFacts::default()
    };
    host.surroundings.nameservers = vec!["10.0.0.1".to_owned()];
    Facts {
        host,
        servers: vec![server(RELEASES, Ok(0)), server(PACKAGES, Ok(-1))],
        staging: Some(10 << 30),
        place: Some(Asked {
            address: Neighbour::Silent,
            gateway: None,
            domain: Ok(vec![[10, 0, 0, 5].into()]),
            no_directory: None,
        }),
    }
}

/// What is changed, in the facts or in the settings, and what is found then.
type Row = (fn(&mut Facts, &mut Settings), &'static str, Severity, u8);

use Severity::{Blocks, Warns};

#[rustfmt::skip] // a table: one change and what is found of it
const ROWS: &[Row] = &[
    (|f, _| f.host.root = false, ROOT, Blocks, 4),
    (|f, _| f.host.platform = None, PLATFORM, Blocks, 4),
    (|f, _| version(f, &[6, 4]), VERSION, Blocks, 4),
    (|f, _| version(f, &[10, 0]), VERSION, Warns, 4),
    (|f, _| { f.host.quorate = false; f.host.nodes[0].online = false }, QUORUM, Blocks, 4),
    (|f, _| f.host.clock = 1_000_000, CLOCK, Blocks, 4),
    (|f, _| clocks(f, -300), CLOCK, Warns, 4),
    (|f, _| clocks(f, 90_000), CLOCK, Blocks, 4),
    (|f, _| f.host.overlay = false, OVERLAY, Warns, 4),
    (|f, _| { f.host.storages.pop(); }, STORAGE, Blocks, 4),
    (|f, _| { f.host.storages.clear(); f.host.templates[0].stores.insert("local".to_owned()); }, STORAGE, Blocks, 4),
    (|f, _| f.host.storages[1].available = Some(1 << 30), STORAGE, Blocks, 4),
    (|f, _| f.host.storages[1].available = Some(5 << 30), STORAGE, Warns, 4),
    (|f, _| f.host.storages[1].available = None, STORAGE, Warns, 4),
    (|f, _| thick(f), STORAGE, Blocks, 4),
    (|_, s| named(s, "nowhere"), STORAGE, Blocks, 4),
    (|_, s| named(s, "local"), STORAGE, Blocks, 4),
    (|f, s| { state(f, StorageState::Inactive); named(s, "data") }, STORAGE, Blocks, 4),
    (|f, s| { state(f, StorageState::Disabled); named(s, "data") }, STORAGE, Blocks, 4),
    (|f, s| { state(f, StorageState::Elsewhere); named(s, "data") }, STORAGE, Blocks, 4),
    (|f, _| f.host.templates.clear(), TEMPLATE, Blocks, 4),
    (|f, _| { f.host.storages.remove(0); }, TEMPLATE, Blocks, 4),
    (|f, _| f.staging = Some(100 << 20), STAGING, Blocks, 4),
    (|f, _| f.staging = None, STAGING, Blocks, 4),
    (|_, s| s.source.kind = SourceKind::Git, BUILD, Blocks, 4),
    (|f, _| f.host.memory_total_mb = 512, MEMORY, Blocks, 4),
    (|f, _| f.host.memory_available_mb = 512, MEMORY, Warns, 4),
    (|f, _| f.host.cpus = 1, CORES, Blocks, 4),
    (|f, _| f.host.free_id = None, ID, Blocks, 6),
    (|_, s| s.proxmox.container_id = Some(101), ID, Blocks, 6),
    (|f, _| ours(f), NAME, Blocks, 6),
    (|f, _| f.host.guests[0].name = Some("Tasks".to_owned()), NAME, Warns, 6),
    (|_, s| s.network.bridge = "vmbr9".to_owned(), BRIDGE, Blocks, 6),
    (|f, _| f.host.bridges[0].addresses.push("10.0.0.5/24".to_owned()), ADDRESS, Blocks, 6),
    (|f, _| f.host.guests[0].addresses.push([10, 0, 0, 5].into()), ADDRESS, Blocks, 6),
    (|f, s| same_ipv6(f, s), ADDRESS, Blocks, 6),
    (|f, _| place(f).address = Neighbour::Answers("bc:24:11:00:00:01".to_owned()), ADDRESS, Blocks, 6),
    (|f, _| f.host.bridges[0].addresses = vec!["10.9.0.1/24".to_owned()], ADDRESS, Warns, 6),
    (|f, _| place(f).gateway = Some(Neighbour::Silent), GATEWAY, Blocks, 6),
    (|_, s| s.network.gateway = None, GATEWAY, Warns, 6),
    (|_, s| s.services.frontend.port = 22, PORTS, Blocks, 6),
    (|_, s| s.services.frontend.ssl_port = 9080, PORTS, Blocks, 6),
    (|f, _| f.host.surroundings.nameservers = vec!["127.0.0.53".to_owned()], NAMES, Blocks, 6),
    (|f, _| f.host.surroundings.nameservers.clear(), NAMES, Blocks, 6),
    (|f, _| proxy(f, "http://127.0.0.1:3128"), PROXY, Warns, 6),
    (|f, _| proxy(f, "http://proxy.example.org:31 28"), PROXY, Blocks, 6),
    (|f, _| f.servers[0] = server(RELEASES, Err("host not found")), SOURCE, Blocks, 8),
    (|f, _| place(f).no_directory = Some("`/mnt/release` is no directory".to_owned()), SOURCE, Blocks, 8),
    (|f, _| f.servers[1] = server(PACKAGES, Err("connection refused")), MIRROR, Warns, 6),
    (|f, _| place(f).domain = Err("no such name".to_owned()), DOMAIN, Warns, 6),
    (|f, _| place(f).domain = Ok(vec![[192, 0, 2, 7].into()]), DOMAIN, Warns, 6),
    (|_, s| s.proxmox.node = Some("far".to_owned()), NODE, Blocks, 6),
];

fn version(facts: &mut Facts, version: &[u32]) {
    facts.host.platform = Some(Platform {
        name: "Proxmox VE",
        version: version.to_vec(),
    });
}

fn clocks(facts: &mut Facts, ahead: i64) {
    facts.servers = vec![server(RELEASES, Ok(ahead)), server(PACKAGES, Ok(ahead * 2))];
}

fn proxy(facts: &mut Facts, address: &str) {
    facts.host.surroundings.proxies.http = Some(address.to_owned());
}

fn thick(facts: &mut Facts) {
    facts.host.storages[1].kind = "lvm".to_owned();
    facts.host.storages[1].available = Some(7 << 30);
}

fn named(settings: &mut Settings, name: &str) {
    settings.proxmox.storage = Some(name.to_owned());
}

fn state(facts: &mut Facts, state: StorageState) {
    facts.host.storages[1].state = state;
}

fn same_ipv6(facts: &mut Facts, settings: &mut Settings) {
    settings.network.ipv6_address = Some("fd00::5/64".parse().unwrap());
    facts.host.guests[0]
        .addresses
        .push("fd00::5".parse().unwrap());
}

fn ours(facts: &mut Facts) {
    let tags = ["homeport", "hp-id-tasks", "hp-app-vikunja", "hp-op-1"];
    facts.host.guests[0].tags = tags.map(str::to_owned).into();
    facts.host.guests[0].lock = Some("backup".to_owned());
}

fn place(facts: &mut Facts) -> &mut Asked {
    facts.place.as_mut().unwrap()
}

fn found(change: impl FnOnce(&mut Facts, &mut Settings)) -> Vec<Finding> {
    let (mut facts, mut settings, recipe) = (good(), wanted(), shipped());
    change(&mut facts, &mut settings);
    let wanted = Wanted {
        settings: &settings,
        recipe: &recipe.recipe,
    };
    install(&facts, wanted)
}

#[test]
fn nothing_is_wrong_with_a_good_host() {
    assert_eq!(found(|_, _| {}), []);
    assert_eq!(host(&good()), []);
}

#[test]
fn every_finding_says_how_it_should_be_how_it_is_and_what_cures_it() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    println!("table: preflight finding × remedy");
    for (change, check, severity, code) in ROWS {
        let found = found(change);
        let [finding] = &found[..] else {
            panic!("{check}: {found:?}");
        };
        let Finding {
            expected,
            found,
            remedy,
            ..
        } = finding;
        assert_eq!(
            (finding.check, finding.severity),
            (*check, *severity),
            "{finding:?}"
        );
        assert_eq!(finding.kind.code(), *code, "{finding:?}");
        assert!(!expected.is_empty() && !found.is_empty(), "{finding:?}");
        assert!(remedy.contains('`'), "nothing to paste: {remedy}");
        let word = if *severity == Blocks {
            format!("exit {code}")
        } else {
            "warns".to_owned()
        };
        println!("table: {check:<9} {word:<7} {found} → {remedy}");
        *seen.entry(check).or_default() += 1;
    }
    let unseen: Vec<_> = CHECKS
        .iter()
        .filter(|check| !seen.contains_key(*check))
        .collect();
    assert_eq!(unseen, [&""; 0], "no row shows them");
}

#[test]
fn all_findings_come_at_once_the_most_basic_first() {
    let findings = found(|facts, settings| {
        facts.host.quorate = false;
        facts.host.storages.clear();
        facts.host.overlay = false;
        facts.servers[0] = server(RELEASES, Err("refused"));
        settings.network.bridge = "vmbr9".to_owned();
    });
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, [QUORUM, STORAGE, TEMPLATE, BRIDGE, SOURCE, OVERLAY]);
    let error = passed(findings).unwrap_err();
    assert_eq!(
        (error.kind, error.code(), error.findings.len()),
        (Kind::Resources, 4, 5)
    );
    assert_eq!(error.why.lines().count(), 5);
    assert_eq!(error.remedies().len(), 5);
    assert!(error.why.contains("no bridge `vmbr9`"), "{}", error.why);
}

#[test]
fn what_only_should_be_known_is_in_nobodys_way() {
    let findings = found(|facts, _| facts.host.overlay = false);
    assert_eq!(passed(findings.clone()).unwrap(), findings);
}

#[test]
fn a_host_that_is_none_is_said_to_be_that_and_nothing_else() {
    let found = found(|facts, _| {
        facts.host = HostFacts {
            root: true,
            ..HostFacts::default()
        }
    });
    let checks: Vec<_> = found.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, [PLATFORM]);
}

#[test]
fn a_remedy_names_what_the_host_has() {
    let remedy = |change: fn(&mut Facts, &mut Settings)| found(change)[0].remedy.clone();
    assert_eq!(
        remedy(|facts, _| {
            facts.host.storages.pop();
        }),
        "Allow it: `pvesm set local --content iso,rootdir,vztmpl`"
    );
    assert_eq!(
        remedy(|_, settings| settings.services.frontend.ssl_port = 9080),
        "Take another: `--set services.frontend.ssl_port=9081`"
    );
    let other = remedy(|facts, _| facts.servers[0] = server("http://[::1]:8480/", Err("refused")));
    assert_eq!(
        other,
        "See why: `getent hosts ::1`; `curl -I http://[::1]:8480/`"
    );
}

#[test]
fn a_cached_answer_does_not_make_a_good_clock_wrong() {
    let off = |seconds: [i64; 2]| {
        let change = |facts: &mut Facts, _: &mut Settings| {
            facts.servers = vec![
                server(RELEASES, Ok(seconds[0])),
                server(PACKAGES, Ok(seconds[1])),
            ];
        };
        found(change).len()
    };
    assert_eq!(off([-86_400, 2]), 0);
    assert_eq!(off([-86_400, -86_300]), 1);
}
