use super::*;
use crate::op::{Content, Power, PutFile};
use crate::require::Condition;
use crate::sim::{small_cut_over, small_guest};

fn identity(instance: &str) -> GuestIdentity {
    GuestIdentity {
        id: "101".to_owned(),
        instance: instance.to_owned(),
        tag: "hp-op-1".to_owned(),
        storage: "local".to_owned(),
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        wire: WIRE,
        operation: "op-1".to_owned(),
        verb: "install".to_owned(),
        instance: "todo".to_owned(),
        stage: "guest".to_owned(),
        first: 0,
        guest: Some(identity("todo")),
        candidate: true,
        owns: vec!["/var/lib/homeport/".to_owned()],
        commit_after: None,
        steps,
    }
}

fn why(plan: Plan) -> String {
    check(plan, &Known::default()).unwrap_err().why
}

fn file(path: &str, content: Content) -> Op {
    Op::PutFile(PutFile {
        path: path.to_owned(),
        mode: 0o644,
        owner: "root:root".to_owned(),
        content,
    })
}

fn guest(instance: &str) -> Op {
    Op::EnsureGuest(small_guest(identity(instance)))
}

#[test]
fn an_install_inside_its_candidate_passes() {
    let steps = vec![
        Step::host("create", guest("todo")).undone_by(Op::RemoveGuest(identity("todo"))),
        Step::host(
            "start",
            Op::Power {
                guest: identity("todo"),
                to: Power::Running,
            },
        )
        .in_candidate(),
        Step::guest("remove", file("/etc/x", Content::Absent)).in_candidate(),
        Step::host("note", file("/var/lib/homeport/x", Content::Directory)).undone_by(Op::PutFile(
            PutFile {
                path: "/var/lib/homeport/x".to_owned(),
                mode: 0,
                owner: "root:root".to_owned(),
                content: Content::Absent,
            },
        )),
    ];
    let checked = check(plan(steps.clone()), &Known::default()).unwrap();
    assert_eq!(checked.plan().steps, steps);
}

#[test]
fn a_template_needs_no_undo_because_it_stays() {
    let step = Step::host(
        "template",
        Op::EnsureTemplate {
            storage: "local".to_owned(),
            name: "debian-12-standard_12.12-1_amd64.tar.zst".to_owned(),
        },
    );
    assert!(check(plan(vec![step]), &Known::default()).is_ok());
}

#[test]
fn before_commit_a_change_without_undo_is_refused_and_after_it_allowed() {
    let step = Step::guest("write", file("/etc/x", Content::Directory));
    assert_eq!(
        why(plan(vec![step.clone()])),
        "it changes something before Commit and has no undo"
    );
    let after = Plan {
        commit_after: Some(0),
        ..plan(vec![step])
    };
    assert!(check(after, &Known::default()).is_ok());
}

#[test]
fn a_guest_is_made_only_as_candidate_with_its_own_removal_as_undo() {
    let bare = Step::host("create", guest("todo")).in_candidate();
    assert_eq!(
        why(plan(vec![bare])),
        "a new guest must be the candidate, its undo the removal of just this guest"
    );
    let other = GuestIdentity {
        id: "102".to_owned(),
        ..identity("todo")
    };
    let wrong = Step::host("create", guest("todo")).undone_by(Op::RemoveGuest(other));
    assert_eq!(
        why(plan(vec![wrong])),
        "guest 102 of `todo` is not the one this plan is about"
    );
}

#[test]
fn nothing_that_was_there_is_destroyed_before_commit() {
    let undo = file("/var/lib/homeport/x", Content::Directory);
    let absent = file("/var/lib/homeport/x", Content::Absent);
    assert_eq!(
        why(plan(vec![Step::host("drop", absent).undone_by(undo)])),
        "it destroys something before Commit"
    );
    let removal = Step::host("drop", Op::RemoveGuest(identity("todo"))).undone_by(guest("todo"));
    let live = Plan {
        candidate: false,
        ..plan(vec![removal])
    };
    assert_eq!(why(live), "it destroys something before Commit");
}

#[test]
fn a_handle_is_destroyed_only_by_the_operation_that_made_it() {
    let mut make = Exec::root(["createdb", "scratch"], 10);
    make.creates = vec!["scratch".to_owned()];
    let mut drop = Exec::root(["dropdb", "scratch"], 10);
    drop.destroys = vec!["scratch".to_owned()];
    let step =
        |exec: &Exec| Step::host("x", Op::Exec(exec.clone())).undone_by(Op::Exec(drop.clone()));
    assert!(check(plan(vec![step(&make), step(&drop)]), &Known::default()).is_ok());
    assert_eq!(
        why(plan(vec![step(&drop)])),
        "it destroys `scratch`, which this operation did not create"
    );
}

#[test]
fn other_instances_and_other_paths_are_out_of_reach() {
    let foreign = Step::host(
        "stop",
        Op::Power {
            guest: identity("mail"),
            to: Power::Stopped,
        },
    )
    .in_candidate();
    assert_eq!(
        why(plan(vec![foreign])),
        "guest 101 of `mail` is not the one this plan is about"
    );
    for path in [
        "/etc/passwd",
        "/var/lib/homeport/../../etc/x",
        "/var/lib/homeportx",
    ] {
        let step = Step::host("write", file(path, Content::Directory))
            .undone_by(file(path, Content::Absent));
        assert_eq!(
            why(plan(vec![step])),
            format!("`{path}` is not the instance's to write")
        );
    }
}

#[test]
fn host_ops_stay_on_the_host() {
    let step = Step::guest("create", guest("todo")).undone_by(Op::RemoveGuest(identity("todo")));
    assert_eq!(why(plan(vec![step])), "only the host can carry this out");
}

#[test]
fn a_guest_never_loses_its_ownership_tag() {
    let tagged = |tags: &[&str]| {
        let op = Op::Tag {
            guest: identity("todo"),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        };
        Plan {
            commit_after: Some(0),
            ..plan(vec![Step::host("tag", op)])
        }
    };
    let own = identity("todo").tag;
    assert!(check(tagged(&["homeport", &own]), &Known::default()).is_ok());
    assert!(why(tagged(&["homeport"])).contains("nobody's"));
}

#[test]
fn names_are_observed_once_and_before_they_are_required() {
    let observe = Step::guest(
        "look",
        Op::Observe {
            name: "version".to_owned(),
            exec: Exec::root(["cat", "/etc/debian_version"], 5).keep(64),
        },
    );
    let require = Step::guest(
        "need",
        Op::Require {
            that: Condition::AtLeast {
                name: "version".to_owned(),
                number: 12,
            },
            otherwise: "Debian is too old".to_owned(),
            remedy: Vec::new(),
        },
    );
    assert!(
        check(
            plan(vec![observe.clone(), require.clone()]),
            &Known::default()
        )
        .is_ok()
    );
    assert_eq!(
        why(plan(vec![require])),
        "`version` is required before it is observed"
    );
    assert_eq!(
        why(plan(vec![observe.clone(), observe])),
        "`version` is observed twice"
    );
}

#[test]
fn commands_have_words_a_user_and_a_limit() {
    let broken = |change: &dyn Fn(&mut Exec)| {
        let mut exec = Exec::root(["true"], 5);
        change(&mut exec);
        why(plan(vec![
            Step::guest("run", Op::Exec(exec)).in_candidate(),
        ]))
    };
    assert_eq!(broken(&|exec| exec.argv.clear()), "the command is empty");
    assert_eq!(broken(&|exec| exec.user.clear()), "the command has no user");
    assert_eq!(
        broken(&|exec| exec.timeout_s = 0),
        "the command has no time limit"
    );
}

#[test]
fn stages_follow_each_other_and_commit_happens_once() {
    let late = Plan {
        first: 3,
        ..plan(Vec::new())
    };
    assert_eq!(why(late), "numbers start at 3 instead of 0");
    let again = Plan {
        commit_after: Some(0),
        ..plan(Vec::new())
    };
    let committed = Known {
        committed: true,
        ..Known::default()
    };
    assert_eq!(check(again, &committed).unwrap_err().why, "a second Commit");
    let behind = Plan {
        commit_after: Some(1),
        ..plan(Vec::new())
    };
    assert_eq!(why(behind), "Commit lies behind the last step");
    let newer = Plan {
        wire: WIRE + 1,
        ..plan(Vec::new())
    };
    assert_eq!(why(newer), "wire version 2 instead of 1");
}

fn switching(change: impl FnOnce(&mut Plan)) -> Plan {
    let cut_over = Op::CutOver(Box::new(small_cut_over("op-1")));
    let mut plan = Plan {
        candidate: false,
        commit_after: Some(1),
        ..plan(vec![Step::guest("switch", cut_over)])
    };
    change(&mut plan);
    plan
}

#[test]
fn a_cut_over_is_what_commit_stands_for() {
    check(switching(|_| {}), &Known::default()).unwrap();
    let after = "Commit does not follow right after the cut-over";
    assert_eq!(why(switching(|plan| plan.commit_after = None)), after);
    assert_eq!(why(switching(|plan| plan.commit_after = Some(0))), after);
    assert!(why(switching(|plan| plan.candidate = true)).contains("that lives"));
    assert!(why(switching(|plan| plan.steps[0].place = Place::Host)).contains("that lives"));
    assert!(why(switching(|plan| plan.operation = "op-2".to_owned())).contains("another"));
    let unsound = |plan: &mut Plan| {
        let mut cut_over = small_cut_over("op-1");
        cut_over.gates.clear();
        plan.steps[0].op = Op::CutOver(Box::new(cut_over));
    };
    assert_eq!(why(switching(unsound)), "it has no gate");
}
