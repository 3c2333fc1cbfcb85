//! Holds the sources against the *never* lines.

use crate::never::{NAMED, NAMES, RULES, Rule};
use crate::source::{Source, product};

impl Rule {
    fn breaches(&self, source: &Source) -> Vec<(usize, String)> {
        let begins = |beginnings: &[&str]| {
            beginnings
                .iter()
                .any(|begin| source.path.starts_with(begin))
        };
        if !begins(self.about) || begins(self.but) {
            return Vec::new();
        }
        let never = |path: &str| self.never.iter().any(|never| below(path, never));
        source
            .paths()
            .into_iter()
            .filter(|(_, path)| never(path))
            .collect()
    }

    fn excepts(&self, file: &str, path: &str) -> bool {
        self.except
            .iter()
            .any(|(here, what, _)| *here == file && below(path, what))
    }
}

fn below(path: &str, top: &str) -> bool {
    path.strip_prefix(top)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn named(source: &Source) -> Vec<(usize, &'static str)> {
    let name = |(line, word): (usize, String)| {
        let name = NAMES.iter().find(|name| word.contains(**name))?;
        Some((line, *name))
    };
    let core = source.path.starts_with("core/");
    source
        .words()
        .into_iter()
        .filter(|_| core)
        .filter_map(name)
        .collect()
}

#[test]
fn the_code_keeps_the_rules() {
    let mut broken = Vec::new();
    for source in product() {
        for rule in RULES {
            let breaches = rule.breaches(&source).into_iter();
            for (line, path) in breaches.filter(|(_, path)| !rule.excepts(&source.path, path)) {
                broken.push(format!(
                    "{}:{line}: `{path}`, but {}",
                    source.path, rule.says
                ));
            }
        }
        let allowed = |name: &str| {
            NAMED
                .iter()
                .any(|(file, what, _)| *file == source.path && *what == name)
        };
        for (line, name) in named(&source)
            .into_iter()
            .filter(|(_, name)| !allowed(name))
        {
            broken.push(format!("{}:{line}: core names `{name}`", source.path));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_rule_can_be_broken() {
    for rule in RULES {
        let (path, code) = rule.broken;
        assert!(
            !rule.breaches(&Source::new(path, code)).is_empty(),
            "{}",
            rule.says
        );
        assert!(
            rule.breaches(&Source::new(path, "use std::collections::BTreeMap;"))
                .is_empty(),
            "{}",
            rule.says
        );
        assert!(
            rule.breaches(&Source::new("elsewhere/x.rs", "use clap::Parser;"))
                .is_empty(),
            "{}",
            rule.says
        );
    }
    let word = "fn f() { run(\"/etc/Nginx/x\") } // sqlite";
    assert_eq!(named(&Source::new("core/src/x.rs", word)), [(1, "nginx")]);
    assert_eq!(named(&Source::new("plugins/x/src/lib.rs", word)), []);
}

/// An exception that nothing needs any more hides the next breach.
#[test]
fn every_exception_is_needed() {
    let sources = product();
    let of = |file: &str| {
        sources
            .iter()
            .find(|source| source.path == file)
            .unwrap_or_else(|| panic!("no {file}"))
    };
    for rule in RULES {
        for (file, what, why) in rule.except {
            let found = rule.breaches(of(file));
            assert!(
                found.iter().any(|(_, path)| below(path, what)),
                "{file} needs no `{what}` ({why})"
            );
        }
    }
    for (file, what, why) in NAMED {
        assert!(
            named(of(file)).iter().any(|(_, name)| name == what),
            "{file} does not name `{what}` ({why})"
        );
    }
}
