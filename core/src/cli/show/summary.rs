//! What an install would do, in short: the same plan that `--dry-run` shows step by step.

use homeport_engine::op::{GuestSpec, Op};
use homeport_engine::plan::Plan;

use crate::cli::style::{Style, harmless, wrap};
use crate::settings::{Registration, Settings};

/// Width of the first column.
const LABEL: usize = 11;

/// The summary.
pub fn summary(settings: &Settings, plans: &[Plan], style: Style) -> String {
    let mut lines = Vec::new();
    for (label, text) in rows(settings, plans) {
        let width = style.width.saturating_sub(LABEL + 3);
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        let wrapped = wrap(&harmless(&text), width);
        let rows = labels.zip(wrapped);
        lines.extend(
            rows.map(|(label, line)| {
                format!("  {} {line}", style.bold(&format!("{label:<LABEL$}")))
            }),
        );
    }
    lines.join("\n")
}

fn rows(settings: &Settings, plans: &[Plan]) -> Vec<(&'static str, String)> {
    let network = &settings.network;
    let gateway = network
        .gateway
        .map(|gateway| format!(", gateway {gateway}"));
    let accounts = match settings.registration {
        Registration::Open => "anyone who reaches the page may register",
        Registration::Closed => "strangers cannot register",
    };
    let certificate = match &settings.services.frontend.ssl_cert {
        Some(path) => format!("from {path}"),
        None => "self-signed; browsers warn".to_owned(),
    };
    let backup = &settings.backup;
    let steps: usize = plans.iter().map(|plan| plan.steps.len()).sum();
    let stages: Vec<String> = plans
        .iter()
        .map(|plan| format!("{} {}", plan.stage, plan.steps.len()))
        .collect();
    [
        Some(("Open it at", settings.public_url())),
        guest(plans).map(|spec| ("Container", container(spec))),
        Some((
            "Network",
            format!(
                "{} on {}{}",
                network.ip_address,
                network.bridge,
                gateway.unwrap_or_default()
            ),
        )),
        Some(("Database", settings.database.plugin.clone())),
        Some((
            "Accounts",
            format!("{} first; {accounts}", settings.admin.email),
        )),
        Some(("Certificate", certificate)),
        Some((
            "Backups",
            format!(
                "{}, the newest {} are kept",
                backup.directory, backup.retention_count
            ),
        )),
        (steps > 0).then(|| {
            (
                "Plan",
                format!(
                    "{steps} steps ({}); each can be taken back until the app has answered",
                    stages.join(", ")
                ),
            )
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn guest(plans: &[Plan]) -> Option<&GuestSpec> {
    let mut steps = plans.iter().flat_map(|plan| &plan.steps);
    steps.find_map(|step| match &step.op {
        Op::EnsureGuest(spec) => Some(spec),
        _ => None,
    })
}

fn container(spec: &GuestSpec) -> String {
    let storage = &spec.identity.storage;
    format!(
        "{} `{}`: {} on {storage}",
        spec.identity.id,
        spec.hostname,
        crate::plan::deploy::size(spec)
    )
}
