//! The gate before every component: its units, its settings, its sockets.

use homeport_engine::exec::Exec;
use homeport_engine::op::{Op, ServiceState};
use homeport_engine::plan::Step;

use super::Deploy;
use crate::places;
use crate::plan::{directory, file};
use crate::recipe::Component;
use crate::settings::Color;

/// User the gates run as.
pub(super) const USER: &str = "homeport-gate";

/// Let go at once when the recipe does not know the dialect: one by one breaks nothing.
const NARROWEST: u32 = 1;

/// Units that come with the agent, by name, with their text.
pub const UNITS: [(&str, &str); 6] = [
    (
        "homeport-gate@.socket",
        include_str!("../../../agent/units/homeport-gate@.socket"),
    ),
    (
        "homeport-gate-stream@.socket",
        include_str!("../../../agent/units/homeport-gate-stream@.socket"),
    ),
    (
        "homeport-gate@.service",
        include_str!("../../../agent/units/homeport-gate@.service"),
    ),
    (
        "homeport-cutover@.service",
        include_str!("../../../agent/units/homeport-cutover@.service"),
    ),
    (
        "homeport-recover.service",
        include_str!("../../../agent/units/homeport-recover.service"),
    ),
    (
        "homeport-resume.service",
        include_str!("../../../agent/units/homeport-resume.service"),
    ),
];

pub(super) fn steps(deploy: &Deploy<'_>) -> Vec<Step> {
    let mut steps = units();
    steps.push(Step::guest(
        "Make the gates' directory",
        directory(places::guest::GATES, 0o755, "root:root"),
    ));
    for component in &deploy.recipe.recipe.components {
        let path = places::guest::gate_settings(&component.name);
        steps.push(Step::guest(
            format!("Write {path}"),
            file(path.clone(), 0o644, settings(deploy, component)),
        ));
    }
    steps.push(systemd_reads());
    let resolvers = ["homeport-recover.service", "homeport-resume.service"];
    let recover = Exec::root(["systemctl", "enable", resolvers[0], resolvers[1]], 60);
    steps.push(Step::guest(
        "Resolve open journals at boot",
        Op::Exec(recover),
    ));
    steps.extend(deploy.recipe.recipe.components.iter().flat_map(opened));
    steps
}

/// The units that come with the agent are there.
pub(crate) fn units() -> Vec<Step> {
    let step = |(name, text): &(&str, &str)| {
        let path = format!("{}/{name}", places::guest::UNITS);
        Step::guest(format!("Write {name}"), file(path, 0o644, *text))
    };
    UNITS.iter().map(step).collect()
}

/// Systemd knows the units as they are.
pub(crate) fn systemd_reads() -> Step {
    let reload = Exec::root(["systemctl", "daemon-reload"], 60);
    Step::guest("Have systemd read the units", Op::Exec(reload))
}

/// Whether a unit is a gate's service.
pub fn is_gate(unit: &str) -> bool {
    unit.starts_with("homeport-gate@") && unit.ends_with(".service")
}

/// A component's sockets and the gate behind them, now and at boot.
fn opened(component: &Component) -> [Step; 3] {
    let name = &component.name;
    [
        ("Open", format!("homeport-gate@{name}.socket")),
        ("Open", format!("homeport-gate-stream@{name}.socket")),
        ("Start", format!("homeport-gate@{name}.service")),
    ]
    .map(|(does, unit)| {
        let title = format!("{does} {unit} now and at boot");
        let state = ServiceState::EnabledAndRunning;
        Step::guest(title, Op::Service { unit, state })
    })
}

fn settings(deploy: &Deploy<'_>, component: &Component) -> String {
    let width = component
        .width
        .get(&deploy.database.attachment.dialect)
        .copied()
        .unwrap_or(NARROWEST);
    format!(
        "# Where the gate before `{name}` lets requests through to.\n\
         GATE_BLUE=127.0.0.1:{blue}\nGATE_GREEN=127.0.0.1:{green}\nGATE_COLOUR_DIR={colour}\nGATE_WIDTH={width}\n",
        name = component.name,
        blue = deploy.port(component, Color::Blue),
        green = deploy.port(component, Color::Green),
        colour = places::guest::COLOUR,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_starts_the_agent_where_it_is_put() {
        for (name, text) in UNITS {
            let mut started = text
                .lines()
                .filter_map(|line| line.strip_prefix("ExecStart="));
            assert!(
                started.all(|line| line.split(' ').next() == Some(places::guest::AGENT)),
                "{name}"
            );
        }
    }
}
