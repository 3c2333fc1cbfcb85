//! What is new where the app is built: at a branch or tag of a repository. What a clone on this host holds is known once
//! it lies in the guest.

use super::Request;
use super::report::{Checked, Offer};
use super::versions::refs_of;
use crate::error::{Error, Kind};
use crate::refs::{self, Ref};
use crate::settings::{Settings, SourceKind};
use crate::state::State;
use crate::verbs::held::Held;

/// What was asked for takes the place of what the settings say: the branch, tag or commit with `--to`, the repository or
/// the clone with `--from`.
pub(super) fn settle(settings: &mut Settings, request: &Request<'_>) {
    if let Some(to) = request.to {
        settings.git.branch = Some(to.to_owned());
    }
    if let Some(from) = request.from {
        match settings.source.kind {
            SourceKind::Local => settings.source.directory = Some(from.to_owned()),
            _ => settings.git.repository = Some(from.to_owned()),
        }
    }
}

/// What is new.
///
/// # Errors
/// When the repository cannot be asked, or has nothing of that name.
pub(super) fn checked(held: &Held, state: &State, request: &Request<'_>) -> Result<Checked, Error> {
    let mut settings = held.settings.clone();
    settle(&mut settings, request);
    let git = &settings.git;
    let (source, newer) = match (settings.source.kind, &git.repository, &git.branch) {
        (SourceKind::Git, Some(repository), Some(reference)) => {
            let commit = commit(&refs_of(repository)?, reference).ok_or_else(|| {
                let why = format!("`{repository}` has no branch or tag `{reference}`");
                Error::new(Kind::Download, "It cannot be seen what is new.", why)
                    .with_remedy(format!("git ls-remote {repository}"))
            })?;
            let new = state.commit.as_ref() != Some(&commit);
            (
                format!("{reference} of {repository}, at {commit}"),
                new.then(|| reference.clone()),
            )
        }
        _ => {
            let directory = settings.source.directory.unwrap_or_default();
            (format!("the clone {directory}"), Some("local".to_owned()))
        }
    };
    let offer = |version| Offer {
        version,
        pre_release: false,
    };
    Ok(Checked {
        instance: state.instance.clone(),
        version: state.version.clone(),
        source,
        newer: newer.into_iter().map(offer).collect(),
        built: true,
        needs_mb: 0,
        free_mb: 0,
    })
}

/// The commit a name stands for; a whole commit stands for itself.
fn commit(refs: &[Ref], name: &str) -> Option<String> {
    let of = |full: String| refs.iter().find(|one| one.name == full);
    let found = of(format!("refs/heads/{name}"))
        .or_else(|| of(format!("refs/tags/{name}^{{}}")))
        .or_else(|| of(format!("refs/tags/{name}")))
        .or_else(|| of(name.to_owned()));
    found
        .map(|one| one.id.clone())
        .or_else(|| refs::is_id(name).then(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_the_commit_behind_it() {
        let one = |name: &str, digit: &str| Ref {
            id: digit.repeat(40),
            name: name.to_owned(),
        };
        let refs = [
            one("refs/heads/main", "a"),
            one("refs/tags/v1", "b"),
            one("refs/tags/v1^{}", "c"),
            one("refs/tags/light", "d"),
        ];
        let of = |name: &str| commit(&refs, name);
        assert_eq!(of("main"), Some("a".repeat(40)));
        assert_eq!(of("v1"), Some("c".repeat(40)));
        assert_eq!(of("light"), Some("d".repeat(40)));
        assert_eq!(of("refs/tags/light"), Some("d".repeat(40)));
        assert_eq!(of(&"e".repeat(40)), Some("e".repeat(40)));
        assert_eq!(of("other"), None);
    }
}
