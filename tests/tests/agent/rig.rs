//! An agent at work in a directory of its own, and the tree it works on.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use homeport_engine::event::Event;
use homeport_engine::journal::{self, Record};
use homeport_engine::plan::Plan;
use homeport_engine::require::Observations;
use homeport_engine::run::Fault;
use homeport_engine::wire::{Answer, Ask, WireError, receive, send};

/// The operation of all plans here.
pub const OPERATION: &str = "op-1";

pub fn binary() -> PathBuf {
    let dir = std::env::var_os("HOMEPORT_BIN_DIR")
        .expect("HOMEPORT_BIN_DIR names the directory of homeport-agent");
    let agent = Path::new(&dir).join("homeport-agent");
    assert!(agent.is_file(), "{} is missing", agent.display());
    agent
}

/// Directories for one test.
pub struct Rig(tempfile::TempDir);

impl Rig {
    pub fn new() -> Rig {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("tree")).expect("a directory");
        Rig(dir)
    }

    pub fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    /// A path in the tree that plans work on.
    pub fn at(&self, name: &str) -> String {
        self.0.path().join("tree").join(name).display().to_string()
    }

    /// Runs a subcommand to its end.
    pub fn run(&self, arguments: &[&str], stdin: &[u8]) -> Output {
        let mut child = self
            .command(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(stdin)
            .expect("it reads");
        child.wait_with_output().expect("it ends")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .arg("--state")
            .arg(self.state())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    /// An agent that has said hello.
    pub fn serve(&self) -> Agent {
        let mut agent = self.mute();
        match agent.hear() {
            Ok(Answer::Hello { open, .. }) => agent.open = open,
            other => panic!("no hello: {other:?}"),
        }
        agent
    }

    /// An agent that may say anything first.
    pub fn mute(&self) -> Agent {
        let mut command = self.command(&["serve", "--who", "test@here"]);
        let mut child = command.spawn().expect("the agent starts");
        Agent {
            to: child.stdin.take(),
            from: child.stdout.take().map(BufReader::new),
            child,
            open: None,
        }
    }

    pub fn records(&self) -> Vec<Record> {
        let path = self.state().join(format!("journal/{OPERATION}.jsonl"));
        journal::load(&path)
            .expect("a readable journal")
            .unwrap_or_default()
    }

    /// All that is in the tree: kind, mode, owner and content of every path. Random content is only its length.
    pub fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        walk(&self.0.path().join("tree"), "", &mut tree);
        tree
    }
}

fn walk(path: &Path, name: &str, tree: &mut BTreeMap<String, String>) {
    let found = fs::symlink_metadata(path).expect("it is there");
    let content = if found.is_dir() {
        for entry in fs::read_dir(path).expect("a directory") {
            let entry = entry.expect("an entry");
            let below = format!("{name}/{}", entry.file_name().to_string_lossy());
            walk(&entry.path(), &below, tree);
        }
        "directory".to_owned()
    } else if found.is_symlink() {
        format!("-> {}", fs::read_link(path).expect("a link").display())
    } else if name.ends_with("random") {
        format!("{} characters", found.len())
    } else {
        fs::read_to_string(path).expect("text")
    };
    let mode = found.permissions().mode() & 0o7777;
    let owner = format!("{}:{}", found.uid(), found.gid());
    tree.insert(name.to_owned(), format!("{mode:o} {owner} {content}"));
}

/// A running agent and the conversation with it.
pub struct Agent {
    pub child: Child,
    pub to: Option<ChildStdin>,
    pub from: Option<BufReader<ChildStdout>>,
    /// What it said of open journals.
    pub open: Option<String>,
}

impl Agent {
    pub fn ask(&mut self, ask: &Ask) {
        send(self.to.as_mut().expect("an open pipe"), ask).expect("it listens");
    }

    pub fn hand(&mut self, plan: &Plan) {
        let plan = Box::new(plan.clone());
        self.ask(&Ask::Run {
            plan,
            seen: Observations::new(),
        });
    }

    pub fn hear(&mut self) -> Result<Answer, WireError> {
        receive(self.from.as_mut().expect("an open pipe"))
    }

    /// Hears it out: everything up to what ends the ask, or the end of the conversation.
    pub fn hear_out(&mut self) -> Vec<Answer> {
        let mut heard = Vec::new();
        while let Ok(answer) = self.hear() {
            heard.push(answer);
            if matches!(
                heard.last(),
                Some(Answer::Finished | Answer::Resolved { .. } | Answer::Failed { .. })
            ) {
                break;
            }
        }
        heard
    }

    /// Waits until the step has begun.
    pub fn until_started(&mut self, wanted: u32) {
        loop {
            match self.hear() {
                Ok(Answer::Told {
                    told: Event::Started { number, .. },
                }) if number == wanted => return,
                Ok(Answer::Failed { fault, .. }) => panic!("{fault}"),
                Ok(_) => {}
                Err(error) => panic!("step {wanted} never began: {error}"),
            }
        }
    }

    /// What the partner's death looks like: no more input.
    pub fn hang_up(&mut self) {
        self.to = None;
    }

    /// Ends it the hard way.
    pub fn kill(mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
    }

    /// Waits until the input is the only thing that keeps it, then closes that: it must not be a signal that ends it.
    pub fn end_by_itself(self) -> ExitStatus {
        std::thread::sleep(Duration::from_millis(800));
        self.end()
    }

    /// Closes its input and waits for its end, not for ever.
    pub fn end(mut self) -> ExitStatus {
        self.hang_up();
        wait(&mut self.child)
    }
}

/// Waits for a process's end, half a minute at most.
pub fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = child.try_wait().expect("it is ours") {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().expect("it is ours");
            panic!("the agent does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The fault that ended an ask.
pub fn fault(heard: &[Answer]) -> &Fault {
    match heard.last() {
        Some(Answer::Failed { fault, .. }) => fault,
        other => panic!("no failure: {other:?}"),
    }
}

/// Numbers of the steps told as journalled.
pub fn done(heard: &[Answer]) -> Vec<u32> {
    let number = |answer: &Answer| match answer {
        Answer::StepDone { number, .. } => Some(*number),
        _ => None,
    };
    heard.iter().filter_map(number).collect()
}

/// A number below `limit`, another one every time.
pub fn random(limit: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish() % limit
}
