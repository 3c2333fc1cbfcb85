//! Which error has which exit code, and what it says.

use std::io;
use std::path::{Path, PathBuf};

use homeport_bootstrap::channel::ChannelError;
use homeport_bootstrap::digest::Digest;
use homeport_bootstrap::fetch::FetchError;
use homeport_bootstrap::name::BundleName;
use homeport_bootstrap::release::ReleaseError;
use homeport_bootstrap::trust::TrustError;
use homeport_bootstrap::unpack::UnpackError;
use homeport_engine::check::Refused;
use homeport_engine::journal::JournalError;
use homeport_engine::recover::Outcome;

use super::*;
use crate::bundle::BundleError;
use crate::lock::LockError;
use crate::plan::parts::Breach;
use crate::plugin::PluginError;
use crate::recipe::RecipeError;

fn codes<const N: usize>(errors: [Error; N]) -> [u8; N] {
    errors.map(|error| {
        assert!(
            !error.what.is_empty() && !error.why.is_empty() && !error.remedies().is_empty(),
            "{error:?}"
        );
        error.code()
    })
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

fn some_path() -> PathBuf {
    PathBuf::from("/x")
}

#[test]
fn downloads_and_releases() {
    let url = || "https://x".to_owned();
    let network = FetchError::Network {
        url: url(),
        tries: 5,
        why: "reset".to_owned(),
    };
    let errors = [
        network.into(),
        FetchError::Status {
            url: url(),
            status: 404,
        }
        .into(),
        FetchError::Write(full()).into(),
        FetchError::Stopped.into(),
    ];
    assert_eq!(codes(errors), [8, 8, 4, 20]);
    let content = |source| {
        ReleaseError::Content {
            file: "f".to_owned(),
            source,
        }
        .into()
    };
    let write = UnpackError::Write {
        path: "f".to_owned(),
        source: full(),
    };
    let channel = ReleaseError::Channel {
        file: "f".to_owned(),
        source: ChannelError::Schema(9),
    };
    let other =
        BundleName::of(Path::new("homeport-0.1.0-riscv64-linux.tar.zst")).map(ReleaseError::Target);
    let errors = [
        content(UnpackError::NoManifest),
        content(write),
        content(UnpackError::Stopped),
        channel.into(),
        other.unwrap().into(),
    ];
    assert_eq!(codes(errors), [13, 4, 20, 13, 4]);
}

#[test]
fn bundles_and_signatures() {
    let name = BundleName::of(Path::new("x.zip")).unwrap_err();
    let errors = [
        BundleError::Name(name).into(),
        BundleError::Kind(some_path()).into(),
        BundleError::File {
            path: some_path(),
            source: full(),
        }
        .into(),
        BundleError::Trust {
            path: some_path(),
            source: TrustError::Mismatch,
        }
        .into(),
        TrustError::NoKey.into(),
    ];
    assert_eq!(codes(errors), [2, 3, 4, 13, 13]);
}

#[test]
fn plugins_recipes_and_plans() {
    let digest: Digest = "0".repeat(64).parse().unwrap();
    let errors = [
        PluginError::Tampered {
            path: some_path(),
            found: digest,
            expected: digest,
        }
        .into(),
        PluginError::Unvouched { path: some_path() }.into(),
        PluginError::Crashed {
            plugin: "p".to_owned(),
            method: "plan".to_owned(),
            how: "signal 6".to_owned(),
        }
        .into(),
        Breach {
            plugin: "p".to_owned(),
            why: "w".to_owned(),
        }
        .into(),
        RecipeError::Unknown {
            app: "a".to_owned(),
            known: vec![],
        }
        .into(),
        Refused {
            verb: "v".to_owned(),
            stage: "s".to_owned(),
            number: 1,
            title: "t".to_owned(),
            why: "w".to_owned(),
        }
        .into(),
    ];
    assert_eq!(codes(errors), [13, 13, 16, 16, 3, 1]);
}

#[test]
fn locks_journals_and_files() {
    let held = LockError::Held {
        instance: "tasks".to_owned(),
        holder: None,
    };
    let damaged = JournalError::Damaged {
        path: "j".to_owned(),
        line: 2,
        why: "w".to_owned(),
    };
    let io = JournalError::Io {
        path: "j".to_owned(),
        source: full(),
    };
    let errors = [
        held.into(),
        damaged.into(),
        io.into(),
        Error::state(Path::new("/x"), full()),
    ];
    assert_eq!(codes(errors), [5, 12, 4, 4]);
}

#[test]
fn the_state_is_that_of_the_outcome_and_an_open_operation_can_be_resumed() {
    let failed = || Error::new(Kind::Machine, "it failed", "because");
    assert_eq!(
        failed().after(Outcome::RolledBack.into()).aftermath,
        Aftermath::RolledBack
    );
    assert_eq!(
        failed().after(Outcome::Done.into()).aftermath,
        Aftermath::Committed
    );
    let open = failed()
        .with_remedy("Look.")
        .after(Aftermath::NeedsRecovery);
    assert_eq!(open.remedies().first().map(String::as_str), Some("Look."));
    assert!(
        open.remedies()
            .last()
            .is_some_and(|last| last.starts_with("Run the same command again"))
    );
    assert_eq!(open.to_string(), "It failed. Because.");
}
