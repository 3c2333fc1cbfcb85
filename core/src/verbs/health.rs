//! How an instance is: what the health plugin wants probed becomes what the agent looks at, and what the agent saw
//! goes back to the plugin, which knows what it means.

use std::collections::BTreeMap;

use homeport_engine::exec::Exec;
use homeport_engine::probe::{Check as EngineCheck, HttpCheck, Probe as EngineProbe, Via};
use homeport_engine::report::{Outcome as Seen, Report as Looked, Spec};
use homeport_plugin_api::wire::Kind;
use homeport_plugin_api::wire::health::{
    Address, Body, Check, Component, Expect, Machine, Outcome, Probe, Probes, Reading, Report, Way,
};
use serde_json::Value;

use crate::error::Error;
use crate::places;
use crate::plan::deploy::{Deploy, Health};
use crate::plugin::{Plugin, Registry};

/// A status must be there within seconds; a probe that needs longer has failed.
const DEADLINE_S: u32 = 2;

/// What has to be looked at, now that the deployment is planned.
pub fn planned(deploy: &Deploy<'_>, plugins: &mut Registry) -> Result<Health, Error> {
    let probes = plugin(plugins)?.call(&asked(deploy)?)?;
    Ok(Health {
        spec: json(&spec(&probes)),
        probes: json(&probes),
    })
}

/// JSON of values that cannot fail to be written.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .unwrap_or_default()
}

/// The one health plugin that is there.
fn plugin(plugins: &mut Registry) -> Result<Plugin, Error> {
    let name = plugins
        .names(Kind::Health)
        .into_iter()
        .next()
        .ok_or_else(|| Error::no_plugin("health"))?;
    Ok(plugins.take(Kind::Health, &name)?)
}

fn asked(deploy: &Deploy<'_>) -> Result<Probes, Error> {
    let host = deploy.settings.network.domain.clone();
    let mut components = Vec::new();
    for component in &deploy.recipe.recipe.components {
        let way = |name: &str, port: u16| Way {
            name: name.to_owned(),
            address: Address::Tcp(format!("127.0.0.1:{port}")),
            host: host.clone(),
        };
        let mut expects = Vec::new();
        for expect in &component.expects {
            expects.push(expected(deploy, expect)?);
        }
        components.push(Component {
            name: component.name.clone(),
            unit: Some(deploy.unit(component)?),
            ways: vec![
                way("direct", deploy.active_port(component)),
                way("proxy", places::guest::INTERNAL_PORT),
            ],
            expects,
        });
    }
    let unit = |name: &str, unit: String| Component {
        name: name.to_owned(),
        unit: Some(unit),
        ways: Vec::new(),
        expects: Vec::new(),
    };
    let gates = deploy
        .recipe
        .recipe
        .components
        .iter()
        .map(|component| &component.name);
    components.extend(gates.map(|name| {
        unit(
            &format!("gate of {name}"),
            format!("homeport-gate@{name}.service"),
        )
    }));
    components.push(unit("proxy", deploy.proxy.placed.unit.clone()));
    let certificate = format!("127.0.0.1:{}", deploy.settings.services.frontend.ssl_port);
    let machine = Machine {
        directories: vec!["/".to_owned()],
        certificate: Some(certificate),
    };
    Ok(Probes {
        components,
        machine: Some(machine),
        deadline_seconds: DEADLINE_S,
    })
}

fn expected(deploy: &Deploy<'_>, expect: &crate::recipe::Expect) -> Result<Expect, Error> {
    let body = expect.body.clone().unwrap_or_default();
    let json = match body.json {
        Some(json) => Some(Body::Json {
            pointer: json.pointer,
            equals: Value::from(deploy.text(&json.equals)?),
        }),
        None => None,
    };
    let body = json
        .or(body.contains.map(Body::Contains))
        .or(body.is.map(Body::Is));
    Ok(Expect {
        path: expect.path.clone(),
        status: expect.status,
        body,
    })
}

/// The plugin's probes as the agent's looks.
fn spec(probes: &[Probe]) -> Spec {
    let mut spec = Spec::default();
    for probe in probes {
        match &probe.check {
            Check::Http {
                address,
                host,
                expect,
            } => {
                let check = EngineCheck::Http(http(address, host, expect));
                spec.probes
                    .insert(probe.name.clone(), engine(check, probe.deadline_seconds));
            }
            Check::Connect { address } => {
                let check = EngineCheck::Tcp {
                    address: text(address).to_owned(),
                };
                spec.probes
                    .insert(probe.name.clone(), engine(check, probe.deadline_seconds));
            }
            Check::Exec { argv, user } => {
                let exec = Exec {
                    argv: argv.clone(),
                    ..Exec::root([], probe.deadline_seconds).as_user(user)
                };
                spec.commands.insert(probe.name.clone(), exec.keep(4096));
            }
            Check::Certificate { address } => {
                spec.commands
                    .insert(probe.name.clone(), expiry(address, probe.deadline_seconds));
            }
            Check::Unit { unit } => spec.units.push(unit.clone()),
            Check::Disk { path } => spec.directories.push(path.clone()),
            Check::Memory => {}
        }
    }
    spec
}

/// Seconds until the served certificate expires, on stdout.
fn expiry(address: &str, timeout_s: u32) -> Exec {
    let script = "end=$(openssl s_client -connect \"$1\" </dev/null 2>/dev/null | openssl x509 -noout -enddate | cut -d= -f2) \
                  && echo $(( $(date -d \"$end\" +%s) - $(date +%s) ))";
    Exec::root(["sh", "-c", script, "sh", address], timeout_s).keep(64)
}

fn engine(check: EngineCheck, deadline_s: u32) -> EngineProbe {
    EngineProbe {
        check,
        deadline_ms: deadline_s * 1000,
        interval_ms: 200,
        unit: None,
    }
}

fn text(address: &Address) -> &str {
    match address {
        Address::Tcp(text) | Address::Tls(text) | Address::Unix(text) => text,
    }
}

fn http(address: &Address, host: &str, expect: &Expect) -> HttpCheck {
    let via = match address {
        Address::Tcp(address) | Address::Tls(address) => Via::Tcp(address.clone()),
        Address::Unix(path) => Via::Unix(path.clone()),
    };
    let (body_contains, json_equals) = match &expect.body {
        Some(Body::Is(text) | Body::Contains(text)) => (Some(text.clone()), None),
        Some(Body::Json { pointer, equals }) => (
            None,
            equals
                .as_str()
                .map(|text| (pointer.clone(), text.to_owned())),
        ),
        None => (None, None),
    };
    HttpCheck {
        via,
        host: host.to_owned(),
        path: expect.path.clone(),
        status: expect.status,
        body_contains,
        json_equals,
    }
}

/// What the plugin makes of what was seen. `in_guest` are the words that run a command in the guest.
pub fn read(
    plugins: &mut Registry,
    probes: Vec<Probe>,
    looked: &Looked,
    in_guest: Vec<String>,
) -> Result<Report, Error> {
    let outcomes = probes
        .iter()
        .filter_map(|probe| outcome(probe, looked))
        .collect();
    Ok(plugin(plugins)?.call(&Reading {
        probes,
        outcomes,
        in_guest,
    })?)
}

fn outcome(probe: &Probe, looked: &Looked) -> Option<Outcome> {
    let room = |room: homeport_engine::report::Room, free: &str| {
        (
            true,
            String::new(),
            0,
            BTreeMap::from([
                ("total".to_owned(), room.total),
                (free.to_owned(), room.free),
            ]),
        )
    };
    let (passed, said, milliseconds, figures) = match &probe.check {
        Check::Unit { unit } => {
            let found = looked.units.iter().find(|found| found.unit == *unit)?;
            (
                found.active == "active",
                format!("{} ({})", found.active, found.sub),
                0,
                BTreeMap::new(),
            )
        }
        Check::Disk { path } => room(*looked.disks.get(path)?, "free"),
        Check::Memory => room(looked.memory, "available"),
        Check::Certificate { .. } => {
            let seen = looked.outcomes.get(&probe.name)?;
            let left = seen
                .seen
                .as_ref()
                .and_then(|seen| seen.stdout.trim().parse::<i64>().ok());
            let figures =
                left.map(|left| ("expires_in".to_owned(), u64::try_from(left).unwrap_or(0)));
            (
                seen.passed && left.is_some(),
                seen.said.clone(),
                seen.milliseconds,
                figures.into_iter().collect(),
            )
        }
        Check::Http { .. } | Check::Connect { .. } | Check::Exec { .. } => {
            let seen: &Seen = looked.outcomes.get(&probe.name)?;
            let status = seen
                .http_status
                .map(|status| ("status".to_owned(), u64::from(status)));
            (
                seen.passed,
                seen.said.clone(),
                seen.milliseconds,
                status.into_iter().collect(),
            )
        }
    };
    Some(Outcome {
        probe: probe.name.clone(),
        passed,
        milliseconds,
        said,
        figures,
    })
}
