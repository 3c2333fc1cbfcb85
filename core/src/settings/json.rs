//! The settings as a JSON schema, for editors: made from the same table, recipe and plugins that read the file.
//! What Homeport writes, it takes; what Homeport refuses for a value's own sake, it refuses, as far as a schema can.

use homeport_plugin_api::wire::schema::FieldKind;
use serde_json::{Map, Value, json};

use super::fields::{Field, Need};
use super::kind::Kind;
use super::schema::{Defaults, Schema};

/// Name of the schema's file, beside the file it is for.
pub const SCHEMA_FILE: &str = "deployment-config.schema.json";

/// The schema of an app's settings file. Of each database plugin its own settings.
pub fn json_schema(defaults: &Defaults, app: &str) -> Value {
    let common = Schema::new(defaults, Some(app), Some(""));
    let mut root = object(&format!("Settings of a deployment of {app}, by Homeport."));
    for field in common.fields() {
        put(&mut root, &field.path, field);
    }
    let plugins: Vec<&str> = defaults
        .databases
        .iter()
        .map(|database| database.plugin.as_str())
        .collect();
    if let Some(database) = root.pointer_mut("/properties/database") {
        database["properties"]["plugin"]["enum"] = json!(plugins);
        database["properties"]["settings"] = json!({ "type": ["object", "null"] });
        database["allOf"] = plugins
            .iter()
            .map(|plugin| of_plugin(defaults, app, plugin))
            .collect();
    }
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("deployment-config.yaml");
    root
}

/// What stands below `database.settings` if it is this plugin.
fn of_plugin(defaults: &Defaults, app: &str, plugin: &str) -> Value {
    const SETTINGS: &str = "database.settings.";
    let schema = Schema::new(defaults, Some(app), Some(plugin));
    let mut settings = object(&format!("Settings of {plugin}."));
    for field in schema.fields() {
        if let Some(key) = field.path.strip_prefix(SETTINGS) {
            put(&mut settings, key, field);
        }
    }
    let required = settings.get("required").is_some();
    let mut then = json!({ "properties": { "settings": settings } });
    if required {
        then["required"] = json!(["settings"]);
    }
    // The only plugin there is need not be named.
    let named = if defaults.databases.len() > 1 {
        json!(["plugin"])
    } else {
        json!([])
    };
    json!({ "if": { "properties": { "plugin": { "const": plugin } }, "required": named }, "then": then })
}

fn object(about: &str) -> Value {
    json!({ "type": ["object", "null"], "description": about, "properties": {}, "additionalProperties": false })
}

/// Puts a setting at its path, and the sections above it. A section that holds something required is required.
fn put(into: &mut Value, path: &str, field: &Field) {
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    if field.need == Need::Required {
        require(into, key);
    }
    let below = &mut into["properties"];
    if rest.is_empty() {
        below[key] = setting(field);
        return;
    }
    if below.get(key).is_none() {
        below[key] = object("A section.");
    }
    put(&mut below[key], rest, field);
}

fn require(section: &mut Value, key: &str) {
    let known = section["required"].as_array().cloned().unwrap_or_default();
    if !known.contains(&json!(key)) {
        section["required"] = known.into_iter().chain([json!(key)]).collect();
        section["type"] = json!("object");
    }
}

fn setting(field: &Field) -> Value {
    let mut schema = kind(&field.kind);
    schema.insert("description".to_owned(), json!(field.comment()));
    if let Need::Default(text) = &field.need
        && let Ok(value) = field
            .kind
            .parse(&super::kind::Given::Text(text.to_string()))
    {
        schema.insert("default".to_owned(), value);
    }
    Value::Object(schema)
}

fn kind(kind: &Kind) -> Map<String, Value> {
    let schema = match kind {
        Kind::Text(word, _) => text(word),
        Kind::List(word, _, most) => {
            json!({ "type": "array", "items": text(word), "maxItems": most, "minItems": 1 })
        }
        Kind::Number(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        Kind::Schema => json!({ "type": "integer", "minimum": 1, "maximum": super::SCHEMA }),
        Kind::Plugin(field) => match &field.kind {
            FieldKind::Text | FieldKind::Secret => json!({ "type": "string", "minLength": 1 }),
            FieldKind::Integer { min, max } => {
                json!({ "type": "integer", "minimum": min, "maximum": max })
            }
            FieldKind::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65_535 }),
            FieldKind::Path => text("PATH"),
            FieldKind::Choice { of } => json!({ "type": "string", "enum": of }),
            FieldKind::Flag => json!({ "type": "boolean" }),
        },
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// A text as the word for it says: wider than the check behind the word, never narrower.
fn text(word: &str) -> Value {
    let pattern = match word {
        "PATH" => "^/",
        "URL" => "^https?://",
        "ADDRESS/LENGTH" => "^[0-9A-Fa-f:.]+/[0-9]+$",
        "TIME" => "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
        "ID" => "^[A-Za-z0-9](-*[A-Za-z0-9]+)*$",
        // An unquoted 2.5 is a number to other readers of YAML.
        "VERSION" => return json!({ "type": ["string", "number"] }),
        _ => return json!({ "type": "string", "minLength": 1 }),
    };
    json!({ "type": "string", "pattern": pattern })
}
