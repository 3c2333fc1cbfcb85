//! `homeport doctor` on a host with real containers: what is well, what was left lying about, and that the remedy it names
//! is one. Preflight's refusal beside it: everything at once, and not one call that changes anything.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::calls::{Call, Calls};
use crate::decoy::free_id;
use crate::instance::{Instance, NET, STATE, turn};
use crate::release::{self, bundled, from_bundle};
use crate::remains::remains;
use crate::run::{Ended, call, run};

/// Where the lab keeps the storages `local` and `local-dir`.
const LAB: &str = "/var/lib/homeport-lab";

/// The calls by which facts are gathered.
const LOOKS: [&str; 3] = [
    "pveversion",
    "pvesh get /cluster/resources",
    "pveam available",
];

/// No process has this number, and no guest this id.
const NOBODY: &str = "4194999";

fn homeport(words: &[&str]) -> Ended {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    bundled(&words)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Check, what was found and the command that cures it, of each finding; and whether the host is ready.
fn checkup() -> (bool, Vec<[String; 3]>) {
    let told = json(&homeport(&["doctor", "--json"]).well());
    let findings = told["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let command = |remedy: String| remedy.split('`').nth(1).unwrap_or_default().to_owned();
    let rows = findings.map(|finding| {
        let (check, found) = (text(finding, "check"), text(finding, "found"));
        [check, found, command(text(finding, "remedy"))]
    });
    (told["ready"].as_bool().unwrap(), rows.collect())
}

/// Pieces nobody owns; what is left of them goes when the test ends.
struct Planted {
    staging: PathBuf,
    download: PathBuf,
    image: PathBuf,
    device: String,
}

impl Planted {
    fn plant() -> Planted {
        let staging = Path::new(STATE).join("staging/0000000000-planted");
        fs::create_dir_all(&staging).unwrap();
        let cache = Path::new(LAB).join("var/lib/vz/template/cache");
        let download = cache.join(format!(
            "debian-1-standard_1-1_amd64.tar.zst.tmp_dwnl.{NOBODY}"
        ));
        fs::write(&download, "half").unwrap();
        let images = Path::new(LAB).join("local-dir/images").join(NOBODY);
        fs::create_dir_all(&images).unwrap();
        let image = images.join(format!("vm-{NOBODY}-disk-0.raw"));
        fs::write(&image, [0; 4096]).unwrap();
        let device = call(&["losetup", "--find", "--show", &image.display().to_string()]).well();
        Planted {
            staging,
            download,
            image,
            device: device.trim().to_owned(),
        }
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let holds = fs::read_to_string("/proc/partitions").unwrap_or_default();
        let name = self.device.trim_start_matches("/dev/");
        let backing = fs::read_to_string(format!("/sys/block/{name}/loop/backing_file"));
        if holds.contains(name) && backing.is_ok_and(|file| file.contains(NOBODY)) {
            call(&["losetup", "-d", &self.device]);
        }
        let _ = fs::remove_dir_all(&self.staging);
        let _ = fs::remove_file(&self.download);
        let _ = fs::remove_dir_all(self.image.parent().unwrap());
    }
}

fn titles(calls: &Calls) -> Vec<String> {
    calls.so_far().iter().map(Call::title).collect()
}

#[test]
fn doctor_finds_what_was_left_lying_about_and_its_remedies_cure_it() {
    let _turn = turn();
    let calls = Calls::record();
    let (ready, before) = checkup();
    assert!(ready, "{before:?}");
    let made = titles(&calls);
    let looks = [&LOOKS[..], &["pvesm list", "pct exec"]].concat();
    let only_looks = |call: &String| looks.iter().any(|look| call.starts_with(look));
    assert!(!made.is_empty() && made.iter().all(only_looks), "{made:?}");
    let planted = Planted::plant();
    let (ready, after) = checkup();
    assert!(ready, "an orphan is in nobody's way: {after:?}");
    let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
    let checks: Vec<&str> = new.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(
        checks,
        ["staging", "orphans", "orphans", "orphans"],
        "{new:?}"
    );
    for [check, found, remedy] in &new {
        println!("table: doctor {check}: {found} → {remedy}");
        call(&["sh", "-c", remedy]).well();
    }
    for path in [&planted.staging, &planted.download, &planted.image] {
        assert!(!path.exists(), "{}", path.display());
    }
    assert_eq!(checkup(), (true, before));
}

// FR-011, install scenario 4
#[test]
fn everything_that_is_in_the_way_is_said_at_once_before_the_first_effect() {
    let _turn = turn();
    let mut instance = Instance::new("e2e-way", 1);
    instance.gateway = format!("{NET}.2");
    let (tmp, id, calls) = (TempDir::new().unwrap(), free_id(), Calls::record());
    let more = [
        "--storage=nowhere",
        "--cpu-cores=32",
        "--bridge=vmbr77",
        "--source-directory=/nonexistent",
        "--set=services.frontend.ssl_port=9080",
        "--json",
    ];
    let ended = run(&mut from_bundle(tmp.path(), &instance.install(&more)));
    assert_eq!(ended.code, 4, "{}\n{}", ended.out, ended.err);
    let error = &json(&ended.out)["error"];
    let findings = error["findings"].as_array().unwrap().iter();
    let checks: Vec<_> = findings
        .map(|finding| finding["check"].as_str().unwrap())
        .collect();
    assert_eq!(
        checks,
        ["storage", "cores", "bridge", "address", "ports", "source"]
    );
    assert_eq!(error["state"], "untouched");
    let made = titles(&calls);
    let only_looks = |call: &String| LOOKS.contains(&call.as_str());
    assert!(made.len() <= 3 && made.iter().all(only_looks), "{made:?}");
    println!(
        "table: preflight refused {} things after {} host calls",
        checks.len(),
        made.len()
    );
    assert_eq!(remains(&instance, id, tmp.path()), [""; 0]);
}

/// A machine on the lab's bridge that no configuration knows; it goes when this is dropped.
struct Stranger;

impl Stranger {
    fn plug_in(address: &str) -> Stranger {
        let stranger = Stranger;
        let script = format!(
            "ip netns add hp-stranger && ip link add hp-str0 type veth peer name hp-str1 netns hp-stranger && \
             ip link set hp-str0 master vmbr0 up && ip -n hp-stranger address add {address}/24 dev hp-str1 && \
             ip -n hp-stranger link set hp-str1 up"
        );
        call(&["sh", "-c", &script]).well();
        stranger
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        call(&["ip", "link", "del", "hp-str0"]);
        call(&["ip", "netns", "del", "hp-stranger"]);
    }
}

// FR-011: an address is asked for on the wire, and what the kernel remembers of one that is gone does not count.
#[test]
fn an_address_that_answers_is_taken_and_is_free_again_once_nobody_does() {
    let _turn = turn();
    let instance = Instance::new("e2e-arp", 107);
    let directory = release::app().display().to_string();
    let mut words = instance.install(&["--source-directory", &directory]);
    words.push("--dry-run".to_owned());
    let stranger = Stranger::plug_in(&instance.address);
    let ended = bundled(&words);
    let said = format!("{} answers already, from ", instance.address);
    assert_eq!(ended.code, 6, "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains(&said), "{}", ended.out);
    drop(stranger);
    bundled(&words).well();
}
