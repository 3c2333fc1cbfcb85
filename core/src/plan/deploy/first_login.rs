//! The first account: made by the app's own command before the app serves anybody, proven by a log-in at the public address.
//!
//! The command is given the password on its stdin: it is in no argument list, log or journal, and in the guest only in a
//! file of root's that is gone before the app starts.

use std::collections::BTreeMap;

use homeport_engine::exec::Exec;
use homeport_engine::op::{HostSecret, Op, Origin, PushFile};
use homeport_engine::plan::Step;
use homeport_engine::probe::{Check, HttpCheck, LogIn, Probe, Via};

use super::{Deploy, DeployError};
use crate::places;
use crate::plan::absent;
use crate::recipe::{FirstLogin, Loaded, RecipeError};
use crate::settings::Settings;

/// Name of the secret that holds the password until the account is made.
const PASSWORD: &str = "first-password";

/// An app prepares its whole database in this time.
const TIME_S: u32 = 300;

/// Gives the password `$1` times, each on a line, to the command behind it.
const ANSWER: &str = r#"times=$1; shift
while [ "$times" -gt 0 ]; do cat "$0"; times=$((times - 1)); done | exec "$@""#;

/// Tries of the log-in; apps count them, so there are few.
const DEADLINE_MS: u32 = 25_000;
const INTERVAL_MS: u32 = 10_000;

impl Deploy<'_> {
    fn first(&self) -> Option<&FirstLogin> {
        self.recipe
            .recipe
            .first_login
            .as_ref()
            .filter(|_| self.first_login)
    }
}

/// The words of one of the first account's commands.
fn rendered(
    recipe: &Loaded,
    settings: &Settings,
    words: &[String],
) -> Result<Vec<String>, RecipeError> {
    let values = BTreeMap::from([
        ("username", settings.admin_username()),
        ("email", settings.admin.email.clone()),
    ]);
    let text = |word: &String| recipe.text(word, &values);
    words.iter().map(text).collect()
}

/// What is typed in the guest to give the first account another password; `None`: the recipe does not say.
///
/// # Errors
/// When the recipe's text cannot be filled in.
pub fn new_password(recipe: &Loaded, settings: &Settings) -> Result<Option<String>, RecipeError> {
    let first = recipe.recipe.first_login.as_ref();
    let words = first.map(|first| rendered(recipe, settings, &first.reset));
    Ok(words.transpose()?.map(|words| words.join(" ")))
}

fn path(deploy: &Deploy<'_>) -> String {
    places::guest::secret(deploy.app_name(), PASSWORD)
}

/// The password goes into the guest with everything else.
pub(super) fn pushed(deploy: &Deploy<'_>) -> Option<PushFile> {
    deploy.first()?;
    let secret = HostSecret::FirstPassword;
    Some(PushFile {
        from: Origin::Secret { secret },
        to: path(deploy),
        mode: 0o600,
        sha256: None,
    })
}

/// The account is made while nobody is served, and the password's file removed.
pub(super) fn made(deploy: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    let Some(first) = deploy.first() else {
        return Ok(Vec::new());
    };
    let file = path(deploy);
    let mut argv: Vec<String> = ["sh", "-c", ANSWER].map(str::to_owned).into();
    argv.extend([file.clone(), first.asks.to_string()]);
    argv.extend(rendered(deploy.recipe, deploy.settings, &first.create)?);
    let exec = Exec {
        argv,
        secret_files: vec![file.clone()],
        ..Exec::root([], TIME_S)
    };
    let name = deploy.settings.admin_username();
    Ok(vec![
        Step::guest(format!("Make the account {name}"), Op::Exec(exec)),
        Step::guest("Forget the account's password", absent(file)),
    ])
}

/// Somebody logs in from outside.
pub(super) fn proven(deploy: &Deploy<'_>, certificate: &str) -> Option<Step> {
    let first = deploy.first()?;
    let network = &deploy.settings.network;
    let port = deploy.settings.services.frontend.ssl_port;
    let address = network.endpoints(port).next()?.to_string();
    let name = deploy.settings.admin_username();
    let ask = HttpCheck {
        via: Via::Tls {
            address,
            roots: certificate.to_owned(),
        },
        host: network.domain.clone(),
        path: first.log_in.path.clone(),
        status: 200,
        body_contains: None,
        json_equals: None,
        post: None,
        call: None,
    };
    let log_in = LogIn {
        ask,
        name: (first.log_in.username.clone(), name.clone()),
        password: first.log_in.password.clone(),
        secret: HostSecret::FirstPassword,
    };
    let probe = Probe {
        check: Check::LogIn(log_in),
        deadline_ms: DEADLINE_MS,
        interval_ms: INTERVAL_MS,
        unit: None,
    };
    let title = format!("Log in as {name} from outside");
    Some(Step::host(title, Op::Probe(probe)))
}
