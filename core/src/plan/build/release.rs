//! Second stage: the tools are there, the app is built, and what is to be released of it lies in its release directory.

use std::collections::BTreeMap;

use homeport_engine::exec::{Exec, PATH, Stdout};
use homeport_engine::op::Op;
use homeport_engine::plan::Step;
use homeport_engine::run::FaultKind;

use super::source::{BEHIND, shell, swept};
use super::{Build, NETWORK_S, Revision, STEP_S, Tool, USER, tree};
use crate::plan::{absent, directory};
use crate::recipe::{BuildStep, Built, RecipeError};

/// Stands before a step that there may be nothing to do for: without the file `$1`, it is done.
const WHEN: &str = "[ -e \"$1\" ] || exit 0; shift; ";

/// Gives what was taken out of the source its mode, and to root. Arguments: `MODE NAME` each.
const OWN: &str = r#"cd "$1"
shift
for file in "$@"; do
    chmod "${file%% *}" "${file#* }"
done
chown -R -h root:root .
sync -f ."#;

impl Build<'_> {
    /// The steps; each has its way back. `release` is the directory in the guest that becomes the release: nobody uses
    /// it, and on the way back it goes.
    pub fn release(
        &self,
        revision: &Revision,
        tools: &[Tool],
        release: &str,
    ) -> Result<Vec<Step>, RecipeError> {
        let mut steps = self.tools(tools);
        let mut environment = self.environment()?;
        let programs = tools.iter().map(|tool| format!("{}/bin", tool.directory()));
        let path: Vec<String> = programs.chain([PATH.to_owned()]).collect();
        environment.insert("PATH".to_owned(), path.join(":"));
        for step in &self.how.steps {
            steps.push(self.step(step, revision, &environment)?);
        }
        let made = |path: String| {
            let made = directory(&path, 0o755, "root:root");
            Step::guest(format!("Make {path}"), made).undone_by(absent(path))
        };
        steps.push(made(release.to_owned()));
        for file in &self.how.files {
            steps.extend(taken(file, release));
        }
        let mut own = Exec::root(["sh", "-ec", OWN, "sh", release], 300);
        let modes = self.how.files.iter();
        own.argv
            .extend(modes.filter_map(|file| Some(format!("{} {}", file.mode.as_ref()?, file.to))));
        steps.extend([
            Step::guest("Give the release to root", Op::Exec(own)).undone_by(absent(release)),
            Step::guest("Remove the source", Op::Exec(swept())).undone_by(Op::Exec(swept())),
        ]);
        Ok(steps)
    }

    fn step(
        &self,
        step: &BuildStep,
        revision: &Revision,
        environment: &BTreeMap<String, String>,
    ) -> Result<Step, RecipeError> {
        let values = BTreeMap::from([("version", &revision.reported)]);
        let exec = match &step.write {
            Some(write) => {
                let text = self.recipe.text(&write.text, &values)?;
                shell("printf '%s\\n' \"$1\" >\"tree/$2\"", &[&text, &write.to])
                    .fails_as(FaultKind::Build)
            }
            None => {
                let place = format!("{}/{}", tree(), step.directory);
                let mut exec = match &step.when {
                    Some(file) => {
                        let (script, file) =
                            (format!("{WHEN}{BEHIND}"), format!("{}/{file}", tree()));
                        Exec::root(["sh", "-ec", &script, "sh", &file, &place], STEP_S)
                    }
                    None => Exec::root(["sh", "-ec", BEHIND, "sh", &place], STEP_S),
                };
                for word in &step.run {
                    exec.argv.push(self.recipe.text(word, &values)?);
                }
                Exec {
                    env: environment.clone(),
                    build_memory_mb: Some(self.memory_mb()),
                    network_s: step.network.then_some(NETWORK_S),
                    ..exec.as_user(USER).fails_as(FaultKind::Build)
                }
            }
        };
        Ok(Step::guest(step.title.clone(), Op::Exec(exec)).undone_by(Op::Exec(swept())))
    }
}

/// One part of the release. It is read by the user that has built it and written by root: a build that has put a link
/// in its place gives away nothing that it could not read itself.
fn taken(file: &Built, release: &str) -> Vec<Step> {
    let to = format!("{release}/{}", file.to);
    let from = format!("{}/{}", tree(), file.from);
    let title = format!("Take {} into the release", file.from);
    let read = |argv: [&str; 5], to: &str| {
        let exec = Exec {
            stdout: Stdout::File(to.to_owned()),
            ..Exec::root(argv, 600).as_user(USER)
        };
        Op::Exec(exec.fails_as(FaultKind::Build))
    };
    if file.mode.is_some() {
        let read = read(["sh", "-c", "exec cat -- \"$1\"", "sh", &from], &to);
        return vec![Step::guest(title, read).undone_by(absent(to))];
    }
    let packed = format!("{to}.tar");
    // Nothing comes of a directory that is not there and need not be.
    let script = match file.optional {
        true => "if [ -d \"$1\" ]; then exec tar --create --file - --directory \"$1\" .; fi",
        false => "exec tar --create --file - --directory \"$1\" .",
    };
    let unpack = "if [ -s \"$1\" ]; then mkdir -p \"$2\"; tar -x --no-same-owner -f \"$1\" -C \"$2\"; fi; rm -f \"$1\"";
    let unpack = Exec::root(["sh", "-ec", unpack, "sh", &packed, &to], 600);
    vec![
        Step::guest(title, read(["sh", "-c", script, "sh", &from], &packed))
            .undone_by(absent(packed.clone())),
        Step::guest(
            format!("Unpack {} in the release", file.to),
            Op::Exec(unpack),
        )
        .undone_by(absent(to)),
    ]
}
