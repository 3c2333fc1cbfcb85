//! First stage: what is needed lies on the host, the guest exists and runs.

use homeport_engine::op::{GuestSpec, HostSecret, Op, Origin, Power, PushFile};
use homeport_engine::plan::Step;

use super::{Deploy, DeployError, first_login, keep, release};
use crate::places;

pub(super) fn steps(deploy: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    let guest = deploy.spec.identity.clone();
    let mut steps = keep::steps(deploy);
    steps.extend(release::fetched(deploy)?);
    if let Some(template) = &deploy.template {
        let title = format!("Have {} ready", deploy.spec.template);
        steps.push(Step::host(title, template.clone()));
    }
    steps.push(
        Step::host(
            format!("Create container {} ({})", guest.id, size(&deploy.spec)),
            Op::EnsureGuest(deploy.spec.clone()),
        )
        .undone_by(Op::RemoveGuest(guest.clone())),
    );
    let start = Op::Power {
        guest: guest.clone(),
        to: Power::Running,
    };
    steps.push(Step::host(format!("Start container {}", guest.id), start).in_candidate());
    let files = files(deploy)?;
    let title = match (deploy.build.is_some(), deploy.carry.proxy) {
        (false, false) => "Copy the agent and the release into it",
        (false, true) => "Copy the agent, the release and the host's proxy settings into it",
        (true, false) => "Copy the agent into it",
        (true, true) => "Copy the agent and the host's proxy settings into it",
    };
    steps.push(Step::host(title, Op::Push { guest, files }).in_candidate());
    Ok(steps)
}

/// What a container gets, in words: cores, memory, disk.
pub(crate) fn size(spec: &GuestSpec) -> String {
    let cores = match spec.cores {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    };
    format!("{cores}, {} MiB, {} GiB", spec.memory_mb, spec.disk_gb)
}

/// The proxy's address may hold a password: a file of its own, which only root reads.
const APT_PROXY: &str = "/etc/apt/apt.conf.d/91homeport-proxy";

fn files(deploy: &Deploy<'_>) -> Result<Vec<PushFile>, DeployError> {
    let agent = PushFile {
        from: Origin::File(format!("{}/bin/homeport-agent", deploy.program.directory)),
        to: places::guest::AGENT.to_owned(),
        mode: 0o755,
        sha256: None,
    };
    let mut files = vec![agent];
    files.extend(release::pushed(deploy)?);
    for (name, path) in secrets(deploy) {
        let to = places::guest::secret(deploy.app_name(), &name);
        files.push(PushFile {
            from: Origin::File(path),
            to,
            mode: 0o600,
            sha256: None,
        });
    }
    files.extend(first_login::pushed(deploy));
    if deploy.carry.proxy {
        let secret = HostSecret::AptProxy;
        files.push(PushFile {
            from: Origin::Secret { secret },
            to: APT_PROXY.to_owned(),
            mode: 0o600,
            sha256: None,
        });
    }
    Ok(files)
}

/// Secrets the administrator gave as files on the host. They travel in the stream, never in the plan.
fn secrets(deploy: &Deploy<'_>) -> Vec<(String, String)> {
    let key = deploy.settings.services.frontend.ssl_key.clone();
    let own = deploy.recipe.recipe.settings.iter();
    let own = own
        .filter(|setting| setting.is_secret())
        .filter_map(|setting| {
            let path = deploy.settings.settings.get(&setting.name)?.as_str()?;
            Some((setting.secret(), path.to_owned()))
        });
    key.map(|path| (super::TLS_KEY.to_owned(), path))
        .into_iter()
        .chain(own)
        .collect()
}
