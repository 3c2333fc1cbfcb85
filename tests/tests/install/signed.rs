//! A release that no digest is known of: its publisher's signature, verified in the guest, makes it trusted – or nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use homeport_bootstrap::digest::Digest;
use homeport_tests::http::Server;
use serde_json::Value;
use tempfile::TempDir;

use crate::decoy::free_id;
use crate::instance::{Instance, turn};
use crate::release::{self, archive};
use crate::remains::remains;
use crate::run::{Ended, apart, call, homeport, run};
use crate::user::answers;

/// Fingerprint in the shipped recipe: of the real app's publisher.
const PUBLISHER: &str = "7D061A4AA61436B40713D42EFF054DACD908493A";

/// A Homeport whose recipe names the tests' own publisher, and that publisher's release.
struct Publisher {
    root: TempDir,
}

impl Publisher {
    fn new() -> Publisher {
        let root = TempDir::new().unwrap();
        let it = Publisher { root };
        fs::create_dir(it.path("app")).unwrap();
        let to = it.archive();
        fs::copy(release::app().join(archive()), &to).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/sign.sh");
        let home = it.path("home");
        let words = ["bash", text(&script), text(&to), text(&home)];
        let fingerprint = call(&words).well().trim().to_owned();
        it.unpacked(&fingerprint);
        it
    }

    /// The bundle, with a recipe that names this key.
    fn unpacked(&self, fingerprint: &str) {
        fs::create_dir(self.path("homeport")).unwrap();
        release::unpacked(&self.path("homeport"));
        let recipe = self.path("homeport/templates/vikunja/recipe.yaml");
        let said = fs::read_to_string(&recipe).unwrap();
        assert!(said.contains(PUBLISHER));
        fs::write(&recipe, said.replace(PUBLISHER, fingerprint)).unwrap();
        let keys = self.path("homeport/templates/vikunja/keys");
        fs::create_dir_all(&keys).unwrap();
        symlink(
            self.path("home/key.asc"),
            keys.join(format!("{fingerprint}.asc")),
        )
        .unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn archive(&self) -> PathBuf {
        self.path("app").join(archive())
    }

    fn signature(&self) -> PathBuf {
        self.path("app").join(format!("{}.sig", archive()))
    }

    /// `install` of this release by this Homeport, without a digest.
    fn install(&self, instance: &Instance) -> Ended {
        let app = self.path("app").display().to_string();
        let words = instance.install_without_digest(&["--source-directory", &app]);
        let mut command: Command = apart(text(&self.path("homeport/bin/homeport")));
        run(command.args(words))
    }

    /// It is refused, and nothing of it is left.
    #[track_caller]
    fn refused(&self, instance: &Instance, said: &str) {
        let id = free_id();
        let ended = self.install(instance);
        ended.refuses(13, said);
        assert_eq!(remains(instance, id, Path::new("/nowhere")), [""; 0]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

// FR-003
#[test]
fn only_what_its_publisher_signed_is_installed() {
    let _turn = turn();
    let instance = Instance::new("e2e-signed", 117);
    let publisher = Publisher::new();
    let whole = fs::read(publisher.archive()).unwrap();
    let signature = fs::read(publisher.signature()).unwrap();

    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(publisher.archive(), damaged).unwrap();
    publisher.refused(&instance, "it is not what was signed");
    fs::write(publisher.archive(), &whole).unwrap();

    fs::remove_file(publisher.signature()).unwrap();
    publisher.refused(&instance, "signature cannot be had");

    let stranger = Publisher::new();
    fs::copy(stranger.signature(), publisher.signature()).unwrap();
    publisher.refused(&instance, "signed by another key");
    fs::write(publisher.signature(), signature).unwrap();

    let told = publisher.install(&instance).well();
    let app = instance.served();
    answers(&app);
    // A password that nobody gave is made, and said once.
    let mut words = told
        .split_whitespace()
        .skip_while(|word| *word != "Password");
    app.login("admin", words.nth(1).unwrap()).unwrap();
    let id = instance.id().unwrap();
    let left = "ls /var/lib/homeport/staging 2>/dev/null; ls -l /opt/vikunja/releases/*/vikunja";
    let left = crate::run::inside(&id, left);
    assert!(
        left.starts_with("-rwxr-xr-x 1 root root") && left.lines().count() == 1,
        "{left}"
    );
    homeport(&["uninstall", instance.name, "--yes"]).well();
}

/// `recipe pin` of this release in this Homeport's own recipe, from a mirror.
fn pin(publisher: &Publisher, mirror: &Server, more: &[&str]) -> Ended {
    let recipe = publisher.path("homeport/templates/vikunja");
    let (recipe, url) = (text(&recipe), mirror.url());
    let mut command = apart(text(&publisher.path("homeport/bin/homeport")));
    let words = ["recipe", "pin", release::APP, "--recipe", recipe];
    run(command
        .args(words)
        .args(["--url", &url, "--yes"])
        .args(more))
}

#[test]
fn a_version_is_pinned_when_nothing_its_publisher_says_is_against_it() {
    let publisher = Publisher::new();
    let mirror = Server::start(&publisher.path("app"), true).unwrap();
    let recipe = publisher.path("homeport/templates/vikunja/recipe.yaml");
    let before = fs::read_to_string(&recipe).unwrap();
    let whole = fs::read(publisher.archive()).unwrap();
    let digest = Digest::of(&whole).to_string();
    let statement = publisher.path("app").join(format!("{}.sha256", archive()));

    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(publisher.archive(), damaged).unwrap();
    let states = format!("{digest}  {}\n", archive());
    fs::write(&statement, &states).unwrap();
    let stated = format!("publisher states the digest {digest}");
    pin(&publisher, &mirror, &[]).refuses(13, &stated);
    fs::remove_file(&statement).unwrap();
    pin(&publisher, &mirror, &[]).refuses(13, "it is not what was signed");
    fs::write(publisher.archive(), &whole).unwrap();
    assert_eq!(fs::read_to_string(&recipe).unwrap(), before);

    fs::write(&statement, states).unwrap();
    for changed in [true, false] {
        let pinned = pin(&publisher, &mirror, &["--json"]).well();
        let pinned: Value = serde_json::from_str(&pinned).unwrap();
        assert_eq!(pinned["sha256"], digest.as_str());
        assert_eq!(pinned["changed"], changed);
        let found = pinned["found"].to_string();
        for clause in ["states the same digest", "it is signed by"] {
            assert!(found.contains(clause), "{found}");
        }
    }
    let after = fs::read_to_string(&recipe).unwrap();
    let added: Vec<_> = after
        .lines()
        .filter(|line| !before.contains(line))
        .collect();
    assert!(added.len() == 1 && added[0].contains(&digest), "{added:?}");
}

#[test]
fn without_digest_and_key_nothing_is_begun() {
    let _turn = turn();
    let instance = Instance::new("e2e-signed", 117);
    let publisher = Publisher::new();
    fs::remove_dir_all(publisher.path("homeport/templates/vikunja/keys")).unwrap();
    let ended = publisher.install(&instance);
    ended.refuses(13, "did not come with the recipe");
    for said in ["Nothing was changed", "--source-sha256", "save it as"] {
        assert!(ended.words().contains(said), "{}", ended.words());
    }
}
