//! An upgrade of Homeport itself: the agent and the gates of a living instance are exchanged, and no request fails.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use homeport_bootstrap::digest::Digest;
use homeport_tests::app::App;
use homeport_tests::load::{Load, while_it};
use tempfile::TempDir;

use crate::instance::{Instance, turn};
use crate::release::{self, bundled};
use crate::run::{Ended, apart, homeport, inside, run};
use crate::user::Person;

/// Another Homeport than the one that is installed: its agent differs.
struct Other {
    root: TempDir,
}

impl Other {
    fn unpacked() -> Other {
        let root = TempDir::new().unwrap();
        release::unpacked(root.path());
        Other { root }
    }

    fn agent(&self) -> PathBuf {
        self.root.path().join("bin/homeport-agent")
    }

    /// SHA-256 of its agent, as `sha256sum` says it.
    fn digest(&self) -> String {
        Digest::of(&fs::read(self.agent()).unwrap()).to_string()
    }

    fn upgrade(&self, instance: &Instance) -> Ended {
        let program = self.root.path().join("bin/homeport");
        let mut command = apart(program.to_str().unwrap());
        run(command.args(["upgrade", instance.name, "--yes", "--json"]))
    }
}

/// What runs as the gate, and what the next gate would run.
fn programs(id: &str) -> Vec<String> {
    let script = "sha256sum </proc/$(systemctl show -P MainPID homeport-gate@backend)/exe; \
                  sha256sum </usr/local/bin/homeport-agent; ls -d /usr/local/lib/homeport-upgrade 2>/dev/null || true";
    let found = inside(id, script);
    found.lines().map(|line| line.replace("  -", "")).collect()
}

/// Asks for the page until a second after `change` has ended; how many times, and the longest answer.
fn asked<T: Send>(app: &App, change: impl FnOnce() -> T + Send) -> (T, usize, Duration) {
    let load = Load {
        per_second: 40,
        lasting: Duration::from_secs(300),
    };
    let page = |_| match app.page("/") {
        Ok((200, _)) => Ok(()),
        other => Err(format!("{other:?}")),
    };
    let (changed, report) = while_it(load, page, |_| {
        let changed = change();
        thread::sleep(Duration::from_secs(1));
        changed
    });
    let failed = report.failed();
    assert!(failed.is_empty(), "{:?}", failed[0].outcome);
    (changed.unwrap(), report.shots.len(), report.longest())
}

#[test]
fn agent_and_gates_are_exchanged_while_requests_wait() {
    let _turn = turn();
    let instance = Instance::new("e2e-upgrade", 139);
    let from = release::app().display().to_string();
    bundled(&instance.install(&["--source-directory", &from])).well();
    let id = instance.id().unwrap();
    let app = instance.served();
    let person = Person::arrives(&app);
    let first = programs(&id);
    let here = homeport(&["upgrade", instance.name, "--yes", "--json"]).json();
    assert_eq!(here["done"], false, "it was this one's already: {here}");

    // What follows a program's own bytes changes its digest and nothing else.
    let next = Other::unpacked();
    let mut agent = OpenOptions::new().append(true).open(next.agent()).unwrap();
    agent.write_all(b"another build").unwrap();
    let (ended, shots, longest) = asked(&app, || next.upgrade(&instance));
    assert_eq!(ended.json()["done"], true);
    assert_eq!(programs(&id), [next.digest(), next.digest()]);
    println!(
        "table: upgrade  agent and gates exchanged: 0 of {shots} requests failed, longest wait {:.2} s",
        longest.as_secs_f64()
    );

    let broken = Other::unpacked();
    fs::write(broken.agent(), "#!/bin/sh\nexit 1\n").unwrap();
    let (ended, shots, longest) = asked(&app, || broken.upgrade(&instance));
    assert_eq!(ended.code, 18, "{}\n{}", ended.out, ended.err);
    assert_eq!(programs(&id), [next.digest(), next.digest()]);
    println!(
        "table: upgrade  one that does not run, taken back: 0 of {shots} requests failed, longest wait {:.2} s",
        longest.as_secs_f64()
    );

    // And back, as after an older Homeport was put on the host again.
    homeport(&["upgrade", instance.name, "--yes"]).well();
    assert_eq!(programs(&id), first);
    person.finds_everything(&app);
    homeport(&["uninstall", instance.name, "--yes"]).well();
}
