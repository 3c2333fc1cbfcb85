//! Templates: the program that downloads says it did well whatever happens.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use homeport_engine::event::Event;
use homeport_engine::op::Op;
use homeport_engine::run::FaultKind;

use crate::lab::{done, facts, proxmox, refused};

const CACHE: &str = "/var/lib/homeport-lab/var/lib/vz/template/cache";
const MIRROR: &str = "/var/cache/homeport-lab/mirror";
const INDEX: &str = "/var/lib/homeport-lab/var/lib/pve-manager/apl-info/index";

/// One test at a time: looking for an unknown template renews the index.
static INDEX_USED: Mutex<()> = Mutex::new(());

fn ensure(name: &str) -> Op {
    Op::EnsureTemplate {
        storage: "local".to_owned(),
        name: name.to_owned(),
    }
}

/// The lab's index with a line more, until this is dropped.
struct Listed {
    before: String,
    _alone: MutexGuard<'static, ()>,
}

fn alone() -> MutexGuard<'static, ()> {
    INDEX_USED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listed {
    fn new(name: &str) -> Listed {
        let alone = alone();
        let before = fs::read_to_string(INDEX).unwrap();
        fs::write(
            INDEX,
            format!("{before}system {name} {}\n", "0".repeat(128)),
        )
        .unwrap();
        Listed {
            before,
            _alone: alone,
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        fs::write(INDEX, &self.before).unwrap();
    }
}

/// A file of so many bytes until this is dropped.
struct Planted(PathBuf);

impl Planted {
    fn new(directory: &str, name: &str, bytes: usize) -> Planted {
        let path = Path::new(directory).join(name);
        fs::write(&path, vec![b'x'; bytes]).unwrap();
        Planted(path)
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn rule_1_a_download_that_failed_and_says_it_did_well_is_a_fault() {
    let name = "debian-12-standard_0.1-1_amd64.tar.zst";
    let listed = Listed::new(name);
    let _damaged = Planted::new(MIRROR, name, 2 << 20);
    // No process has this number: what a killed download left.
    let part = Planted::new(CACHE, &format!("{name}.tmp_dwnl.4194305"), 2 << 20);
    let (result, noted) = crate::lab::apply(&mut proxmox(), &ensure(name));
    drop(listed);
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Untrusted, "{fault:?}");
    assert!(fault.why.contains("the template is not there"), "{fault}");
    let waited = noted
        .told
        .iter()
        .filter(|event| matches!(event, Event::Waiting { .. }))
        .count();
    assert_eq!(waited, 2);
    assert!(!Path::new(CACHE).join(name).exists());
    assert!(!part.0.exists());
}

#[test]
fn one_that_is_gone_from_the_server_is_looked_for_in_a_fresh_list_which_names_another() {
    let name = "debian-12-standard_12.0-1_amd64.tar.zst";
    let listed = Listed::new(name);
    let fault = refused(&mut proxmox(), &ensure(name));
    drop(listed);
    assert_eq!(fault.kind, FaultKind::Resources, "{fault:?}");
    let remedy = fault.remedy.concat();
    assert!(
        remedy.contains("The list names debian-12-standard_12."),
        "{remedy}"
    );
}

#[test]
fn one_that_lies_there_is_compared_with_the_list_or_read_to_its_end() {
    let name = "debian-12-standard_0.3-1_amd64.tar.zst";
    let _damaged = Planted::new(CACHE, name, 2 << 20);
    let listed = Listed::new(name);
    let fault = refused(&mut proxmox(), &ensure(name));
    drop(listed);
    assert_eq!(fault.kind, FaultKind::Untrusted, "{fault:?}");
    assert_eq!(
        fault.remedy,
        [format!(
            "Remove it, and run the same command: pveam remove local:vztmpl/{name}"
        )]
    );
    let _alone = alone();
    let unlisted = refused(&mut proxmox(), &ensure(name));
    assert_eq!(unlisted.kind, FaultKind::Untrusted, "{unlisted:?}");
    assert!(unlisted.why.contains("is no whole archive"), "{unlisted}");
}

#[test]
fn a_template_nobody_knows_is_looked_for_in_a_fresh_list_and_refused() {
    let _alone = alone();
    let fault = refused(&mut proxmox(), &ensure("nosuch-1_amd64.tar.zst"));
    assert_eq!(fault.kind, FaultKind::Resources);
    assert!(
        fault.remedy.concat().contains("pveam available"),
        "{fault:?}"
    );
}

#[test]
fn a_template_that_is_there_costs_a_look_and_a_comparison() {
    use homeport_core::target::Target;
    let present = facts()
        .templates
        .iter()
        .find(|template| template.stores.contains("local"))
        .unwrap();
    let mut target = proxmox();
    done(&mut target, &ensure(&present.name));
    assert_eq!(target.host_calls(), 2);
}
