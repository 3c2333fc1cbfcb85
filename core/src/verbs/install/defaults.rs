//! What is installed when nobody says otherwise. Looks at nothing but recipe and plugins.

use homeport_plugin_api::wire::Kind;

use crate::plugin::Registry;
use crate::recipe::{self, Loaded, Recipe};
use crate::settings::{AppSetting, ComponentDefaults, DatabaseDefaults, Defaults, Floors};

/// Where backups of all apps lie unless the administrator says otherwise.
const BACKUPS: &str = "/var/backups";

/// What recipe and plugins say about settings that nobody gives. `builds`: the app is built in its guest.
pub fn defaults(recipe: &Loaded, plugins: &Registry, builds: bool) -> Defaults {
    let recipe = &recipe.recipe;
    let component = |component: &recipe::Component| ComponentDefaults {
        name: component.name.clone(),
        optional: component.optional.is_some(),
        port_blue: component.port_blue,
        port_green: component.port_green,
    };
    let databases = plugins
        .manifests(Kind::Database)
        .map(|manifest| DatabaseDefaults {
            plugin: manifest.name.clone(),
            also: Vec::new(),
            settings: manifest.settings.clone(),
        });
    let databases: Vec<_> = databases.collect();
    let only = match databases.as_slice() {
        [only] => Some(("database.plugin", only.plugin.clone())),
        _ => None,
    };
    let values = values(recipe, builds).into_iter().chain(only);
    Defaults {
        values: values
            .map(|(path, value)| (path.to_owned(), value))
            .collect(),
        components: recipe.components.iter().map(component).collect(),
        databases,
        app: recipe.settings.iter().filter_map(own).collect(),
        floors: Floors {
            memory_mb: recipe.resources.least_memory_mb,
            disk_size_gb: recipe.resources.least_disk_gb,
        },
    }
}

/// A setting of the recipe's; that it is one, the recipe's reader has seen.
fn own(setting: &recipe::Setting) -> Option<AppSetting> {
    Some(AppSetting {
        field: setting.field().ok()?,
        needs: setting.needs.clone(),
    })
}

/// Settings whose default is the recipe's.
fn values(recipe: &Recipe, builds: bool) -> [(&'static str, String); 5] {
    let needs = match &recipe.build {
        Some(build) if builds => &build.resources,
        _ => &recipe.resources,
    };
    [
        ("app", recipe.app.clone()),
        ("backup.directory", format!("{BACKUPS}/{}", recipe.app)),
        ("resources.cpu_cores", needs.cpu_cores.to_string()),
        ("resources.memory_mb", needs.memory_mb.to_string()),
        ("resources.disk_size_gb", needs.disk_size_gb.to_string()),
    ]
}
