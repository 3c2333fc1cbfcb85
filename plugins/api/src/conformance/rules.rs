//! The rules an answer must keep. Each returns what is broken, as clauses.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::wire::{
    Facts, Kind, Manifest, Refused, Reply, WIRE,
    conversation::Command,
    database::Attachment,
    health::{Probe, Report},
    proxy::Placed,
    refusal::RefusalKind,
    schema::Schema,
    step::{Content, Directory, File, Require, Run, Stdout, Step},
};

/// Programs that would read an argument as a program.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "ksh", "env", "eval", "busybox"];

pub(super) fn of_manifest(manifest: &Manifest) -> Vec<String> {
    let name_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = !manifest.name.is_empty() && manifest.name.chars().all(name_char);
    let number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let release = manifest
        .version
        .split(['-', '+'])
        .next()
        .unwrap_or_default();
    let version = release.split('.').count() == 3 && release.split('.').all(number);
    let mut broken = failed([
        (
            manifest.wire == WIRE,
            format!("the manifest's wire is {}, not {WIRE}", manifest.wire),
        ),
        (
            name,
            format!(
                "the name {:?} is not lower-case letters, digits and hyphens",
                manifest.name
            ),
        ),
        (
            version,
            format!("the version {:?} is not like 1.2.3", manifest.version),
        ),
        (
            !manifest.summary.is_empty(),
            "there is no summary".to_owned(),
        ),
    ]);
    broken.extend(of_schema(&manifest.settings));
    broken
}

fn of_schema(schema: &Schema) -> Vec<String> {
    let names: BTreeSet<&str> = schema.names().collect();
    let name_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut broken = failed([(
        names.len() == schema.fields.len(),
        "two settings have one name".to_owned(),
    )]);
    for field in &schema.fields {
        let problems = schema.problems(
            &field
                .default
                .iter()
                .map(|d| (field.name.clone(), d.clone()))
                .collect(),
        );
        let default = field.default.is_none() || !problems.iter().any(|p| p.field == field.name);
        broken.extend(failed([
            (
                !field.name.is_empty() && field.name.chars().all(name_char),
                format!("the setting's name {:?} is not one", field.name),
            ),
            (
                !(field.required && field.default.is_some()),
                format!("`{}` is required and has a default", field.name),
            ),
            (
                default,
                format!("the default of `{}` is not valid", field.name),
            ),
            (
                !field.help.is_empty(),
                format!("`{}` has no help", field.name),
            ),
        ]));
    }
    broken
}

/// A refusal that is not in the agreed form, or does not say why.
pub(super) fn of_refusal(text: &str) -> Option<String> {
    match serde_json::from_str::<Refused>(text) {
        Err(e) => Some(format!("its refusal is not one ({e}): {text}")),
        Ok(refused) if refused.wire != WIRE => {
            Some(format!("its refusal has wire {}", refused.wire))
        }
        Ok(refused) if refused.refusal.kind == RefusalKind::Panicked => {
            Some(format!("it panicked: {}", refused.refusal.because))
        }
        Ok(refused) => refused
            .refusal
            .because
            .is_empty()
            .then(|| "its refusal has no reason".to_owned()),
    }
}

/// What the suite asks is sensible, so only two things excuse a no: "I cannot" where that is allowed, and a fact that
/// only a real machine has.
pub(super) fn of_refused_question(
    kind: Kind,
    method: &str,
    purpose: &str,
    text: &str,
) -> Vec<String> {
    if let Some(why) = of_refusal(text) {
        return vec![why];
    }
    let Ok(Refused { refusal, .. }) = serde_json::from_str::<Refused>(text) else {
        return Vec::new();
    };
    let required = match kind {
        Kind::Database => ["check", "dump", "load", "count"].contains(&purpose),
        Kind::Proxy => ["site", "remove"].contains(&purpose) || method == "places",
        Kind::Health => true,
    };
    match refusal.kind {
        RefusalKind::Cannot if required => vec![format!("it cannot, but must: {refusal}")],
        RefusalKind::Cannot if refusal.consequence.is_empty() => {
            vec!["it cannot, but not what follows".to_owned()]
        }
        RefusalKind::Invalid if method == "plan" && !refusal.remedy.is_empty() => Vec::new(),
        RefusalKind::Unreadable if method == "read" => Vec::new(),
        RefusalKind::Cannot => Vec::new(),
        _ => vec![format!("a sensible question is refused: {refusal}")],
    }
}

pub(super) fn of_reply(method: &str, params: &Value, reply: &str) -> Vec<String> {
    match method {
        "packages" => {
            answer(reply).map_or_else(|e| vec![e], |names: Vec<String>| of_packages(&names))
        }
        "observe" => answer(reply).map_or_else(
            |e| vec![e],
            |commands: Vec<Command>| of_commands(&commands, params),
        ),
        "plan" => {
            answer(reply).map_or_else(|e| vec![e], |steps: Vec<Step>| of_steps(&steps, params))
        }
        "read" => answer::<Facts>(reply).err().into_iter().collect(),
        "app_settings" => answer::<Attachment>(reply).err().into_iter().collect(),
        "places" => answer::<Placed>(reply).err().into_iter().collect(),
        "probes" => answer(reply).map_or_else(|e| vec![e], |probes: Vec<Probe>| of_probes(&probes)),
        "report" => answer(reply).map_or_else(|e| vec![e], |report: Report| of_report(&report)),
        _ => Vec::new(),
    }
}

fn answer<A: DeserializeOwned>(reply: &str) -> Result<A, String> {
    let read: Reply<A> =
        serde_json::from_str(reply).map_err(|e| format!("its reply is not one ({e}): {reply}"))?;
    if read.wire == WIRE {
        Ok(read.answer)
    } else {
        Err(format!("its reply has wire {}", read.wire))
    }
}

fn of_packages(names: &[String]) -> Vec<String> {
    let right = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let wrong = names
        .iter()
        .filter(|name| name.is_empty() || !name.chars().all(right));
    wrong
        .map(|name| format!("{name:?} is no package name"))
        .collect()
}

fn of_commands(commands: &[Command], params: &Value) -> Vec<String> {
    let of_one = |command: &Command| {
        let mut broken = of_program(
            &command.argv,
            &command.user,
            command.timeout_seconds,
            params,
        );
        broken.extend(failed([
            (command.limit > 0, "its output has no limit".to_owned()),
            (!command.name.is_empty(), "it has no name".to_owned()),
        ]));
        broken
            .into_iter()
            .map(|why| format!("command `{}`: {why}", command.name))
            .collect::<Vec<_>>()
    };
    let names: BTreeSet<&str> = commands
        .iter()
        .map(|command| command.name.as_str())
        .collect();
    let unique = failed([(
        names.len() == commands.len(),
        "two commands have one name".to_owned(),
    )]);
    commands.iter().flat_map(of_one).chain(unique).collect()
}

fn of_steps(steps: &[Step], params: &Value) -> Vec<String> {
    let mut kept = BTreeSet::new();
    let mut broken = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let wrong = match step {
            Step::File(file) => of_file(file),
            Step::Directory(directory) => of_directory(directory),
            Step::Run(run) => of_run(run, params, &mut kept),
            Step::Service(service) => failed([(
                service.unit.contains('.'),
                format!("the unit {:?} has no suffix", service.unit),
            )]),
            Step::Require(require) => of_require(require, &kept),
        };
        broken.extend(wrong.into_iter().map(|why| format!("step {index}: {why}")));
    }
    broken
}

fn of_file(file: &File) -> Vec<String> {
    let private = !matches!(file.content, Content::Secret(_)) || file.mode.ends_with('0');
    let mut broken = of_place(&file.path, &file.mode);
    broken.extend(failed([(
        private,
        format!("everyone can read the secret in {}", file.path),
    )]));
    broken
}

fn of_directory(directory: &Directory) -> Vec<String> {
    of_place(&directory.path, &directory.mode)
}

fn of_place(path: &str, mode: &str) -> Vec<String> {
    let octal = mode.len() == 4 && mode.chars().all(|c| ('0'..='7').contains(&c));
    let writable = mode.ends_with(['2', '3', '6', '7']);
    failed([
        (
            path.starts_with('/') && !path.contains(".."),
            format!("{path:?} is not an absolute path"),
        ),
        (octal, format!("{mode:?} is not a mode like 0644")),
        (!writable, format!("everyone can write to {path}")),
    ])
}

fn of_run(run: &Run, params: &Value, kept: &mut BTreeSet<String>) -> Vec<String> {
    let issued = handles(params);
    let used = run.reads.iter().chain(&run.creates).chain(&run.destroys);
    let foreign = used.filter(|name| !issued.contains(name.as_str()));
    let mut broken = of_program(&run.argv, &run.user, run.timeout_seconds, params);
    broken.extend(foreign.map(|name| format!("nobody issued the handle `{name}`")));
    broken.extend(failed([
        (
            !run.title.is_empty() && !run.title.ends_with('.'),
            format!("the title {:?} is not one", run.title),
        ),
        (
            !run.destroys.iter().any(|name| name == "live"),
            "it destroys what is in service".to_owned(),
        ),
    ]));
    if let Stdout::Keep { name, limit } = &run.stdout {
        kept.insert(name.clone());
        let only_looks = run.creates.is_empty() && run.destroys.is_empty();
        broken.extend(failed([
            (*limit > 0, format!("what is kept as `{name}` has no limit")),
            (
                only_looks,
                format!("it keeps `{name}` and changes something; make it two steps"),
            ),
        ]));
    }
    broken
}

/// The handles in a purpose, by name.
fn handles(params: &Value) -> BTreeSet<&str> {
    let fields = params["purpose"]
        .as_object()
        .into_iter()
        .flat_map(|purpose| purpose.values());
    fields.filter_map(|field| field["name"].as_str()).collect()
}

/// Databases are the app's user's affair; only a proxy has to be root.
fn of_program(argv: &[String], user: &str, timeout: u32, params: &Value) -> Vec<String> {
    let program = argv
        .first()
        .map(|first| first.rsplit('/').next().unwrap_or(first))
        .unwrap_or_default();
    let proxy = params["purpose"].get("site").is_some();
    let own = params["context"]["user"] == user || (proxy && user == "root");
    failed([
        (!program.is_empty(), "there is no program".to_owned()),
        (
            !SHELLS.contains(&program),
            format!("`{program}` reads its arguments as a program"),
        ),
        (own, format!("it runs as `{user}`")),
        (
            (1..=3600).contains(&timeout),
            format!("{timeout} seconds is no sensible time limit"),
        ),
        (
            !argv.iter().any(|word| word.contains('\0')),
            "an argument contains a zero byte".to_owned(),
        ),
    ])
}

fn of_require(require: &Require, kept: &BTreeSet<String>) -> Vec<String> {
    failed([
        (
            kept.contains(&require.name),
            format!("nothing before it was kept as `{}`", require.name),
        ),
        (
            !require.otherwise.message.is_empty(),
            "it does not say what is wrong".to_owned(),
        ),
        (
            !require.otherwise.remedy.is_empty(),
            "it does not say what to do".to_owned(),
        ),
    ])
}

fn of_probes(probes: &[Probe]) -> Vec<String> {
    let names: BTreeSet<&str> = probes.iter().map(|probe| probe.name.as_str()).collect();
    failed([
        (!probes.is_empty(), "nothing is probed".to_owned()),
        (
            names.len() == probes.len(),
            "two probes have one name".to_owned(),
        ),
        (
            probes.iter().all(|probe| probe.deadline_seconds > 0),
            "a probe has no deadline".to_owned(),
        ),
    ])
}

/// A person who is told that something is wrong is told what to do.
fn of_report(report: &Report) -> Vec<String> {
    let findings = report.errors.iter().chain(&report.warnings);
    let helpless =
        findings.filter(|finding| finding.message.is_empty() || finding.remedy.is_empty());
    helpless
        .map(|finding| format!("{finding:?} does not say what is wrong, or what to do"))
        .collect()
}

/// The words of every rule that does not hold.
fn failed<const N: usize>(rules: [(bool, String); N]) -> Vec<String> {
    rules
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, words)| words)
        .collect()
}
