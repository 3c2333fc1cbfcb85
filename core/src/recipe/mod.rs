//! Reads recipes and renders their texts. Knows no app by name and never touches a guest.

mod build;
mod model;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

pub use build::*;
pub use model::*;

/// A recipe or template of more than this many bytes is refused.
const SIZE_LIMIT: u64 = 256 << 10;

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// There is no such recipe.
    #[error("there is no recipe `{app}`; these are here: {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        app: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A file of it cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It says something it may not.
    #[error("`{}`: {why}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What, with the line where YAML names one.
        why: String,
    },
}

/// A recipe with the texts of its templates.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The recipe.
    pub recipe: Recipe,
    directory: PathBuf,
    templates: BTreeMap<String, String>,
}

/// Reads the recipe `app` below `templates`.
pub fn load(templates: &Path, app: &str) -> Result<Loaded, RecipeError> {
    let directory = templates.join(app);
    let path = directory.join("recipe.yaml");
    if app.contains(['/', '.']) || !path.exists() {
        return Err(RecipeError::Unknown {
            app: app.to_owned(),
            known: names(templates),
        });
    }
    let invalid = |why: String| RecipeError::Invalid {
        path: path.clone(),
        why,
    };
    let recipe: Recipe =
        serde_yaml::from_str(&read(&path)?).map_err(|error| invalid(error.to_string()))?;
    sound(&recipe, app).map_err(invalid)?;
    let mut templates = BTreeMap::new();
    for file in &recipe.files {
        templates.insert(
            file.template.clone(),
            read(&directory.join(&file.template))?,
        );
    }
    Ok(Loaded {
        recipe,
        directory,
        templates,
    })
}

fn names(templates: &Path) -> Vec<String> {
    let entries = fs::read_dir(templates).into_iter().flatten().flatten();
    let with_recipe = entries.filter(|entry| entry.path().join("recipe.yaml").exists());
    let mut names: Vec<String> = with_recipe
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn read(path: &Path) -> Result<String, RecipeError> {
    let unreadable = |source| RecipeError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > SIZE_LIMIT {
        return Err(unreadable(io::Error::other(format!(
            "it is larger than {SIZE_LIMIT} bytes"
        ))));
    }
    fs::read_to_string(path).map_err(unreadable)
}

/// What the types alone do not say.
fn sound(recipe: &Recipe, app: &str) -> Result<(), String> {
    let word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if recipe.schema != SCHEMA {
        return Err(format!("schema {} is not {SCHEMA}", recipe.schema));
    }
    if recipe.app != app || !word(app) {
        return Err(format!(
            "`app: {}` must be its directory's name: lower-case letters, digits, hyphens",
            recipe.app
        ));
    }
    if recipe.user == "root" || !word(&recipe.user) {
        return Err(format!(
            "`user: {}` must be an unprivileged user",
            recipe.user
        ));
    }
    if recipe.components.is_empty() {
        return Err("there is no component".to_owned());
    }
    let slots = recipe.files.iter().filter_map(|file| file.slot.as_ref());
    for slot in slots {
        if !recipe
            .components
            .iter()
            .any(|component| component.name == slot.component)
        {
            return Err(format!("there is no component `{}`", slot.component));
        }
    }
    let modes = recipe
        .files
        .iter()
        .map(|file| &file.mode)
        .chain(recipe.directories.iter().map(|dir| &dir.mode));
    for mode in modes.chain(recipe.source.release.files.iter().map(|file| &file.mode)) {
        self::mode(mode)?;
    }
    let paths = recipe
        .files
        .iter()
        .map(|file| &file.to)
        .chain(recipe.directories.iter().map(|dir| &dir.path));
    for path in paths.chain([&recipe.data.database, &recipe.data.files, &recipe.data.logs]) {
        if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(format!("`{path}` must be an absolute path"));
        }
    }
    build::sound(recipe)
}

/// Permission bits from their octal text.
pub fn mode(text: &str) -> Result<u32, String> {
    let bits = u32::from_str_radix(text, 8)
        .ok()
        .filter(|bits| *bits <= 0o7777);
    bits.ok_or_else(|| format!("`{text}` is not an octal mode"))
}

impl Loaded {
    /// Renders one of the recipe's own short texts.
    pub fn text(&self, text: &str, values: impl Serialize) -> Result<String, RecipeError> {
        self.render("recipe.yaml", text, values)
    }

    /// Renders a template.
    pub fn template(&self, name: &str, values: impl Serialize) -> Result<String, RecipeError> {
        let text = self.templates.get(name).map_or("", String::as_str);
        self.render(name, text, values)
    }

    /// A name that no value has is an error: nothing is left out in silence.
    fn render(
        &self,
        name: &str,
        text: &str,
        values: impl Serialize,
    ) -> Result<String, RecipeError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let invalid = |error: minijinja::Error| RecipeError::Invalid {
            path: self.directory.join(name),
            why: error.to_string(),
        };
        let mut rendered = environment
            .render_str(text, minijinja::value::Serde(values))
            .map_err(invalid)?;
        // The engine drops the last line's end.
        if text.ends_with('\n') && !rendered.ends_with('\n') {
            rendered.push('\n');
        }
        Ok(rendered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates")
    }

    #[test]
    fn every_shipped_recipe_is_sound() {
        for app in names(&shipped()) {
            load(&shipped(), &app).unwrap();
        }
        assert!(names(&shipped()).contains(&"vikunja".to_owned()));
    }

    #[test]
    fn an_unknown_recipe_is_answered_with_the_known_ones() {
        let error = load(&shipped(), "vikunia").unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no recipe `vikunia`; these are here: vikunja"
        );
        assert!(load(&shipped(), "../templates/vikunja").is_err());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("vikunja")).unwrap();
        let text = fs::read_to_string(shipped().join("vikunja/recipe.yaml")).unwrap();
        let text = text.replace("start_seconds: 60", "start_second: 60");
        fs::write(dir.path().join("vikunja/recipe.yaml"), text).unwrap();
        let error = load(dir.path(), "vikunja").unwrap_err().to_string();
        assert!(
            error.contains("unknown field `start_second`") && error.contains("line "),
            "{error}"
        );
    }

    #[test]
    fn a_missing_value_is_an_error_not_a_blank() {
        let loaded = load(&shipped(), "vikunja").unwrap();
        assert_eq!(
            loaded
                .text("v{{ version }}", BTreeMap::from([("version", "1")]))
                .unwrap(),
            "v1"
        );
        assert!(
            loaded
                .text("v{{ vrsion }}", BTreeMap::from([("version", "1")]))
                .is_err()
        );
    }

    #[test]
    fn a_file_for_a_slot_names_a_component_that_is_there() {
        let mut recipe = load(&shipped(), "vikunja").unwrap().recipe;
        for file in &mut recipe.files {
            if let Some(slot) = &mut file.slot {
                slot.component = "mcp".to_owned();
            }
        }
        assert_eq!(
            sound(&recipe, "vikunja").unwrap_err(),
            "there is no component `mcp`"
        );
    }

    #[test]
    fn services_never_run_as_root() {
        let mut recipe = load(&shipped(), "vikunja").unwrap().recipe;
        recipe.user = "root".to_owned();
        assert_eq!(
            sound(&recipe, "vikunja").unwrap_err(),
            "`user: root` must be an unprivileged user"
        );
    }
}
