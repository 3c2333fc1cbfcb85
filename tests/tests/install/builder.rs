//! A repository as its publisher would serve it, and builds of it in a guest that is there: what an update does, without
//! the rest of one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use homeport_core::error::Error;
use homeport_core::places;
use homeport_core::plan::Operation as About;
use homeport_core::plan::build::{Build, From, Registries, Revision};
use homeport_core::recipe;
use homeport_core::settings::ToolchainSource;
use homeport_core::state::Registered;
use homeport_core::target::proxmox::Proxmox;
use homeport_core::verbs::operation::Operation;
use homeport_core::verbs::{identity, tools};
use homeport_engine::event::Event;
use homeport_engine::op::GuestIdentity;
use homeport_tests::http::Server;
use tempfile::TempDir;

use crate::instance::{Instance, NET};
use crate::run::{call, run};

/// The repository, served to guests.
pub struct Source {
    pub server: Server,
    root: TempDir,
}

impl Source {
    /// Two releases and a commit more on `main`.
    pub fn serve() -> Source {
        let root = TempDir::new().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/repo.sh");
        let releases = ["v2.4.0", "v2.5.0", "main=v2.5.1"];
        let mut command = Command::new("bash");
        run(command.arg(script).arg(root.path()).args(releases)).well();
        let server = Server::at(&format!("{NET}.1"), root.path(), false).unwrap();
        Source { server, root }
    }

    pub fn url(&self) -> String {
        format!("{}/vikunja.git", self.server.url())
    }

    fn repository(&self) -> PathBuf {
        self.root.path().join("vikunja.git")
    }

    /// What git says, in the repository itself.
    pub fn git(&self, words: &[&str]) -> String {
        git(&self.repository(), words)
    }

    /// What a build of `main` is called: by the last tag before it, how far it is from there, and its commit.
    pub fn described(&self) -> String {
        let described = self.git(&["describe", "--tags", "--abbrev=10", "main"]);
        described.replace("-g", "-")
    }

    /// A clone on this host; `change` is a script that runs in it.
    pub fn clone(&self, into: &Path, change: &str) {
        let from = self.repository().display().to_string();
        git(
            Path::new("/"),
            &["clone", "-q", &from, into.to_str().unwrap()],
        );
        call(&[
            "sh",
            "-ec",
            "cd \"$1\"; eval \"$2\"",
            "sh",
            into.to_str().unwrap(),
            change,
        ])
        .well();
    }

    /// A branch of this name with a change that this script makes.
    pub fn branch(&self, name: &str, change: &str) {
        let place = TempDir::new().unwrap();
        let clone = place.path().join("clone");
        let commit = format!(
            "git checkout -q -b {name} v2.5.0\n{change}\ngit add -A\n\
             git -c user.name=T -c user.email=t@example.org commit -q -m {name}\ngit push -q origin {name}"
        );
        self.clone(&clone, &commit);
        self.git(&["update-server-info"]);
    }
}

fn git(at: &Path, words: &[&str]) -> String {
    let at = at.display().to_string();
    let words = [&["git", "-c", "safe.directory=*", "-C", &at][..], words].concat();
    call(&words).well().trim().to_owned()
}

/// The registries this machine's own tools use.
pub fn registries() -> Registries {
    let first = |said: String| said.split([',', '|', '\n']).next().unwrap().to_owned();
    Registries {
        go_proxy: Some(first(call(&["go", "env", "GOPROXY"]).well())),
        npm: Some(first(call(&["npm", "config", "get", "registry"]).well())),
        proxy: false,
    }
}

/// What a build came to.
pub struct Ended {
    pub revision: Revision,
    pub release: String,
    pub took: Duration,
    pub notes: Vec<String>,
}

/// Builds in the instance's guest, as if it had this much memory. On an error everything is taken back.
pub fn build(instance: &Instance, memory_mb: u32, from: From<'_>) -> Result<Ended, Error> {
    let about = about(instance);
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
    let recipe = recipe::load(&templates, "vikunja").unwrap();
    let registries = registries();
    let mut target = Proxmox::new(Arc::new(AtomicBool::new(false)));
    let began = Instant::now();
    let build = Build {
        operation: &about,
        recipe: &recipe,
        how: recipe.recipe.build.as_ref().unwrap(),
        from,
        memory_mb,
        registries: &registries,
    };
    let (mut notes, stop) = (Vec::new(), AtomicBool::new(false));
    let release = format!("/opt/vikunja/releases/{}", about.id);
    let mut tell = |event: Event| {
        if let Event::Noticed { text } = event {
            notes.push(text);
        }
    };
    let name = &about.guest.instance;
    let mut operation = Operation::begin(name, &about.id, &mut target, &stop, &mut tell)?;
    match stages(&mut operation, &build, &release) {
        Ok(revision) => {
            operation.finish()?;
            Ok(Ended {
                revision,
                release,
                took: began.elapsed(),
                notes,
            })
        }
        Err(error) => Err(operation.resolve_after(error).unwrap_err()),
    }
}

/// An operation of its own on the guest that is registered for the instance.
fn about(instance: &Instance) -> About {
    let entry = fs::read(places::registry(instance.name)).unwrap();
    let entry: Registered = serde_json::from_slice(&entry).unwrap();
    About {
        id: identity::operation().unwrap(),
        verb: "build".to_owned(),
        guest: GuestIdentity {
            id: entry.guest,
            instance: entry.instance,
            tag: entry.tag,
            storage: entry.storage,
        },
        candidate: false,
        at: 0,
    }
}

fn stages(
    operation: &mut Operation<'_>,
    build: &Build<'_>,
    release: &str,
) -> Result<Revision, Error> {
    let plan = |name: &str, first, steps| build.operation.stage(name, first, None, steps);
    let seen = operation.stage(plan("source", operation.next()?, build.source()))?;
    let revision = build.revision(&seen)?;
    let wanted = tools::Wanted {
        recipe: build.recipe,
        how: build.how,
        revision: &revision,
        from: ToolchainSource::Registry,
        registries: build.registries,
    };
    let tools = operation.asking(|stop, tell| tools::find(&wanted, stop, tell))?;
    let steps = build.release(&revision, &tools, release)?;
    operation.stage(plan("build", operation.next()?, steps))?;
    Ok(revision)
}
