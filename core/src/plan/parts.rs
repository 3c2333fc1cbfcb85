//! What plugins say, as steps of the engine. A plugin's step that breaks the contract is refused, never bent.

use homeport_engine::exec::{Exec, Stdin, Stdout};
use homeport_engine::op::{Content, Op, PutFile, ServiceState};
use homeport_engine::plan::Step;
use homeport_engine::require::{Condition, Observations};
use homeport_plugin_api::wire::conversation::{Command, Output};
use homeport_plugin_api::wire::step::{self, Action, Is};

use crate::places;

/// Why a plugin's step cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plugin `{plugin}` asks for something it may not: {why}")]
pub struct Breach {
    /// The plugin.
    pub plugin: String,
    /// What.
    pub why: String,
}

/// Whose steps are translated, and for which app.
#[derive(Debug, Clone, Copy)]
pub struct Plugin<'a> {
    /// Name of the plugin.
    pub name: &'a str,
    /// What it is asked for. Observations are kept under both, so that two purposes may look at the same thing.
    pub purpose: &'a str,
    /// The app, whose secrets it may name.
    pub app: &'a str,
}

impl Plugin<'_> {
    /// Translates steps, in order.
    pub fn steps(&self, steps: &[step::Step]) -> Result<Vec<Step>, Breach> {
        let mut translated = Vec::new();
        for step in steps {
            match step {
                step::Step::File(file) => translated.push(self.file(file)?),
                step::Step::Directory(directory) => translated.push(self.directory(directory)?),
                step::Step::Run(run) => translated.extend(self.run(run)?),
                step::Step::Service(service) => translated.push(self.service(service)?),
                step::Step::Require(require) => translated.push(self.require(require)?),
            }
        }
        Ok(translated)
    }

    /// The steps of an observation, each a read-only command.
    pub fn observe(&self, commands: &[Command]) -> Vec<Step> {
        let step = |command: &Command| {
            Step::guest(
                format!("Look at {}", command.name),
                Op::Observe {
                    name: self.kept(&command.name),
                    exec: look(command),
                },
            )
        };
        commands.iter().map(step).collect()
    }

    /// What an observed command said, as the plugin reads it.
    pub fn output(&self, name: &str, seen: &Observations) -> Option<Output> {
        let found = seen.get(&self.kept(name))?;
        Some(Output {
            exit: found.exit,
            stdout: found.stdout.clone(),
        })
    }

    fn file(&self, file: &step::File) -> Result<Step, Breach> {
        let content = match &file.content {
            step::Content::Text(text) => Content::Text(text.clone()),
            step::Content::Secret(name) => Content::CopyOf(self.secret(name)?),
        };
        let op = self.put(&file.path, &file.mode, &file.owner, &file.group, content)?;
        Ok(Step::guest(format!("Write {}", file.path), op))
    }

    fn directory(&self, made: &step::Directory) -> Result<Step, Breach> {
        let op = self.put(
            &made.path,
            &made.mode,
            &made.owner,
            &made.group,
            Content::Directory,
        )?;
        Ok(Step::guest(format!("Make {}", made.path), op))
    }

    fn put(
        &self,
        path: &str,
        mode: &str,
        owner: &str,
        group: &str,
        content: Content,
    ) -> Result<Op, Breach> {
        let mode = crate::recipe::mode(mode).map_err(|why| self.breach(why))?;
        if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(self.breach(format!("`{path}` is not an absolute path")));
        }
        Ok(Op::PutFile(PutFile {
            path: path.to_owned(),
            mode,
            owner: format!("{owner}:{group}"),
            content,
        }))
    }

    fn run(&self, run: &step::Run) -> Result<Vec<Step>, Breach> {
        let secrets = run.secret_files.iter().map(|name| self.secret(name));
        let mut exec = Exec {
            argv: run.argv.clone(),
            secret_files: secrets.collect::<Result<_, _>>()?,
            stdin: match &run.stdin {
                step::Stdin::None => Stdin::None,
                step::Stdin::Text(text) => Stdin::Text(text.clone()),
                step::Stdin::Archive => return Err(self.breach("an archive where there is none")),
            },
            reads: run.reads.clone(),
            creates: run.creates.clone(),
            destroys: run.destroys.clone(),
            ..Exec::root([], run.timeout_seconds).as_user(&run.user)
        };
        match &run.stdout {
            step::Stdout::Discard => Ok(vec![Step::guest(run.title.clone(), Op::Exec(exec))]),
            step::Stdout::Archive => Err(self.breach("an archive where there is none")),
            step::Stdout::Keep { .. } if !run.creates.is_empty() || !run.destroys.is_empty() => {
                Err(self.breach(format!(
                    "`{}` keeps output and changes something",
                    run.title
                )))
            }
            step::Stdout::Keep { name, limit } => {
                exec.stdout = Stdout::Keep {
                    limit: clamp(*limit),
                };
                Ok(self.kept_run(&run.title, name, exec))
            }
        }
    }

    /// A command whose output is kept must still have succeeded.
    fn kept_run(&self, title: &str, name: &str, exec: Exec) -> Vec<Step> {
        let name = self.kept(name);
        let succeeded = Op::Require {
            that: Condition::Succeeded { name: name.clone() },
            otherwise: format!("{title} failed"),
            remedy: Vec::new(),
        };
        vec![
            Step::guest(title, Op::Observe { name, exec }),
            Step::guest(format!("{title}: see that it succeeded"), succeeded),
        ]
    }

    fn service(&self, service: &step::Service) -> Result<Step, Breach> {
        let unit = service.unit.clone();
        let (title, state) = match service.action {
            Action::Start => (format!("Start {unit}"), ServiceState::Running),
            Action::Stop => (format!("Stop {unit}"), ServiceState::Stopped),
            Action::Restart => (format!("Restart {unit}"), ServiceState::Restarted),
            Action::Enable => (
                format!("Start {unit} now and at boot"),
                ServiceState::EnabledAndRunning,
            ),
            Action::Disable => (
                format!("Stop {unit} now and at boot"),
                ServiceState::DisabledAndStopped,
            ),
            Action::Reload => {
                let exec = Exec::root(["systemctl", "reload", &unit], 60);
                return Ok(Step::guest(format!("Reload {unit}"), Op::Exec(exec)));
            }
        };
        Ok(Step::guest(title, Op::Service { unit, state }))
    }

    fn require(&self, require: &step::Require) -> Result<Step, Breach> {
        let name = self.kept(&require.name);
        let that = match &require.is {
            Is::Equal(text) => Condition::Equals {
                name,
                text: text.clone(),
            },
            Is::AtLeast(number) => Condition::AtLeast {
                name,
                number: *number,
            },
            Is::AtMost(number) => Condition::AtMost {
                name,
                number: *number,
            },
            Is::NotEmpty => Condition::NotEmpty { name },
        };
        let otherwise = require.otherwise.message.trim_end_matches('.').to_owned();
        let remedy = vec![require.otherwise.remedy.clone()];
        Ok(Step::guest(
            format!("Require that {} is right", require.name),
            Op::Require {
                that,
                otherwise,
                remedy,
            },
        ))
    }

    fn kept(&self, name: &str) -> String {
        format!("{}.{}.{name}", self.name, self.purpose)
    }

    fn secret(&self, name: &str) -> Result<String, Breach> {
        let plain = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !plain {
            return Err(self.breach(format!("`{name}` is not the name of a secret")));
        }
        Ok(places::guest::secret(self.app, name))
    }

    pub(crate) fn breach(&self, why: impl Into<String>) -> Breach {
        Breach {
            plugin: self.name.to_owned(),
            why: why.into(),
        }
    }
}

/// A plugin's read-only command as one of the engine's.
pub(crate) fn look(command: &Command) -> Exec {
    Exec {
        argv: command.argv.clone(),
        stdin: command.stdin.clone().map_or(Stdin::None, Stdin::Text),
        stdout: Stdout::Keep {
            limit: clamp(command.limit),
        },
        ..Exec::root([], command.timeout_seconds).as_user(&command.user)
    }
}

fn clamp(limit: u64) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX).min(16 << 20)
}

/// The same steps, in the candidate guest. What only looks stays as it is.
pub(crate) fn in_candidate(steps: Vec<Step>) -> impl Iterator<Item = Step> {
    steps.into_iter().map(Step::in_candidate_guest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQLITE: Plugin<'static> = Plugin {
        name: "sqlite",
        purpose: "check",
        app: "vikunja",
    };

    #[test]
    fn kept_output_becomes_an_observation_that_must_have_succeeded() {
        let run = step::Run::new("Count", "vikunja", ["sqlite3"]).keep("rows", 100);
        let steps = SQLITE.steps(&[run.into()]).unwrap();
        assert!(
            matches!(&steps[0].op, Op::Observe { name, exec } if name == "sqlite.check.rows" && exec.user == "vikunja")
        );
        assert!(
            matches!(&steps[1].op, Op::Require { that: Condition::Succeeded { name }, .. } if name == "sqlite.check.rows")
        );
    }

    #[test]
    fn a_plugin_that_breaks_the_contract_is_refused() {
        let both = step::Run::new("x", "u", ["x"]).keep("y", 1).creates("live");
        assert!(
            SQLITE
                .steps(&[both.into()])
                .unwrap_err()
                .to_string()
                .contains("keeps output and changes something")
        );
        let file = |path: &str, mode: &str, content| step::File {
            path: path.to_owned(),
            mode: mode.to_owned(),
            owner: "root".to_owned(),
            group: "root".to_owned(),
            content,
        };
        let text = || step::Content::Text(String::new());
        assert!(
            SQLITE
                .steps(&[file("/etc/../x", "0644", text()).into()])
                .is_err()
        );
        assert!(
            SQLITE
                .steps(&[file("/etc/x", "99", text()).into()])
                .is_err()
        );
        assert!(
            SQLITE
                .steps(&[file("/etc/x", "0644", step::Content::Secret("../x".to_owned())).into()])
                .is_err()
        );
    }

    #[test]
    fn a_secret_is_named_never_carried() {
        let file = step::File {
            path: "/etc/nginx/key.pem".to_owned(),
            mode: "0640".to_owned(),
            owner: "root".to_owned(),
            group: "www-data".to_owned(),
            content: step::Content::Secret("tls-key".to_owned()),
        };
        let steps = SQLITE.steps(&[file.into()]).unwrap();
        let Op::PutFile(put) = &steps[0].op else {
            panic!("a file")
        };
        assert_eq!(
            put.content,
            Content::CopyOf("/etc/vikunja/secrets/tls-key".to_owned())
        );
    }
}
