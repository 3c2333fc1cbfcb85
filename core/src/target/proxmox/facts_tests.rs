use super::*;
use crate::target::proxmox::etc::{Etc, tests::tree};

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn tools(version: &[u32]) -> BTreeMap<String, Vec<u32>> {
    BTreeMap::from([("pve-container".to_owned(), version.to_vec())])
}

#[test]
fn rule_9_a_guest_the_list_does_not_know_yet_is_seen_with_name_and_tags() {
    let dir = tree(&[
        (
            "nodes/pve/lxc/101.conf",
            "hostname: web\ntags: homeport;x\nrootfs: a:101/d.raw\n\
             net0: name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,type=veth\n",
        ),
        ("nodes/far/qemu-server/102.conf", "name: vm\nlock: backup\n"),
        ("nodes/pve/lxc/103.conf", "lock: create\n"),
    ]);
    let listed = parse::resources(
        br#"[{"type":"qemu","vmid":102,"node":"far","status":"running"},{"type":"lxc","vmid":103,"node":"pve","status":"unknown"},
            {"type":"lxc","vmid":105,"node":"pve","status":"stopped"}]"#,
    )
    .unwrap();
    let located = Etc::at(dir.path()).guests().unwrap();
    let free: Vec<u32> = free_ids("", &located, &listed).take(3).collect();
    assert_eq!(free, [100, 104, 106]);
    let [web, vm, half] = &guests("pve", located, &listed, &[101].into())[..] else {
        panic!()
    };
    assert_eq!(
        (web.name.as_deref(), web.status, web.here),
        (Some("web"), GuestStatus::Running, true)
    );
    assert_eq!(
        (web.tags.clone(), web.storage.as_deref()),
        (names(&["homeport", "x"]), Some("a"))
    );
    assert_eq!(web.mac.as_deref(), Some("bc:24:11:00:00:01"));
    assert_eq!(
        web.readdress.as_deref(),
        Some(
            "pct set 101 --net0 \
             name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=BC:24:11:00:00:01,ip=ADDRESS,type=veth"
        )
    );
    assert_eq!((&half.mac, &half.readdress), (&None, &None));
    assert_eq!(
        (vm.kind, vm.status, vm.here),
        (GuestKind::Machine, GuestStatus::Running, false)
    );
    assert_eq!(vm.lock.as_deref(), Some("backup"));
    assert_eq!(
        (half.lock.as_deref(), half.name.as_deref(), half.status),
        (Some("create"), None, GuestStatus::Stopped)
    );
}

#[test]
fn storages_are_seen_with_state_and_room() {
    let configured = parse::storages(
        "lvmthin: thin\n\tcontent rootdir\n\ndir: off\n\tpath /\n\tdisable 1\n\nnfs: nas\n\tnodes b\n\nlvmthin: dead\n\tcontent rootdir\n\n\
         dir: root\n\tpath /\n\tcontent rootdir\n",
    );
    let listed = parse::resources(
        br#"[{"type":"storage","storage":"thin","node":"pve","status":"available","disk":10,"maxdisk":"30"},
            {"type":"storage","storage":"thin","node":"b","status":"available","disk":1,"maxdisk":2},
            {"type":"storage","storage":"dead","node":"pve","status":"unknown"},
            {"type":"storage","storage":"root","node":"pve","status":"available","disk":1,"maxdisk":2}]"#,
    )
    .unwrap();
    let seen: Vec<StorageSeen> = configured
        .iter()
        .map(|storage| seen(storage, "pve", &listed))
        .collect();
    let states: Vec<StorageState> = seen.iter().map(|storage| storage.state).collect();
    use StorageState::{Active, Disabled, Elsewhere, Inactive};
    assert_eq!(
        states,
        [Active, Disabled, Elsewhere, Inactive, Active, Inactive]
    );
    assert_eq!(seen[0].available, Some(20));
    assert_eq!((seen[1].available, seen[3].available), (None, None));
    assert!(seen[4].available.is_some_and(|bytes| bytes > 2));
}

#[test]
fn templates_are_sorted_by_version_and_judged_by_the_hosts_tools() {
    let present = BTreeMap::from([
        (
            "debian-12-standard_12.9-1_amd64.tar.zst".to_owned(),
            names(&["local"]),
        ),
        ("own.tar.zst".to_owned(), names(&["local"])),
    ]);
    let listed = [
        "debian-12-standard_12.12-1_amd64.tar.zst",
        "debian-13-standard_13.1-2_amd64.tar.zst",
        "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    ]
    .map(str::to_owned);
    let found = templates(&present, &listed, &tools(&[5, 2, 7]));
    let shown: Vec<_> = found
        .iter()
        .map(|found| {
            (
                found.version.clone(),
                found.fits,
                found.listed,
                found.version.first().copied().and_then(codename),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (vec![24, 4, 2], false, true, None),
            (vec![13, 1, 2], false, true, Some("trixie")),
            (vec![12, 12, 1], true, true, Some("bookworm")),
            (vec![12, 9, 1], true, false, Some("bookworm")),
        ]
    );
    assert_eq!(found[3].stores, names(&["local"]));
}

#[test]
fn tools_know_the_debians_of_their_time() {
    let newest = [
        [4, 4, 7],
        [5, 2, 7],
        [5, 3, 1],
        [6, 0, 9],
        [6, 0, 10],
        [7, 0, 0],
    ]
    .map(|version| newest_debian(&tools(&version)));
    assert_eq!(newest, [11, 12, 13, 12, 13, 13]);
    assert_eq!(newest_debian(&BTreeMap::new()), 11);
}
