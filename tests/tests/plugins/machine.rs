//! Carries out what a plugin plans on this machine, as the agent would in a guest. Enough for tests: no journal, no undo.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Command, Stdio},
};

use homeport_core::plugin::Plugin;
use homeport_plugin_api::wire::{
    Facts,
    conversation::{Context, Observe, Output, Plan, Purpose, Read},
    step::{Action, Content, Is, Require, Run, Service, Stdin, Stdout, Step},
};

/// A machine: how to get a command into it, its secrets, and what becomes of its units.
pub struct Machine {
    /// Words before every command.
    pub enter: Vec<String>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, String>,
    /// Unit changes in their order.
    pub services: Vec<(String, Action)>,
    /// What changing a unit means here.
    pub change: fn(&[String], &Service) -> Result<(), String>,
}

impl Machine {
    /// This very machine, without units.
    pub fn here() -> Self {
        Self {
            enter: Vec::new(),
            secrets: BTreeMap::new(),
            services: Vec::new(),
            change: |_, service| Err(format!("no unit {} here", service.unit)),
        }
    }

    /// The whole conversation about a purpose: observe, read, plan, do, read again.
    pub fn converse<P: Purpose + Clone>(
        &mut self,
        plugin: &mut Plugin,
        purpose: &P,
    ) -> Result<Facts, String> {
        let mut context = Context {
            settings: Facts::new(),
            user: "nobody".to_owned(),
            facts: Facts::new(),
        };
        let asked = Observe {
            purpose: purpose.clone(),
            context: context.clone(),
        };
        for command in plugin.call(&asked).map_err(|e| e.to_string())? {
            let output = self.run(&command.argv, &command.user, command.stdin.as_deref());
            context
                .facts
                .extend(read(plugin, purpose, &command.name, output.0)?);
        }
        let planned = Plan {
            purpose: purpose.clone(),
            context,
        };
        let steps = plugin.call(&planned).map_err(|e| e.to_string())?;
        let mut facts = Facts::new();
        for (name, output) in self.perform(&steps)? {
            facts.extend(read(plugin, purpose, &name, output)?);
        }
        Ok(facts)
    }

    /// Carries out the steps in order until one fails; what was kept.
    pub fn perform(&mut self, steps: &[Step]) -> Result<BTreeMap<String, Output>, String> {
        let mut kept = BTreeMap::new();
        for step in steps {
            match step {
                Step::File(file) => {
                    let text = match &file.content {
                        Content::Text(text) => text,
                        Content::Secret(name) => self.secrets.get(name).ok_or("no such secret")?,
                    };
                    self.put(
                        &file.path,
                        text,
                        &file.mode,
                        &format!("{}:{}", file.owner, file.group),
                    )?;
                }
                Step::Directory(made) => {
                    let argv = [
                        "install",
                        "-d",
                        "-m",
                        &made.mode,
                        "-o",
                        &made.owner,
                        "-g",
                        group(&made.group),
                    ];
                    self.done(&words(&argv, &made.path), "root", None)?;
                }
                Step::Run(run) => self.step(run, &mut kept)?,
                Step::Service(service) => {
                    (self.change)(&self.enter, service)?;
                    self.services.push((service.unit.clone(), service.action));
                }
                Step::Require(require) => holds(require, &kept)?,
            }
        }
        Ok(kept)
    }

    fn step(&self, run: &Run, kept: &mut BTreeMap<String, Output>) -> Result<(), String> {
        let stdin = match &run.stdin {
            Stdin::Text(text) => Some(text.as_str()),
            _ => None,
        };
        let stdout = self.done(&run.argv, &run.user, stdin)?;
        if let Stdout::Keep { name, limit } = &run.stdout {
            assert!(
                stdout.len() as u64 <= *limit,
                "{} said {} bytes",
                run.title,
                stdout.len()
            );
            kept.insert(name.clone(), Output { exit: 0, stdout });
        }
        Ok(())
    }

    fn put(&self, path: &str, text: &str, mode: &str, owner: &str) -> Result<(), String> {
        let spare = format!("{path}.spare");
        self.done(&words(&["tee"], &spare), "root", Some(text))?;
        self.done(&words(&["chmod", mode], &spare), "root", None)?;
        self.done(&words(&["chown", owner], &spare), "root", None)?;
        self.done(&words(&["mv", "-T", &spare], path), "root", None)
            .map(|_| ())
    }

    /// A command that must succeed; its stdout.
    pub fn done(&self, argv: &[String], user: &str, stdin: Option<&str>) -> Result<String, String> {
        match self.run(argv, user, stdin) {
            (Output { exit: 0, stdout }, _) => Ok(stdout),
            (Output { exit, .. }, stderr) => {
                Err(format!("`{}` ended with {exit}: {stderr}", argv.join(" ")))
            }
        }
    }

    /// A command with an empty environment but PATH; its output and stderr.
    pub fn run(&self, argv: &[String], user: &str, stdin: Option<&str>) -> (Output, String) {
        let whole: Vec<&String> = self.enter.iter().chain(argv).collect();
        let (uid, gid) = ids(user);
        let mut child = Command::new(whole[0])
            .args(&whole[1..])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .uid(uid)
            .gid(gid)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", whole[0]));
        // A program that fails early does not read what it is given.
        let _ = child
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.unwrap_or_default().as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let exit = output.status.code().unwrap_or(128);
        (
            Output {
                exit,
                stdout: text(&output.stdout),
            },
            text(&output.stderr),
        )
    }
}

fn read<P: Purpose + Clone>(
    plugin: &mut Plugin,
    purpose: &P,
    name: &str,
    output: Output,
) -> Result<Facts, String> {
    let read = Read {
        purpose: purpose.clone(),
        name: name.to_owned(),
        output,
    };
    plugin.call(&read).map_err(|e| e.to_string())
}

fn holds(require: &Require, kept: &BTreeMap<String, Output>) -> Result<(), String> {
    let text = kept
        .get(&require.name)
        .map(|output| output.stdout.trim())
        .ok_or("nothing was kept")?;
    let number = || text.parse::<u64>().ok();
    let holds = match &require.is {
        Is::Equal(wanted) => text == wanted,
        Is::AtLeast(least) => number().is_some_and(|number| number >= *least),
        Is::AtMost(most) => number().is_some_and(|number| number <= *most),
        Is::NotEmpty => !text.is_empty(),
    };
    if holds {
        Ok(())
    } else {
        Err(format!("{} ({text})", require.otherwise.message))
    }
}

fn ids(user: &str) -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd
        .lines()
        .find(|line| line.starts_with(&format!("{user}:")))
        .unwrap();
    let fields: Vec<&str> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

/// Debian's `nobody` has a group of another name; a user made for an app has not.
fn group(name: &str) -> &str {
    if name == "nobody" { "nogroup" } else { name }
}

pub fn words(argv: &[&str], last: &str) -> Vec<String> {
    argv.iter()
        .copied()
        .chain([last])
        .map(str::to_owned)
        .collect()
}

/// A directory everyone can pass through, for sockets and databases.
pub fn open_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}
