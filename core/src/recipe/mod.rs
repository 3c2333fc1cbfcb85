//! Reads recipes and renders their texts. Knows no app by name and never touches a guest.

mod build;
mod model;
mod optional;
mod pin;
mod read;
mod setting;
mod sound;
mod templates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::settings::Finding;

pub use build::*;
pub use model::*;
pub use pin::{PinError, pinned};

/// Architecture in Debian's words, as recipes' texts name it; the only one releases are built for so far.
pub const ARCH: &str = "amd64";

/// A recipe or template of more than this many bytes is refused.
const SIZE_LIMIT: u64 = 256 << 10;

/// Name of the file in a recipe's directory.
const FILE: &str = "recipe.yaml";

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
    /// It says things it may not: all of them, each with its line; never empty.
    #[error("{}", lines(.0))]
    Invalid(Vec<Finding>),
    /// One of its texts cannot be filled in.
    #[error("`{}`: {why}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

fn lines(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    lines.join("\n")
}

/// A recipe with the texts of its templates.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The recipe.
    pub recipe: Recipe,
    /// The publisher's key, if it came with the recipe.
    pub key: Option<PathBuf>,
    directory: PathBuf,
    templates: BTreeMap<String, String>,
}

/// Reads the recipe `app` below `templates`.
///
/// # Errors
/// When there is none, or anything is wrong with it.
pub fn load(templates: &Path, app: &str) -> Result<Loaded, RecipeError> {
    let path = templates.join(app).join(FILE);
    if app.contains(['/', '.']) || !path.exists() {
        return Err(RecipeError::Unknown {
            app: app.to_owned(),
            known: names(templates),
        });
    }
    examine(&path)
}

/// The recipe's file, of its file or its directory.
pub fn file(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.join(FILE),
        false => path.to_owned(),
    }
}

/// Reads a recipe's file – or the one in this directory – and everything beside it that it needs.
///
/// # Errors
/// When it cannot be read, or with everything that is wrong with it.
pub fn examine(path: &Path) -> Result<Loaded, RecipeError> {
    let path = file(path);
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let name = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    let name = name.parent().and_then(Path::file_name).unwrap_or_default();
    let read = read::read::<Recipe>(&path.display().to_string(), read(&path)?.as_bytes());
    let (lines, mut findings) = (read.lines, read.findings);
    let Some(recipe) = read.value else {
        return Err(RecipeError::Invalid(findings));
    };
    findings.extend(sound::check(&recipe, &lines, &name.to_string_lossy()));
    let mut texts = BTreeMap::new();
    for (n, file) in recipe.files.iter().enumerate() {
        match self::read(&directory.join(&file.template)) {
            Ok(text) => drop(texts.insert(file.template.clone(), text)),
            Err(_) if file.template.is_empty() => {}
            Err(error) => {
                findings.push(lines.finding(&format!("files[{n}].template"), error.to_string()))
            }
        }
    }
    let shown = directory.display().to_string();
    findings.extend(templates::check(&recipe, &lines, &shown, &texts));
    if !findings.is_empty() {
        findings.sort_by(|a, b| (&a.origin, &a.key, &a.why).cmp(&(&b.origin, &b.key, &b.why)));
        findings.dedup();
        return Err(RecipeError::Invalid(findings));
    }
    Ok(Loaded {
        key: key(&directory, &recipe),
        recipe,
        directory,
        templates: texts,
    })
}

/// Where the publisher's key lies beside the recipe, if it does.
fn key(directory: &Path, recipe: &Recipe) -> Option<PathBuf> {
    let signature = recipe.source.release.signature.as_ref()?;
    let mut places = ["asc", "gpg"].into_iter().map(|kind| {
        let name = format!("{}.{kind}", signature.fingerprint);
        directory.join("keys").join(name)
    });
    places.find(|path| path.is_file())
}

fn names(templates: &Path) -> Vec<String> {
    let entries = fs::read_dir(templates).into_iter().flatten().flatten();
    let with_recipe = entries.filter(|entry| entry.path().join(FILE).exists());
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

/// Permission bits from their octal text.
///
/// # Errors
/// What would be right, as a clause.
pub fn mode(text: &str) -> Result<u32, String> {
    let bits = u32::from_str_radix(text, 8)
        .ok()
        .filter(|bits| *bits <= 0o7777);
    bits.ok_or_else(|| "that is not an octal mode".to_owned())
}

/// The engine that fills in texts. A name that no value has is an error: nothing is left out in silence.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_filter("env", variable);
    environment
}

/// A text as the value of a line in a systemd `EnvironmentFile`, whatever is in it: systemd.exec(5).
fn variable(text: String) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

impl Loaded {
    /// Where the publisher's key is looked for: the armoured one.
    pub fn key_place(&self, signature: &Signature) -> PathBuf {
        let name = format!("{}.asc", signature.fingerprint);
        self.directory.join("keys").join(name)
    }

    /// Renders one of the recipe's own short texts.
    ///
    /// # Errors
    /// When it uses a value that is not there.
    pub fn text(&self, text: &str, values: impl Serialize) -> Result<String, RecipeError> {
        self.render(FILE, text, values)
    }

    /// Renders a template.
    ///
    /// # Errors
    /// When it uses a value that is not there.
    pub fn template(&self, name: &str, values: impl Serialize) -> Result<String, RecipeError> {
        let text = self.templates.get(name).map_or("", String::as_str);
        self.render(name, text, values)
    }

    fn render(
        &self,
        name: &str,
        text: &str,
        values: impl Serialize,
    ) -> Result<String, RecipeError> {
        let mut rendered = environment()
            .render_str(text, minijinja::value::Serde(values))
            .map_err(|error| RecipeError::Text {
                path: self.directory.join(name),
                why: error.to_string(),
            })?;
        // The engine drops the last line's end.
        if text.ends_with('\n') && !rendered.ends_with('\n') {
            rendered.push('\n');
        }
        Ok(rendered)
    }
}
