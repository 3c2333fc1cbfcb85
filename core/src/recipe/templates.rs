//! Looks through a recipe's texts and templates: values that no deployment has, and units that lack what keeps two
//! releases from working on one database. Pure.

use std::collections::BTreeMap;

use minijinja::Environment;

use super::read::Lines;
use super::{File, Recipe, environment};
use crate::places;
use crate::settings::{Finding, Origin, nearest};

/// Values every text may use; those that end in a dot have a name of somebody else's behind it.
const VALUES: &[&str] = &[
    "app",
    "title",
    "user",
    "version",
    "reported",
    "arch",
    "public_url",
    "domain",
    "timezone",
    "registration",
    "database.type",
    "database.values.",
    "data.base",
    "data.database",
    "data.files",
    "data.logs",
];

/// Values that a text for one slot may use beside.
const OF_A_SLOT: &[&str] = &["colour", "port", "ports."];

/// Everything that is wrong with texts and templates. `templates` are those that could be read, by name; `directory`
/// is what a template's name is shown behind.
pub(super) fn check(
    recipe: &Recipe,
    lines: &Lines,
    directory: &str,
    templates: &BTreeMap<String, String>,
) -> Vec<Finding> {
    let environment = environment();
    let mut findings = Vec::new();
    for (path, text, slot) in texts(recipe) {
        let known = values(recipe, slot);
        for (_, why) in unknown(&environment, text, &known) {
            findings.push(lines.finding(&path, why));
        }
    }
    for (path, text, known) in apart(recipe) {
        let known: Vec<String> = known.iter().map(|value| (*value).to_owned()).collect();
        for (_, why) in unknown(&environment, text, &known) {
            findings.push(lines.finding(&path, why));
        }
    }
    for (name, text) in templates {
        let mut uses = recipe.files.iter().filter(|file| file.template == *name);
        let slot = uses.clone().all(|file| file.slot.is_some());
        let known = values(recipe, slot && uses.next().is_some());
        for (line, why) in unknown(&environment, text, &known) {
            findings.push(beside(directory, name, line, why));
        }
    }
    findings.extend(units(recipe, lines, directory, templates));
    findings
}

fn beside(directory: &str, name: &str, line: usize, why: String) -> Finding {
    let name = match directory {
        "" => name.to_owned(),
        directory => format!("{directory}/{name}"),
    };
    Finding::new(Origin::File { name, line }, "", why)
}

/// The recipe's short texts with their paths, and whether they are for one slot.
fn texts(recipe: &Recipe) -> Vec<(String, &str, bool)> {
    let release = &recipe.source.release;
    let mut texts = vec![
        (
            "source.release.base_url".to_owned(),
            &*release.base_url,
            false,
        ),
        (
            "source.release.archive".to_owned(),
            &*release.archive,
            false,
        ),
    ];
    if let Some(signature) = &release.signature {
        texts.push((
            "source.release.signature.file".to_owned(),
            &*signature.file,
            false,
        ));
    }
    texts.push((
        "source.release.checksum".to_owned(),
        &*release.checksum,
        false,
    ));
    for (n, file) in release.files.iter().enumerate() {
        let path = format!("source.release.files[{n}].member");
        texts.push((path, &*file.member, false));
    }
    for (n, component) in recipe.components.iter().enumerate() {
        texts.push((format!("components[{n}].unit"), &*component.unit, true));
        for (m, expect) in component.expects.iter().enumerate() {
            let json = expect.body.iter().filter_map(|body| body.json.as_ref());
            let path = format!("components[{n}].expects[{m}].body.json.equals");
            texts.extend(json.map(|json| (path.clone(), &*json.equals, true)));
        }
    }
    texts
}

/// Texts with values of their own: path, text, the values.
fn apart(recipe: &Recipe) -> Vec<(String, &str, &'static [&'static str])> {
    const VERSION: &[&str] = &["version"];
    const PERSON: &[&str] = &["username", "email"];
    let reports = recipe.source.release.reports.as_str();
    let mut texts = vec![("source.release.reports".to_owned(), reports, VERSION)];
    if let Some(first) = &recipe.first_login {
        for (key, words) in [("create", &first.create), ("reset", &first.reset)] {
            let words = words.iter().enumerate();
            texts.extend(words.map(|(n, word)| {
                let path = format!("first_login.{key}[{n}]");
                (path, word.as_str(), PERSON)
            }));
        }
    }
    let Some(build) = &recipe.build else {
        return texts;
    };
    texts.push(("build.version".to_owned(), &build.version, &["described"]));
    for (name, text) in &build.environment {
        let path = format!("build.environment.{name}");
        texts.push((path, text, &["go_proxy", "npm_registry"]));
    }
    for (n, step) in build.steps.iter().enumerate() {
        let words = step.run.iter().enumerate();
        texts.extend(words.map(|(m, word)| {
            let path = format!("build.steps[{n}].run[{m}]");
            (path, word.as_str(), VERSION)
        }));
        let written = step.write.iter();
        texts.extend(written.map(|write| {
            let path = format!("build.steps[{n}].write.text");
            (path, write.text.as_str(), VERSION)
        }));
    }
    texts
}

/// The values a text of this recipe may use.
fn values(recipe: &Recipe, slot: bool) -> Vec<String> {
    let secrets = recipe
        .secrets
        .iter()
        .map(|secret| format!("secrets.{}", secret.name.replace('-', "_")));
    let settings = recipe.settings.iter();
    let settings = settings.map(|setting| format!("settings.{}", setting.name));
    let own = if slot { OF_A_SLOT } else { &[] };
    let fixed = VALUES.iter().chain(own).map(|value| (*value).to_owned());
    fixed.chain(secrets).chain(settings).collect()
}

/// Lines of a text and what is wrong there: with its form, or a value that nobody has.
fn unknown(environment: &Environment<'_>, text: &str, known: &[String]) -> Vec<(usize, String)> {
    let template = match environment.template_from_str(text) {
        Ok(template) => template,
        Err(error) => {
            let why = match error.detail() {
                Some(detail) => format!("{}: {detail}", error.kind()),
                None => error.kind().to_string(),
            };
            return vec![(error.line().unwrap_or(1), why)];
        }
    };
    let is_known = |used: &str| {
        known.iter().any(|known| match known.strip_suffix('.') {
            Some(section) => used == section || used.starts_with(known.as_str()),
            None => used == known || known.starts_with(&format!("{used}.")),
        })
    };
    let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
    used.sort();
    let strangers = used.iter().filter(|used| !is_known(used));
    let found = strangers.flat_map(|stranger| {
        let near = nearest(stranger, known.iter().map(String::as_str));
        let why = match near {
            Some(near) => {
                format!("`{stranger}` is not a value a recipe has – did you mean `{near}`?")
            }
            None => format!("`{stranger}` is not a value a recipe has"),
        };
        places_of(text, stranger)
            .into_iter()
            .map(move |line| (line, why.clone()))
    });
    found.collect()
}

/// Lines in which a value is used; the first line of the text if none is found.
fn places_of(text: &str, value: &str) -> Vec<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let uses = |line: &str| {
        line.match_indices(value).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let behind = line[at + value.len()..].chars().next();
            !before.is_some_and(part) && !behind.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    };
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| (line.contains("{{") || line.contains("{%")) && uses(line));
    let found: Vec<usize> = lines.map(|(n, _)| n + 1).collect();
    if found.is_empty() { vec![1] } else { found }
}

/// What keeps a slot's unit from working when it must not: lines it must have, and why.
fn guards() -> [(String, &'static str); 4] {
    [
        (
            "ConditionPathExists=|!/var/lib/homeport/fence".to_owned(),
            "while a cut-over is undecided, both slots could start",
        ),
        (
            "ConditionPathExists=|/run/homeport/permit-%i".to_owned(),
            "during a cut-over, no slot could start",
        ),
        (
            format!(
                "ExecCondition={} identity --check --slot %i",
                places::guest::AGENT
            ),
            "a clone would work on the original's data, or both slots on one database",
        ),
        (
            "WantedBy=multi-user.target".to_owned(),
            "it would not start at boot",
        ),
    ]
}

/// Every component's unit is written by the recipe and has what the guard needs.
fn units(
    recipe: &Recipe,
    lines: &Lines,
    directory: &str,
    templates: &BTreeMap<String, String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (n, component) in recipe.components.iter().enumerate() {
        let Some((base, _)) = component.unit.split_once('@') else {
            let why = "must be a template unit with the colour behind the @, as in `app@{{ colour }}.service`";
            findings.push(lines.finding(&format!("components[{n}].unit"), why));
            continue;
        };
        let to = format!("{}/{base}@.service", places::guest::UNITS);
        let writes = |file: &&File| file.to == to;
        let Some(file) = recipe.files.iter().find(writes) else {
            let why = format!("needs a file that is written to {to}");
            findings.push(lines.finding(&format!("components[{n}].unit"), why));
            continue;
        };
        if let Some(text) = templates.get(&file.template) {
            let lacking = unit(text).into_iter();
            findings
                .extend(lacking.map(|(line, why)| beside(directory, &file.template, line, why)));
        }
    }
    findings
}

/// What a unit's text lacks.
fn unit(text: &str) -> Vec<(usize, String)> {
    let lines = || text.lines().map(str::trim).enumerate();
    let line_of = |section: &str| {
        lines()
            .find(|(_, line)| *line == section)
            .map_or(1, |(n, _)| n + 1)
    };
    let mut found: Vec<(usize, String)> = guards()
        .into_iter()
        .filter(|(guard, _)| !lines().any(|(_, line)| line == guard))
        .map(|(guard, why)| {
            (
                line_of("[Unit]"),
                format!("the unit lacks `{guard}`; without it, {why}"),
            )
        })
        .collect();
    let after = lines().any(|(_, line)| {
        line.strip_prefix("After=").is_some_and(|units| {
            units
                .split(' ')
                .any(|unit| unit == "homeport-recover.service")
        })
    });
    if !after {
        let why = "the unit lacks `After=homeport-recover.service`; without it, the app could start before an open cut-over is resolved";
        found.push((line_of("[Unit]"), why.to_owned()));
    }
    let users: Vec<_> = lines()
        .filter_map(|(n, line)| Some((n + 1, line.strip_prefix("User=")?)))
        .collect();
    match users.as_slice() {
        [] => found.push((
            line_of("[Service]"),
            "the unit lacks `User={{ user }}`; without it, the app runs as root".to_owned(),
        )),
        users => found.extend(
            users
                .iter()
                .filter(|(_, user)| ["root", "0", ""].contains(user))
                .map(|(line, _)| {
                    (
                        *line,
                        "the unit runs the app as root; write `User={{ user }}`".to_owned(),
                    )
                }),
        ),
    }
    found
}
