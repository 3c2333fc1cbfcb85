//! Third stage: the app in its guest, from its files to its first answers.

use homeport_engine::exec::Exec;
use homeport_engine::op::{Content, Op, ServiceState};
use homeport_engine::plan::Step;
use homeport_engine::probe::{Check, Probe, Via};

use super::{Deploy, DeployError, Steps, Values, first_login, gate, optional, prove};
use crate::places;
use crate::plan::parts;
use crate::plan::{directory, file, put};
use crate::recipe;
use crate::settings::Color;

/// Name of the observation that holds the certificate the proxy serves.
pub const CERTIFICATE: &str = "certificate";

pub(super) fn steps(deploy: &Deploy<'_>, from_plugins: &Steps) -> Result<Vec<Step>, DeployError> {
    let mut steps = slots(deploy);
    steps.extend(optional::secrets(deploy));
    steps.extend(deploy.provision().steps(&from_plugins.provision)?);
    steps.extend(configuration(deploy)?);
    steps.extend(optional::packages(deploy));
    steps.extend(gate::steps(deploy));
    steps.extend(first_login::made(deploy)?);
    steps.extend(optional::needs(deploy));
    steps.extend(start(deploy)?);
    steps.extend(deploy.proxy_for("site").steps(&from_plugins.site)?);
    steps.extend(probes(deploy)?);
    let certificate = Exec::root(["cat", &deploy.proxy.placed.certificate], 10).keep(64 << 10);
    let observe = Op::Observe {
        name: CERTIFICATE.to_owned(),
        exec: certificate,
    };
    steps.push(Step::guest("Read the certificate users will see", observe));
    steps.extend(
        deploy
            .proxy_for("verify")
            .observe(&deploy.proxy.verify_looks),
    );
    Ok(parts::in_candidate(steps).collect())
}

/// Both slots lead to the first release, blue is in service.
fn slots(deploy: &Deploy<'_>) -> Vec<Step> {
    let program = places::guest::program(deploy.app_name());
    let link = |slot: &str| {
        put(
            format!("{program}/{slot}"),
            0,
            "root:root",
            Content::Link(deploy.release()),
        )
    };
    let colour = file(
        format!("{}/{}", places::guest::COLOUR, deploy.colour.name()),
        0o644,
        "",
    );
    vec![
        Step::guest("Lead the blue slot to the release", link("blue")),
        Step::guest("Lead the green slot to the release", link("green")),
        Step::guest(
            "Make the place for the colour",
            directory(places::guest::COLOUR, 0o755, "root:root"),
        ),
        Step::guest("Put blue in service", colour),
    ]
}

fn configuration(deploy: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    let recipe = &deploy.recipe.recipe;
    let mut steps = Vec::new();
    for made in &recipe.files {
        let text = deploy
            .recipe
            .template(&made.template, Values::of(deploy, deploy.slot(made))?)?;
        steps.push(Step::guest(
            format!("Write {}", made.to),
            written(made, &made.to, text),
        ));
    }
    let path = places::guest::deployment_config(&recipe.app);
    let schema = places::guest::settings_schema(&recipe.app);
    let settings = [
        (path, 0o640, &deploy.pages.yaml),
        (schema, 0o644, &deploy.pages.schema),
    ];
    for (path, mode, text) in settings {
        let title = format!("Write {path}");
        steps.push(Step::guest(title, file(path, mode, text.as_str())));
    }
    let health = [
        (places::guest::HEALTH, &deploy.health.spec),
        (places::guest::PROBES, &deploy.health.probes),
        (places::guest::DATABASE, &deploy.health.database),
    ];
    for (path, text) in health {
        steps.push(Step::guest(
            format!("Write {path}"),
            file(path, 0o644, text.as_str()),
        ));
    }
    Ok(steps)
}

/// A file of the recipe, with its text, at this path.
pub(crate) fn written(made: &recipe::File, to: &str, text: String) -> Op {
    let mode = recipe::mode(&made.mode).unwrap_or(0o640);
    let owner = format!("root:{}", made.group);
    put(to, mode, &owner, Content::Text(text))
}

fn start(deploy: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    let mut steps = Vec::new();
    for component in &deploy.recipe.recipe.components {
        let unit = deploy.unit(component)?;
        let title = format!("Start {unit} now and at boot");
        let state = ServiceState::EnabledAndRunning;
        steps.push(Step::guest(title, Op::Service { unit, state }));
    }
    Ok(steps)
}

/// Directly first, then through the proxy's internal listener.
fn probes(deploy: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    let mut steps = Vec::new();
    for component in &deploy.recipe.recipe.components {
        let port = deploy.port(component, deploy.colour);
        let unit = deploy.unit(component)?;
        let listens = Probe {
            check: Check::Listens {
                unit: unit.clone(),
                port,
            },
            deadline_ms: component.start_seconds * 1000,
            interval_ms: 200,
            unit: Some(unit.clone()),
        };
        steps.push(Step::guest(
            format!("See that port {port} is {unit}'s"),
            Op::Probe(listens),
        ));
        let ways = [
            ("directly", port),
            ("through the proxy", places::guest::INTERNAL_PORT),
        ];
        for (way, port) in ways {
            let probes = deploy.probes(component, port, &unit)?;
            let asked = asked_at(component, port).zip(probes);
            steps.extend(asked.map(|(expect, probe)| {
                let title = format!("Ask {} for {} {way}", component.name, expect.path);
                Step::guest(title, Op::Probe(probe))
            }));
        }
    }
    Ok(steps)
}

/// What a component is asked for at a port: the proxy does not hand everything on.
fn asked_at(component: &recipe::Component, port: u16) -> impl Iterator<Item = &recipe::Expect> {
    let all = port != places::guest::INTERNAL_PORT;
    let expects = component.expects.iter();
    expects.filter(move |expect| all || component.proxied(&expect.path))
}

impl Deploy<'_> {
    /// The slot a file is for; that its component exists, the recipe's reader has seen.
    pub(crate) fn slot(&self, made: &recipe::File) -> Option<(&recipe::Component, Color)> {
        let slot = made.slot.as_ref()?;
        let mut components = self.recipe.recipe.components.iter();
        let component = components.find(|component| component.name == slot.component)?;
        Some((component, slot.colour))
    }

    /// The files that are for this deployment's slot.
    pub(crate) fn slot_files(&self) -> impl Iterator<Item = &recipe::File> {
        let files = self.recipe.recipe.files.iter();
        files.filter(|made| {
            let slot = made.slot.as_ref();
            slot.is_some_and(|slot| slot.colour == self.colour)
        })
    }

    /// What a component must answer at a port of its guest, in the order of its expectations; through the proxy, only what
    /// it hands on.
    pub(crate) fn probes(
        &self,
        component: &recipe::Component,
        port: u16,
        unit: &str,
    ) -> Result<Vec<Probe>, DeployError> {
        let probe = |expect| {
            let via = Via::Tcp(format!("127.0.0.1:{port}"));
            let check = prove::expected(self, component, expect, via)?;
            Ok(Probe {
                check: Check::Http(check),
                deadline_ms: component.start_seconds * 1000,
                interval_ms: 200,
                unit: Some(unit.to_owned()),
            })
        };
        asked_at(component, port).map(probe).collect()
    }
}
