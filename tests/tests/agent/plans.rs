//! Plans as the host hands them over.

use homeport_engine::WIRE;
use homeport_engine::exec::{Exec, Stdin, Stdout};
use homeport_engine::op::{Content, GuestIdentity, Op, PutFile};
use homeport_engine::plan::{Plan, Step, Undo};
use homeport_engine::require::Condition;

use super::rig::{OPERATION, Rig};

/// Number of the first step: an agent is never given the host's own.
pub const FIRST: u32 = 7;

/// These steps, of an instance that lives.
pub fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        wire: WIRE,
        operation: OPERATION.to_owned(),
        verb: "update".to_owned(),
        instance: "todo".to_owned(),
        stage: "change".to_owned(),
        first: FIRST,
        guest: Some(GuestIdentity {
            id: "100".to_owned(),
            instance: "todo".to_owned(),
            tag: "hp-x".to_owned(),
            storage: "local".to_owned(),
        }),
        candidate: false,
        owns: Vec::new(),
        commit_after: None,
        steps,
    }
}

/// The same after Commit.
pub fn committed(plan: Plan) -> Plan {
    Plan {
        commit_after: Some(0),
        ..plan
    }
}

pub fn put(rig: &Rig, name: &str, content: Content) -> Op {
    Op::PutFile(PutFile {
        path: rig.at(name),
        mode: 0o640,
        owner: "12:34".to_owned(),
        content,
    })
}

pub fn text(rig: &Rig, name: &str, text: &str) -> Op {
    put(rig, name, Content::Text(text.to_owned()))
}

/// A step that puts something at a path, and puts back what was there.
pub fn image(op: Op) -> Step {
    Step {
        undo: Undo::BeforeImage,
        ..Step::guest("put it there", op)
    }
}

/// A step of a shell script in the tree, and the path that its undo takes away.
pub fn script(rig: &Rig, script: &str, makes: &str) -> Step {
    Step::guest("run a script", Op::Exec(shell(rig, script))).undone_by(put(
        rig,
        makes,
        Content::Absent,
    ))
}

pub fn shell(rig: &Rig, script: &str) -> Exec {
    Exec::root(
        ["/bin/sh", "-c", &format!("cd {} && {script}", rig.at(""))],
        60,
    )
}

/// One of everything that needs no systemd. Each part takes its time, so that a kill may come in the middle.
pub fn everything(rig: &Rig) -> Plan {
    let look = Op::Observe {
        name: "version".to_owned(),
        exec: shell(rig, "sleep 0.02; echo 15").keep(100),
    };
    let require = Op::Require {
        that: Condition::AtLeast {
            name: "version".to_owned(),
            number: 15,
        },
        otherwise: "It is too old".to_owned(),
        remedy: Vec::new(),
    };
    let into_file = Exec {
        stdin: Stdin::Text("from stdin".to_owned()),
        stdout: Stdout::File(rig.at("dump")),
        ..shell(rig, "sleep 0.02; tr a-z A-Z")
    };
    let link = |to: &str| put(rig, "current", Content::Link(to.to_owned()));
    plan(vec![
        Step::guest("look", look),
        Step::guest("require", require),
        image(put(rig, "made/dir", Content::Directory)),
        image(put(rig, "made/dir/random", Content::Random { length: 64 })),
        image(text(rig, "config", "new: true\n")),
        image(text(rig, "made/deep/er/file", "x")),
        script(
            rig,
            "echo half > out && sleep 0.05 && echo whole > out",
            "out",
        ),
        image(link("green")),
        Step::guest("dump", Op::Exec(into_file)).undone_by(put(rig, "dump", Content::Absent)),
        script(
            rig,
            "mkdir -p built && sleep 0.02 && touch built/a built/b",
            "built",
        ),
        image(text(rig, "config", "new: again\n")),
    ])
}

/// What is there before [`everything`].
pub fn prepare(rig: &Rig) {
    std::fs::write(rig.at("config"), "old: true\n").expect("a file");
    std::os::unix::fs::symlink("blue", rig.at("current")).expect("a link");
}
