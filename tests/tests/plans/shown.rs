//! What every plan says, word for word: one snapshot per verb, engine and target. A change of a plan is a change of what
//! happens to people's machines; it shows here and is looked at before it is accepted.

use homeport_core::cli::show::plans as prose;
use homeport_core::cli::style::Style;
use homeport_core::settings::Presence;
use homeport_engine::op::Op;
use homeport_engine::plan::Plan;
use homeport_engine::sim::checked;

use crate::facts::{self, Facts};
use crate::updates;

/// Passes the check, and is as it was.
fn shown(name: &str, plans: &[Plan]) {
    with_stages(name, plans, |_| true);
}

/// The same of a build, whose stages are its own; those around them are those of any install.
fn built(name: &str, plans: &[Plan]) {
    with_stages(name, plans, |stage| ["source", "build"].contains(&stage));
}

/// They pass the check; what the whole of these stages says, and the dry run of all, is as it was.
fn with_stages(name: &str, plans: &[Plan], whole: impl Fn(&str) -> bool) {
    checked(plans).expect("the plan is sound");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        for plan in plans.iter().filter(|plan| whole(&plan.stage)) {
            let text = serde_yaml::to_string(plan).unwrap();
            insta::assert_snapshot!(format!("{name}-{}", plan.stage), text);
        }
        insta::assert_snapshot!(format!("{name}-dry-run"), prose(plans, false, Style::PLAIN));
    });
}

#[test]
fn install() {
    let plans = Facts::shipped().install();
    shown("install-sqlite-proxmox", &plans);
    let seen = facts::observations();
    for step in plans.iter().flat_map(|plan| &plan.steps) {
        if let Op::Observe { name, .. } = &step.op {
            assert!(seen.contains_key(name), "nothing is known of `{name}`");
        }
    }
}

/// What a component that not every release has adds; without it, nothing of it is in a plan.
#[test]
fn install_with_an_mcp_server() {
    let plans = Facts::shipped().with_mcp().install();
    checked(&plans).expect("the plan is sound");
    let without = Facts::shipped().install();
    let apart = |plans: &[Plan], stage: &str| -> Vec<String> {
        let stages = plans.iter().filter(|plan| plan.stage == stage);
        let steps = stages.flat_map(|plan| &plan.steps);
        steps
            .map(|step| serde_yaml::to_string(&(&step.title, &step.op)).unwrap())
            .collect()
    };
    let mut added = Vec::new();
    for stage in ["guest", "base", "app", "prove"] {
        let (with, known) = (apart(&plans, stage), apart(&without, stage));
        for step in known.iter().filter(|_| stage != "base") {
            let lower = step.to_lowercase();
            let named = step.contains("deployment-config") || step.contains("settings");
            assert!(
                named || !(lower.contains("redis") || lower.contains("mcp")),
                "{step}"
            );
        }
        added.extend(with.into_iter().filter(|step| !known.contains(step)));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("install-mcp-sqlite-proxmox-added", added.join("---\n"));
    });
}

#[test]
fn install_from_git() {
    let settings = format!(
        "{}source: {{kind: git}}\ngit: {{repository: 'https://git.example.org/app.git', branch: v2.5.0}}\n",
        facts::SETTINGS
    );
    built("install-git-proxmox", &Facts::with(&settings).install());
}

#[test]
fn install_from_a_clone() {
    let settings = format!(
        "{}source: {{kind: local, directory: /srv/app}}\n",
        facts::SETTINGS
    );
    built("install-local-proxmox", &Facts::with(&settings).install());
}

#[test]
fn uninstall() {
    shown(
        "uninstall-sqlite-proxmox",
        &Facts::shipped().uninstall(false),
    );
    shown(
        "uninstall-keep-sqlite-proxmox",
        &Facts::shipped().uninstall(true),
    );
}

#[test]
fn start_stop_and_restart() {
    let probes = Facts::shipped().probes();
    shown("start-sqlite-proxmox", &facts::start(&probes, "active"));
    shown("start-off-sqlite-proxmox", &facts::boot_and_start(&probes));
    shown("stop-sqlite-proxmox", &facts::stop(&probes));
    shown("restart-sqlite-proxmox", &facts::restart(&probes));
}

#[test]
fn upgrade() {
    let probes = Facts::shipped().probes();
    shown("upgrade-sqlite-proxmox", &facts::upgrade(&probes));
}

#[test]
fn adopt() {
    let probes = Facts::shipped().probes();
    shown("adopt-copy-sqlite-proxmox", &facts::adopt_copy(&probes));
}

#[test]
fn update_and_rollback() {
    shown("update-sqlite-proxmox", &updates::update(Facts::shipped()));
    shown(
        "rollback-sqlite-proxmox",
        &updates::rollback(Facts::shipped(), false),
    );
    shown(
        "rollback-migrated-sqlite-proxmox",
        &updates::rollback(Facts::shipped(), true),
    );
}

/// Never versions mixed: what both releases have changes in one cut-over.
#[test]
fn components_are_exchanged_together() {
    let plans = updates::update(Facts::shipped().with_mcp());
    checked(&plans).expect("the plan is sound");
    let mut ops = plans
        .iter()
        .flat_map(|plan| &plan.steps)
        .map(|step| &step.op);
    let cut_over = ops.find_map(|op| match op {
        Op::CutOver(cut_over) => Some(cut_over),
        _ => None,
    });
    let cut_over = cut_over.expect("there is a cut-over");
    let gates: Vec<&str> = cut_over.gates.iter().map(|gate| &*gate.component).collect();
    assert_eq!(gates, ["backend", "mcp"]);
    let units =
        |colour: &str| ["backend", "mcp"].map(|name| format!("vikunja-{name}@{colour}.service"));
    assert_eq!(cut_over.from.units, units("blue"));
    assert_eq!(cut_over.to.units, units("green"));
    // What a rehearsal has no Redis for is proven in the cut-over.
    let text = serde_json::to_string(&plans).unwrap();
    assert!(text.contains("backend@rehearsal") && !text.contains("mcp@rehearsal"));
    let through = serde_json::to_string(&cut_over.to.through).unwrap();
    assert!(through.contains("\"/mcp\"") && !through.contains("\"/info\""));
}

#[test]
fn an_update_neither_adds_a_component_nor_takes_one_away() {
    let facts = Facts::shipped;
    assert_eq!(facts().refused(false), None);
    assert_eq!(facts().with_mcp().refused(true), None);
    let brings = facts().refused(true).unwrap();
    assert_eq!(brings, "2.5.0 brings mcp, which is not installed here");
    let lacks = facts().with_mcp().refused(false).unwrap();
    assert_eq!(lacks, "2.5.0 has no mcp, which is in service here");
    let mut unwanted = facts();
    let components = &mut unwanted.wanted.settings.services.components;
    components.get_mut("mcp").unwrap().enabled = Some(Presence::Off);
    assert_eq!(unwanted.refused(true), None);
}

/// No plan carries a secret: they are made in the guest, or travel as files.
#[test]
fn nothing_secret_is_in_a_plan() {
    for plan in Facts::shipped().install() {
        let text = serde_json::to_string(&plan).unwrap();
        assert!(!text.contains("PRIVATE KEY"), "{}", plan.stage);
    }
}
