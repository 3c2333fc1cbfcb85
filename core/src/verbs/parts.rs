//! Talks with plugins: what they say becomes parts of a plan.

use std::path::Path;

use homeport_engine::require::Observations;
use homeport_plugin_api::wire::Facts;
use homeport_plugin_api::wire::Kind;
use homeport_plugin_api::wire::conversation::{
    Command, Context, Handle, Observe, Packages, Plan, Purpose, Read,
};
use homeport_plugin_api::wire::database::{
    self, AppSettings, Attachment, NEWER, NewerTable, ROWS, SCHEMA,
};
use homeport_plugin_api::wire::proxy::{
    self, Carries, Certificate, Places, Site, StreamRule, Upstream,
};
use homeport_plugin_api::wire::step::{Stdout, Step};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Kind as Failure};
use crate::places;
use crate::plan::deploy::{DatabasePart, Deploy, ProxyPart, Steps, TLS_KEY};
use crate::plan::parts;
use crate::plan::update::Counted;
use crate::plugin::{Host, Plugin, Registry, Trust};
use crate::program::Program;
use crate::recipe::Recipe;
use crate::settings::Settings;

/// The handle of the database in service.
pub const LIVE: &str = "live";

/// A self-signed certificate is valid as long as browsers still accept a given one: 825 days.
const SELF_SIGNED_DAYS: u32 = 825;

/// The plugins this Homeport came with, and those an administrator has put on this host and trusts by key.
pub fn registry(program: &Program) -> Result<Registry, Error> {
    let mut trust = Trust::release(program.digests()?);
    let mut directories = vec![program.plugins()];
    if Path::new(places::TRUSTED_KEYS).is_dir() {
        trust = trust.and_keys_in(Path::new(places::TRUSTED_KEYS))?;
    }
    if Path::new(places::PLUGINS).is_dir() {
        directories.push(places::PLUGINS.into());
    }
    Ok(Registry::scan(&Host::default(), &directories, &trust)?)
}

/// The database in service: its generation's place.
pub fn live(recipe: &Recipe, generation: u64) -> Handle {
    Handle {
        name: LIVE.to_owned(),
        path: format!("{}/g{generation}/{}.db", recipe.data.database, recipe.app),
        database: format!("{}_g{generation}", recipe.database.name),
    }
}

/// Settings and user, as a plugin is told them.
pub fn context(recipe: &Recipe, settings: &Settings) -> Context {
    Context {
        settings: settings.database.settings.clone(),
        user: recipe.user.clone(),
        facts: Default::default(),
    }
}

/// The plugins a deployment talks with, and what they talk about.
pub struct Partners {
    database: Plugin,
    proxy: Plugin,
    site: Box<Site>,
    certificate: Certificate,
    context: Context,
}

impl Partners {
    /// Starts the plugins the settings name; the one proxy that is there serves the site. `chain` is the administrator's
    /// certificate.
    pub fn start(
        plugins: &mut Registry,
        recipe: &Recipe,
        settings: &Settings,
        chain: Option<String>,
    ) -> Result<Partners, Error> {
        let proxy = plugins
            .names(Kind::Proxy)
            .into_iter()
            .next()
            .ok_or_else(|| Error::no_plugin("proxy"))?;
        let site = Box::new(site(recipe, settings));
        let certificate = match chain {
            Some(chain) => Certificate::Given {
                chain,
                key: TLS_KEY.to_owned(),
            },
            None => Certificate::SelfSigned {
                days: SELF_SIGNED_DAYS,
            },
        };
        Ok(Partners {
            database: plugins.take(Kind::Database, &settings.database.plugin)?,
            proxy: plugins.take(Kind::Proxy, &proxy)?,
            site,
            certificate,
            context: context(recipe, settings),
        })
    }

    fn site(&self) -> proxy::Purpose {
        let (site, certificate) = (self.site.clone(), self.certificate.clone());
        proxy::Purpose::Site { site, certificate }
    }

    fn verification(&self) -> proxy::Purpose {
        proxy::Purpose::Verify {
            site: self.site.clone(),
        }
    }

    /// The proxy has no settings of the database's.
    fn proxy_context(&self) -> Context {
        Context {
            settings: Default::default(),
            ..self.context.clone()
        }
    }

    /// The proxy serves the components of this recipe from now on: those that the release was seen to have.
    pub fn serve(&mut self, recipe: &Recipe, settings: &Settings) {
        *self.site = site(recipe, settings);
    }

    /// What the database plugin says of a database before it has seen the guest.
    pub fn database(&mut self, database: &Handle) -> Result<DatabasePart, Error> {
        let provision = provision(database);
        let settings = Packages {
            settings: self.context.settings.clone(),
        };
        Ok(DatabasePart {
            plugin: self.database.manifest().name.clone(),
            packages: self.database.call(&settings)?,
            looks: looks(&mut self.database, &provision, &self.context)?,
            status_looks: self.status_looks(database)?,
            live: database.clone(),
            attachment: self.attachment(database)?,
        })
    }

    /// Nothing for an engine that was built before anyone asked.
    fn status_looks(&mut self, database: &Handle) -> Result<Vec<Command>, Error> {
        let status = database::Purpose::Status {
            database: database.clone(),
        };
        let purposes = &self.database.manifest().purposes;
        if !purposes.iter().any(|known| known == status.name()) {
            return Ok(Vec::new());
        }
        looks(&mut self.database, &status, &self.context)
    }

    /// How the app reaches a database.
    pub fn attachment(&mut self, database: &Handle) -> Result<Attachment, Error> {
        let app = AppSettings {
            database: database.clone(),
            context: self.context.clone(),
        };
        Ok(self.database.call(&app)?)
    }

    /// What the database plugin wants to look at before it plans this.
    pub fn looks(&mut self, purpose: &database::Purpose) -> Result<Vec<Command>, Error> {
        looks(&mut self.database, purpose, &self.context)
    }

    /// The database plugin's steps, now that it was looked.
    pub fn planned(
        &mut self,
        purpose: &database::Purpose,
        looked: (parts::Plugin<'_>, &[Command]),
        seen: &Observations,
    ) -> Result<Vec<Step>, Error> {
        steps(&mut self.database, looked, purpose, &self.context, seen)
    }

    /// The database plugin's steps for something it plans without looking, which is called so in messages.
    pub fn unseen(
        &mut self,
        purpose: &database::Purpose,
        called: &str,
    ) -> Result<Vec<Step>, Error> {
        unseen(&mut self.database, purpose, called, &self.context)
    }

    /// What was counted: by what was looked at, and by what the steps have kept.
    pub fn counted(
        &mut self,
        purpose: &database::Purpose,
        part: parts::Plugin<'_>,
        looks: &[Command],
        steps: &[Step],
        seen: &Observations,
    ) -> Result<Counted, Error> {
        let facts = self.read(purpose, (part, looks), steps, seen)?;
        let rows = fact(part, &facts, ROWS)?;
        let schema = facts.get(SCHEMA).and_then(Value::as_str).map(str::to_owned);
        Ok(Counted { rows, schema })
    }

    /// What is newer: by what was looked at, and by what the steps have kept.
    pub fn compared(
        &mut self,
        purpose: &database::Purpose,
        looked: (parts::Plugin<'_>, &[Command]),
        steps: &[Step],
        seen: &Observations,
    ) -> Result<Vec<NewerTable>, Error> {
        let facts = self.read(purpose, looked, steps, seen)?;
        fact(looked.0, &facts, NEWER)
    }

    fn read(
        &mut self,
        purpose: &database::Purpose,
        (part, looks): (parts::Plugin<'_>, &[Command]),
        steps: &[Step],
        seen: &Observations,
    ) -> Result<Facts, Error> {
        let kept = steps.iter().filter_map(|step| match step {
            Step::Run(run) => match &run.stdout {
                Stdout::Keep { name, .. } => Some(name),
                _ => None,
            },
            _ => None,
        });
        let mut facts = Facts::new();
        for name in looks.iter().map(|look| &look.name).chain(kept) {
            let Some(output) = part.output(name, seen) else {
                continue;
            };
            let (purpose, name) = (purpose.clone(), name.clone());
            facts.extend(self.database.call(&Read {
                purpose,
                name,
                output,
            })?);
        }
        Ok(facts)
    }

    /// What the proxy plugin says before it has seen the guest.
    pub fn proxy(&mut self) -> Result<ProxyPart, Error> {
        let (site, verification) = (self.site(), self.verification());
        let places = Places {
            site: self.site.clone(),
        };
        let context = self.proxy_context();
        Ok(ProxyPart {
            plugin: self.proxy.manifest().name.clone(),
            packages: self.proxy.call(&Packages {
                settings: Default::default(),
            })?,
            looks: looks(&mut self.proxy, &site, &context)?,
            verify_looks: looks(&mut self.proxy, &verification, &context)?,
            placed: self.proxy.call(&places)?,
        })
    }

    /// The plugins' steps for what was seen in the guest.
    pub fn steps(&mut self, deploy: &Deploy<'_>, seen: &Observations) -> Result<Steps, Error> {
        let provision = provision(&deploy.database.live);
        let (site, context) = (self.site(), self.proxy_context());
        let made = (deploy.provision(), deploy.database.looks.as_slice());
        let served = (deploy.proxy_for("site"), deploy.proxy.looks.as_slice());
        Ok(Steps {
            provision: steps(&mut self.database, made, &provision, &self.context, seen)?,
            site: steps(&mut self.proxy, served, &site, &context, seen)?,
        })
    }

    /// The proxy's steps that prove that it can hold the queue.
    pub fn verify(&mut self, deploy: &Deploy<'_>, seen: &Observations) -> Result<Vec<Step>, Error> {
        let (verification, context) = (self.verification(), self.proxy_context());
        let looked = (
            deploy.proxy_for("verify"),
            deploy.proxy.verify_looks.as_slice(),
        );
        steps(&mut self.proxy, looked, &verification, &context, seen)
    }
}

/// What a plugin had to find out.
fn fact<T: DeserializeOwned>(
    part: parts::Plugin<'_>,
    facts: &Facts,
    name: &str,
) -> Result<T, Error> {
    let found = facts.get(name).cloned().unwrap_or_default();
    serde_json::from_value(found).map_err(|error| {
        let why = format!(
            "`{}` does not tell the {name} there are: {error}",
            part.name
        );
        Error::new(Failure::Plugin, "A plugin broke its contract.", why)
    })
}

/// A place for the app's tables.
fn provision(database: &Handle) -> database::Purpose {
    database::Purpose::Provision {
        database: database.clone(),
    }
}

/// A plugin's steps for something it plans without looking, which is called so in messages.
pub fn unseen<P: Purpose + Clone>(
    plugin: &mut Plugin,
    purpose: &P,
    called: &str,
    context: &Context,
) -> Result<Vec<Step>, Error> {
    if let Some(command) = looks(plugin, purpose, context)?.first() {
        let name = &plugin.manifest().name;
        return Err(Error::plugin_needs(name, called, &command.name));
    }
    Ok(plugin.call(&Plan {
        purpose: purpose.clone(),
        context: context.clone(),
    })?)
}

/// What a plugin wants to look at first.
fn looks<P: Purpose + Clone>(
    plugin: &mut Plugin,
    purpose: &P,
    context: &Context,
) -> Result<Vec<Command>, Error> {
    Ok(plugin.call(&Observe {
        purpose: purpose.clone(),
        context: context.clone(),
    })?)
}

/// Has the plugin read what was seen of what it wanted to look at, then plan.
fn steps<P: Purpose + Clone>(
    plugin: &mut Plugin,
    (part, looks): (parts::Plugin<'_>, &[Command]),
    purpose: &P,
    context: &Context,
    seen: &Observations,
) -> Result<Vec<Step>, Error> {
    let mut context = context.clone();
    for look in looks {
        let Some(output) = part.output(&look.name, seen) else {
            continue;
        };
        let read = Read {
            purpose: purpose.clone(),
            name: look.name.clone(),
            output,
        };
        context.facts.extend(plugin.call(&read)?);
    }
    Ok(plugin.call(&Plan {
        purpose: purpose.clone(),
        context,
    })?)
}

fn site(recipe: &Recipe, settings: &Settings) -> Site {
    let network = &settings.network;
    let mut names = vec![network.domain.clone()];
    for address in network.addresses().map(|address| address.to_string()) {
        if !names.contains(&address) {
            names.push(address);
        }
    }
    let upstreams = recipe.components.iter().flat_map(|component| {
        [
            (Carries::Requests, "requests"),
            (Carries::Streams, "streams"),
        ]
        .map(|(carries, kind)| Upstream {
            component: component.name.clone(),
            carries,
            prefix: component.prefix.clone(),
            socket: places::guest::gate_socket(&component.name, kind),
        })
    });
    let streams = recipe.components.iter().flat_map(|component| {
        component.streams.iter().map(|stream| StreamRule {
            component: component.name.clone(),
            path: stream.path.clone(),
            exact: stream.exact,
        })
    });
    Site {
        instance: settings.deployment.instance_id.to_lowercase(),
        names,
        http_port: settings.services.frontend.port,
        https_port: settings.services.frontend.ssl_port,
        internal_port: places::guest::INTERNAL_PORT,
        upstreams: upstreams.collect(),
        streams: streams.collect(),
        max_body_bytes: recipe.proxy.max_body_mb << 20,
        read_timeout_seconds: recipe.proxy.read_timeout_s,
        stream_timeout_seconds: recipe.proxy.stream_timeout_s,
        waiting: recipe.proxy.waiting,
    }
}
