//! What the target sees, and with how many calls.

use homeport_core::target::{GuestKind, GuestStatus, StorageState, Target};

use crate::lab::{STORE, call, proxmox};

#[test]
fn everything_preflight_wants_takes_three_calls_and_a_list_one() {
    let mut target = proxmox();
    let facts = target.facts().unwrap();
    assert!(target.host_calls() <= 3, "{}", target.host_calls());
    let platform = facts.platform.unwrap();
    assert_eq!((platform.name, platform.version[0]), ("Proxmox VE", 8));
    assert!(facts.root && facts.quorate && facts.clock > 1_700_000_000);
    assert!(
        facts
            .nodes
            .iter()
            .any(|node| node.name == facts.node && node.online)
    );
    let store = facts
        .storages
        .iter()
        .find(|storage| storage.name == STORE)
        .unwrap();
    assert!(
        store.contents.contains("rootdir")
            && store.state == StorageState::Active
            && store.available.is_some()
    );
    let template = facts
        .templates
        .iter()
        .find(|template| template.stores.contains("local"))
        .unwrap();
    assert!(template.fits && template.os == "debian" && template.version.first() == Some(&12));
    let bridge = facts
        .bridges
        .iter()
        .find(|bridge| bridge.name == "vmbr0")
        .unwrap();
    assert!(
        bridge.addresses.contains(&"10.78.0.1/24".to_owned()),
        "{bridge:?}"
    );
    assert!(facts.cpus > 0 && facts.memory_available_mb > 0);
    assert!(
        facts
            .surroundings
            .apt
            .iter()
            .any(|source| source.label == "Debian")
    );
    let before = target.host_calls();
    target.guests().unwrap();
    assert_eq!(target.host_calls() - before, 1);
}

/// A guest's configuration put where Proxmox keeps them, and taken away again.
struct Planted(std::path::PathBuf);

impl Planted {
    fn new(path: &str, text: &str) -> Planted {
        let path = std::path::Path::new("/etc/pve").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        Planted(path)
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn rule_9_guests_of_other_nodes_and_machines_take_ids_at_once() {
    let mut target = proxmox();
    // Seen once, the lab's list of guests lags for ten seconds.
    call(&[
        "pvesh",
        "get",
        "/cluster/resources",
        "--output-format",
        "json",
    ]);
    let free: u32 = target.claim_id().unwrap().parse().unwrap();
    drop(target);
    let node = &crate::lab::facts().node;
    let machine = Planted::new(
        &format!("nodes/{node}/qemu-server/{free}.conf"),
        "name: vm\ntags: a;b\n",
    );
    let far = Planted::new(
        &format!("nodes/far/lxc/{}.conf", free + 1),
        "hostname: far\nlock: backup\n",
    );
    let mut target = proxmox();
    let claimed: u32 = target.claim_id().unwrap().parse().unwrap();
    assert!(claimed > free + 1, "{claimed}");
    let mut other = proxmox();
    assert_ne!(other.claim_id().unwrap(), claimed.to_string());
    let guests = target.guests().unwrap();
    let seen = |id: u32| {
        guests
            .iter()
            .find(|guest| guest.id == id.to_string())
            .unwrap()
    };
    assert_eq!(
        (seen(free).kind, seen(free).here),
        (GuestKind::Machine, true)
    );
    assert!(seen(free).tags.contains("a"));
    assert_eq!(
        (seen(free + 1).here, seen(free + 1).lock.as_deref()),
        (false, Some("backup"))
    );
    assert_eq!(seen(free + 1).status, GuestStatus::Unknown);
    drop((machine, far));
    let _ = std::fs::remove_dir_all("/etc/pve/nodes/far");
}
