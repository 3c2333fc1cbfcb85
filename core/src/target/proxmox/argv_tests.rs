use homeport_engine::op::GuestIdentity;

use super::*;

/// A command line as one would type it, for words without blanks.
fn typed(argv: Argv) -> String {
    argv.join(" ")
}

/// A container as most users have it.
pub(in crate::target::proxmox) fn spec() -> GuestSpec {
    GuestSpec {
        identity: GuestIdentity {
            id: "101".to_owned(),
            instance: "todo".to_owned(),
            tag: "hp-op-1".to_owned(),
            storage: "local-lvm".to_owned(),
        },
        hostname: "todo".to_owned(),
        template: "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst".to_owned(),
        disk_gb: 8,
        cores: 2,
        memory_mb: 2048,
        swap_mb: 512,
        network: GuestNetwork {
            bridge: "vmbr0".to_owned(),
            address: "192.168.1.50/24".to_owned(),
            gateway: Some("192.168.1.1".to_owned()),
            address6: None,
            gateway6: None,
            mtu: None,
            nameservers: Vec::new(),
        },
        tags: vec!["homeport".to_owned(), "vikunja".to_owned()],
    }
}

#[test]
fn looking() {
    assert_eq!(typed(versions()), "pveversion --verbose");
    assert_eq!(
        typed(resources()),
        "pvesh get /cluster/resources --output-format json"
    );
    assert_eq!(typed(available()), "pveam available --section system");
    assert_eq!(
        typed(templates("pve", "local")),
        "pvesh get /nodes/pve/storage/local/content --content vztmpl --output-format json"
    );
    assert_eq!(
        typed(volumes("local-lvm", 101)),
        "pvesm list local-lvm --vmid 101"
    );
    assert_eq!(typed(status(101)), "pct status 101");
}

#[test]
fn changing() {
    assert_eq!(typed(update_index()), "pveam update");
    assert_eq!(typed(download("local", "x")), "pveam download local x");
    assert_eq!(
        typed(free("local:101/vm-101-disk-0.raw")),
        "pvesm free local:101/vm-101-disk-0.raw"
    );
    assert_eq!(typed(start(101)), "pct start 101");
    assert_eq!(
        typed(shutdown(101, 60)),
        "pct shutdown 101 --timeout 60 --forceStop 1"
    );
    assert_eq!(typed(unlock(101)), "pct unlock 101");
    assert_eq!(typed(destroy(101)), "pct destroy 101 --force 1 --purge 1");
    assert_eq!(
        describe(101, "- a b"),
        ["pct", "set", "101", "--description=- a b"]
    );
    let two = ["homeport", "hp-op-1"].map(str::to_owned);
    assert_eq!(
        typed(tags(101, &two)),
        "pct set 101 --tags homeport;hp-op-1"
    );
}

#[test]
fn rule_2_creating_and_starting_are_two_calls() {
    assert!(!create(101, &spec()).contains(&"--start".to_owned()));
}

#[test]
fn rules_5_and_6_privilege_and_storage_are_always_spelled_out() {
    assert_eq!(
        typed(create(101, &spec())),
        "pct create 101 local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst --unprivileged 1 \
         --features nesting=1 --rootfs local-lvm:8 --hostname todo --cores 2 --memory 2048 --swap 512 \
         --net0 name=eth0,bridge=vmbr0,ip=192.168.1.50/24,gw=192.168.1.1 --onboot 1 \
         --tags homeport;vikunja;hp-op-1"
    );
}

#[test]
fn name_servers_are_one_word_and_ipv6_has_its_own_keys() {
    let mut spec = spec();
    spec.network = GuestNetwork {
        bridge: "vmbr1".to_owned(),
        address: "10.0.0.5/24".to_owned(),
        gateway: Some("10.0.0.1".to_owned()),
        address6: Some("fd00::5/64".to_owned()),
        gateway6: Some("fd00::1".to_owned()),
        mtu: Some(9000),
        nameservers: vec!["1.1.1.1".to_owned(), "9.9.9.9".to_owned()],
    };
    let words = create(101, &spec);
    assert!(words.contains(&"name=eth0,bridge=vmbr1,ip=10.0.0.5/24,gw=10.0.0.1,ip6=fd00::5/64,gw6=fd00::1,mtu=9000".to_owned()));
    assert_eq!(words.last().unwrap(), "1.1.1.1 9.9.9.9");
    (spec.network.gateway6, spec.network.mtu) = (None, None);
    let words = create(101, &spec);
    assert!(
        words.contains(
            &"name=eth0,bridge=vmbr1,ip=10.0.0.5/24,gw=10.0.0.1,ip6=fd00::5/64".to_owned()
        )
    );
}

#[test]
fn rule_7_a_command_inside_gets_a_clean_environment() {
    assert_eq!(
        typed(inside(101, ["sh", "-c", "true"])),
        "pct exec 101 -- /usr/bin/env -i \
         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
         LC_ALL=C.UTF-8 sh -c true"
    );
}

#[test]
fn a_declared_command_keeps_its_words_its_variables_and_its_user() {
    let exec = Exec::root(["tar", "-c", "a b"], 10).env("X", "1 2");
    let words = declared(101, &exec);
    assert_eq!(words[10..], ["X=1 2", "tar", "-c", "a b"]);
    let words = declared(101, &exec.as_user("app"));
    assert_eq!(
        words[10..],
        [
            "X=1 2",
            "/sbin/runuser",
            "-u",
            "app",
            "--",
            "tar",
            "-c",
            "a b"
        ]
    );
}
