//! How an instance is: what the health and database plugins want to see becomes what the agent looks at, and what the
//! agent saw goes back to the plugins, which know what it means.

mod database;
mod reading;
mod spec;

use homeport_plugin_api::wire::Kind;
use homeport_plugin_api::wire::health::{
    Address, Body, Component, Expect, Machine, Post, Probes, Way,
};
use serde_json::Value;

use crate::error::Error;
use crate::places;
use crate::plan::deploy::{Deploy, Health};
use crate::plugin::{Plugin, Registry};

pub use database::{Asked, Seen};
pub use reading::{Looks, read};

/// A status must be there within seconds; a page that needs longer counts as failed.
const DEADLINE_S: u32 = 2;

/// Name of the way to a component's own port.
const DIRECT: &str = "direct";

/// What has to be looked at, now that the deployment is planned.
pub fn planned(deploy: &Deploy<'_>, plugins: &mut Registry) -> Result<Health, Error> {
    let probes = plugin(plugins)?.call(&asked(deploy)?)?;
    let mut spec = spec::of(&probes);
    let database = Asked::of(deploy.database, &mut spec);
    Ok(Health {
        spec: json(&spec),
        probes: json(&probes),
        database: json(&database),
    })
}

/// JSON of values that cannot fail to be written.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .unwrap_or_default()
}

/// The one health plugin that is there.
fn plugin(plugins: &mut Registry) -> Result<&mut Plugin, Error> {
    let plugin = plugins.lend(Kind::Health);
    plugin.ok_or_else(|| Error::no_plugin("health"))
}

fn asked(deploy: &Deploy<'_>) -> Result<Probes, Error> {
    let recipe = &deploy.recipe.recipe;
    let mut components = Vec::new();
    for component in &recipe.components {
        components.push(of_recipe(deploy, component)?);
    }
    let needs = recipe.components.iter().flat_map(|component| {
        let needs = component.needs.iter();
        needs.map(|unit| {
            let short = unit.trim_end_matches(".service");
            (format!("{short} of {}", component.name), unit.clone())
        })
    });
    let gates = recipe.components.iter().map(|component| {
        let name = &component.name;
        let unit = format!("homeport-gate@{name}.service");
        (format!("gate of {name}"), unit)
    });
    let proxy = ("proxy".to_owned(), deploy.proxy.placed.unit.clone());
    components.extend(needs.chain(gates).chain([proxy]).map(unit));
    let certificate = format!("127.0.0.1:{}", deploy.settings.services.frontend.ssl_port);
    let machine = Machine {
        directories: vec!["/".to_owned()],
        certificate: Some(certificate),
        certificate_unit: Some(deploy.proxy.placed.unit.clone()),
        certificate_file: Some(deploy.proxy.placed.certificate.clone()),
    };
    Ok(Probes {
        components,
        machine: Some(machine),
        deadline_seconds: DEADLINE_S,
    })
}

/// A part of the app: its unit, directly and through the proxy, and the places it writes to.
fn of_recipe(
    deploy: &Deploy<'_>,
    component: &crate::recipe::Component,
) -> Result<Component, Error> {
    let recipe = &deploy.recipe.recipe;
    let unit = deploy.unit(component)?;
    let way = |name: &str, port: u16, listens: &str| Way {
        name: name.to_owned(),
        address: Address::Tcp(format!("127.0.0.1:{port}")),
        host: deploy.settings.network.domain.clone(),
        unit: Some(listens.to_owned()),
    };
    let proxy = &deploy.proxy.placed.unit;
    let expects = component.expects.iter();
    Ok(Component {
        name: component.name.clone(),
        ways: vec![
            way(DIRECT, deploy.active_port(component), &unit),
            way("proxy", places::guest::INTERNAL_PORT, proxy),
        ],
        unit: Some(unit),
        expects: expects
            .map(|expect| expected(deploy, component, expect))
            .collect::<Result<_, _>>()?,
        user: Some(recipe.user.clone()),
        directories: vec![recipe.data.database.clone(), recipe.data.files.clone()],
    })
}

/// A part of which only the unit matters.
fn unit((name, unit): (String, String)) -> Component {
    Component {
        name,
        unit: Some(unit),
        ways: Vec::new(),
        expects: Vec::new(),
        user: None,
        directories: Vec::new(),
    }
}

fn expected(
    deploy: &Deploy<'_>,
    component: &crate::recipe::Component,
    expect: &crate::recipe::Expect,
) -> Result<Expect, Error> {
    let body = expect.body.clone().unwrap_or_default();
    let json = match body.json {
        Some(json) => Some(Body::Json {
            pointer: json.pointer,
            equals: Value::from(deploy.said(component, &json.equals)?),
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
        post: expect.post.as_ref().map(|post| Post {
            headers: post.headers.clone(),
            body: post.body.clone(),
        }),
        ways: match component.proxied(&expect.path) {
            true => Vec::new(),
            false => vec![DIRECT.to_owned()],
        },
    })
}
