//! Plugins: which there are, and everything one says of itself.

use homeport_plugin_api::wire::schema::{Field, FieldKind};
use homeport_plugin_api::wire::{Kind, Manifest};

use super::table::table;
use crate::cli::style::{Style, harmless};
use crate::plugin::{Inspected, Listed, TrustedBy};

/// The plugins there are; those that cannot be used with the reason below.
pub fn plugins(plugins: &[Listed], style: Style) -> String {
    if plugins.is_empty() {
        return "No plugin is installed.".to_owned();
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let row = |one: &Listed| {
        [
            text(&one.name),
            one.kind.map(kind).unwrap_or_default().to_owned(),
            text(&one.version),
            text(&one.summary),
        ]
    };
    let usable: Vec<_> = plugins
        .iter()
        .filter(|one| one.problem.is_none())
        .map(row)
        .collect();
    let broken = plugins.iter().filter_map(|one| {
        Some(unusable(
            &one.path.display().to_string(),
            one.problem.as_ref()?,
            style,
        ))
    });
    let mut lines = vec![table(["NAME", "KIND", "VERSION", "WHAT IT IS"], &usable)];
    lines.extend(broken);
    lines.join("\n")
}

/// Everything that is known of the plugins with one name.
pub fn inspected(plugins: &[Inspected], style: Style) -> String {
    plugins
        .iter()
        .map(|one| block(one, style))
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn block(plugin: &Inspected, style: Style) -> String {
    let path = plugin.path.display().to_string();
    let mut lines = Vec::new();
    let mut row = |label: &str, text: &str| lines.push(format!("  {label:<9} {}", harmless(text)));
    row("File", &path);
    row(
        "SHA-256",
        plugin.sha256.as_deref().unwrap_or("could not be read"),
    );
    row(
        "Trusted",
        &plugin
            .trusted_by
            .as_ref()
            .map_or_else(|| "by nobody".to_owned(), trusted),
    );
    if let Some(held) = &plugin.confinement {
        row(
            "Runs as",
            &format!(
                "user {}, network: {}, files: {}",
                held.uid, held.network, held.files
            ),
        );
    }
    if let Some(manifest) = &plugin.manifest {
        row("Knows", &manifest.methods.join(", "));
        if !manifest.purposes.is_empty() {
            row("Plans", &manifest.purposes.join(", "));
        }
        lines.insert(0, style.bold(&harmless(&heading(manifest))));
        lines.extend(settings(manifest));
    }
    lines.extend(
        plugin
            .problem
            .as_ref()
            .map(|problem| unusable(&path, problem, style)),
    );
    lines.join("\n")
}

fn heading(manifest: &Manifest) -> String {
    format!(
        "{} {} ({}): {}",
        manifest.name,
        manifest.version,
        kind(manifest.kind),
        manifest.summary
    )
}

fn settings(manifest: &Manifest) -> Option<String> {
    let row = |field: &Field| {
        let default = field.default.as_ref().map_or_else(
            || if field.required { "required" } else { "-" }.to_owned(),
            ToString::to_string,
        );
        [
            field.name.clone(),
            holds(&field.kind),
            default,
            field.help.clone(),
        ]
    };
    let rows: Vec<_> = manifest.settings.fields.iter().map(row).collect();
    (!rows.is_empty()).then(|| {
        format!(
            "\n{}",
            table(["SETTING", "HOLDS", "DEFAULT", "WHAT IT IS"], &rows)
        )
    })
}

fn holds(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Text => "text".to_owned(),
        FieldKind::Integer { min, max } => format!("{min} to {max}"),
        FieldKind::Port => "port".to_owned(),
        FieldKind::Path => "path".to_owned(),
        FieldKind::Choice { of } => of.join(" | "),
        FieldKind::Flag => "true | false".to_owned(),
        FieldKind::Secret => "name of a secret".to_owned(),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Database => "database",
        Kind::Proxy => "proxy",
        Kind::Health => "health",
    }
}

fn trusted(by: &TrustedBy) -> String {
    match by {
        TrustedBy::Release => "part of this release".to_owned(),
        TrustedBy::Key(name) => format!("signed with the key {name}"),
    }
}

fn unusable(path: &str, problem: &str, style: Style) -> String {
    format!(
        "{} {}",
        style.red(style.sign("✖", "!!")),
        harmless(&format!("{path}: {problem}"))
    )
}

#[cfg(test)]
mod tests {
    use homeport_plugin_api::wire::schema::Schema;
    use serde_json::json;

    use super::*;
    use crate::plugin::Confinement;

    #[test]
    fn plugins_that_cannot_be_used_say_why() {
        let usable = Listed {
            path: "/p/libdb.so".into(),
            kind: Some(Kind::Database),
            name: Some("filedb".to_owned()),
            version: Some("0.1.0".to_owned()),
            summary: Some("One file.".to_owned()),
            trusted_by: None,
            problem: None,
        };
        let problem = Some("nobody vouches for it".to_owned());
        let broken = Listed {
            path: "/p/x.so".into(),
            kind: None,
            name: None,
            version: None,
            summary: None,
            problem,
            ..usable.clone()
        };
        insta::assert_snapshot!(plugins(&[usable, broken], Style::PLAIN), @r#"
    NAME    KIND      VERSION  WHAT IT IS
    filedb  database  0.1.0    One file.
    !! /p/x.so: nobody vouches for it
    "#);
    }

    #[test]
    fn everything_a_plugin_says_of_itself() {
        let field = |name: &str, kind, required, default| Field {
            name: name.to_owned(),
            kind,
            required,
            default,
            help: "What it is.".to_owned(),
        };
        let fields = vec![
            field("wal", FieldKind::Flag, false, Some(json!(true))),
            field("host", FieldKind::Text, true, None),
        ];
        let manifest = Manifest {
            wire: 1,
            kind: Kind::Database,
            name: "filedb".to_owned(),
            version: "0.1.0".to_owned(),
            summary: "One \x1b[2Jfile.".to_owned(),
            methods: vec!["plan".to_owned(), "read".to_owned()],
            purposes: vec!["dump".to_owned()],
            settings: Schema { fields },
        };
        let one = Inspected {
            path: "/p/libdb.so".into(),
            manifest: Some(manifest),
            sha256: Some("00ff".to_owned()),
            trusted_by: Some(TrustedBy::Key("author.pub".to_owned())),
            confinement: Some(Confinement {
                uid: 1_879_048_192,
                network: "none".to_owned(),
                files: "none".to_owned(),
            }),
            problem: None,
        };
        let broken = Inspected {
            manifest: None,
            sha256: None,
            trusted_by: None,
            confinement: None,
            problem: Some("is no library".to_owned()),
            ..one.clone()
        };
        insta::assert_snapshot!(inspected(&[one, broken], Style::PLAIN), @r#"
    filedb 0.1.0 (database): One  [2Jfile.
      File      /p/libdb.so
      SHA-256   00ff
      Trusted   signed with the key author.pub
      Runs as   user 1879048192, network: none, files: none
      Knows     plan, read
      Plans     dump

    SETTING  HOLDS         DEFAULT   WHAT IT IS
    wal      true | false  true      What it is.
    host     text          required  What it is.

      File      /p/libdb.so
      SHA-256   could not be read
      Trusted   by nobody
    !! /p/libdb.so: is no library
    "#);
    }
}
