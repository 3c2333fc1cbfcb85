use proptest::prelude::*;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::text::numbers;
use super::*;

/// The form of a stock container's file: notes first, keys sorted, then pending changes and a snapshot.
const CONTAINER: &str = "#https%3A//todo.example.org\n\
    arch: amd64\ncores: 2\nfeatures: nesting=1\nhostname: todo\nmemory: 2048\n\
    net0: name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=BC:24:11:5E:12:9A,ip=10.0.0.5/24,type=veth\n\
    onboot: 1\nrootfs: local-lvm:vm-101-disk-0,size=8G\ntags: homeport;HP-op-1\nunprivileged: 1\n\n\
    [pve:pending]\ntags: other\nlock: backup\n\n[before]\nhostname: old\n";

#[test]
fn a_container_is_read_as_it_is_now_not_as_it_was_or_will_be() {
    let config = GuestConfig::read(CONTAINER);
    assert_eq!(config.name(), Some("todo"));
    assert!(config.has_tag("hp-op-1") && config.has_tag("HP-OP-1") && !config.has_tag("hp-op-"));
    assert!(!config.has_tag("other"));
    assert_eq!(config.lock(), None);
    assert_eq!(config.storage(), Some("local-lvm"));
    assert!(!config.hollow() && !config.protected());
    assert!(GuestConfig::read("protection: 1\n").protected());
}

#[test]
fn hollow_is_the_lock_of_a_creation_or_removal_and_nothing_else() {
    for text in ["lock: create\n", "lock: destroyed\n", ""] {
        assert!(GuestConfig::read(text).hollow(), "{text}");
    }
    for text in [
        "lock: backup\n",
        "lock: create\nhostname: web\n",
        "hostname: web\n",
    ] {
        assert!(!GuestConfig::read(text).hollow(), "{text}");
    }
}

#[test]
fn resources_of_a_cluster_are_read_whatever_type_their_numbers_have() {
    let answer = br#"[
        {"id":"lxc/101","type":"lxc","vmid":101,"node":"a","status":"running","name":"web","tags":"x;y","disk":12},
        {"id":"lxc/102","type":"lxc","vmid":"102","node":"b","status":"unknown"},
        {"id":"qemu/103","type":"qemu","vmid":103,"node":"a","status":"stopped","lock":"backup","template":0},
        {"id":"storage/a/local","type":"storage","storage":"local","node":"a","status":"available","disk":"5","maxdisk":7.0},
        {"id":"node/a","type":"node","node":"a","status":"online"},
        {"id":"sdn/a/localnetwork","type":"sdn","node":"a","sdn":"localnetwork"}, 7, {"type":"lxc"}]"#;
    let found = resources(answer).unwrap();
    let named = |resource: &Resource| (resource.kind.clone(), resource.name.clone());
    let names: Vec<_> = found.iter().map(named).collect();
    let expected = [
        ("lxc", "101"),
        ("lxc", "102"),
        ("qemu", "103"),
        ("storage", "local"),
        ("node", "a"),
    ];
    assert_eq!(
        names,
        expected.map(|(kind, name)| (kind.to_owned(), name.to_owned()))
    );
    assert_eq!(found[0].status.as_deref(), Some("running"));
    assert_eq!((found[3].disk, found[3].maxdisk), (Some(5), Some(7)));
    assert_eq!(resources(b"null\n").unwrap(), []);
    assert!(resources(b"{}").is_err() && resources(b"garbage").is_err());
}

#[test]
fn templates_have_sizes() {
    let answer = br#"[{"content":"vztmpl","ctime":1,"format":"tzst","size":"124","volid":"local:vztmpl/a.tar.zst"}]"#;
    let found = templates(answer).unwrap();
    assert_eq!(found.get("local:vztmpl/a.tar.zst"), Some(&124));
}

#[test]
fn rule_9_members_tell_quorum_and_presence() {
    let alone = br#"{"nodename":"pve","version":3}"#;
    assert_eq!(members(alone).unwrap(), (true, BTreeMap::new()));
    let cluster =
        br#"{"nodename":"a","version":4,"cluster":{"name":"c","version":2,"nodes":2,"quorate":0},
        "nodelist":{"a":{"id":1,"online":1,"ip":"10.0.0.1"},"b":{"id":2,"online":0}}}"#;
    let (quorate, nodes) = members(cluster).unwrap();
    assert!(!quorate);
    assert_eq!(
        nodes,
        BTreeMap::from([("a".to_owned(), true), ("b".to_owned(), false)])
    );
    assert!(!members(br#"{"cluster":{}}"#).unwrap().0);
}

#[test]
fn storages_are_read_with_their_defaults() {
    let found = storages(
        "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,backup\n\nlvmthin: local-lvm\n\tthinpool data\n\tvgname pve\n\
         \tcontent rootdir,images\n\nnfs: nas\n\tserver x\n\tcontent vztmpl\n\tnodes b,c\n\tcontent-dirs vztmpl=/tmpl\n\n\
         dir: off\n\tpath /x\n\tdisable\n",
    );
    let [local, lvm, nas, off] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        local.templates().unwrap(),
        PathBuf::from("/var/lib/vz/template/cache")
    );
    assert!(
        lvm.contents().contains("rootdir") && lvm.path().is_none() && lvm.templates().is_none()
    );
    assert!(lvm.serves("a") && !nas.serves("a") && nas.serves("c"));
    assert_eq!(nas.templates().unwrap(), PathBuf::from("/mnt/pve/nas/tmpl"));
    assert!(off.disabled() && !local.disabled());
    assert!(off.contents().contains("images") && off.templates().is_none());
    let implicit = storages("");
    assert_eq!(implicit[0].name, "local");
    assert!(implicit[0].contents().contains("vztmpl"));
}

#[test]
fn tables_are_read_by_their_columns() {
    let list = "Volid                       Format  Type            Size VMID\n\
        local:101/vm-101-disk-0.raw raw     images    1073741824 101\n";
    assert_eq!(volumes(list), ["local:101/vm-101-disk-0.raw"]);
    assert_eq!(volumes("Volid Format  Type      Size VMID\n"), [""; 0]);
    let old = "system          debian-12-standard_12.12-1_amd64.tar.zst\n";
    let new =
        "system          debian-13-standard_13.6-1_amd64.tar.zst                      amd64\n";
    assert_eq!(available(old), ["debian-12-standard_12.12-1_amd64.tar.zst"]);
    assert_eq!(available(new), ["debian-13-standard_13.6-1_amd64.tar.zst"]);
}

#[test]
fn versions_compare_as_numbers() {
    let found = packages(
        "proxmox-ve: 8.4.0 (running kernel: 6.8.12-9-pve)\n\
         pve-manager: 8.4.21 (running version: 8.4.21/2606ac850d46da29)\npve-container: 5.3.5\nx: not correctly installed\n",
    );
    assert_eq!(found.get("pve-manager"), Some(&vec![8, 4, 21]));
    assert_eq!(found.get("pve-container"), Some(&vec![5, 3, 5]));
    assert_eq!(found.get("x"), None);
    assert!(numbers("12.12-1") > numbers("12.9-3"));
    assert_eq!(numbers("7.4-20"), [7, 4, 20]);
    let (os, version) = template("debian-12-standard_12.12-1_amd64.tar.zst").unwrap();
    assert_eq!((os.as_str(), version), ("debian", vec![12, 12, 1]));
    assert_eq!(template("debian-12-standard_12.12-1_arm64.tar.zst"), None);
    assert_eq!(
        template("debian-12-standard_12.12-1_amd64.tar.zst.tmp_dwnl.4711"),
        None
    );
    assert_eq!(
        template("debian-12-turnkey-wordpress_18.2-1_amd64.tar.gz"),
        None
    );
    assert_eq!(template("x.tar.zst"), None);
}

#[test]
fn ids_begin_where_the_administrator_says() {
    assert_eq!(id_range(""), (100, 1_000_000));
    assert_eq!(
        id_range("keyboard: de\nnext-id: lower=200,upper=300\n"),
        (200, 300)
    );
    assert_eq!(id_range("next-id: lower=x\n"), (100, 1_000_000));
    assert_eq!(
        option("http_proxy: http://p:3128\n", "http_proxy"),
        Some("http://p:3128")
    );
}

proptest! {
    #[test]
    fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = (resources(&bytes), templates(&bytes), members(&bytes));
        let _ = (storages(&text), volumes(&text), available(&text), packages(&text), template(&text), id_range(&text));
        GuestConfig::read(&text).hollow();
    }

    #[test]
    fn any_json_is_read(entries in proptest::collection::vec("[a-z]{0,5}", 0..4), number in any::<f64>()) {
        let entry = serde_json::json!({"type": entries.first(), "vmid": number, "node": entries, "disk": number, "maxdisk": number});
        let _ = resources(serde_json::json!([entry, entries]).to_string().as_bytes());
    }

    #[test]
    fn what_proxmox_stores_of_a_tag_is_found_again(tag in "[a-zA-Z0-9_][a-zA-Z0-9_.+-]{0,20}", others in "[a-z;, ]{0,20}") {
        let config = GuestConfig::read(&format!("tags: {others};{tag}\n"));
        prop_assert!(config.has_tag(&tag));
    }
}
