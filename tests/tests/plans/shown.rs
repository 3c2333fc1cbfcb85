//! What every plan says, word for word: one snapshot per verb, engine and target. A change of a plan is a change of what
//! happens to people's machines; it shows here and is looked at before it is accepted.

use homeport_core::cli::show::plans as prose;
use homeport_core::cli::style::Style;
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

/// No plan carries a secret: they are made in the guest, or travel as files.
#[test]
fn nothing_secret_is_in_a_plan() {
    for plan in Facts::shipped().install() {
        let text = serde_json::to_string(&plan).unwrap();
        assert!(!text.contains("PRIVATE KEY"), "{}", plan.stage);
    }
}
