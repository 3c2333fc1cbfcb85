//! Containers and volumes that are not ours: same id, same name, a tag that only looks like ours.

use std::fs;

use homeport_core::target::Target;
use homeport_engine::journal::Child;
use homeport_engine::op::{Op, Origin, Power, PushFile};
use homeport_engine::process::identity;
use homeport_engine::run::{Executor, FaultKind};

use crate::lab::{IMAGES, Mine, STORE, call, config_path, done, proxmox, refused};

/// A stranger's container at the test's id: its name, and its tag with a letter more.
fn stranger(mine: &Mine) -> String {
    let (id, tags) = (
        mine.id.to_string(),
        format!("homeport;{}x", mine.spec.identity.tag),
    );
    let (made, said) = call(&[
        "pct",
        "create",
        &id,
        &mine.spec.template,
        "--unprivileged",
        "1",
        "--rootfs",
        &format!("{STORE}:1"),
        "--hostname",
        &mine.spec.hostname,
        "--tags",
        &tags,
    ]);
    assert!(made, "{said}");
    mine.config().unwrap()
}

/// A process that was, and is no more.
fn dead() -> Child {
    let mut process = std::process::Command::new("true").spawn().unwrap();
    let child = identity(process.id()).unwrap();
    process.wait().unwrap();
    child
}

#[test]
fn a_strangers_container_is_refused_by_every_op_and_left_alone_by_every_undo() {
    let mine = Mine::new(9511);
    let before = stranger(&mine);
    let mut target = proxmox();
    let guest = mine.guest();
    let ops = [
        mine.create(),
        Op::RemoveGuest(guest.clone()),
        Op::Power {
            guest: guest.clone(),
            to: Power::Running,
        },
        Op::Describe {
            guest: guest.clone(),
            text: "mine".to_owned(),
        },
        Op::Push {
            guest: guest.clone(),
            files: vec![PushFile {
                from: Origin::File("/etc/hostname".to_owned()),
                to: "/root/mine".to_owned(),
                mode: 0o600,
                sha256: None,
            }],
        },
    ];
    for op in &ops {
        assert_eq!(refused(&mut target, op).kind, FaultKind::NotOurs, "{op:?}");
    }
    assert_eq!(
        target.ask_guest(&guest, &["true"], b"").unwrap_err().kind,
        FaultKind::NotOurs
    );
    for child in [None, Some(dead())] {
        target
            .undo(&Op::RemoveGuest(guest.clone()), child.as_ref())
            .unwrap();
    }
    assert_eq!(mine.config().unwrap(), before);
    assert!(
        mine.remains()
            .iter()
            .any(|path| path.ends_with("vm-9511-disk-0.raw"))
    );
}

#[test]
fn half_made_by_somebody_else_is_left_alone() {
    let mine = Mine::new(9512);
    let mut target = proxmox();
    fs::write(config_path(mine.id), "lock: create\n").unwrap();
    target.undo(&Op::RemoveGuest(mine.guest()), None).unwrap();
    assert_eq!(
        refused(&mut target, &mine.create()).kind,
        FaultKind::NotOurs
    );
    let far = std::path::Path::new("/etc/pve/nodes/far2/lxc");
    fs::create_dir_all(far).unwrap();
    fs::rename(config_path(mine.id), far.join("9512.conf")).unwrap();
    target
        .undo(&Op::RemoveGuest(mine.guest()), Some(&dead()))
        .unwrap();
    assert!(far.join("9512.conf").exists());
    fs::remove_dir_all("/etc/pve/nodes/far2").unwrap();
}

#[test]
fn a_container_that_moved_is_named_with_its_node_and_not_touched() {
    let mine = Mine::new(9513);
    let mut target = proxmox();
    let far = std::path::Path::new("/etc/pve/nodes/far3/lxc");
    fs::create_dir_all(far).unwrap();
    fs::write(
        far.join("9513.conf"),
        format!("tags: {}\n", mine.spec.identity.tag),
    )
    .unwrap();
    for op in [
        Op::RemoveGuest(mine.guest()),
        Op::Power {
            guest: mine.guest(),
            to: Power::Stopped,
        },
    ] {
        let fault = refused(&mut target, &op);
        assert_eq!(fault.kind, FaultKind::NotOurs);
        assert!(fault.why.contains("node `far3`"), "{fault}");
    }
    fs::remove_dir_all("/etc/pve/nodes/far3").unwrap();
}

#[test]
fn a_volume_somebody_left_at_the_id_stops_the_creation_and_stays() {
    let mine = Mine::new(9514);
    let mut target = proxmox();
    let (made, said) = call(&["pvesm", "alloc", STORE, "9514", "vm-9514-disk-7.raw", "1M"]);
    assert!(made, "{said}");
    let (result, noted) = crate::lab::apply(&mut target, &mine.create());
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotOurs);
    assert!(
        fault
            .remedy
            .concat()
            .contains("pvesm free local-dir:9514/vm-9514-disk-7.raw"),
        "{fault:?}"
    );
    assert!(noted.child.is_none() && mine.config().is_none());
    target
        .undo(&Op::RemoveGuest(mine.guest()), noted.child.as_ref())
        .unwrap();
    assert!(
        std::path::Path::new(IMAGES)
            .join("9514/vm-9514-disk-7.raw")
            .exists()
    );
}

#[test]
fn ours_is_removed_whatever_stands_beside_it() {
    let (mine, beside) = (Mine::new(9516), Mine::new(9517));
    let mut target = proxmox();
    done(&mut target, &mine.create());
    let before = stranger(&beside);
    done(&mut target, &Op::RemoveGuest(mine.guest()));
    assert_eq!(mine.remains(), [""; 0]);
    assert_eq!(beside.config().unwrap(), before);
}
