//! What must hold of where an app comes from and of its components.

use homeport_bootstrap::digest::Digest;

use super::super::{Body, Component};
use super::{Check, file_name};

/// Ports below are root's, and services never are.
const LOWEST_PORT: u16 = 1024;

impl Check<'_> {
    pub(super) fn release(&mut self) {
        let release = &self.recipe.source.release;
        let at = |key: &str| format!("source.release.{key}");
        let url = &release.base_url;
        let web = url.starts_with("https://") || url.starts_with("http://");
        self.must(web && !url.ends_with('/'), &at("base_url"), || {
            format!("is {url:?}, but must begin with https:// and not end in a slash")
        });
        self.must(file_name(&release.archive), &at("archive"), || {
            format!("is {:?}, but must be a file's name", release.archive)
        });
        self.must(release.limit_mb > 0, &at("limit_mb"), || {
            "is 0, but must be at least 1".to_owned()
        });
        if let Some(signature) = &release.signature {
            self.must(file_name(&signature.file), &at("signature.file"), || {
                format!("is {:?}, but must be a file's name", signature.file)
            });
            let hex = |c: char| c.is_ascii_digit() || ('A'..='F').contains(&c);
            let right = signature.fingerprint.len() == 40 && signature.fingerprint.chars().all(hex);
            self.must(right, &at("signature.fingerprint"), || {
                format!(
                    "is {:?}, but must be a key's whole fingerprint: 40 digits from 0 to F",
                    signature.fingerprint
                )
            });
        }
        for (version, digest) in &release.pins {
            let right = digest.parse::<Digest>().is_ok();
            self.must(right, &at(&format!("pins.{version}")), || {
                format!("is {digest:?}, but must be a SHA-256 digest: 64 digits from 0 to f")
            });
        }
        self.must(!release.files.is_empty(), &at("files"), || {
            "is empty; name what is taken from the archive".to_owned()
        });
        for (n, file) in release.files.iter().enumerate() {
            let at = |key: &str| format!("source.release.files[{n}].{key}");
            if let Some(mode) = &file.mode {
                self.mode(mode, &at("mode"));
            }
            self.must(
                file.mode.is_none() || !file.optional,
                &at("optional"),
                || "is only for directories, which have no mode".to_owned(),
            );
            self.must(file_name(&file.to), &at("to"), || {
                format!("is {:?}, but must be a file's name", file.to)
            });
        }
        let names = release.files.iter().enumerate();
        self.different(names.map(|(n, file)| (format!("source.release.files[{n}].to"), &file.to)));
    }

    pub(super) fn components(&mut self) {
        let components = &self.recipe.components;
        self.must(!components.is_empty(), "components", || {
            "is empty; an app has at least one".to_owned()
        });
        for (n, component) in components.iter().enumerate() {
            self.component(component, &format!("components[{n}]"));
            for (m, expect) in component.expects.iter().enumerate() {
                let at = format!("components[{n}].expects[{m}]");
                self.path(&expect.path, &format!("{at}.path"));
                self.must(
                    (100..=599).contains(&expect.status),
                    &format!("{at}.status"),
                    || format!("is {}, but must be from 100 to 599", expect.status),
                );
                if let Some(body) = &expect.body {
                    self.body(body, &format!("{at}.body"));
                }
            }
        }
        let each = || components.iter().enumerate();
        self.different(each().map(|(n, it)| (format!("components[{n}].name"), &it.name)));
        self.different(each().map(|(n, it)| (format!("components[{n}].unit"), &it.unit)));
        self.different(each().map(|(n, it)| (format!("components[{n}].prefix"), &it.prefix)));
        self.different(each().flat_map(|(n, it)| {
            [
                (format!("components[{n}].port_blue"), it.port_blue),
                (format!("components[{n}].port_green"), it.port_green),
            ]
        }));
    }

    /// A name of what something is only for: only what may be missing can take something along.
    pub(super) fn only_with(&mut self, name: Option<&String>, at: &str) {
        let Some(name) = name else { return };
        let components = self.recipe.components.iter();
        let mut optional = components.filter(|component| component.optional.is_some());
        let there = optional.any(|component| component.name == *name);
        self.must(there, at, || {
            format!("is {name:?}, but there is no optional component of that name")
        });
    }

    fn component(&mut self, component: &Component, at: &str) {
        self.word(&component.name, &format!("{at}.name"));
        if let Some(optional) = &component.optional {
            let inside = optional
                .has
                .split('/')
                .all(|part| !["", ".", ".."].contains(&part));
            self.must(inside, &format!("{at}.optional.has"), || {
                format!(
                    "is {:?}, but must be a path inside the release",
                    optional.has
                )
            });
        }
        self.path(&component.prefix, &format!("{at}.prefix"));
        let unit = &component.unit;
        self.must(unit.ends_with(".service"), &format!("{at}.unit"), || {
            format!("is {unit:?}, but must end in .service")
        });
        for (key, port) in [
            ("port_blue", component.port_blue),
            ("port_green", component.port_green),
        ] {
            self.must(port >= LOWEST_PORT, &format!("{at}.{key}"), || {
                format!("is {port}, but must be from {LOWEST_PORT} to 65535")
            });
        }
        self.must(
            component.start_seconds > 0,
            &format!("{at}.start_seconds"),
            || "is 0, but must be at least 1".to_owned(),
        );
        self.must(
            !component.expects.is_empty(),
            &format!("{at}.expects"),
            || "is empty; a component that is never asked is never known to work".to_owned(),
        );
        for (dialect, width) in &component.width {
            let key = format!("{at}.width.{dialect}");
            let dialects = &self.recipe.database.dialects;
            self.must(dialects.contains_key(dialect), &key, || {
                "is for a dialect that `database.dialects` does not name".to_owned()
            });
            self.must(*width > 0, &key, || {
                "is 0, but must be at least 1".to_owned()
            });
        }
        for (n, stream) in component.streams.iter().enumerate() {
            self.path(&stream.path, &format!("{at}.streams[{n}].path"));
        }
    }

    pub(super) fn path(&mut self, path: &str, at: &str) {
        self.must(path.starts_with('/'), at, || {
            format!("is {path:?}, but must begin with a slash")
        });
    }

    fn body(&mut self, body: &Body, at: &str) {
        let said = [
            body.is.is_some(),
            body.contains.is_some(),
            body.json.is_some(),
        ];
        let count = said.into_iter().filter(|said| *said).count();
        self.must(count == 1, at, || {
            "must say exactly one of is, contains, json".to_owned()
        });
        if let Some(json) = &body.json {
            let right = json.pointer.starts_with('/');
            self.must(right, &format!("{at}.json.pointer"), || {
                format!(
                    "is {:?}, but must begin with a slash, as in /version",
                    json.pointer
                )
            });
        }
    }
}
