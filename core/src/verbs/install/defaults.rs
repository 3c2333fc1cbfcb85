//! What is installed when nobody says otherwise. Looks at nothing but recipe and plugins.

use homeport_plugin_api::wire::Kind;

use crate::plugin::Registry;
use crate::recipe::{self, Loaded, Recipe};
use crate::settings::{ComponentDefaults, DatabaseDefaults, Defaults, Floors};

/// Where backups of all apps lie unless the administrator says otherwise.
const BACKUPS: &str = "/var/backups";

/// What recipe and plugins say about settings that nobody gives.
pub fn defaults(recipe: &Loaded, plugins: &Registry) -> Defaults {
    let recipe = &recipe.recipe;
    let component = |component: &recipe::Component| ComponentDefaults {
        name: component.name.clone(),
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
    let values = values(recipe).into_iter().chain(only);
    Defaults {
        values: values
            .map(|(path, value)| (path.to_owned(), value))
            .collect(),
        components: recipe.components.iter().map(component).collect(),
        databases,
        floors: Floors {
            memory_mb: recipe.resources.least_memory_mb,
            disk_size_gb: recipe.resources.least_disk_gb,
        },
    }
}

/// Settings whose default is the recipe's.
fn values(recipe: &Recipe) -> [(&'static str, String); 5] {
    [
        ("app", recipe.app.clone()),
        ("backup.directory", format!("{BACKUPS}/{}", recipe.app)),
        (
            "resources.cpu_cores",
            recipe.resources.cpu_cores.to_string(),
        ),
        (
            "resources.memory_mb",
            recipe.resources.memory_mb.to_string(),
        ),
        (
            "resources.disk_size_gb",
            recipe.resources.disk_size_gb.to_string(),
        ),
    ]
}
