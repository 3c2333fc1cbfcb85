//! `homeport bundle …`: what those need who publish releases.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use std::{fs, io, path::Path};

use homeport_bootstrap::trust::Key;

use super::{answer, style};
use crate::bundle::{self, ChannelRequest, CreateRequest, Document, KeyFile, Password};
use crate::cli::args::{self, Bundle, Common, PublicKey};
use crate::cli::{complete, manual, output, schema, show};
use crate::error::{Error, Kind};

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
        Bundle::Documents { out } => {
            let documents = documents()?;
            bundle::write_documents(out, &documents)?;
            let result = schema::Documents {
                path: out.clone(),
                documents: documents.len(),
            };
            answer(common, &result, || {
                format!("{} documents in {}.", documents.len(), out.display())
            })
        }
    }
}

/// Shells whose scripts are shipped, with the names by which they find them.
const SHIPPED: [(&str, &str); 3] = [
    ("bash", "homeport.bash"),
    ("zsh", "_homeport"),
    ("fish", "homeport.fish"),
];

fn documents() -> Result<Vec<Document>, Error> {
    let pages = manual::pages().map_err(unwritten)?;
    let pages = pages
        .into_iter()
        .map(|(name, page)| (format!("man/man1/{name}"), page));
    let schemas = schema::all().into_iter().map(|(verb, schema)| {
        (
            format!("schemas/{verb}.json"),
            format!("{schema:#}\n").into_bytes(),
        )
    });
    let mut documents: Vec<Document> = pages.chain(schemas).collect();
    for (shell, name) in SHIPPED {
        documents.push((format!("completions/{name}"), script(shell)?.into_bytes()));
    }
    Ok(documents)
}

/// `completions`.
pub fn completions(shell: &str) -> Result<ExitCode, Error> {
    output::result(&script(shell)?);
    Ok(ExitCode::SUCCESS)
}

fn script(shell: &str) -> Result<String, Error> {
    let unknown = || {
        let why = format!("nothing is known of `{shell}`");
        Error::new(Kind::Usage, "There is no such script.", why)
    };
    complete::script(shell)
        .ok_or_else(unknown)?
        .map_err(unwritten)
}

fn unwritten(error: io::Error) -> Error {
    Error::new(
        Kind::Unexpected,
        "A text could not be made.",
        error.to_string(),
    )
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
