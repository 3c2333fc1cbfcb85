//! What the target does when Proxmox's programs fail, lie or say nothing: small programs in their place, which note how
//! they were called.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use homeport_engine::journal::Child;
use homeport_engine::op::Power;
use homeport_engine::process::identity;
use tempfile::TempDir;

use super::argv::tests::spec;
use super::etc::tests::tree;
use super::*;

/// A node whose programs are shell scripts. `$ETC` in them is its `/etc/pve`, `$CONFIG` the file of container 101.
struct Rig {
    etc: TempDir,
    programs: TempDir,
    target: Proxmox,
}

/// Writes a program by another process: a test beside this one that forks while this one writes would keep the file open
/// for writing, and then nobody can run it.
fn install(path: &Path, script: &str) {
    let mut shell = Command::new("sh")
        .args(["-c", "cat >\"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(shell.wait().unwrap().success());
}

const CREATED: &str = "tags: homeport;vikunja;hp-op-1\nrootfs: local-lvm:vm-101-disk-0,size=8G\n";

impl Rig {
    fn new(programs: &[(&str, &str)]) -> Rig {
        let etc = tree(&[("storage.cfg", "lvmthin: local-lvm\n\tcontent rootdir\n")]);
        let directory = tempfile::tempdir().unwrap();
        let root = etc.path().display();
        for (name, script) in programs {
            let path = directory.path().join(name);
            let head = format!(
                "#!/bin/sh\nETC={root}; CONFIG=$ETC/nodes/pve/lxc/101.conf\necho \"{name} $*\" >>$ETC/calls\n"
            );
            install(&path, &(head + script));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let host = Host::within(&format!("{}/", directory.path().display()), stop.clone());
        let mut target = Proxmox::with(Etc::at(etc.path()), host, stop);
        target.node = "pve".to_owned();
        Rig {
            etc,
            programs: directory,
            target,
        }
    }

    fn with_config(self, text: &str) -> Rig {
        fs::write(self.config(), text).unwrap();
        self
    }

    fn config(&self) -> std::path::PathBuf {
        self.etc.path().join("nodes/pve/lxc/101.conf")
    }

    /// How the programs were called, without options.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.etc.path().join("calls")).unwrap_or_default();
        let bare = |line: &str| line.split(" --").next().unwrap_or_default().to_owned();
        calls.lines().map(bare).collect()
    }

    fn apply(&mut self, op: &Op) -> (Result<(), Fault>, Option<Child>) {
        let mut noted = None;
        let mut record = |child| {
            noted = Some(child);
            Ok(())
        };
        let hands = Hands {
            seen: &Observations::new(),
            tell: &mut |_| {},
            number: 0,
            child: &mut record,
        };
        (self.target.apply(op, hands).map(|_| ()), noted)
    }

    fn undo(&mut self, child: Option<&Child>) -> Result<(), Fault> {
        self.target.undo(&Op::RemoveGuest(spec().identity), child)
    }
}

/// A process that was, and is no more.
fn dead() -> Child {
    let mut process = Command::new("true").spawn().unwrap();
    let child = identity(process.id()).unwrap();
    process.wait().unwrap();
    child
}

fn create() -> Op {
    Op::EnsureGuest(spec())
}

#[test]
fn a_creation_is_believed_only_when_the_container_is_there_with_our_tag_and_without_a_lock() {
    let none = ("pvesm", "echo 'Volid Format Type Size VMID'");
    let good = format!("printf '{}' >$CONFIG", CREATED.replace('\n', "\\n"));
    let mut rig = Rig::new(&[none, ("pct", &good)]);
    let (result, child) = rig.apply(&create());
    result.unwrap();
    assert!(child.is_some());
    assert_eq!(
        rig.calls(),
        [
            "pvesm list local-lvm",
            "pct create 101 local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
        ]
    );
    rig.apply(&create()).0.unwrap();
    assert_eq!(rig.target.host_calls(), 2);
    for (script, said) in [
        ("exit 0", "the container is not there"),
        ("echo 'tags: other' >$CONFIG", "the container is not there"),
        (
            "printf 'tags: hp-op-1\\nlock: create\\n' >$CONFIG",
            "still locked",
        ),
        (
            "echo 'unable to create CT 101 - no quorum' >&2; exit 2",
            "no quorum",
        ),
        ("exit 25", "said nothing"),
    ] {
        let mut rig = Rig::new(&[none, ("pct", script)]);
        let (result, child) = rig.apply(&create());
        let fault = result.unwrap_err();
        assert!(fault.why.contains(said), "{script}: {fault}");
        assert!(child.is_some());
    }
}

#[test]
fn a_creation_that_did_well_on_a_storage_that_is_full_by_then_is_a_fault() {
    // `/proc` is a file system without any room.
    let full = "printf 'dir: local-lvm\\n\\tpath /proc\\n' >$ETC/storage.cfg";
    let made = format!("printf '{}' >$CONFIG; {full}", CREATED.replace('\n', "\\n"));
    let mut rig = Rig::new(&[("pvesm", "echo Volid"), ("pct", &made)]);
    fs::write(
        rig.etc.path().join("storage.cfg"),
        "dir: local-lvm\n\tpath /\n",
    )
    .unwrap();
    let (result, child) = rig.apply(&create());
    let fault = result.unwrap_err();
    assert!(
        fault.why.contains("0 MiB free, needed are 64 MiB"),
        "{fault}"
    );
    assert!(child.is_some());
    let (result, child) =
        Rig::new(&[("pvesm", &format!("echo Volid; {full}")), ("pct", &made)]).apply(&create());
    assert!(result.unwrap_err().why.contains("needed are 2048 MiB"));
    assert!(child.is_none());
}

#[test]
fn nothing_is_created_where_something_is_or_cannot_be_looked_at() {
    let left = "echo Volid; echo local-lvm:vm-101-disk-0 raw images 1 101";
    for (list, said) in [(left, "pvesm free local-lvm:vm-101-disk-0"), ("exit 1", "")] {
        let mut rig = Rig::new(&[("pvesm", list), ("pct", "exit 0")]);
        let (result, child) = rig.apply(&create());
        assert!(result.unwrap_err().remedy.concat().contains(said));
        assert!(child.is_none());
        assert_eq!(rig.calls(), ["pvesm list local-lvm"]);
    }
    let mut rig = Rig::new(&[]).with_config("hostname: theirs\n");
    assert_eq!(rig.apply(&create()).0.unwrap_err().kind, FaultKind::NotOurs);
    let mut rig = Rig::new(&[]);
    assert_eq!(
        rig.apply(&create()).0.unwrap_err().kind,
        FaultKind::Resources
    );
}

#[test]
fn a_removal_is_believed_only_when_the_container_is_gone() {
    for (script, well) in [
        ("rm $CONFIG", true),
        ("rm $CONFIG; exit 255", true),
        ("exit 0", false),
        ("exit 4", false),
    ] {
        let mut rig = Rig::new(&[("pct", script)]).with_config(CREATED);
        assert_eq!(
            rig.apply(&Op::RemoveGuest(spec().identity)).0.is_ok(),
            well,
            "{script}"
        );
        assert_eq!(rig.calls(), ["pct destroy 101"]);
    }
}

#[test]
fn a_removal_that_was_killed_is_finished_by_whoever_comes_next() {
    let pct = "case $1 in unlock) : >$CONFIG;; destroy) rm $CONFIG;; esac";
    let mut rig = Rig::new(&[("pct", pct)]).with_config("lock: destroyed\n");
    rig.apply(&Op::RemoveGuest(spec().identity)).0.unwrap();
    assert_eq!(rig.calls(), ["pct unlock 101", "pct destroy 101"]);
}

#[test]
fn what_a_killed_creation_left_is_unlocked_destroyed_and_freed_in_this_order() {
    let pct = "case $1 in unlock) : >$CONFIG;; destroy) rm $CONFIG;; esac";
    let pvesm = "case $1 in list) echo Volid; [ -e $ETC/freed ] || echo local-lvm:vm-101-disk-0 raw;; free) touch $ETC/freed;; esac";
    let mut rig = Rig::new(&[("pct", pct), ("pvesm", pvesm)]).with_config("lock: create\n");
    rig.undo(Some(&dead())).unwrap();
    let expected = [
        "pct unlock 101",
        "pct destroy 101",
        "pvesm list local-lvm",
        "pvesm free local-lvm:vm-101-disk-0",
        "pvesm list local-lvm",
    ];
    assert_eq!(rig.calls(), expected);
    let mut liar = Rig::new(&[("pvesm", "echo Volid; echo local-lvm:vm-101-disk-0 raw")]);
    assert!(
        liar.undo(Some(&dead()))
            .unwrap_err()
            .why
            .contains("could not be freed")
    );
}

#[test]
fn a_creation_that_goes_on_elsewhere_is_waited_for_and_its_container_is_then_a_strangers() {
    // `pct unlock` cannot get the lock file; meanwhile the other creation ends.
    let pct = "echo 'hostname: theirs' >$CONFIG; echo \"can't lock file\" >&2; exit 4";
    let mut rig = Rig::new(&[("pct", pct), ("pvesm", "exit 9")]).with_config("lock: create\n");
    rig.undo(Some(&dead())).unwrap();
    assert_eq!(rig.calls(), ["pct unlock 101"]);
    assert_eq!(
        fs::read_to_string(rig.config()).unwrap(),
        "hostname: theirs\n"
    );
}

#[test]
fn a_creation_of_ours_that_went_on_to_its_end_is_removed() {
    // The first program was killed after its worker's last word: only the lock shows that the worker lives.
    let pct = format!(
        "case $1 in unlock) printf '{CREATED}' >$CONFIG; exit 4;; destroy) rm $CONFIG;; esac"
    );
    let mut rig = Rig::new(&[("pct", pct.as_str())]).with_config("lock: create\n");
    rig.undo(Some(&dead())).unwrap();
    assert_eq!(rig.calls(), ["pct unlock 101", "pct destroy 101"]);
    assert!(!rig.config().exists());
}

#[test]
fn a_start_that_failed_is_one_only_if_the_container_does_not_run() {
    let ready = "exec) echo homeport-ready;;";
    let running = |status: &str| {
        format!("case $1 in start) exit 255;; status) echo 'status: {status}';; {ready} esac")
    };
    let power = Op::Power {
        guest: spec().identity,
        to: Power::Running,
    };
    for (status, well) in [("running", true), ("stopped", false), ("?", false)] {
        let mut rig = Rig::new(&[("pct", &running(status))]).with_config(CREATED);
        assert_eq!(rig.apply(&power).0.is_ok(), well, "{status}");
    }
    let mut rig = Rig::new(&[("pct", "[ $1 != exec ] || echo garbage")]).with_config(CREATED);
    let fault = rig.apply(&power).0.unwrap_err();
    assert!(
        fault
            .remedy
            .concat()
            .contains("pct exec 101 -- systemctl --failed"),
        "{fault:?}"
    );
    let gone = "case $1 in status) echo gone >&2; exit 2;; *) exit 255;; esac";
    for to in [Power::Running, Power::Stopped] {
        let mut rig = Rig::new(&[("pct", gone)]).with_config(CREATED);
        let power = Op::Power {
            guest: spec().identity,
            to,
        };
        assert!(
            rig.apply(&power).0.is_err(),
            "not running may mean does not exist"
        );
    }
}

#[test]
fn a_shutdown_is_one_only_if_the_container_is_off() {
    let power = Op::Power {
        guest: spec().identity,
        to: Power::Stopped,
    };
    for (code, status, well) in [
        (0, "stopped", true),
        (255, "stopped", true),
        (0, "running", false),
        (255, "running", false),
        (0, "?", false),
    ] {
        let pct =
            format!("case $1 in shutdown) exit {code};; status) echo 'status: {status}';; esac");
        let mut rig = Rig::new(&[("pct", &pct)]).with_config(CREATED);
        assert_eq!(rig.apply(&power).0.is_ok(), well, "{code}, {status}");
    }
}

#[test]
fn garbage_for_an_answer_is_a_fault() {
    let mut rig = Rig::new(&[("pvesh", "echo '<html>'")]);
    assert!(
        rig.target
            .guests()
            .unwrap_err()
            .why
            .contains("not a list of resources")
    );
    let mut rig = Rig::new(&[("pvesh", "echo '{}'; echo noise >&2")]);
    let op = Op::EnsureTemplate {
        storage: "local".to_owned(),
        name: "x".to_owned(),
    };
    assert!(
        rig.apply(&op)
            .0
            .unwrap_err()
            .why
            .contains("not a list of templates")
    );
    drop(rig.programs);
}
