//! Second stage: what the app stands on – the way out, packages, users, places, secrets. Then the plugins look at it.

use homeport_engine::exec::Exec;
use homeport_engine::fingerprint::Fingerprint;
use homeport_engine::op::{Content, Op};
use homeport_engine::plan::Step;
use homeport_engine::require::{Condition, Observations};

use super::{Deploy, DeployError, gate, prove};
use crate::places;
use crate::plan::parts;
use crate::plan::{directory, file, put};
use crate::recipe;
use crate::state::Status;

/// Name of the observation that holds the guest's marks.
pub const FINGERPRINT: &str = "fingerprint";

/// Packages take long on a slow line; each try of the package manager itself retries five times.
const PACKAGES_S: u32 = 1800;

pub(super) fn steps(deploy: &Deploy<'_>) -> Vec<Step> {
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
    steps.extend(packages(deploy));
    steps.extend(places_of_the_app(deploy));
    steps.extend(deploy.provision().observe(&deploy.database.looks));
    steps.extend(deploy.proxy_for("site").observe(&deploy.proxy.looks));
    parts::in_candidate(steps).collect()
}

/// The guest's marks, as its agent told them.
pub fn fingerprint(seen: &Observations) -> Result<Fingerprint, DeployError> {
    let text = seen.get(FINGERPRINT).map_or("", |seen| &seen.stdout);
    serde_json::from_str(text).map_err(|error| DeployError::Fingerprint(error.to_string()))
}

/// What tells this guest from a copy that somebody makes of it later.
fn look() -> [Step; 2] {
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

/// What of the host's surroundings the guest needs to reach what the host reaches.
fn carried(deploy: &Deploy<'_>) -> Vec<Step> {
    let mut apt = "Acquire::Retries \"5\";\nDPkg::Lock::Timeout \"300\";\n".to_owned();
    let mut steps = Vec::new();
    if let Some(pem) = &deploy.carry.authorities {
        let path = "/usr/local/share/ca-certificates/homeport-host.crt";
        steps.push(Step::guest(
            "Carry in the host's certificate authorities",
            file(path, 0o644, pem.clone()),
        ));
        apt.push_str(&format!("Acquire::https::CAInfo \"{path}\";\n"));
    }
    if let Some(proxy) = &deploy.carry.http_proxy {
        apt.push_str(&format!(
            "Acquire::http::Proxy \"{proxy}\";\nAcquire::https::Proxy \"{proxy}\";\n"
        ));
    }
    if let Some(sources) = &deploy.carry.package_sources {
        let path = "/etc/apt/sources.list";
        steps.push(Step::guest(
            "Use the host's package sources",
            file(path, 0o644, sources.clone()),
        ));
    }
    steps.push(Step::guest(
        "Set up the package manager",
        file("/etc/apt/apt.conf.d/90homeport", 0o644, apt),
    ));
    steps
}

fn packages(deploy: &Deploy<'_>) -> Vec<Step> {
    let recipe = &deploy.recipe.recipe;
    let mut wanted = recipe.packages.clone();
    wanted.extend(deploy.database.packages.iter().cloned());
    wanted.extend(deploy.proxy.packages.iter().cloned());
    wanted.sort();
    wanted.dedup();
    let quiet = |exec: Exec| exec.env("DEBIAN_FRONTEND", "noninteractive");
    let update = quiet(Exec::root(["apt-get", "update", "-q"], PACKAGES_S));
    let mut install = quiet(Exec::root(
        ["apt-get", "install", "-q", "-y", "--no-install-recommends"],
        PACKAGES_S,
    ));
    install.argv.extend(wanted.iter().cloned());
    let mut steps = vec![
        Step::guest("Read the list of packages", Op::Exec(update)),
        Step::guest(format!("Install {}", wanted.join(", ")), Op::Exec(install)),
    ];
    if deploy.carry.authorities.is_some() {
        let trust = Exec::root(["update-ca-certificates"], 120);
        steps.push(Step::guest(
            "Trust the host's certificate authorities",
            Op::Exec(trust),
        ));
    }
    steps
}

/// User and directories. `useradd` twice would fail; the shell word before it makes twice once.
fn places_of_the_app(deploy: &Deploy<'_>) -> Vec<Step> {
    let recipe = &deploy.recipe.recipe;
    let (app, user) = (&recipe.app, &recipe.user);
    let home = format!("/var/lib/{app}");
    let account = |user: &str, home: &str| {
        let script = "id -u \"$1\" >/dev/null 2>&1 || exec useradd --system --user-group --home-dir \"$2\" \
                      --no-create-home --shell /usr/sbin/nologin \"$1\"";
        Op::Exec(Exec::root(["sh", "-c", script, "sh", user, home], 30))
    };
    let mut steps = vec![
        Step::guest(format!("Make the user {user}"), account(user, &home)),
        Step::guest(
            format!("Make the user {}", gate::USER),
            account(gate::USER, "/nonexistent"),
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
    for secret in &recipe.secrets {
        let path = places::guest::secret(app, &secret.name);
        let content = Content::Random {
            length: secret.length,
        };
        steps.push(Step::guest(
            format!("Make the secret {}", secret.name),
            put(path, 0o400, &format!("{user}:{user}"), content),
        ));
    }
    steps
}
