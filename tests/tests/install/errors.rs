//! What goes wrong before or while an instance is made: said in four parts with the agreed exit code, and nothing left.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use homeport_tests::http::Answer;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::decoy::{Decoy, free_id};
use crate::instance::{Instance, turn};
use crate::release::{Site, archive, bundled, from_bundle};
use crate::remains::remains;
use crate::run::{eventually, run};

/// An install that is refused; nothing of it is left.
#[track_caller]
fn refused(instance: &Instance, more: &[&str], code: i32, said: &[&str]) {
    let (tmp, id) = (TempDir::new().unwrap(), free_id());
    let ended = run(&mut from_bundle(tmp.path(), &instance.install(more)));
    ended.refuses(code, "");
    let words = ended.words();
    for part in [" Why ", " State ", " Do "].iter().chain(said) {
        assert!(words.contains(part), "`{part}` is missing in {words}");
    }
    assert_eq!(remains(instance, id, tmp.path()), [""; 0]);
}

// W-1, FR-003
#[test]
fn what_cannot_be_fetched_or_trusted() {
    let _turn = turn();
    let (instance, site) = (Instance::new("e2e-fetch", 102), Site::serve());
    let back = "the system is as it was before";
    let nowhere = format!("{}/nothing", site.app());
    refused(
        &instance,
        &["--source-url", &nowhere],
        8,
        &["404", &archive(), back],
    );
    // The publisher's statement beside the archive is asked for nothing: who exchanges one exchanges the other.
    let source = ["--source-url", &site.app()];
    let digest = "0".repeat(64);
    refused(
        &instance,
        &[&source[..], &["--source-sha256", &digest]].concat(),
        13,
        &[&digest, "deleted unopened", back],
    );
    let fetched = format!("/app/{}", archive());
    site.server
        .misbehave(&fetched, [Answer::Body(vec![0; 1000])]);
    refused(
        &instance,
        &["--source-url", &site.app()],
        13,
        &["deleted unopened", back],
    );
}

// FR-011, FR-020
#[test]
fn what_is_taken_or_missing() {
    let _turn = turn();
    let instance = Instance::new("e2e-taken", 103);
    let untouched = "Nothing was changed";
    let mut own = Instance::new("e2e-taken", 1);
    own.gateway = "10.78.0.2".to_owned();
    refused(
        &own,
        &[],
        6,
        &["10.78.0.1 is this host's own address", untouched],
    );
    let bridge = ["--bridge", "vmbr99"];
    refused(
        &instance,
        &bridge,
        6,
        &["no bridge `vmbr99`", "vmbr0", untouched],
    );
    let id = free_id() + 1;
    let decoy = Decoy::create(id, "stranger", "");
    let text = id.to_string();
    refused(
        &instance,
        &["--container-id", &text],
        6,
        &[&text, "is in use", untouched],
    );
    decoy.is_untouched();
}

// FR-020: names are unique, also when the other one was made by another host's Homeport.
#[test]
fn a_name_that_is_taken() {
    let _turn = turn();
    let instance = Instance::new("e2e-name", 103);
    let id = free_id() + 1;
    let tags = "homeport;hp-app-vikunja;hp-id-e2e-name;hp-op-0";
    let decoy = Decoy::create(id, "e2e-name", tags);
    let ended = bundled(&instance.install(&[]));
    ended.refuses(6, &format!("belongs to the guest {id}"));
    decoy.is_untouched();
    assert!(!instance.journals().exists());
}

/// An install that waits for a server that has fallen silent.
fn waiting(instance: &Instance, site: &Site, tmp: &Path) -> Child {
    let path = format!("/app/{}", archive());
    site.server.misbehave(&path, [Answer::Stall(1000)]);
    let mut command: Command = from_bundle(tmp, &instance.install(&["--source-url", &site.app()]));
    let child = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn();
    eventually("the download", 30, || {
        site.server
            .requests()
            .iter()
            .any(|request| request.path == path)
    });
    child.unwrap()
}

// The second of two is told who is at work; the first one, told to stop, takes everything back.
#[test]
fn one_operation_at_a_time() {
    let _turn = turn();
    let (instance, site) = (Instance::new("e2e-busy", 104), Site::serve());
    let (tmp, id) = (TempDir::new().unwrap(), free_id());
    let mut first = waiting(&instance, &site, tmp.path());
    let ended = bundled(&instance.install(&["--source-url", &site.app()]));
    ended.refuses(5, "`e2e-busy` is locked by `install` of ");
    ended.refuses(5, "since 20");
    kill_process(Pid::from_child(&first), Signal::TERM).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(20));
    assert_eq!(remains(&instance, id, tmp.path()), [""; 0]);
}
