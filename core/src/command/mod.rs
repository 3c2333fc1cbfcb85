//! From what was typed to what is answered: gives every verb what it works with and shows what it brings.

mod config;
mod history;
mod install;
mod interview;
mod logs;
mod look;
mod publish;
mod recipe;
mod session;
mod update;

use std::io;
use std::process::ExitCode;

use homeport_engine::plan::Plan;
use serde::Serialize;

use crate::cli::args::{Adopt, Change, Cli, Common, Plugin, Uninstall, Verb};
use crate::cli::style::Style;
use crate::cli::{json, output, schema, show};
use crate::error::{Error, Kind};
use crate::program::Program;
use crate::report::{Finding, Severity};
use crate::target::proxmox::Proxmox;
use crate::verbs::power::{self, To};
use crate::verbs::{Context, adopt, doctor, list, parts, uninstall, upgrade};

use session::Session;

/// Runs the command line.
pub fn run(cli: &Cli) -> ExitCode {
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => output::fail(&error, cli.common.json),
    }
}

fn dispatch(cli: &Cli) -> Result<ExitCode, Error> {
    let common = cli.common;
    match &cli.verb {
        Verb::Install(given) => install::install(common, given),
        Verb::Status(given) => look::status(common, given),
        Verb::List => {
            let found = schema::Instances {
                instances: list::list(&mut Proxmox::new(Default::default()))?,
            };
            answer(common, &found, || show::list(&found.instances))
        }
        Verb::Logs(given) => logs::logs(common, given),
        Verb::Start(change) => powered(common, change, To::Started),
        Verb::Stop(change) => powered(common, change, To::Stopped),
        Verb::Restart(change) => powered(common, change, To::Restarted),
        Verb::Upgrade(change) => brought(common, change, upgrade::VERB, &upgrade::upgrade),
        Verb::Uninstall(given) => uninstalled(common, given),
        Verb::Update(given) => update::updated(common, given),
        Verb::Apply { file } => update::applied(common, file),
        Verb::Rollback(given) => update::rolled_back(common, given),
        Verb::Adopt(given) => adopted(common, given),
        Verb::History(given) => history::past(common, given),
        Verb::Doctor => examined(common),
        Verb::Config(given) => config::config(common, given),
        Verb::Plugin(plugin) => plugins(common, plugin),
        Verb::Recipe(verb) => recipe::recipe(common, verb),
        Verb::Bundle(bundle) => publish::bundle(common, bundle),
        Verb::Completions { shell } => publish::completions(&shell.to_string()),
    }
}

/// Prints a result: for programs, or for people.
fn answer(
    common: Common,
    result: &impl Serialize,
    prose: impl FnOnce() -> String,
) -> Result<ExitCode, Error> {
    let text = if common.json {
        json::result(result)
    } else {
        prose()
    };
    output::result(&text);
    Ok(ExitCode::SUCCESS)
}

fn style() -> Style {
    Style::of(&io::stdout())
}

fn plans(common: Common, plans: &[Plan]) -> Result<ExitCode, Error> {
    planned(common, plans, &[])
}

fn planned(common: Common, plans: &[Plan], findings: &[Finding]) -> Result<ExitCode, Error> {
    let text = if common.json {
        json::plans(plans, findings)
    } else {
        let shown = show::plans(plans, common.verbose, style());
        format!("{shown}\n{}", show::findings(findings, style()))
    };
    output::result(&text);
    Ok(blocked(findings))
}

/// Exit code of what was found: that of the first thing that is in the way.
fn blocked(findings: &[Finding]) -> ExitCode {
    let mut blocking = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Blocks);
    blocking.next().map_or(ExitCode::SUCCESS, |finding| {
        ExitCode::from(finding.kind.code())
    })
}

fn examined(common: Common) -> Result<ExitCode, Error> {
    let mut session = Session::new(common, "doctor", true)?;
    let found = session.run("stops looking", doctor::doctor)?;
    answer(common, &found, || show::checkup(&found, style()))?;
    Ok(blocked(&found.findings))
}

fn powered(common: Common, change: &Change, to: To) -> Result<ExitCode, Error> {
    brought(common, change, power::verb(to), &|cx, name, dry_run| {
        power::power(cx, name, to, dry_run)
    })
}

/// A verb that brings an instance, whose name may be left out, into a state – or, with the last argument, shows how.
type Bring<'a> = &'a dyn Fn(&mut Context<'_>, Option<&str>, bool) -> Result<power::Powered, Error>;

fn brought(
    common: Common,
    change: &Change,
    verb: &'static str,
    bring: Bring<'_>,
) -> Result<ExitCode, Error> {
    let instance = change.one.instance.as_deref();
    let mut session = Session::new(common, verb, change.dry_run)?;
    let ended = session.run("takes back what was done", |cx| {
        bring(cx, instance, change.dry_run)
    })?;
    let result = |instance, done| schema::Powered {
        instance,
        verb: verb.to_owned(),
        done,
    };
    match ended {
        power::Powered::Planned(found) => plans(common, &found),
        power::Powered::Already(name) => {
            let prose = format!("`{name}`: nothing to {verb}, it is so already.");
            answer(common, &result(name, false), || prose)
        }
        power::Powered::Done(name) => {
            let prose = format!("`{name}`: {verb} done.");
            answer(common, &result(name, true), || prose)
        }
    }
}

fn uninstalled(common: Common, given: &Uninstall) -> Result<ExitCode, Error> {
    let name = given.change.one.instance.as_deref();
    let dry_run = given.change.dry_run;
    let request = uninstall::Request {
        name,
        keep_data: given.keep_data,
        dry_run,
    };
    let mut session = Session::new(common, "uninstall", dry_run)?;
    let ended = session.run("takes back what was done", |cx| {
        uninstall::uninstall(cx, &request)
    })?;
    match ended {
        uninstall::Uninstalled::Planned(found) => plans(common, &found),
        uninstall::Uninstalled::Done(done) => answer(common, &done, || {
            let kept = done
                .archive
                .as_ref()
                .map(|archive| format!("\nIts data is in {archive} (verified)."));
            format!(
                "`{}` is gone, container {} with it.{}",
                done.instance,
                done.guest,
                kept.unwrap_or_default()
            )
        }),
    }
}

fn adopted(common: Common, given: &Adopt) -> Result<ExitCode, Error> {
    let request = adopt::Request {
        guest: &given.guest,
        copy: given.as_copy.as_deref(),
        dry_run: given.dry_run,
    };
    let mut session = Session::new(common, adopt::VERB, given.dry_run)?;
    let ended = session.run("takes back what was done", |cx| adopt::adopt(cx, &request))?;
    match ended {
        adopt::Adopted::Planned(found) => plans(common, &found),
        adopt::Adopted::Done(done) => answer(common, &done, || show::adopted(&done)),
    }
}

fn plugins(common: Common, plugin: &Plugin) -> Result<ExitCode, Error> {
    let registry = parts::registry(&Program::find()?)?;
    match plugin {
        Plugin::List => {
            let found = schema::Plugins {
                plugins: registry.list(),
            };
            answer(common, &found, || show::plugins(&found.plugins, style()))
        }
        Plugin::Inspect { plugin } => {
            let found = registry.inspect(plugin);
            if found.is_empty() {
                let why = format!("no plugin is called `{plugin}`");
                return Err(Error::new(Kind::NotFound, "There is no such plugin.", why)
                    .with_remedy("homeport plugin list"));
            }
            answer(common, &found, || show::inspected(&found, style()))
        }
    }
}
