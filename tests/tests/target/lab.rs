//! The lab as the tests use it: ids and addresses of their own, a target, hands, and everything gone afterwards.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use homeport_core::target::proxmox::Proxmox;
use homeport_core::target::{HostFacts, Target};
use homeport_engine::event::Event;
use homeport_engine::journal::{Child, JournalError};
use homeport_engine::op::{GuestIdentity, GuestNetwork, GuestSpec, Op};
use homeport_engine::require::{Observation, Observations};
use homeport_engine::run::{Executor, Fault, Hands};
use homeport_tests::leftover::held;

/// Storage of the lab that holds containers.
pub const STORE: &str = "local-dir";

/// Where that storage keeps volumes.
pub const IMAGES: &str = "/var/lib/homeport-lab/local-dir/images";

/// A target. Fails the test when the lab's programs are not those that would be called.
pub fn proxmox() -> Proxmox {
    let lab = env::var("HOMEPORT_LAB_PATH").expect("HOMEPORT_LAB_PATH names the lab's programs");
    let called =
        fs::canonicalize("/usr/local/sbin/pct").expect("tests/lab/up.sh links the programs");
    assert_eq!(
        called,
        fs::canonicalize(Path::new(&lab).join("pct")).unwrap()
    );
    Proxmox::new(Arc::default())
}

/// The lab's facts, gathered once.
pub fn facts() -> &'static HostFacts {
    static FACTS: OnceLock<HostFacts> = OnceLock::new();
    FACTS.get_or_init(|| proxmox().facts().unwrap())
}

/// A container of the test's own: named before it is made, gone when this is dropped.
pub struct Mine {
    pub id: u32,
    pub spec: GuestSpec,
}

impl Mine {
    /// Ids from 9500 are the tests'; each uses others.
    pub fn new(id: u32) -> Mine {
        sweep(id);
        Mine::standing(id)
    }

    /// The same for another process, which finds it as it stands.
    pub fn standing(id: u32) -> Mine {
        let template = facts()
            .templates
            .iter()
            .find(|found| found.fits && !found.stores.is_empty())
            .expect("a template");
        let store = template.stores.first().unwrap();
        let spec = GuestSpec {
            identity: GuestIdentity {
                id: id.to_string(),
                instance: format!("t{id}"),
                tag: format!("hp-op-t{id}"),
                storage: STORE.to_owned(),
            },
            hostname: format!("t{id}"),
            template: format!("{store}:vztmpl/{}", template.name),
            disk_gb: 3,
            cores: 1,
            memory_mb: 512,
            swap_mb: 0,
            network: GuestNetwork {
                address6: None,
                gateway6: None,
                mtu: None,
                bridge: "vmbr0".to_owned(),
                address: format!("10.78.0.{}/24", 200 + id % 50),
                gateway: Some("10.78.0.1".to_owned()),
                nameservers: vec!["10.78.0.53".to_owned()],
            },
            tags: vec!["homeport".to_owned()],
        };
        Mine { id, spec }
    }

    pub fn guest(&self) -> GuestIdentity {
        self.spec.identity.clone()
    }

    pub fn create(&self) -> Op {
        Op::EnsureGuest(self.spec.clone())
    }

    /// The configuration file, if there is one.
    pub fn config(&self) -> Option<String> {
        fs::read_to_string(config_path(self.id)).ok()
    }

    /// Everything on the host that belongs to the id: configuration, volumes, mounts, loop devices, directories.
    pub fn remains(&self) -> Vec<String> {
        let mut found = Vec::new();
        let paths = [
            config_path(self.id),
            PathBuf::from(format!("/var/lib/lxc/{}", self.id)),
        ];
        found.extend(
            paths
                .into_iter()
                .filter(|path| path.exists())
                .map(|path| path.display().to_string()),
        );
        let volumes = fs::read_dir(format!("{IMAGES}/{}", self.id))
            .into_iter()
            .flatten()
            .flatten();
        found.extend(volumes.map(|entry| entry.path().display().to_string()));
        found.extend(held(&self.id.to_string()));
        found
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        sweep(self.id);
    }
}

pub fn config_path(id: u32) -> PathBuf {
    PathBuf::from(format!("/etc/pve/lxc/{id}.conf"))
}

/// Runs one of the host's programs as an administrator would; whether it said it did well, and both streams.
pub fn call(words: &[&str]) -> (bool, String) {
    let end = Command::new(words[0]).args(&words[1..]).output().unwrap();
    let text = [end.stdout, end.stderr].concat();
    (
        end.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// Removes whatever a test left with this id.
fn sweep(id: u32) {
    let text = id.to_string();
    if config_path(id).exists() {
        call(&["pct", "unlock", &text]);
        call(&["pct", "set", &text, "--protection", "0"]);
        call(&["pct", "destroy", &text, "--force", "1", "--purge", "1"]);
    }
    for entry in fs::read_dir(format!("{IMAGES}/{id}"))
        .into_iter()
        .flatten()
        .flatten()
    {
        call(&[
            "pvesm",
            "free",
            &format!("{STORE}:{id}/{}", entry.file_name().to_string_lossy()),
        ]);
    }
}

/// What a step told and wrote down.
#[derive(Default)]
pub struct Noted {
    pub told: Vec<Event>,
    pub child: Option<Child>,
}

/// Carries an op out; what it told and its child.
pub fn apply(target: &mut Proxmox, op: &Op) -> (Result<Option<Observation>, Fault>, Noted) {
    apply_with(target, op, &mut |_| {})
}

/// The same; `begun` is called with the child before it begins.
pub fn apply_with(
    target: &mut Proxmox,
    op: &Op,
    begun: &mut dyn FnMut(&Child),
) -> (Result<Option<Observation>, Fault>, Noted) {
    let (mut told, mut noted) = (Vec::new(), None);
    let mut record = |child: Child| -> Result<(), JournalError> {
        begun(&child);
        noted = Some(child);
        Ok(())
    };
    let hands = Hands {
        seen: &Observations::new(),
        tell: &mut |event| told.push(event),
        number: 7,
        child: &mut record,
    };
    let result = target.apply(op, hands);
    (result, Noted { told, child: noted })
}

/// Carries an op out that must do well.
pub fn done(target: &mut Proxmox, op: &Op) -> Noted {
    let (result, noted) = apply(target, op);
    if let Err(fault) = result {
        panic!("{fault}: {:#?}", fault.lines);
    }
    noted
}

/// Carries an op out that must not do well.
pub fn refused(target: &mut Proxmox, op: &Op) -> Fault {
    apply(target, op).0.unwrap_err()
}
