//! Looks at everything that can go wrong before it does: the host as preflight sees it, what Homeport keeps, its
//! instances, pieces nobody owns, plugins. Changes nothing.

mod kept;
#[cfg(test)]
mod tests;

use homeport_plugin_api::wire::Kind as Part;

use crate::error::{Error, Kind};
use crate::plugin::Registry;
use crate::recipe;
use crate::report::{Checkup, Finding, Severity};
use crate::target::{Orphan, Target};
use crate::verbs::claim::{self, Doubt};
use crate::verbs::install::DEFAULT_APP;
use crate::verbs::living::{self, Living};
use crate::verbs::{Context, parts, preflight};

use kept::{JOURNAL, REGISTRY, STAGING};

/// Words for what is looked at beside preflight's.
const OWN: [&str; 8] = [
    REGISTRY, JOURNAL, STAGING, COPIES, LOCKS, STATE, ORPHANS, PLUGINS,
];
const COPIES: &str = "copies";
const LOCKS: &str = "locks";
const STATE: &str = "state";
const ORPHANS: &str = "orphans";
const PLUGINS: &str = "plugins";

/// Looks.
pub fn doctor(cx: &mut Context<'_>) -> Result<Checkup, Error> {
    let recipe = recipe::load(&cx.program.templates(), DEFAULT_APP)?;
    let facts = preflight::gather(cx.target, &recipe.recipe, None)?;
    let mut findings = preflight::host(&facts);
    let fit = facts.host.root && facts.host.platform.is_some();
    if fit {
        let instances = living::among(facts.host.guests);
        findings.extend(kept::judge(&kept::gather()?, &instances));
        findings.extend(guests(&instances));
        findings.extend(told(cx.target, &instances));
        findings.extend(cx.target.orphans()?.into_iter().map(ownerless));
        findings.extend(plugins(parts::registry(cx.program)));
    }
    findings.sort_by_key(|finding| finding.severity);
    let looked_at = preflight::HOST.iter().chain(OWN.iter().filter(|_| fit));
    let well = looked_at.filter(|check| findings.iter().all(|finding| finding.check != **check));
    Ok(Checkup {
        node: facts.host.node,
        ready: findings
            .iter()
            .all(|finding| finding.severity != Severity::Blocks),
        well: if fit {
            well.copied().collect()
        } else {
            Vec::new()
        },
        findings,
        host_calls: cx.target.host_calls(),
    })
}

/// What can be seen of the guests from outside: nobody else is at work on them, and each is the instance it says it is.
fn guests(instances: &[Living]) -> Vec<Finding> {
    let locked = instances.iter().filter_map(|living| {
        let (id, lock) = (&living.guest.id, living.seen.lock.as_ref()?);
        let texts = [
            "no task of Proxmox holds an instance's container".to_owned(),
            format!(
                "container {id} of `{}` is locked (`{lock}`)",
                living.guest.instance
            ),
            format!("Wait for the task's end; if the task list shows none: `pct unlock {id}`"),
        ];
        Some(Finding::warns(LOCKS, Kind::Locked, texts))
    });
    let doubted = instances
        .iter()
        .filter_map(|living| Some(doubtful(living, living.doubt.as_ref()?)));
    locked.chain(doubted).collect()
}

fn doubtful(living: &Living, doubt: &Doubt) -> Finding {
    let texts = [
        format!(
            "guest {} is the instance `{}`",
            living.guest.id, living.guest.instance
        ),
        doubt.sentence(living),
        doubt.remedies(living).join(" "),
    ];
    Finding::blocks(COPIES, Kind::Machine, texts)
}

/// What the guests of this node that run say themselves. One call each.
fn told(target: &mut dyn Target, instances: &[Living]) -> Vec<Finding> {
    let asked = instances
        .iter()
        .filter(|living| living.seen.here && living.running() && living.seen.lock.is_none());
    let found = asked.filter_map(|living| match living.told(target) {
        Ok(told) => Some(doubtful(living, &claim::inside(living, &told)?)),
        Err(error) => Some(silent(living, &error)),
    });
    found.collect()
}

/// A guest with our tags that does not tell its state: it may have none.
fn silent(living: &Living, error: &Error) -> Finding {
    let id = &living.guest.id;
    let texts = [
        format!(
            "container {id} tells the state of `{}`",
            living.guest.instance
        ),
        error.why.lines().collect::<Vec<_>>().join(" "),
        format!("See what is wrong inside: `pct exec {id} -- homeport-agent status`"),
    ];
    Finding::blocks(STATE, Kind::Machine, texts)
}

fn ownerless(orphan: Orphan) -> Finding {
    let expected = "every piece of a guest belongs to a guest".to_owned();
    Finding::warns(
        ORPHANS,
        Kind::Machine,
        [expected, orphan.what, orphan.remedy],
    )
}

/// Every plugin can be used, and there is one of each kind that an instance needs.
fn plugins(registry: Result<Registry, Error>) -> Vec<Finding> {
    let registry = match registry {
        Ok(registry) => registry,
        Err(error) => {
            let expected = "the plugins this Homeport came with".to_owned();
            let remedy = error.remedies().join(" ");
            return vec![Finding::blocks(
                PLUGINS,
                error.kind,
                [expected, error.why, remedy],
            )];
        }
    };
    let broken = registry.list().into_iter().filter_map(|plugin| {
        let path = plugin.path.display().to_string();
        let texts = [
            "every plugin is trusted and can be used".to_owned(),
            format!("{path}: {}", plugin.problem?),
            format!("See more: `homeport plugin inspect {path}`"),
        ];
        Some(Finding::warns(PLUGINS, Kind::Plugin, texts))
    });
    let needed = [
        (Part::Database, "database"),
        (Part::Proxy, "proxy"),
        (Part::Health, "health"),
    ];
    let missing = needed
        .into_iter()
        .filter(|(part, _)| registry.names(*part).is_empty())
        .map(|(_, name)| {
            let texts = [
                format!("a {name} plugin that can be used"),
                "there is none".to_owned(),
                "See what is wrong: `homeport plugin list`".to_owned(),
            ];
            Finding::blocks(PLUGINS, Kind::Plugin, texts)
        });
    broken.chain(missing).collect()
}
