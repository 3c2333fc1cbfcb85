//! A container's whole life, with the calls it takes; its state, not anybody's word, says how it is.

use std::fs;
use std::thread;
use std::time::Duration;

use homeport_core::target::Target;
use homeport_engine::durable::replace;
use homeport_engine::exec::{Exec, Stdin};
use homeport_engine::op::{Op, Origin, Power, PushFile};
use homeport_engine::run::FaultKind;

use crate::lab::{Mine, call, done, proxmox, refused};

/// The most calls an op may take on a machine where nothing is in the way.
const CALLS: [(&str, u32); 9] = [
    ("create", 2),
    ("create again", 0),
    ("start", 2),
    ("start again", 3),
    ("push", 1),
    ("describe", 1),
    ("stop", 2),
    ("stop again", 2),
    ("remove", 1),
];

#[test]
fn a_container_lives_and_dies_with_few_calls_and_leaves_nothing() {
    let mine = Mine::new(9501);
    let mut target = proxmox();
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("x");
    fs::write(&from, "hello\n").unwrap();
    let power = |to| Op::Power {
        guest: mine.guest(),
        to,
    };
    let file = PushFile {
        from: Origin::File(from.display().to_string()),
        to: "/opt/a b/x".to_owned(),
        mode: 0o755,
        sha256: None,
    };
    let ops = [
        mine.create(),
        mine.create(),
        power(Power::Running),
        power(Power::Running),
        Op::Push {
            guest: mine.guest(),
            files: vec![file],
        },
        Op::Describe {
            guest: mine.guest(),
            text: "- https://t.example.org\n- 50% done: yes".to_owned(),
        },
        power(Power::Stopped),
        power(Power::Stopped),
        Op::RemoveGuest(mine.guest()),
    ];
    for ((name, most), op) in CALLS.into_iter().zip(&ops) {
        let before = target.host_calls();
        done(&mut target, op);
        let calls = target.host_calls() - before;
        println!("{name}: {calls} calls");
        assert!(calls <= most, "{name} took {calls} calls");
        match op {
            Op::EnsureGuest(_) => made(&mine),
            Op::Push { .. } => filled(&mut target, &mine),
            Op::Describe { .. } => assert!(
                mine.config()
                    .unwrap()
                    .starts_with("#- https%3A//t.example.org\n#- 50%25 done%3A yes\n")
            ),
            _ => {}
        }
    }
    assert_eq!(mine.remains(), [""; 0]);
    done(&mut target, &Op::RemoveGuest(mine.guest()));
}

fn made(mine: &Mine) {
    let config = mine.config().unwrap();
    for line in [
        "unprivileged: 1",
        "features: nesting=1",
        "tags: homeport;hp-op-t9501",
        "onboot: 1",
        "cores: 1",
        "memory: 512",
    ] {
        assert!(
            config.lines().any(|found| found == line),
            "{line} in {config}"
        );
    }
    assert!(!config.contains("lock:"));
}

/// Rules 7 and 10 as well: nothing of the host's environment is seen inside, and what Proxmox rewrites at every start
/// holds what was asked for.
fn filled(target: &mut impl Target, mine: &Mine) {
    let look = "stat -c '%a %u:%g' '/opt/a b/x'; cat '/opt/a b/x'; ls -A /var/lib/homeport; grep nameserver /etc/resolv.conf; hostname";
    let told = target
        .ask_guest(&mine.guest(), &["sh", "-c", look], b"")
        .unwrap();
    assert_eq!(told, "755 0:0\nhello\nnameserver 10.78.0.53\nt9501\n");
    let environment = target.ask_guest(&mine.guest(), &["env"], b"").unwrap();
    let mut names: Vec<&str> = environment
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LANG", "LC_ALL", "PATH"]);
    assert_eq!(
        target
            .ask_guest(&mine.guest(), &["cat"], b"in\0put")
            .unwrap(),
        "in\0put"
    );
}

#[test]
fn an_administrators_lock_is_waited_for_and_never_taken_off() {
    let mine = Mine::new(9502);
    let mut target = proxmox();
    done(&mut target, &mine.create());
    let path = crate::lab::config_path(mine.id);
    let free = fs::read_to_string(&path).unwrap();
    replace(&path, format!("lock: backup\n{free}").as_bytes(), 0o640).unwrap();
    let path_after = path.clone();
    let backup = thread::spawn(move || {
        thread::sleep(Duration::from_secs(2));
        assert!(
            fs::read_to_string(&path_after)
                .unwrap()
                .contains("lock: backup")
        );
        replace(&path_after, free.as_bytes(), 0o640).unwrap();
    });
    let noted = done(
        &mut target,
        &Op::Describe {
            guest: mine.guest(),
            text: "x".to_owned(),
        },
    );
    backup.join().unwrap();
    assert!(
        format!("{:?}", noted.told).contains("is locked: backup"),
        "{:?}",
        noted.told
    );
    call(&["pct", "set", &mine.id.to_string(), "--protection", "1"]);
    let fault = refused(&mut target, &Op::RemoveGuest(mine.guest()));
    assert_eq!(fault.kind, FaultKind::Locked);
    assert!(
        fault
            .remedy
            .concat()
            .contains("pct set 9502 --protection 0"),
        "{fault:?}"
    );
    assert!(mine.config().is_some());
}

#[test]
fn rule_10_what_proxmox_rewrites_at_every_start_is_what_was_asked_for() {
    let mine = Mine::new(9505);
    let mut target = proxmox();
    done(&mut target, &mine.create());
    let power = |to| Op::Power {
        guest: mine.guest(),
        to,
    };
    done(&mut target, &power(Power::Running));
    let spoil = "echo nameserver 9.9.9.9 >/etc/resolv.conf; echo other >/etc/hostname; : >/etc/network/interfaces";
    target
        .ask_guest(&mine.guest(), &["sh", "-c", spoil], b"")
        .unwrap();
    done(&mut target, &power(Power::Stopped));
    done(&mut target, &power(Power::Running));
    let look = "grep nameserver /etc/resolv.conf | tail -n 1; hostname; ip -4 -o address show dev eth0 | grep -o '10[0-9./]*'";
    let told = target
        .ask_guest(&mine.guest(), &["sh", "-c", look], b"")
        .unwrap();
    let address = mine.spec.network.address.clone();
    assert!(
        told.starts_with("nameserver 10.78.0.53\nt9505\n") && told.contains(&address),
        "{told}"
    );
}

#[test]
fn what_cannot_start_is_a_fault_with_the_reason_though_creating_it_did_well() {
    let mut mine = Mine::new(9503);
    mine.spec.network.bridge = "vmbr77".to_owned();
    let mut target = proxmox();
    done(&mut target, &mine.create());
    let fault = refused(
        &mut target,
        &Op::Power {
            guest: mine.guest(),
            to: Power::Running,
        },
    );
    assert_eq!(fault.kind, FaultKind::Network);
    assert!(
        fault.why.contains("bridge 'vmbr77' does not exist"),
        "{fault}"
    );
    target.undo_all(&mine);
    assert_eq!(mine.remains(), [""; 0]);
}

#[test]
fn an_archive_comes_out_whole_or_not_at_all() {
    let mine = Mine::new(9504);
    let mut target = proxmox();
    done(&mut target, &mine.create());
    done(
        &mut target,
        &Op::Power {
            guest: mine.guest(),
            to: Power::Running,
        },
    );
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("a.tar.gz");
    let pull = |script: &str| Op::Pull {
        guest: mine.guest(),
        exec: Exec {
            stdin: Stdin::Text("x".to_owned()),
            ..Exec::root(["sh", "-c", script], 30)
        },
        archive: to.display().to_string(),
        metadata: homeport_core::archive::ABOUT
            .map(|field| (field.to_owned(), "x".to_owned()))
            .into(),
    };
    let fault = refused(&mut target, &pull("tar -c /etc/hostname; exit 3"));
    assert!(fault.why.contains("archive"), "{fault}");
    let fault = refused(&mut target, &pull("echo no such instance >&2; exit 1"));
    assert!(fault.why.contains("no such instance"), "{fault}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

trait UndoAll {
    fn undo_all(&mut self, mine: &Mine);
}

impl UndoAll for homeport_core::target::proxmox::Proxmox {
    fn undo_all(&mut self, mine: &Mine) {
        use homeport_engine::run::Executor;
        self.undo(&Op::RemoveGuest(mine.guest()), None).unwrap();
    }
}
