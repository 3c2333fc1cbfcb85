//! What Proxmox's programs and files might say: nothing of it ends in a panic or takes longer than it is long.

use homeport_mangle::{bytes, text};
use proptest::prelude::*;

use super::config::GuestConfig;
use super::{json, storage_cfg, text as texts};

const RESOURCES: &str = r#"[{"type":"lxc","vmid":105,"node":"pve","status":"running","maxcpu":2,"cpu":0.12,"disk":1,"maxdisk":8589934592},
{"type":"storage","storage":"local","node":"pve"},{"type":"node","node":"pve","status":"online"}]"#;
const MEMBERS: &str = r#"{"nodename":"pve","version":4,"cluster":{"name":"x","version":1,"nodes":2,"quorate":1},
"nodelist":{"pve":{"id":1,"online":1,"ip":"10.0.0.1"}}}"#;
const TEMPLATES: &str = r#"[{"volid":"local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst","size":126515062,"format":"tzst"}]"#;
const CONFIG: &str = "arch: amd64\nhostname: tasks\ntags: homeport;homeport-x\nlock: backup\nprotection: 1\n\
                      net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,ip6=fd00::5/64\n\
                      rootfs: local:105/vm-105-disk-0.raw,size=8G\n#note%20\n[snap]\nhostname: old\n";
const STORAGES: &str = "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,backup\n\nzfspool: tank\n\tpool rpool/data\n\tnodes pve\n\tdisable\n";
const LINES: &str = "Volid Format Type Size VMID\nlocal:105/vm-105-disk-0.raw raw rootdir 8589934592 105\n\
                     system debian-12-standard_12.12-1_amd64.tar.zst\nproxmox-ve: 8.4.0 (running kernel: 6.8.12)\npve-manager: 8.4.21 (running version: 8.4.21/1234)\n\
                     next-id: lower=200,upper=300\n";

proptest! {
    #[test]
    fn answers_in_json(answer in bytes(&[RESOURCES, MEMBERS, TEMPLATES])) {
        let _ = (json::resources(&answer), json::members(&answer), json::templates(&answer));
    }

    #[test]
    fn files(file in text(&[CONFIG, STORAGES])) {
        let config = GuestConfig::read(&file);
        let _ = (config.name(), config.tags(), config.lock(), config.protected(), config.storage());
        let _ = (config.addresses(), config.net(), config.mac(), config.hollow(), config.has_tag("homeport"));
        for storage in storage_cfg::storages(&file) {
            let _ = (storage.contents(), storage.disabled(), storage.serves("pve"), storage.path(), storage.templates());
        }
    }

    #[test]
    fn answers_in_lines(answer in text(&[LINES])) {
        let _ = (texts::volumes(&answer), texts::available(&answer), texts::packages(&answer), texts::id_range(&answer));
        answer.lines().for_each(|line| drop((texts::template(line), texts::option(&answer, line))));
    }
}
