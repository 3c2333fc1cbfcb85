//! From what was given to valid settings, or to everything that is wrong with it at once.

use serde_json::{Map, Value};

use super::cross;
use super::error::{Finding, Origin, SettingsError};
use super::fields::{FIELDS, Field, Need};
use super::kind::Given;
use super::model::{SCHEMA, Settings};
use super::schema::{Defaults, Schema, nearest};
use super::sources::{Answer, Answers, ConfigFile, Sources};
use super::yaml;

/// Settings from flags, environment, file and defaults – in this order the first that has a value wins.
///
/// Pure. On an error every finding of every source is in it, those of the file in the order of its lines.
pub fn resolve(sources: &Sources, defaults: &Defaults) -> Result<Settings, SettingsError> {
    let (schema, mut answers) = answered(sources, defaults);
    match (answers.findings.is_empty(), answers.missing.is_empty()) {
        (true, true) => typed(&answers, &schema),
        (true, false) => Err(SettingsError::Missing(answers.missing)),
        (false, _) => {
            answers.findings.append(&mut answers.missing);
            answers.findings.sort_by(|a, b| a.origin.cmp(&b.origin));
            Err(SettingsError::Invalid(answers.findings))
        }
    }
}

/// Every setting that has a value, given or by default, as `PATH: VALUE` in the order of the file.
pub fn values(sources: &Sources, defaults: &Defaults) -> Vec<String> {
    let (schema, answers) = answered(sources, defaults);
    let fields = schema.fields().iter().filter(|field| field.asked());
    let known = fields.filter_map(|field| {
        let value = super::write::scalar(&answers.by_path.get(&*field.path)?.value)?;
        Some(format!("{}: {value}", field.path))
    });
    known.collect()
}

/// What there is to set, and what it is set to, with everything that is wrong.
pub(crate) fn answered(sources: &Sources, defaults: &Defaults) -> (Schema, Answers) {
    let (entries, damage) = match &sources.file {
        Some(file) => yaml::read(&file.name, &file.bytes),
        None => Default::default(),
    };
    let raw = |path: &str| {
        let field = FIELDS.iter().find(|field| field.path == path)?;
        sources
            .raw(field, &entries)
            .or_else(|| defaults.values.get(path).cloned())
    };
    let (app, plugin) = (raw("app"), raw("database.plugin"));
    let schema = Schema::new(defaults, app.as_deref(), plugin.as_deref());
    let mut answers = sources.answers(&schema, &entries);
    answers.findings.extend(damage);
    complete(&mut answers, &schema);
    database(&mut answers, defaults);
    cross::check(&mut answers, defaults);
    (schema, answers)
}

/// Settings of a file alone, as a guest holds them.
pub fn from_yaml(file: ConfigFile, defaults: &Defaults) -> Result<Settings, SettingsError> {
    resolve(
        &Sources {
            file: Some(file),
            ..Sources::default()
        },
        defaults,
    )
}

/// Fills in defaults, and names what is missing.
fn complete(answers: &mut Answers, schema: &Schema) {
    for field in schema.fields() {
        let path = field.path.clone().into_owned();
        if answers.by_path.contains_key(&path) || answers.invalid.contains(&path) {
            continue;
        }
        match &field.need {
            Need::Default(text) => {
                match field.kind.parse(&Given::Text(text.clone().into_owned())) {
                    Ok(value) => drop(answers.by_path.insert(
                        path,
                        Answer {
                            value,
                            origin: Origin::Default,
                        },
                    )),
                    Err(why) => answers
                        .findings
                        .push(Finding::new(Origin::Default, &path, why)),
                }
            }
            Need::Required => {
                answers
                    .missing
                    .push(Finding::new(Origin::Default, &path, missing(field)))
            }
            Need::Optional | Need::Recorded => {}
        }
    }
}

fn missing(field: &Field) -> String {
    let common = FIELDS.iter().any(|known| known.path == field.path);
    let flag = if common {
        field.flag()
    } else {
        format!("--set {}=…", field.path)
    };
    let what = field
        .reason
        .split(". ")
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    format!("is missing ({flag} or {}): {what}", field.variable())
}

/// The chosen plugin is an installed one, and goes by its own name.
fn database(answers: &mut Answers, defaults: &Defaults) {
    let Some(answer) = answers.by_path.get_mut("database.plugin") else {
        return;
    };
    let name = answer.value.as_str().unwrap_or_default();
    if let Some(known) = defaults.database(name) {
        answer.value = Value::from(known.plugin.as_str());
        return;
    }
    let names = defaults
        .databases
        .iter()
        .map(|database| database.plugin.as_str());
    let near = nearest(name, names.clone());
    let why = match names.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => format!("is {name:?}, but no database plugin is installed"),
        all => format!("is {name:?}, but that is no installed plugin; there is {all}"),
    };
    let finding = Finding::new(answer.origin.clone(), "database.plugin", why).with_nearest(near);
    answers.findings.push(finding);
}

/// Every value in its place of the tree; what the tree says, the type takes, because the checks are narrower.
fn typed(answers: &Answers, schema: &Schema) -> Result<Settings, SettingsError> {
    let mut tree = Map::new();
    for field in schema.fields() {
        let value = answers
            .by_path
            .get(&*field.path)
            .map(|answer| answer.value.clone());
        insert(&mut tree, &field.path, value);
    }
    insert(&mut tree, "deployment.schema", Some(Value::from(SCHEMA)));
    serde_json::from_value(Value::Object(tree)).map_err(|error| {
        SettingsError::Invalid(vec![Finding::new(
            Origin::Default,
            "",
            format!("cannot be put together: {error}"),
        )])
    })
}

/// Puts the value at its path, making the sections on the way; without a value only the sections.
fn insert(tree: &mut Map<String, Value>, path: &str, value: Option<Value>) {
    match (path.split_once('.'), value) {
        (Some((section, rest)), value) => {
            let below = tree
                .entry(section)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                insert(below, rest, value);
            }
        }
        (None, Some(value)) => drop(tree.insert(path.to_owned(), value)),
        (None, None) => {}
    }
}
