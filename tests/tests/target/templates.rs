//! Templates: the program that downloads says it did well whatever happens.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use homeport_engine::event::Event;
use homeport_engine::op::Op;
use homeport_engine::run::FaultKind;

use crate::lab::{done, facts, proxmox, refused};

const CACHE: &str = "/var/lib/homeport-lab/var/lib/vz/template/cache";
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

#[test]
fn rule_1_a_download_that_failed_and_says_it_did_well_is_a_fault() {
    let name = "debian-12-standard_0.1-1_amd64.tar.zst";
    let listed = Listed::new(name);
    let (result, noted) = crate::lab::apply(&mut proxmox(), &ensure(name));
    drop(listed);
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Network, "{fault:?}");
    assert!(fault.why.contains("the template is not there"), "{fault}");
    let waited = noted
        .told
        .iter()
        .filter(|event| matches!(event, Event::Working { .. }))
        .count();
    assert_eq!(waited, 2);
    assert!(!Path::new(CACHE).join(name).exists());
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
fn a_template_that_is_there_costs_one_look() {
    use homeport_core::target::Target;
    let present = facts()
        .templates
        .iter()
        .find(|template| template.stores.contains("local"))
        .unwrap();
    let mut target = proxmox();
    done(&mut target, &ensure(&present.name));
    assert_eq!(target.host_calls(), 1);
}
