//! Pure functions from facts to plans. No I/O, no clock, no randomness: all of it arrives as arguments.
//! Nothing here knows which target a plan is for.

pub mod adopt;
pub mod backup;
pub mod build;
pub mod deploy;
pub mod parts;
pub mod power;
pub mod uninstall;
pub mod update;
pub mod upgrade;

use homeport_engine::WIRE;
use homeport_engine::exec::Exec;
use homeport_engine::local::unit::Unit;
use homeport_engine::op::{Content, GuestIdentity, Op, PutFile, ServiceState};
use homeport_engine::plan::{Plan, Step};
use serde_json::{Value, json};

use crate::places;
use crate::state::{Registered, State};

/// What all stages of one operation have in common.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// The verb the user typed.
    pub verb: String,
    /// The guest it is about.
    pub guest: GuestIdentity,
    /// Whether that guest is made by this operation.
    pub candidate: bool,
    /// Unix time it began, seconds.
    pub at: u64,
}

impl Operation {
    /// As the state of its instance remembers it.
    pub(crate) fn noted(&self) -> Value {
        json!({"id": self.id, "verb": self.verb, "at": self.at})
    }

    /// Directory of the host in which it keeps what it fetches.
    pub(crate) fn staging(&self) -> String {
        places::staging(&self.id).display().to_string()
    }

    /// That directory is there.
    pub(crate) fn room(&self) -> Step {
        let made = directory(self.staging(), 0o700, "root:root");
        Step::host("Make room for what is fetched", made).undone_by(absent(self.staging()))
    }

    /// A stage. `first` is the number its first step gets.
    pub fn stage(
        &self,
        name: &str,
        first: u32,
        commit_after: Option<usize>,
        steps: Vec<Step>,
    ) -> Plan {
        let instance = self.guest.instance.clone();
        let owned = [places::STATE, places::PROGRAM, places::COMMAND];
        Plan {
            wire: WIRE,
            operation: self.id.clone(),
            verb: self.verb.clone(),
            instance,
            stage: name.to_owned(),
            first,
            guest: Some(self.guest.clone()),
            candidate: self.candidate,
            owns: owned.map(str::to_owned).into(),
            commit_after,
            steps,
        }
    }
}

/// The host remembers the instance as it is now.
pub(crate) fn registered(entry: &Registered) -> Step {
    let path = places::registry(&entry.instance).display().to_string();
    Step::host(
        "Enter it into the registry",
        file(path, 0o644, entry.to_json()),
    )
}

/// The guest's Notes panel says what is in it.
pub(crate) fn described(guest: &GuestIdentity, state: &State) -> Step {
    let instance = &state.instance;
    let text = format!(
        "# {title} – {url}\n\nVersion {version}, kept by Homeport as instance `{instance}`.\n\n\
         On this host: `homeport status {instance}` · `homeport --help`\n",
        title = state.title,
        url = state.url,
        version = state.version,
    );
    let guest = guest.clone();
    Step::host(
        "Show its address in the Notes panel",
        Op::Describe { guest, text },
    )
}

/// What brings a unit back to how it was seen: one that was down is down, any other runs – systemd may just have been
/// about to start it again.
pub(crate) fn as_seen(unit: &Unit) -> Op {
    let state = match unit.active.as_str() {
        "inactive" | "failed" => ServiceState::Stopped,
        _ => ServiceState::Running,
    };
    let unit = unit.unit.clone();
    Op::Service { unit, state }
}

/// Makes an unprivileged user. `useradd` twice would fail; the shell word before it makes twice once.
pub(crate) fn account(user: &str, home: &str) -> Exec {
    let script = "id -u \"$1\" >/dev/null 2>&1 || exec useradd --system --user-group --home-dir \"$2\" \
                  --no-create-home --shell /usr/sbin/nologin \"$1\"";
    Exec::root(["sh", "-c", script, "sh", user, home], 30)
}

/// A file owned by root.
pub(crate) fn file(path: impl Into<String>, mode: u32, text: impl Into<String>) -> Op {
    put(path, mode, "root:root", Content::Text(text.into()))
}

/// A directory.
pub(crate) fn directory(path: impl Into<String>, mode: u32, owner: &str) -> Op {
    put(path, mode, owner, Content::Directory)
}

/// Nothing at this path.
pub(crate) fn absent(path: impl Into<String>) -> Op {
    put(path, 0, "root:root", Content::Absent)
}

/// Any content at this path.
pub(crate) fn put(path: impl Into<String>, mode: u32, owner: &str, content: Content) -> Op {
    Op::PutFile(PutFile {
        path: path.into(),
        mode,
        owner: owner.to_owned(),
        content,
    })
}
