//! One cut-over of an instance that lives, driven as the host drives it: the next slot is made ready with an own generation
//! of the database, the agent is handed the op, and what it says is heard to the end – or not, if somebody is killed.

use std::io::BufReader;
use std::iter;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};

use homeport_engine::WIRE;
use homeport_engine::cutover::{Colour, CutOver, Side};
use homeport_engine::exec::Exec;
use homeport_engine::op::{Content, GuestIdentity, Op, PutFile};
use homeport_engine::plan::{Plan, Step};
use homeport_engine::probe::{Check, HttpCheck, Probe, Via};
use homeport_engine::require::Observations;
use homeport_engine::sim::small_cut_over;
use homeport_engine::wire::{Answer, Ask, receive, send};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::run::{apart, call, inside};

/// Where the database's generations lie.
const DATA: &str = "/var/lib/vikunja/db";

/// Where it is written down which number was put in service last.
pub const NOTE: &str = "/var/lib/homeport/crossed";

/// A slot and the number of its generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub colour: Colour,
    pub generation: u32,
}

impl Standing {
    /// The other slot, on the next generation.
    pub fn next(self, generation: u32) -> Standing {
        Standing {
            colour: self.colour.other(),
            generation,
        }
    }

    pub fn unit(self) -> String {
        format!("vikunja-backend@{}.service", self.colour.name())
    }

    pub fn directory(self) -> String {
        format!("{DATA}/g{}", self.generation)
    }

    fn side(self) -> Side {
        let port = match self.colour {
            Colour::Blue => 3456,
            Colour::Green => 3457,
        };
        let check = Check::Http(HttpCheck {
            call: None,
            via: Via::Tcp(format!("127.0.0.1:{port}")),
            host: "localhost".to_owned(),
            path: "/health".to_owned(),
            status: 200,
            body_contains: None,
            json_equals: None,
            post: None,
        });
        Side {
            colour: self.colour,
            version: format!("generation {}", self.generation),
            units: vec![self.unit()],
            probes: vec![Probe {
                check,
                deadline_ms: 10_000,
                interval_ms: 20,
                unit: Some(self.unit()),
            }],
            through: Vec::new(),
            needs: Vec::new(),
            files: vec![PutFile {
                path: NOTE.to_owned(),
                mode: 0o644,
                owner: "root:root".to_owned(),
                content: Content::Text(self.generation.to_string()),
            }],
        }
    }
}

/// Makes the next slot ready: its environment names its own generation, and it starts at boot like the other.
pub fn prepare(id: &str, to: Standing) {
    let (slot, generation) = (to.colour.name(), to.generation);
    inside(
        id,
        &format!(
            "sed -i 's,{DATA}/g[0-9]*,{DATA}/g{generation},' /etc/vikunja/backend-{slot}.env && \
             systemctl enable --quiet vikunja-backend@{slot}"
        ),
    );
}

/// The op.
pub fn cut_over(operation: &str, from: Standing, to: Standing) -> CutOver {
    let handle = to.directory();
    let mut copy = Exec::root(["cp", "-aT", &from.directory(), &to.directory()], 20);
    copy.creates = vec![handle.clone()];
    let mut away = Exec::root(["rm", "-rf", &to.directory()], 20);
    away.destroys = vec![handle];
    CutOver {
        from: from.side(),
        to: to.side(),
        alone: vec![from.directory()],
        generation: vec![
            Step::guest("Copy the database", Op::Exec(copy)).undone_by(Op::Exec(away)),
        ],
        durable: vec![to.directory()],
        watch_ms: 1_500,
        ..small_cut_over(operation)
    }
}

fn plan(instance: &str, cut_over: CutOver) -> Plan {
    Plan {
        wire: WIRE,
        operation: cut_over.operation.clone(),
        verb: "update".to_owned(),
        instance: instance.to_owned(),
        stage: "cut-over".to_owned(),
        first: 0,
        guest: Some(GuestIdentity {
            id: "0".to_owned(),
            instance: instance.to_owned(),
            tag: "hp-op-test".to_owned(),
            storage: "local".to_owned(),
        }),
        candidate: false,
        owns: Vec::new(),
        commit_after: Some(1),
        steps: vec![Step::guest("Cut over", Op::CutOver(Box::new(cut_over)))],
    }
}

/// A conversation with the agent.
pub struct Talk {
    child: Child,
    to: ChildStdin,
    hearing: JoinHandle<Option<Answer>>,
}

impl Talk {
    /// Starts an agent and hands it one ask.
    pub fn begin(id: &str, ask: &Ask) -> Talk {
        let mut command: Command = apart("pct");
        let words = [
            "exec",
            id,
            "--",
            "/usr/local/bin/homeport-agent",
            "serve",
            "--who",
            "test",
        ];
        let mut child = command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("pct starts");
        let mut to = child.stdin.take().expect("a pipe");
        // A guest that has gone away hears nothing; that nothing is said is seen below.
        let _ = send(&mut to, ask);
        let mut from = BufReader::new(child.stdout.take().expect("a pipe"));
        let hearing = thread::spawn(move || {
            let mut answers = iter::from_fn(|| receive::<Answer>(&mut from).ok());
            answers.find(|answer| {
                matches!(
                    answer,
                    Answer::Finished | Answer::Resolved { .. } | Answer::Failed { .. }
                )
            })
        });
        Talk { child, to, hearing }
    }

    /// Hands the agent the cut-over.
    pub fn cross(id: &str, instance: &str, cut_over: &CutOver) -> Talk {
        let plan = Box::new(plan(instance, cut_over.clone()));
        let seen = Observations::new();
        Talk::begin(id, &Ask::Run { plan, seen })
    }

    /// Kills the host's side of it, at once and without a word.
    pub fn kill(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::KILL);
    }

    /// What it says last; none if it was cut off.
    pub fn end(mut self) -> Option<Answer> {
        let last = self.hearing.join().expect("nothing panics there");
        drop(self.to);
        self.child.wait().expect("it ends");
        last
    }
}

/// Has the agent resolve the operation as a host does that has not heard the end, and closes it; whether it went forward.
pub fn resolve(id: &str, operation: &str) -> bool {
    let operation = operation.to_owned();
    let ended = Talk::begin(id, &Ask::Recover { operation }).end();
    match ended {
        Some(Answer::Resolved { outcome }) => outcome == homeport_engine::recover::Outcome::Done,
        other => panic!("it is not resolved: {other:?}"),
    }
}

/// The text of a file in the guest; none if there is none.
pub fn text(id: &str, path: &str) -> Option<String> {
    let end = call(&["pct", "exec", id, "--", "cat", path]);
    (end.code == 0).then_some(end.out)
}
