//! The settings file's JSON schema, asked with a validator that knows nothing of Homeport: it takes what Homeport
//! writes, and refuses what Homeport refuses.

use std::fs;
use std::process::Command;

use homeport_core::settings::{
    ComponentDefaults, ConfigFile, DatabaseDefaults, Defaults, from_yaml, json_schema, to_yaml,
};
use homeport_plugin_api::wire::schema::{Field, FieldKind, Schema};
use serde_json::json;
use tempfile::TempDir;

/// Reads YAML as YAML says and prints, for each file, `ok` or what the validator says.
const VALIDATE: &str = r#"
import json, sys, yaml, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for name in sys.argv[2:]:
    error = jsonschema.exceptions.best_match(validator.iter_errors(yaml.safe_load(open(name))))
    print("ok" if error is None else " ".join(error.message.split()))
"#;

fn field(name: &str, kind: FieldKind, required: bool) -> Field {
    Field {
        name: name.to_owned(),
        kind,
        required,
        default: None,
        help: format!("What {name} is."),
    }
}

fn defaults() -> Defaults {
    let database = |plugin: &str, fields| DatabaseDefaults {
        plugin: plugin.to_owned(),
        also: Vec::new(),
        settings: Schema { fields },
    };
    let server = vec![
        field("host", FieldKind::Text, true),
        field("port", FieldKind::Port, false),
        field("ca", FieldKind::Path, false),
        field("wal", FieldKind::Flag, false),
        field("pool", FieldKind::Integer { min: 1, max: 9 }, false),
    ];
    Defaults {
        values: [("app".to_owned(), "tasks".to_owned())].into(),
        components: vec![ComponentDefaults {
            name: "backend".to_owned(),
            optional: false,
            port_blue: 3456,
            port_green: 3457,
        }],
        databases: vec![database("filedb", Vec::new()), database("serverdb", server)],
        ..Defaults::default()
    }
}

/// What the validator says of each of these files.
fn judged(texts: &[String]) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    let schema = dir.path().join("schema.json");
    fs::write(&schema, json_schema(&defaults(), "tasks").to_string()).unwrap();
    let mut call = Command::new("python3");
    call.args(["-c", VALIDATE]).arg(&schema);
    for (number, text) in texts.iter().enumerate() {
        let path = dir.path().join(format!("{number}.yaml"));
        fs::write(&path, text).unwrap();
        call.arg(path);
    }
    let said = call.output().unwrap();
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{errors}");
    let lines = String::from_utf8(said.stdout).unwrap();
    lines.lines().map(str::to_owned).collect()
}

fn ours(text: &str) -> Result<(), String> {
    let file = ConfigFile {
        name: "x".to_owned(),
        bytes: text.into(),
    };
    let read = from_yaml(file, &defaults());
    read.map(drop).map_err(|error| error.to_string())
}

const GOOD: &str = "\
network:
  domain: tasks.example.org
  ip_address: 10.0.0.5/24
  gateway: 10.0.0.1
database:
  plugin: serverdb
  settings:
    host: db.example.org
    port: 5432
    wal: true
admin:
  email: admin@example.org
";

// FR-010
#[test]
fn what_homeport_writes_is_taken() {
    let file = ConfigFile {
        name: "x".to_owned(),
        bytes: GOOD.into(),
    };
    let mut settings = from_yaml(file, &defaults()).unwrap();
    let short = to_yaml(&settings, &defaults());
    settings.network.nameservers = vec!["9.9.9.9".parse().unwrap()];
    settings.deployment.created_at = Some("2026-01-02T03:04:05Z".to_owned());
    settings.source.version = Some("2.5.0".to_owned());
    settings.proxmox.container_id = Some(105);
    settings
        .database
        .settings
        .insert("pool".to_owned(), json!(9));
    let full = to_yaml(&settings, &defaults());
    assert!(short.starts_with("# yaml-language-server: $schema="));
    assert!(short.contains("# What pool is.\n    # pool:\n"), "{short}");
    let files = [GOOD.to_owned(), short, full];
    for text in &files {
        assert_eq!(ours(text), Ok(()));
    }
    assert_eq!(judged(&files), ["ok"; 3]);
}

// FR-011
#[test]
fn what_homeport_refuses_is_refused() {
    let wrong: Vec<String> = [
        ("  domain:", "  domian:"),
        ("  domain: tasks.example.org\n", ""),
        ("10.0.0.5/24", "10.0.0.5"),
        ("  plugin: serverdb", "  plugin: serverdbb"),
        ("    port: 5432", "    port: 70000"),
        ("    port: 5432", "    port: yes please"),
        ("    wal: true", "    wal: 3"),
        ("    wal: true", "    pool: 10"),
        ("    wal: true", "    ca: ca.pem"),
        ("    wal: true", "    warl: true"),
        ("    host: db.example.org\n", ""),
        ("  plugin: serverdb", "  plugin: filedb"),
        ("admin:\n", "registration: maybe\nadmin:\n"),
        ("admin:\n", "resources:\n  cpu_cores: 99\nadmin:\n"),
        (
            "admin:\n",
            "services:\n  backend:\n    port_blue: 80\nadmin:\n",
        ),
        (
            "admin:\n",
            "services:\n  backnd:\n    port_blue: 8000\nadmin:\n",
        ),
        ("admin:\n", "deployment:\n  schema: 2\nadmin:\n"),
        ("admin:\n", "deployment:\n  instance_id: -x\nadmin:\n"),
        ("admin:\n", "source:\n  url: ftp://x\nadmin:\n"),
        ("admin:\n  email: admin@example.org\n", ""),
        ("admin:\n  email: admin@example.org\n", "admin: me\n"),
        ("admin:\n  email: admin@example.org\n", "admin: [a]\n"),
    ]
    .map(|(right, wrong)| {
        assert!(GOOD.contains(right), "{right}");
        GOOD.replacen(right, wrong, 1)
    })
    .into();
    let said = judged(&wrong);
    for (text, said) in wrong.iter().zip(&said) {
        assert!(ours(text).is_err(), "taken:\n{text}");
        assert_ne!(said, "ok", "taken by the schema:\n{text}");
    }
    assert_eq!(said.len(), wrong.len());
}
