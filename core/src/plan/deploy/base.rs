//! Second stage: what the app stands on – the way out, packages, users, places, secrets. Then the plugins look at it.

use homeport_engine::exec::Exec;
use homeport_engine::fingerprint::Fingerprint;
use homeport_engine::op::{Content, Op};
use homeport_engine::plan::Step;
use homeport_engine::require::{Condition, Observations};

use super::{Deploy, DeployError, gate, optional, prove, release};
use crate::places;
use crate::plan::parts;
use crate::plan::{absent, account, directory, file, put};
use crate::recipe::{self, Recipe, Secret};
use crate::state::Status;

/// Name of the observation that holds the guest's marks.
pub const FINGERPRINT: &str = "fingerprint";

/// Packages take long on a slow line.
const PACKAGES_S: u32 = 1800;

/// So long the network is waited for, seconds: longer than a router takes to restart.
const NETWORK_S: u32 = 300;

pub(super) fn steps(deploy: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    let mut steps = vec![Step::guest(
        "Write down that a deployment is under way",
        file(
            places::guest::STATE,
            0o644,
            prove::state(deploy, Status::Deploying, None).to_json(),
        ),
    )];
    steps.extend(look());
    steps.extend(carried(deploy));
    steps.extend(packages(deploy)?);
    steps.extend(release::unpacked(deploy)?);
    steps.extend(places_of_the_app(deploy));
    steps.extend(deploy.provision().observe(&deploy.database.looks));
    steps.extend(deploy.proxy_for("site").observe(&deploy.proxy.looks));
    if deploy.build.is_none() {
        steps.extend(optional::looks(&deploy.recipe.recipe, &deploy.release()));
    }
    Ok(parts::in_candidate(steps).collect())
}

/// The guest's marks, as its agent told them.
pub fn fingerprint(seen: &Observations) -> Result<Fingerprint, DeployError> {
    let text = seen.get(FINGERPRINT).map_or("", |seen| &seen.stdout);
    serde_json::from_str(text).map_err(|error| DeployError::Fingerprint(error.to_string()))
}

/// What tells this guest from a copy that somebody makes of it later.
pub(crate) fn look() -> [Step; 2] {
    let name = FINGERPRINT.to_owned();
    let exec = Exec::root([places::guest::AGENT, "identity"], 10).keep(1 << 10);
    let seen = Op::Require {
        that: Condition::Succeeded { name: name.clone() },
        otherwise: "the guest's MAC address or machine-id cannot be read".to_owned(),
        remedy: Vec::new(),
    };
    [
        Step::guest("Read the guest's marks", Op::Observe { name, exec }),
        Step::guest("See that they were read", seen),
    ]
}

/// What the package manager stands before a slow or broken line with; longer waits are the steps' own, which are told.
const APT: &str = "Acquire::Retries \"3\";\nDPkg::Lock::Timeout \"300\";\n";

/// Has the certificates in `$1` trusted. Without Debian's package the bundle is theirs alone, until the package comes and
/// makes it anew of its own and these.
const TRUST: &str = r#"if command -v update-ca-certificates >/dev/null; then exec update-ca-certificates; fi
mkdir -p /etc/ssl/certs
cp "$1" /etc/ssl/certs/ca-certificates.crt"#;

/// What of the host's surroundings the guest needs to reach what the host reaches.
fn carried(deploy: &Deploy<'_>) -> Vec<Step> {
    let mut steps = vec![Step::guest(
        "Set up the package manager",
        file("/etc/apt/apt.conf.d/90homeport", 0o644, APT),
    )];
    if let Some(pem) = &deploy.carry.authorities {
        let path = "/usr/local/share/ca-certificates/homeport-host.crt";
        let trust = Exec::root(["sh", "-ec", TRUST, "sh", path], 120);
        steps.extend([
            Step::guest(
                "Carry in the host's certificate authorities",
                file(path, 0o644, pem.clone()),
            ),
            Step::guest("Trust the host's certificate authorities", Op::Exec(trust)),
        ]);
    }
    if let Some(sources) = &deploy.carry.package_sources {
        // Newer templates name the public mirrors here instead.
        let newer = "/etc/apt/sources.list.d/debian.sources";
        steps.extend([
            Step::guest(
                "Use the host's package sources",
                file("/etc/apt/sources.list", 0o644, sources.clone()),
            ),
            Step::guest("Use no others of Debian's", absent(newer)),
        ]);
    }
    steps
}

/// Secrets of the app's own settings arrived for root alone; now its user is there to read them.
fn given_secrets(deploy: &Deploy<'_>) -> Vec<Step> {
    let recipe = &deploy.recipe.recipe;
    let given = recipe.settings.iter().filter(|setting| {
        setting.is_secret() && deploy.settings.settings.contains_key(&setting.name)
    });
    let own = given.map(|setting| {
        let path = places::guest::secret(&recipe.app, &setting.secret());
        let owner = format!("{0}:{0}", recipe.user);
        let content = Content::CopyOf(path.clone());
        let title = format!("Let {} read {}", recipe.user, setting.name);
        Step::guest(title, put(path, 0o400, &owner, content))
    });
    own.collect()
}

fn packages(deploy: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    let recipe = &deploy.recipe.recipe;
    let mut wanted = recipe.packages.clone();
    wanted.extend(deploy.database.packages.iter().cloned());
    wanted.extend(deploy.proxy.packages.iter().cloned());
    wanted.extend(
        deploy
            .build
            .iter()
            .flat_map(|build| build.how.packages.clone()),
    );
    wanted.extend(release::packages(deploy)?);
    if deploy.carry.authorities.is_some() {
        wanted.push("ca-certificates".to_owned());
    }
    // Without the option a list that could not be read is a warning, and what it names does not exist.
    let update = apt(&["-o", "APT::Update::Error-Mode=any", "update"]).over_network(NETWORK_S);
    let read = Step::guest("Read the list of packages", Op::Exec(update));
    Ok([read].into_iter().chain(installed(wanted)).collect())
}

fn apt(words: &[&str]) -> Exec {
    let exec = Exec::root(["apt-get", "-q", "-y"], PACKAGES_S);
    let mut exec = exec.env("DEBIAN_FRONTEND", "noninteractive");
    exec.argv
        .extend(words.iter().map(|word| (*word).to_owned()));
    exec
}

/// These packages are installed; the list has been read.
pub(super) fn installed(mut wanted: Vec<String>) -> [Step; 2] {
    wanted.sort();
    wanted.dedup();
    let install = |how: &str| {
        let mut exec = apt(&["--no-install-recommends", how, "install"]);
        exec.argv.extend(wanted.iter().cloned());
        exec
    };
    let fetch = install("--download-only").over_network(NETWORK_S);
    let list = wanted.join(", ");
    [
        Step::guest(format!("Download {list}"), Op::Exec(fetch)),
        Step::guest(
            format!("Install {list}"),
            Op::Exec(install("--no-download")),
        ),
    ]
}

/// User and directories.
fn places_of_the_app(deploy: &Deploy<'_>) -> Vec<Step> {
    let recipe = &deploy.recipe.recipe;
    let (app, user) = (&recipe.app, &recipe.user);
    let home = places::guest::data(app);
    let mut steps = vec![
        Step::guest(
            format!("Make the user {user}"),
            Op::Exec(account(user, &home)),
        ),
        Step::guest(
            format!("Make the user {}", gate::USER),
            Op::Exec(account(gate::USER, "/nonexistent")),
        ),
        Step::guest(
            format!("Make /etc/{app}"),
            directory(format!("/etc/{app}"), 0o755, "root:root"),
        ),
        Step::guest(
            "Make the place for secrets",
            directory(
                format!("/etc/{app}/secrets"),
                0o750,
                &format!("root:{user}"),
            ),
        ),
    ];
    for made in &recipe.directories {
        let owner = format!("{user}:{user}");
        let mode = recipe::mode(&made.mode).unwrap_or(0o750);
        steps.push(Step::guest(
            format!("Make {}", made.path),
            directory(made.path.clone(), mode, &owner),
        ));
    }
    let always = recipe.secrets.iter();
    let always = always.filter(|secret| secret.only_with.is_none());
    steps.extend(always.map(|made| secret(recipe, made)));
    steps.extend(given_secrets(deploy));
    steps
}

/// A secret that the guest makes, for the app alone.
pub(super) fn secret(recipe: &Recipe, made: &Secret) -> Step {
    let path = places::guest::secret(&recipe.app, &made.name);
    let content = Content::Random {
        length: made.length,
    };
    let owner = format!("{user}:{user}", user = recipe.user);
    let title = format!("Make the secret {}", made.name);
    Step::guest(title, put(path, 0o400, &owner, content))
}
