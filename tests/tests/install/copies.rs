//! What others do to an instance behind Homeport's back: a clone, a rollback, a restored backup, a migration. None is taken
//! for the instance, none is touched, and two commands settle each.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use homeport_tests::app::App;
use tempfile::TempDir;

use crate::decoy::free_id;
use crate::instance::{Instance, turn};
use crate::release::{self, bundled};
use crate::run::{call, homeport, inside};
use crate::user::{Person, certificate};

/// A storage that can take snapshots.
const POOL: &str = "e2e-thin";

/// The unit of the app in service.
const UNIT: &str = "vikunja-backend@blue.service";

/// That storage; it goes with all it holds.
struct Pool;

impl Pool {
    fn make() -> Pool {
        scene(&["store", "thin", POOL]);
        Pool
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        scene(&["clear"]);
    }
}

fn scene(words: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/scene.py");
    let script = script.display().to_string();
    call(&[&["python3", &script], words].concat()).well();
}

/// One instance, and what becomes of it.
struct Story {
    instance: Instance,
    id: String,
    app: App,
    person: Person,
    certificate: String,
}

// FR-020
#[test]
fn copies_are_recognised_left_alone_and_settled() {
    let _turn = turn();
    let _pool = Pool::make();
    let story = Story::begins();
    call(&["pct", "snapshot", &story.id, "before"]).well();
    row(
        "behind its back",
        "refused with 18",
        "its app",
        "settled by",
    );
    story.cloned();
    row(
        "pct clone",
        "restart, stop, uninstall",
        "not started by anybody",
        "adopt --as-copy",
    );
    story.rolled_back();
    row(
        "pct rollback",
        "start (off again), restart, stop",
        "on its own older data",
        "adopt --as-original",
    );
    story.restored();
    row(
        "pct restore",
        "start, uninstall",
        "off",
        "adopt --as-original",
    );
    story.migrated();
    row(
        "pct migrate",
        "start, stop, uninstall, status",
        "on its node",
        "the same command there",
    );
}

/// A line of what was seen.
fn row(what: &str, refused: &str, app: &str, settled: &str) {
    println!("table: {what:<15} | {refused:<32} | {app:<22} | {settled}");
}

fn settings(id: &str) -> String {
    fs::read_to_string(format!("/etc/pve/lxc/{id}.conf")).unwrap()
}

/// Starts a container as its administrator would.
fn powered_on(id: &str) {
    call(&["pct", "start", id]).well();
    inside(id, "systemctl is-system-running --wait || true");
}

impl Story {
    fn begins() -> Story {
        let instance = Instance::new("e2e-copies", 121);
        let directory = release::app().display().to_string();
        let words = instance.install(&["--source-directory", &directory, "--storage", POOL]);
        bundled(&words).well();
        let certificate = certificate(&instance.address, &instance.domain);
        let app = instance.app(&certificate);
        Story {
            id: instance.id().unwrap(),
            person: Person::arrives(&app),
            instance,
            app,
            certificate,
        }
    }

    /// Every change is refused with the two commands, and nothing has become of these containers.
    #[track_caller]
    fn refused(&self, verbs: &[&str], commands: [&str; 2], containers: &[&str]) {
        let seen = || containers.iter().map(|id| settings(id)).collect::<Vec<_>>();
        let before = seen();
        for verb in verbs {
            let ended = homeport(&[verb, self.instance.name, "--yes"]);
            for command in commands {
                ended.refuses(18, command);
            }
        }
        assert_eq!(seen(), before);
    }

    fn as_copy(&self, id: &str) -> String {
        format!("homeport adopt {id} --as-copy {}-{id}", self.instance.name)
    }

    fn adopted(&self, id: &str) {
        homeport(&["adopt", id, "--as-original", "--yes"]).well();
        self.person.finds_everything(&self.app);
    }

    /// Both say they are the instance. The clone does not start its app, and becomes an instance of its own.
    fn cloned(&self) {
        let (clone, name) = (free_id().to_string(), self.instance.name);
        call(&[
            "pct",
            "clone",
            &self.id,
            &clone,
            "--full",
            "1",
            "--snapname",
            "before",
        ])
        .well();
        let original = format!("homeport adopt {} --as-original", self.id);
        let commands = [self.as_copy(&clone), original];
        let commands = commands.each_ref().map(String::as_str);
        self.refused(
            &["restart", "stop", "uninstall"],
            commands,
            &[&self.id, &clone],
        );
        for shown in [homeport(&["list"]), homeport(&["status", name])] {
            let text = shown.well();
            assert!(
                commands.iter().all(|command| text.contains(command)),
                "{text}"
            );
        }
        let copy = Instance::new("e2e-copies-too", 122);
        self.readdressed(&clone, &copy);
        powered_on(&clone);
        self.sleeps(&clone);
        homeport(&["adopt", &clone, "--as-copy", copy.name, "--yes"]).well();
        let at: SocketAddr = format!("{}:443", copy.address).parse().unwrap();
        let app = App::new(&self.instance.url(), Some(at), Some(&self.certificate)).unwrap();
        self.person.finds_everything(&app);
        homeport(&["restart", name]).well();
        homeport(&["uninstall", copy.name, "--yes"]).well();
        assert_eq!(copy.id(), None);
        self.person.finds_everything(&self.app);
    }

    /// It has the original's address and must not come up with it; the command that gives it another is named.
    fn readdressed(&self, clone: &str, copy: &Instance) {
        let refused = homeport(&["adopt", clone, "--as-copy", copy.name, "--yes"]);
        refused.refuses(6, &format!("pct set {clone} --net0 "));
        let words = refused.words();
        let (_, rest) = words
            .split_once(&format!("pct set {clone} --net0 "))
            .unwrap();
        let net = rest.split(' ').next().unwrap();
        let net = net.replace("ADDRESS", &format!("{}/24", copy.address));
        call(&["pct", "set", clone, "--net0", &net]).well();
    }

    /// The app of the container is not started, by nobody, and it is said why.
    fn sleeps(&self, id: &str) {
        let state = format!("systemctl start {UNIT}; systemctl is-active {UNIT} || true");
        assert_eq!(inside(id, &state), "inactive\n");
        let why = "is not the one that was deployed as `e2e-copies`";
        let journal = inside(id, &format!("journalctl -o cat -u {UNIT}"));
        assert!(journal.contains(why), "{journal}");
        let status = inside(id, "/usr/local/bin/homeport-agent status");
        assert!(status.contains(why), "{status}");
    }

    /// An older epoch is found out by whoever asks the guest, also after it had to be started for that.
    fn rolled_back(&self) {
        let (id, name) = (self.id.as_str(), self.instance.name);
        call(&["pct", "rollback", id, "before"]).well();
        let original = format!("homeport adopt {id} --as-original");
        let commands = [&*self.as_copy(id), &*original];
        self.refused(&["start"], commands, &[id]);
        assert_eq!(call(&["pct", "status", id]).well(), "status: stopped\n");
        powered_on(id);
        self.refused(&["restart", "stop"], commands, &[id]);
        let status = homeport(&["status", name]).well();
        assert!(
            status.contains("of epoch 1") && status.contains(&original),
            "{status}"
        );
        self.adopted(id);
        homeport(&["restart", name]).well();
    }

    /// A restored guest has all marks of the original. Declared to be it, it is; the other one stays as it was.
    fn restored(&self) {
        let (id, name) = (self.id.as_str(), self.instance.name);
        homeport(&["stop", name]).well();
        let dump = TempDir::new().unwrap();
        let directory = dump.path().display().to_string();
        call(&["vzdump", id, "--mode", "stop", "--dumpdir", &directory]).well();
        let mut files = fs::read_dir(dump.path())
            .unwrap()
            .map(|file| file.unwrap().path());
        let archive = files.find(|file| file.extension().is_some_and(|kind| kind == "tar"));
        let (archive, twin) = (
            archive.unwrap().display().to_string(),
            free_id().to_string(),
        );
        call(&["pct", "restore", &twin, &archive, "--storage", POOL]).well();
        let original = format!("homeport adopt {id} --as-original");
        self.refused(
            &["start", "uninstall"],
            [&self.as_copy(&twin), &original],
            &[id, &twin],
        );
        self.adopted(&twin);
        let left = settings(id);
        let known = format!("this host knows `{name}` as container {twin}");
        let list = homeport(&["list"]).well();
        assert!(list.contains(&known), "{list}");
        homeport(&["uninstall", name, "--yes"]).well();
        assert!(!Path::new(&format!("/etc/pve/lxc/{twin}.conf")).exists());
        assert_eq!(settings(id), left);
    }

    /// It is named with its node; back here it is what it was, though nothing is known of it any more.
    fn migrated(&self) {
        let name = self.instance.name;
        let node = fs::read_link("/etc/pve/local").unwrap();
        let nodes = Path::new("/etc/pve").join(node.parent().unwrap());
        let here = format!("/etc/pve/lxc/{}.conf", self.id);
        let far = nodes.join("far/lxc");
        fs::create_dir_all(&far).unwrap();
        let there = far.join(format!("{}.conf", self.id));
        fs::rename(&here, &there).unwrap();
        let before = fs::read(&there).unwrap();
        for verb in ["start", "stop", "uninstall", "status"] {
            homeport(&[verb, name, "--yes"]).refuses(18, "lives on node `far`");
        }
        assert_eq!(fs::read(&there).unwrap(), before);
        fs::rename(&there, &here).unwrap();
        homeport(&["start", name]).well();
        self.person.finds_everything(&self.app);
    }
}
