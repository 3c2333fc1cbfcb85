//! The stand-in app is deployed with the very recipe of the real one: only where it comes from is a setting.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use homeport_bootstrap::digest::Digest;
use homeport_bootstrap::trust::Key;

use crate::dry;
use crate::instance::{Instance, turn};
use crate::release::{Site, bundle, dist};

const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates");

/// Digests of the files below a directory, by path.
fn digests(directory: &Path, below: &str, found: &mut BTreeMap<String, Digest>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let name = format!("{below}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            digests(&entry.path(), &name, found);
        } else {
            found.insert(name, Digest::of(&fs::read(entry.path()).unwrap()));
        }
    }
}

#[test]
fn the_recipe_is_the_same() {
    let key = fs::read_to_string(dist().join("keys/homeport.pub")).unwrap();
    let found = homeport_core::bundle::verify(&bundle(), &Key::parse(&key).unwrap()).unwrap();
    let files = found.manifest.files.into_iter();
    let released = files.filter(|file| file.path.starts_with("templates/"));
    let released: BTreeMap<_, _> = released.map(|file| (file.path, file.sha256)).collect();
    let mut here = BTreeMap::new();
    digests(Path::new(TEMPLATES), "templates", &mut here);
    assert!(here.contains_key("templates/vikunja/recipe.yaml"));
    assert_eq!(released, here);
}

/// What is planned for the stand-in is what is planned for the real app, but for the addresses it is fetched from.
#[test]
fn only_the_source_is_a_setting() {
    let _turn = turn();
    let (instance, site) = (Instance::new("e2e-same", 105), Site::serve());
    let plan = |more: &[&str]| {
        let words = instance.install(more).split_off(2);
        dry::lines(dry::install(&words, &BTreeMap::new()))
    };
    let (real, ours) = (plan(&[]), plan(&["--source-url", &site.app()]));
    let different = dry::differ(&real, &ours);
    assert!(!different.is_empty());
    let address = |line: &&String| {
        // The file of settings shows one that is not given as a comment.
        let source = line.contains(&site.app()) || line.trim() == "# url:";
        source || line.contains("https://dl.vikunja.io/")
    };
    let other: Vec<_> = different.iter().filter(|line| !address(line)).collect();
    assert_eq!(other, [""; 0]);
}
