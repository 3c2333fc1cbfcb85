//! nginx, one for the container it is in: ends TLS and passes every request, once complete, to the gate's sockets.
//! Knows no colours; never asks for a reload where a file is enough, because a reload cuts kept-alive connections.

mod capacity;
mod certificate;
mod check;
mod config;
mod locations;
mod reading;
#[cfg(test)]
mod tests;

use homeport_plugin_api::{
    About, Answer, Proxy,
    wire::{
        Facts,
        conversation::{Command, Context, Output},
        proxy::{Certificate, Placed, Purpose, Site},
        schema::{Field, FieldKind, Schema},
        step::{Action, Content, Directory, File, Run, Service, Step},
    },
};
use serde_json::json;

/// The plugin.
#[derive(Debug, Default)]
pub struct Nginx;

homeport_plugin_api::export_plugin!(Nginx: Proxy);

pub(crate) const UNIT: &str = "nginx.service";
/// Everything of ours that nginx reads, except its own `nginx.conf`.
pub(crate) const HOME: &str = "/etc/nginx/homeport";
const LIMITS_DIRECTORY: &str = "/etc/systemd/system/nginx.service.d";
/// Debian's rotation of `/var/log/nginx/*.log` covers it.
const COUNTING_LOG: &str = "/var/log/nginx/homeport-count.log";

impl Proxy for Nginx {
    fn about(&self) -> About {
        About {
            name: "nginx",
            version: env!("CARGO_PKG_VERSION"),
            summary: "nginx from the distribution, TLS 1.2 and 1.3, certificates changed without a reload.",
        }
    }

    fn settings(&self) -> Schema {
        let workers = "Worker processes. Two serve thousands of requests per second; each reserves its own memory.";
        let http2 = "Whether browsers may use HTTP/2: one connection for all the files of a page.";
        let field = |name: &str, kind, default, help: &str| Field {
            name: name.to_owned(),
            kind,
            required: false,
            default: Some(default),
            help: help.to_owned(),
        };
        Schema {
            fields: vec![
                field(
                    "workers",
                    FieldKind::Integer { min: 1, max: 32 },
                    json!(2),
                    workers,
                ),
                field("http2", FieldKind::Flag, json!(true), http2),
            ],
        }
    }

    fn packages(&self, _settings: &Facts) -> Answer<Vec<String>> {
        Ok(["nginx", "openssl"].map(str::to_owned).to_vec())
    }

    fn places(&self, _site: &Site) -> Answer<Placed> {
        Ok(Placed {
            unit: UNIT.to_owned(),
            counting_log: COUNTING_LOG.to_owned(),
            error_log: "/var/log/nginx/error.log".to_owned(),
            certificate: certificate::in_use(),
        })
    }

    fn observe(&self, purpose: &Purpose, _context: &Context) -> Answer<Vec<Command>> {
        Ok(reading::commands(purpose))
    }

    fn read(&self, _purpose: &Purpose, name: &str, output: &Output) -> Answer<Facts> {
        reading::facts(name, output)
    }

    fn site(&self, site: &Site, certificate: &Certificate, context: &Context) -> Answer<Vec<Step>> {
        check::site(site)?;
        capacity::fits(site, &context.facts)?;
        let mut steps = certificate::first(site, certificate, &context.facts)?;
        steps.push(directory(LIMITS_DIRECTORY, "0755", "root"));
        steps.extend(files(site, context).map(Step::from));
        steps.push(
            root(
                "Have systemd read nginx's limits",
                ["systemctl", "daemon-reload"],
            )
            .into(),
        );
        steps.push(root("Check nginx's configuration", ["nginx", "-t", "-q"]).into());
        steps.push(service(take_over(site, &context.facts)));
        steps.push(service(Action::Enable));
        Ok(steps)
    }

    fn certificate(
        &self,
        site: &Site,
        certificate: &Certificate,
        context: &Context,
    ) -> Answer<Vec<Step>> {
        check::site(site)?;
        certificate::another(site, certificate, &context.facts)
    }

    fn verify(&self, site: &Site, context: &Context) -> Answer<Vec<Step>> {
        capacity::proof(site, &context.facts)
    }

    fn remove(&self, _site: &Site, _context: &Context) -> Answer<Vec<Step>> {
        let gone = ["rm", "-rf", HOME, LIMITS_DIRECTORY];
        Ok(vec![
            service(Action::Disable),
            root("Remove nginx's configuration and private keys", gone).into(),
            root(
                "Have systemd forget nginx's limits",
                ["systemctl", "daemon-reload"],
            )
            .into(),
        ])
    }
}

fn files(site: &Site, context: &Context) -> impl Iterator<Item = File> {
    let ipv6 = context
        .facts
        .get(reading::IPV6)
        .is_none_or(|there| there != &json!(false));
    let texts = [
        (
            "/etc/nginx/nginx.conf".to_owned(),
            config::main(site, &context.settings),
        ),
        (
            format!("{HOME}/site.conf"),
            config::site(site, &context.settings, ipv6),
        ),
        (limits_file(), capacity::limits(site)),
    ];
    texts.into_iter().map(|(path, text)| public(path, text))
}

/// A running nginx with the limits it needs only has to read its files again.
fn take_over(site: &Site, facts: &Facts) -> Action {
    let limits = facts.get(reading::LIMITS).and_then(|text| text.as_str());
    let running = facts.get(reading::RUNNING) == Some(&json!(true));
    if running && limits == Some(&capacity::limits(site)) {
        Action::Reload
    } else {
        Action::Restart
    }
}

pub(crate) fn limits_file() -> String {
    format!("{LIMITS_DIRECTORY}/homeport.conf")
}

pub(crate) fn public(path: String, text: String) -> File {
    let (owner, group) = ("root".to_owned(), "root".to_owned());
    File {
        path,
        mode: "0644".to_owned(),
        owner,
        group,
        content: Content::Text(text),
    }
}

/// Seen by root, and by `group` unless the mode says otherwise.
pub(crate) fn directory(path: &str, mode: &str, group: &str) -> Step {
    let (owner, group) = ("root".to_owned(), group.to_owned());
    Directory {
        path: path.to_owned(),
        mode: mode.to_owned(),
        owner,
        group,
    }
    .into()
}

/// Changing nginx is root's; the container is unprivileged, so this root is nobody outside it.
pub(crate) fn root<const N: usize>(title: &str, argv: [&str; N]) -> Run {
    Run::new(title, "root", argv).within(60)
}

fn service(action: Action) -> Step {
    Service {
        unit: UNIT.to_owned(),
        action,
    }
    .into()
}
