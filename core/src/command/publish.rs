//! `homeport bundle …`: what those need who publish releases.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use std::{fs, path::Path};

use homeport_bootstrap::trust::Key;

use super::{answer, style};
use crate::bundle::{self, ChannelRequest, CreateRequest, KeyFile, Password};
use crate::cli::args::{self, Bundle, Common, PublicKey};
use crate::cli::show;
use crate::error::Error;

/// Where the password of an encrypted key is looked for.
const PASSWORD: &str = "HOMEPORT_KEY_PASSWORD";

/// The machines this program runs on; a bundle of it runs there, too.
const TARGET: &str = "x86_64-linux";

/// Runs the verb.
pub fn bundle(common: Common, verb: &Bundle) -> Result<ExitCode, Error> {
    match verb {
        Bundle::Create(given) => {
            let made = bundle::create(&CreateRequest {
                dir: &given.from,
                version: given.release.clone(),
                target: given.target.as_deref().unwrap_or(TARGET),
                out: &given.out,
                key: key(&given.key),
            })?;
            answer(common, &made, || {
                format!(
                    "{} ({} files) and its signature.",
                    made.path.display(),
                    made.manifest.files.len()
                )
            })
        }
        Bundle::Inspect { bundle } => {
            let found = bundle::inspect(bundle)?;
            answer(common, &found, || show::bundle(&found, style()))
        }
        Bundle::Verify { bundle, key } => {
            let found = bundle::verify(bundle, &public(key)?)?;
            answer(common, &found, || show::bundle(&found, style()))
        }
        Bundle::Channel(given) => channel(common, given),
    }
}

fn channel(common: Common, given: &args::Channel) -> Result<ExitCode, Error> {
    let made = bundle::create_channel(&ChannelRequest {
        name: &given.name,
        newest: given.newest.clone(),
        lowest: given.lowest.clone().unwrap_or_else(|| given.newest.clone()),
        expires: SystemTime::now() + Duration::from_secs(u64::from(given.days) * 86_400),
        out: &given.out,
        key: key(&given.key),
    })?;
    answer(common, &made, || {
        format!("{} and its signature.", made.path.display())
    })
}

fn key(given: &args::Key) -> KeyFile<'_> {
    let password = given
        .password_file
        .as_deref()
        .map_or(Password::Environment(PASSWORD), Password::File);
    KeyFile {
        path: &given.key,
        password,
    }
}

fn public(given: &PublicKey) -> Result<Key, Error> {
    let Some(path) = &given.public_key else {
        return Ok(Key::compiled()?);
    };
    let text =
        fs::read_to_string(path).map_err(|source| Error::unreadable(Path::new(path), source))?;
    Ok(Key::parse(&text)?)
}
