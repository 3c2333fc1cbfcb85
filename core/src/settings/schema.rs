//! All settings of one deployment: the common table, the components of its recipe, the settings of its database plugin.
//! Also finds the valid name that comes closest to an unknown one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use homeport_plugin_api::wire::schema;

use super::fields::{COMPONENT, FIELDS, Field, Need, PRESENCE};
use super::kind::Kind;

/// What recipe, plugins and machine contribute to the settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defaults {
    /// Values by YAML path, as text: what is taken when nobody gives one. They win over the common table's.
    pub values: BTreeMap<String, String>,
    /// The app's components in the recipe's order.
    pub components: Vec<ComponentDefaults>,
    /// The installed database plugins.
    pub databases: Vec<DatabaseDefaults>,
    /// The app's own settings, from its recipe.
    pub app: Vec<AppSetting>,
    /// The least that the app and its source need; zero: nothing beyond the common limits.
    pub floors: Floors,
}

/// One component of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentDefaults {
    /// Its name.
    pub name: String,
    /// Whether there are releases without it.
    pub optional: bool,
    /// Port of its blue slot.
    pub port_blue: u16,
    /// Port of its green slot.
    pub port_green: u16,
}

/// One setting of the app's own.
#[derive(Debug, Clone, PartialEq)]
pub struct AppSetting {
    /// The setting.
    pub field: schema::Field,
    /// Names of those without which it says nothing.
    pub needs: Vec<String>,
}

/// One database plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseDefaults {
    /// Its name, from its manifest.
    pub plugin: String,
    /// Other names it is known by in older files.
    pub also: Vec<String>,
    /// Its settings, from its manifest.
    pub settings: schema::Schema,
}

/// The least that an app needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Floors {
    /// Memory, MiB.
    pub memory_mb: u32,
    /// Disk, GiB.
    pub disk_size_gb: u32,
}

/// Path under which a plugin's settings stand.
const SETTINGS: &str = "database.settings";

/// All settings of one deployment.
#[derive(Debug)]
pub(crate) struct Schema {
    fields: Vec<Field>,
    open_settings: bool,
}

impl Schema {
    /// Puts the table together. `plugin` is the chosen database; of an unknown one any setting is taken here.
    pub(crate) fn new(defaults: &Defaults, app: Option<&str>, plugin: Option<&str>) -> Schema {
        let database = plugin.and_then(|name| defaults.database(name));
        let mut fields = Vec::new();
        for field in FIELDS {
            fields.push(field.clone());
            match &*field.path {
                "database.dialect" => {
                    fields.extend(database.iter().flat_map(|database| settings(database)))
                }
                "services.frontend.ssl_key" => {
                    fields.extend(defaults.components.iter().flat_map(component))
                }
                _ => {}
            }
        }
        let own = defaults.app.iter();
        fields.extend(own.map(|own| foreign(&own.field, "", "settings")));
        let given = |field: &Field| {
            defaults
                .values
                .get(&*field.path)
                .cloned()
                .or_else(|| from_app(field, app?))
        };
        for field in &mut fields {
            if let Some(value) = given(field) {
                field.need = Need::Default(Cow::Owned(value));
            }
        }
        Schema {
            fields,
            open_settings: database.is_none(),
        }
    }

    /// The settings in the order of the file.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The setting at this path, also in its older, flat form (`database.type`, `database.host`).
    pub(crate) fn at(&self, path: &str) -> Option<&Field> {
        let flat = path
            .strip_prefix("database.")
            .filter(|rest| !rest.contains('.'));
        let other = match flat {
            Some("type") => "database.plugin".to_owned(),
            Some(key) => format!("{SETTINGS}.{key}"),
            None => String::new(),
        };
        let find = |path: &str| self.fields.iter().find(|field| field.path == path);
        find(path).or_else(|| find(&other))
    }

    /// Whether settings stand below this path.
    pub(crate) fn is_section(&self, path: &str) -> bool {
        path == SETTINGS || self.fields.iter().any(|field| below(&field.path, path))
    }

    /// Whether nothing can be said about this path, because it belongs to a plugin that is not known.
    pub(crate) fn is_open(&self, path: &str) -> bool {
        self.open_settings && below(path, "database")
    }

    /// The valid path that comes closest: the same key in another section, else the fewest changed letters.
    pub(crate) fn nearest(&self, path: &str) -> Option<String> {
        let asked = self
            .fields
            .iter()
            .filter(|field| field.need != Need::Recorded);
        let paths: Vec<&str> = asked.map(|field| &*field.path).collect();
        let sections = paths.iter().flat_map(|path| {
            path.char_indices()
                .filter(|(_, c)| *c == '.')
                .map(|(at, _)| &path[..at])
        });
        let key = path.rsplit('.').next().unwrap_or_default();
        let same_key = self.fields.iter().find(|field| field.key() == key);
        same_key
            .map(|field| field.path.clone().into_owned())
            .or_else(|| nearest(path, paths.iter().copied().chain(sections)))
    }
}

impl Defaults {
    /// The plugin of this name, or known by it.
    pub(crate) fn database(&self, name: &str) -> Option<&DatabaseDefaults> {
        let by_name = self
            .databases
            .iter()
            .find(|database| database.plugin == name);
        by_name.or_else(|| {
            self.databases
                .iter()
                .find(|database| database.also.iter().any(|also| also == name))
        })
    }
}

/// The word that comes closest, if it is close: at least six letters in ten are right.
pub(crate) fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = among.map(|candidate| {
        (
            strsim::normalized_damerau_levenshtein(word, candidate),
            candidate,
        )
    });
    let best = scored
        .filter(|(score, _)| *score >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, candidate)| candidate.to_owned())
}

fn below(path: &str, section: &str) -> bool {
    path.strip_prefix(section)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// Defaults that follow from the app's name alone.
fn from_app(field: &Field, app: &str) -> Option<String> {
    match &*field.path {
        "deployment.instance_id" => Some(app.to_owned()),
        "backup.directory" => Some(format!("/var/backups/{app}")),
        _ => None,
    }
}

fn component(component: &ComponentDefaults) -> Vec<Field> {
    let default = |key: &str, need: Need| match key {
        "port_blue" => Need::Default(component.port_blue.to_string().into()),
        "port_green" => Need::Default(component.port_green.to_string().into()),
        _ => need,
    };
    let field = |(key, kind, need, reason): (&str, Kind, Need, &'static str)| Field {
        name: format!("{}-{}", component.name, key.replace('_', "-")).into(),
        path: format!("services.{}.{key}", component.name).into(),
        kind,
        need: default(key, need),
        reason: Cow::Borrowed(reason),
    };
    let presence = component.optional.then_some(PRESENCE);
    presence.into_iter().chain(COMPONENT).map(field).collect()
}

fn settings(database: &DatabaseDefaults) -> Vec<Field> {
    let fields = database.settings.fields.iter();
    fields
        .map(|field| foreign(field, "database-", SETTINGS))
        .collect()
}

/// A setting of somebody else's schema, below this section; its flag begins so.
fn foreign(field: &schema::Field, flag: &str, section: &str) -> Field {
    let need = |field: &schema::Field| match &field.default {
        Some(serde_json::Value::String(text)) => Need::Default(text.clone().into()),
        Some(value) => Need::Default(value.to_string().into()),
        None if field.required => Need::Required,
        None => Need::Optional,
    };
    Field {
        name: format!("{flag}{}", field.name.replace('_', "-")).into(),
        path: format!("{section}.{}", field.name).into(),
        need: need(field),
        reason: field.help.clone().into(),
        kind: Kind::Plugin(Box::new(field.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let schema = Schema::new(&Defaults::default(), None, None);
        let nearest = |path: &str| schema.nearest(path).unwrap_or_default();
        assert_eq!(nearest("network.domian"), "network.domain");
        assert_eq!(nearest("netwrok"), "network");
        assert_eq!(nearest("domain"), "network.domain");
        assert_eq!(nearest("resources.memory"), "resources.memory_mb");
        assert_eq!(nearest("proxmox.ip_address"), "network.ip_address");
        assert_eq!(nearest("colour"), "");
    }

    #[test]
    fn the_flat_form_of_older_files_is_known() {
        let field = schema::Field {
            name: "host".to_owned(),
            kind: schema::FieldKind::Text,
            required: true,
            default: None,
            help: "Host.".to_owned(),
        };
        let database = DatabaseDefaults {
            plugin: "db".to_owned(),
            also: vec!["dbms".to_owned()],
            settings: schema::Schema {
                fields: vec![field],
            },
        };
        let defaults = Defaults {
            databases: vec![database],
            ..Defaults::default()
        };
        let schema = Schema::new(&defaults, None, Some("dbms"));
        let path = |path: &str| schema.at(path).map(|field| field.path.clone().into_owned());
        assert_eq!(path("database.type").as_deref(), Some("database.plugin"));
        assert_eq!(
            path("database.host").as_deref(),
            Some("database.settings.host")
        );
        assert_eq!(
            path("database.settings.host").as_deref(),
            Some("database.settings.host")
        );
        assert_eq!(path("database.port"), None);
        assert!(!schema.is_open("database.port"));
        assert!(Schema::new(&defaults, None, Some("other")).is_open("database.port"));
    }
}
