//! Plans, for `--dry-run`: numbered steps, grouped by stage and by the place they are carried out in.

use std::fmt::Write;

use homeport_engine::op::{Content, Op};
use homeport_engine::plan::{Place, Plan, Step, Undo};

use crate::cli::style::{Style, harmless};

/// All stages of an operation. `verbose`: with what each step does to the machine.
pub fn plans(plans: &[Plan], verbose: bool, style: Style) -> String {
    let Some(first) = plans.first() else {
        return "Nothing is to be done.\n".to_owned();
    };
    let steps: usize = plans.iter().map(|plan| plan.steps.len()).sum();
    let heading = format!(
        "{} {}: {} in {}",
        first.verb,
        first.instance,
        count(steps, "step"),
        count(plans.len(), "stage")
    );
    let mut text = format!("{}. Nothing has been done.\n", style.bold(&heading));
    for plan in plans {
        stage(&mut text, plan, verbose, style);
    }
    text
}

fn stage(text: &mut String, plan: &Plan, verbose: bool, style: Style) {
    let mut place = None;
    for (number, step) in plan.numbered() {
        if plan.commit_after.is_some()
            && plan.after_commit(number)
            && !plan.after_commit(number.wrapping_sub(1))
        {
            commit(text, style);
        }
        if place.replace(step.place) != Some(step.place) {
            let _ = writeln!(
                text,
                "\n{}",
                style.bold(&format!("{}, {}", plan.stage, where_(step.place)))
            );
        }
        let _ = writeln!(
            text,
            "{:>4}  {}{}",
            number.saturating_add(1),
            harmless(&step.title),
            back(plan, step, number, style)
        );
        if verbose {
            let _ = writeln!(text, "      {}", style.dim(&harmless(&what(&step.op))));
        }
    }
    if plan
        .commit_after
        .is_some_and(|count| count == plan.steps.len())
    {
        commit(text, style);
    }
}

fn commit(text: &mut String, style: Style) {
    let line =
        "the change is in force from here on; what follows is only finished, never taken back";
    let _ = writeln!(text, "  {}  {}", style.sign("──", "--"), style.dim(line));
}

fn where_(place: Place) -> &'static str {
    match place {
        Place::Host => "on the host",
        Place::Guest => "in the guest",
    }
}

/// How the step is taken back, if that is not plain from where it is done.
fn back(plan: &Plan, step: &Step, number: u32, style: Style) -> String {
    match &step.undo {
        Undo::Op(op) => style.dim(&format!("  (taken back: {})", harmless(&what(op)))),
        Undo::BeforeImage => style.dim("  (taken back: what was there before)"),
        Undo::Nothing if step.op.only_reads() && !plan.after_commit(number) => {
            style.dim("  (only looks)")
        }
        Undo::Nothing | Undo::Candidate => String::new(),
    }
}

/// What an op does, in a few words. Secrets are no part of ops.
fn what(op: &Op) -> String {
    match op {
        Op::EnsureTemplate { storage, name } => format!("template {name} in {storage}"),
        Op::EnsureGuest(spec) => format!(
            "create guest {}: {} cores, {} MiB, {} GiB on {}, {} on {}",
            spec.identity.id,
            spec.cores,
            spec.memory_mb,
            spec.disk_gb,
            spec.identity.storage,
            spec.network.address,
            spec.network.bridge
        ),
        Op::RemoveGuest(guest) => format!("remove guest {}", guest.id),
        Op::Power { guest, to } => {
            format!("guest {} is {}", guest.id, format!("{to:?}").to_lowercase())
        }
        Op::Describe { guest, .. } => format!("notes of guest {}", guest.id),
        Op::Tag { guest, tags } => format!("tags of guest {}: {}", guest.id, tags.join(" ")),
        Op::Fetch(fetch) => format!("{} to {}", fetch.url, fetch.to),
        Op::Unpack(unpack) => format!("{} of {} to {}", unpack.member, unpack.archive, unpack.to),
        Op::Verify(verify) => format!("{} is signed by {}", verify.file, verify.fingerprint),
        Op::Push { files, .. } if files.is_empty() => "by what takes another step back".to_owned(),
        Op::Push { files, .. } => files
            .iter()
            .map(|file| file.to.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        Op::Pull { archive, .. } => format!("archive {archive}"),
        Op::PutFile(file) => format!("{} {}", content(&file.content), file.path),
        Op::Exec(exec) => format!("{}: {}", exec.user, exec.argv.join(" ")),
        Op::Service { unit, state } => format!("{unit}: {state:?}"),
        Op::Probe(probe) => format!("ask for at most {} s", probe.deadline_ms / 1000),
        Op::Observe { exec, .. } => format!("{}: {}", exec.user, exec.argv.join(" ")),
        Op::CutOver(cut_over) => format!(
            "{} {} to {} {}, held for at most {} s",
            cut_over.from.colour.name(),
            cut_over.from.version,
            cut_over.to.colour.name(),
            cut_over.to.version,
            cut_over.deadline_ms / 1000
        ),
        Op::Require { otherwise, .. } => format!("or else: {otherwise}"),
    }
}

fn content(content: &Content) -> &'static str {
    match content {
        Content::Text(_) => "write",
        Content::Directory => "directory",
        Content::Link(_) => "link",
        Content::CopyOf(_) => "copy to",
        Content::Random { .. } => "random secret",
        Content::Absent => "remove",
    }
}

fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use homeport_engine::exec::Exec;
    use homeport_engine::op::{GuestIdentity, PutFile, ServiceState};

    use super::*;

    fn example() -> Vec<Plan> {
        let guest = GuestIdentity {
            id: "105".to_owned(),
            instance: "tasks".to_owned(),
            tag: "t".to_owned(),
            storage: "local".to_owned(),
        };
        let file = |path: &str, content| {
            Op::PutFile(PutFile {
                path: path.to_owned(),
                mode: 0o640,
                owner: "root:root".to_owned(),
                content,
            })
        };
        let service = |state| Op::Service {
            unit: "tasks@blue.service".to_owned(),
            state,
        };
        let look = Op::Observe {
            name: "v".to_owned(),
            exec: Exec::root(["nginx", "-v"], 5),
        };
        let write = file("/etc/tasks/config.yml", Content::Text("x".to_owned()));
        let stage = |stage: &str, first, commit_after, steps| Plan {
            wire: 1,
            operation: "o".to_owned(),
            verb: "install".to_owned(),
            instance: "tasks".to_owned(),
            stage: stage.to_owned(),
            first,
            guest: Some(guest.clone()),
            candidate: true,
            owns: Vec::new(),
            commit_after,
            steps,
        };
        vec![
            stage(
                "guest",
                0,
                None,
                vec![
                    Step::host("Write the registry's entry", write.clone())
                        .undone_by(Op::RemoveGuest(guest.clone())),
                    Step::guest("Write the settings", write).in_candidate(),
                    Step::guest("Ask nginx for its version", look),
                ],
            ),
            stage(
                "prove",
                3,
                Some(1),
                vec![
                    Step::guest("Start the app", service(ServiceState::EnabledAndRunning))
                        .in_candidate(),
                    Step::guest(
                        "Remove what is no longer needed",
                        file("/var/tmp/x", Content::Absent),
                    ),
                ],
            ),
        ]
    }

    #[test]
    fn a_plan_is_numbered_and_grouped() {
        insta::assert_snapshot!(plans(&example(), false, Style::PLAIN), @r#"
    install tasks: 5 steps in 2 stages. Nothing has been done.

    guest, on the host
       1  Write the registry's entry  (taken back: remove guest 105)

    guest, in the guest
       2  Write the settings
       3  Ask nginx for its version  (only looks)

    prove, in the guest
       4  Start the app
      --  the change is in force from here on; what follows is only finished, never taken back
       5  Remove what is no longer needed
    "#);
    }

    #[test]
    fn verbose_says_what_is_done_to_the_machine() {
        insta::assert_snapshot!(plans(&example(), true, Style::PLAIN), @r#"
    install tasks: 5 steps in 2 stages. Nothing has been done.

    guest, on the host
       1  Write the registry's entry  (taken back: remove guest 105)
          write /etc/tasks/config.yml

    guest, in the guest
       2  Write the settings
          write /etc/tasks/config.yml
       3  Ask nginx for its version  (only looks)
          root: nginx -v

    prove, in the guest
       4  Start the app
          tasks@blue.service: EnabledAndRunning
      --  the change is in force from here on; what follows is only finished, never taken back
       5  Remove what is no longer needed
          remove /var/tmp/x
    "#);
        assert_eq!(plans(&[], true, Style::PLAIN), "Nothing is to be done.\n");
    }
}
