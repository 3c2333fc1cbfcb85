//! Unattended: settings from a file, from the environment and from flags say the same; a wrong one is named before
//! anything is touched, and a dry run touches nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tempfile::TempDir;

use crate::dry::{self, differ, lines};
use crate::instance::{Instance, turn};
use crate::release::{self, bundled};
use crate::run::Ended;

/// Where an install would leave something.
const PLACES: [&str; 5] = [
    "/var/lib/homeport",
    "/usr/local",
    "/etc/pve",
    "/var/log/homeport",
    "/var/backups",
];

/// Every entry below a directory with what changes when anything about it changes.
fn tree(directory: &Path, found: &mut BTreeMap<String, [i64; 5]>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, seen) = (entry.path(), entry.metadata().unwrap());
        let inode = i64::try_from(seen.ino()).unwrap();
        let figures = [
            inode,
            i64::from(seen.mode()),
            seen.size().cast_signed(),
            seen.ctime(),
            seen.ctime_nsec(),
        ];
        found.insert(path.display().to_string(), figures);
        if seen.is_dir() {
            tree(&path, found);
        }
    }
}

/// Everything an install could have written, and when it was.
pub fn trees() -> BTreeMap<String, [i64; 5]> {
    let mut found = BTreeMap::new();
    for place in PLACES {
        tree(&fs::canonicalize(place).unwrap_or(place.into()), &mut found);
    }
    found
}

/// The same settings as a file.
fn yaml(instance: &Instance) -> String {
    format!(
        "deployment:\n  instance_id: {}\nnetwork:\n  domain: {}\n  ip_address: {}/24\n  gateway: 10.78.0.1\n\
         admin:\n  email: admin@homeport.test\nregistration: open\nsource:\n  sha256: {}\n",
        instance.name,
        instance.domain,
        instance.address,
        release::digest()
    )
}

/// A dry run with this file.
fn with_file(text: &str) -> Ended {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("settings.yaml");
    fs::write(&file, text).unwrap();
    let words = ["--config".to_owned(), file.display().to_string()];
    dry::install(&words, &BTreeMap::new())
}

// FR-002
#[test]
fn file_environment_and_flags_say_the_same() {
    let _turn = turn();
    let instance = Instance::new("e2e-dry", 106);
    let before = trees();
    let settings = instance.settings().into_iter();
    let variable = |(name, value): (&str, String)| {
        let name = format!("HOMEPORT_{}", name.replace('-', "_").to_uppercase());
        (name, value)
    };
    let environment: BTreeMap<_, _> = settings.map(variable).collect();
    let flags = instance.install(&[]).split_off(2);
    let from_flags = lines(dry::install(&flags, &BTreeMap::new()));
    let from_environment = lines(dry::install(&[], &environment));
    let from_file = lines(with_file(&yaml(&instance)));
    assert!(from_flags.iter().any(|line| line.contains(&instance.url())));
    assert_eq!(differ(&from_flags, &from_environment), [""; 0]);
    assert_eq!(differ(&from_flags, &from_file), [""; 0]);
    let after = trees();
    let changed: Vec<_> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .collect();
    assert_eq!(changed, [""; 0], "a dry run wrote something");
}

// FR-010, FR-011
#[test]
fn what_is_wrong_is_named_with_its_line() {
    let _turn = turn();
    let instance = Instance::new("e2e-dry", 106);
    let before = trees();
    let good = yaml(&instance);
    let wrong = [
        (
            good.replace("  domain:", "  domian:"),
            "line 4: `network.domian`",
            "did you mean `network.domain`?",
        ),
        (
            good.replace("10.78.0.1\n", "10.78.0.300\n"),
            "line 6: `network.gateway`",
            "10.78.0.300",
        ),
        (
            format!("{good}resources:\n  memory_mb: 300\n"),
            "line 13: `resources.memory_mb`",
            "512",
        ),
        (
            good.replace("registration: open", "registration: maybe"),
            "line 9: `registration`",
            "closed",
        ),
    ];
    for (text, place, why) in &wrong {
        assert_ne!(*text, good);
        let ended = with_file(text);
        assert_eq!(ended.code, 3, "{}\n{}", ended.out, ended.err);
        for part in [*place, *why] {
            assert!(ended.out.contains(part), "`{part}`: {}", ended.out);
        }
    }
    let missing = dry::install(
        &["--domain".to_owned(), "x.test".to_owned()],
        &BTreeMap::new(),
    );
    assert_eq!(missing.code, 3);
    assert!(missing.out.contains("--ip-address or HOMEPORT_IP_ADDRESS"));
    assert!(trees() == before, "something was touched");
}

// FR-002
#[test]
fn where_nobody_can_be_asked_it_says_what_it_would_take() {
    let _turn = turn();
    let before = trees();
    let some = ["install", "--domain", "x.test"].map(str::to_owned);
    let ended = bundled(&some);
    ended.refuses(2, "there is no terminal to ask on");
    for said in [
        "--ip-address or HOMEPORT_IP_ADDRESS",
        "--admin-email",
        "network.domain: x.test",
        "resources.cpu_cores: 1",
    ] {
        assert!(ended.words().contains(said), "`{said}`: {}", ended.err);
    }
    let instance = Instance::new("e2e-dry", 106);
    let mut all = instance.install(&[]);
    all.retain(|word| word != "--yes");
    bundled(&all).refuses(2, "Somebody must agree to this.");
    assert!(trees() == before, "something was touched");
}
