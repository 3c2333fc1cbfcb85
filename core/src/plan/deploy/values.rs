//! The values a recipe's texts and templates may use.

use std::collections::BTreeMap;

use homeport_plugin_api::wire::database::{Attachment, Value};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Deploy, DeployError};
use crate::places;
use crate::recipe::{ARCH, Component, Setting};
use crate::settings::{Color, Registration};

/// What templates may use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Values {
    app: String,
    title: String,
    user: String,
    version: String,
    /// How the app calls that version when it is asked.
    reported: String,
    arch: &'static str,
    public_url: String,
    domain: String,
    timezone: String,
    /// Whether strangers may register.
    registration: bool,
    /// The app's own settings that have a value; of a file with a secret, the path of its copy in the guest.
    settings: BTreeMap<String, Json>,
    /// Paths of secret files by name, `-` written as `_`.
    secrets: BTreeMap<String, String>,
    database: Database,
    data: Data,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// Ports of the slot of that colour, by component, `-` written as `_`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    ports: BTreeMap<String, u16>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Database {
    /// The app's own word for it.
    r#type: String,
    values: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Data {
    base: String,
    database: String,
    files: String,
    logs: String,
}

impl Values {
    /// The values of a deployment, for one slot of a component if it is given.
    pub(crate) fn of(
        deploy: &Deploy<'_>,
        slot: Option<(&Component, Color)>,
    ) -> Result<Values, DeployError> {
        let (recipe, settings) = (&deploy.recipe.recipe, deploy.settings);
        let secret = |name: &String| places::guest::secret(&recipe.app, name);
        let named = recipe
            .secrets
            .iter()
            .map(|made| (made.name.replace('-', "_"), secret(&made.name)));
        Ok(Values {
            app: recipe.app.clone(),
            title: recipe.title.clone(),
            user: recipe.user.clone(),
            version: deploy.version.to_owned(),
            reported: deploy.reported()?,
            arch: ARCH,
            public_url: settings.public_url(),
            domain: settings.network.domain.clone(),
            timezone: settings.timezone.clone(),
            registration: settings.registration == Registration::Open,
            settings: own(deploy),
            secrets: named.collect(),
            database: Database {
                r#type: dialect(deploy)?,
                values: attached(&recipe.app, &deploy.database.attachment),
            },
            data: Data {
                base: places::guest::data(&recipe.app),
                database: recipe.data.database.clone(),
                files: recipe.data.files.clone(),
                logs: recipe.data.logs.clone(),
            },
            colour: slot.map(|(_, colour)| colour.name().to_owned()),
            port: slot.map(|(component, colour)| deploy.port(component, colour)),
            ports: slot.map_or_else(BTreeMap::new, |(_, colour)| deploy.ports(colour)),
        })
    }
}

/// The app's own settings.
fn own(deploy: &Deploy<'_>) -> BTreeMap<String, Json> {
    let recipe = &deploy.recipe.recipe;
    let value = |setting: &Setting| {
        let given = deploy.settings.settings.get(&setting.name)?;
        let value = match setting.is_secret() {
            true => places::guest::secret(&recipe.app, &setting.secret()).into(),
            false => given.clone(),
        };
        Some((setting.name.clone(), value))
    };
    recipe.settings.iter().filter_map(value).collect()
}

/// How the app reaches a database: texts as they are, secrets by their files.
fn attached(app: &str, attachment: &Attachment) -> BTreeMap<String, String> {
    let values = attachment.values.iter().map(|(key, value)| match value {
        Value::Text(text) => (key.clone(), text.clone()),
        Value::Secret(name) => (format!("{key}_file"), places::guest::secret(app, name)),
    });
    values.collect()
}

impl Values {
    /// The same, on another database of the same kind.
    pub(crate) fn on(mut self, attachment: &Attachment) -> Values {
        self.database.values = attached(&self.app, attachment);
        self
    }

    /// The same in a slot of another name.
    pub(crate) fn in_slot(mut self, name: &str) -> Values {
        self.colour = Some(name.to_owned());
        self
    }
}

/// The app's word for what the database speaks.
fn dialect(deploy: &Deploy<'_>) -> Result<String, DeployError> {
    let recipe = &deploy.recipe.recipe;
    let spoken = &deploy.database.attachment.dialect;
    recipe
        .database
        .dialects
        .get(spoken)
        .cloned()
        .ok_or_else(|| DeployError::Dialect {
            app: recipe.title.clone(),
            dialect: spoken.clone(),
            known: recipe.database.dialects.keys().cloned().collect(),
        })
}

impl Deploy<'_> {
    /// How the app calls its version: as the build has told it, or as its publisher's releases do.
    fn reported(&self) -> Result<String, DeployError> {
        let release = &self.recipe.recipe.source.release;
        let values = BTreeMap::from([("version", self.version)]);
        match (self.revision, &self.build) {
            (Some(revision), _) => Ok(revision.reported.clone()),
            (None, Some(_)) => Ok(self.version.to_owned()),
            (None, None) => Ok(self.recipe.text(&release.reports, values)?),
        }
    }

    /// Port of a component's slot: the administrator's, else the recipe's.
    pub(super) fn port(&self, component: &Component, colour: Color) -> u16 {
        let set = self.settings.services.components.get(&component.name);
        match (set, colour) {
            (Some(set), Color::Blue) => set.port_blue,
            (Some(set), Color::Green) => set.port_green,
            (None, Color::Blue) => component.port_blue,
            (None, Color::Green) => component.port_green,
        }
    }

    fn ports(&self, colour: Color) -> BTreeMap<String, u16> {
        let components = self.recipe.recipe.components.iter();
        let port = |component: &Component| {
            let name = component.name.replace('-', "_");
            (name, self.port(component, colour))
        };
        components.map(port).collect()
    }

    /// Port of the component's slot in service.
    pub(crate) fn active_port(&self, component: &Component) -> u16 {
        self.port(component, self.colour)
    }

    /// The unit of a component's slot in service.
    pub(crate) fn unit(&self, component: &Component) -> Result<String, DeployError> {
        Ok(self.recipe.text(
            &component.unit,
            Values::of(self, Some((component, self.colour)))?,
        )?)
    }

    /// What an expectation says of the component's slot in service.
    pub(crate) fn said(&self, component: &Component, text: &str) -> Result<String, DeployError> {
        let slot = Some((component, self.colour));
        Ok(self.recipe.text(text, Values::of(self, slot)?)?)
    }

    /// One of the recipe's short texts.
    pub(crate) fn text(&self, text: &str) -> Result<String, DeployError> {
        Ok(self.recipe.text(text, Values::of(self, None)?)?)
    }
}
