//! The password of the first account: what the administrator gave, or a fresh one. It stays in memory, goes through no
//! argument list, and is shown once if it was made here.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error::{Error, Kind};
use crate::recipe::FirstLogin;
use crate::settings::{Admin, Settings};

/// Length of a password that is made here: 119 bits.
const LENGTH: usize = 20;

/// Characters of such a password; none that look alike.
const ALPHABET: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";

/// More of a file is not read, bytes.
const LIMIT: u64 = 4096;

/// A password and whether it was made here.
pub(super) struct Password {
    pub(super) text: String,
    pub(super) made: bool,
}

/// Reads the file the settings name, or makes a password.
pub(super) fn password(settings: &Settings, first: &FirstLogin) -> Result<Password, Error> {
    match &settings.admin.password_file {
        Some(path) => Ok(Password {
            text: given(Path::new(path), first)?,
            made: false,
        }),
        None => Ok(Password {
            text: made()?,
            made: true,
        }),
    }
}

/// What is given for an account that nobody makes would be ignored: it is refused.
pub(super) fn unasked(admin: &Admin) -> Result<(), Error> {
    if admin.username.is_none() && admin.password_file.is_none() {
        return Ok(());
    }
    let why = "its recipe knows no command for that, so a name or a password for it has no effect";
    Err(Error::new(
        Kind::Configuration,
        "The app's first account is not made here.",
        why,
    )
    .with_remedy("Leave `--admin-username` and `--admin-password-file` out, and make the account in the app."))
}

/// The first line, if it is a password the app takes.
fn given(path: &Path, first: &FirstLogin) -> Result<String, Error> {
    let unreadable = |error| Error::unreadable(path, error);
    let file = File::open(path).map_err(unreadable)?;
    let mut line = String::new();
    BufReader::new(file.take(LIMIT))
        .read_line(&mut line)
        .map_err(unreadable)?;
    let text = line.trim_end_matches(['\n', '\r']).to_owned();
    acceptable(&text, first).map_err(|why| {
        Error::new(
            Kind::Configuration,
            "The password cannot be used.",
            format!("the first line of `{}` {why}", path.display()),
        )
        .with_remedy("Put another password there, or leave `--admin-password-file` out: one is made then and shown once.")
    })?;
    Ok(text)
}

/// What apps and terminals take alike: no control characters, no blank at its ends.
fn acceptable(text: &str, first: &FirstLogin) -> Result<(), String> {
    let (least, most) = (first.least as usize, first.most as usize);
    if !(least..=most).contains(&text.len()) {
        return Err(format!(
            "has {} bytes; a password has {least} to {most}",
            text.len()
        ));
    }
    if text.contains(char::is_control) || text.trim() != text {
        return Err("has a control character in it, or begins or ends with a blank".to_owned());
    }
    Ok(())
}

/// Fresh characters, each as likely as any other: bytes that would favour some are thrown away.
fn made() -> Result<String, Error> {
    let source = Path::new("/dev/urandom");
    let unreadable = |error| Error::unreadable(source, error);
    let mut bytes = BufReader::new(File::open(source).map_err(unreadable)?).bytes();
    let even = 256 - 256 % ALPHABET.len();
    let mut text = String::new();
    while text.len() < LENGTH {
        let byte = match bytes.next() {
            Some(byte) => usize::from(byte.map_err(unreadable)?),
            None => return Err(unreadable(std::io::ErrorKind::UnexpectedEof.into())),
        };
        if byte < even {
            text.extend(ALPHABET.get(byte % ALPHABET.len()).map(|c| char::from(*c)));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::recipe;

    fn first() -> FirstLogin {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
        let recipe = recipe::load(&templates, "vikunja").unwrap().recipe;
        recipe.first_login.unwrap()
    }

    #[test]
    fn the_first_line_of_a_file_is_the_password() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |text: &str| {
            fs::write(file.path(), text).unwrap();
            given(file.path(), &first())
        };
        assert_eq!(read("correct horse\r\nmore").unwrap(), "correct horse");
        for wrong in [
            "",
            "short",
            " leads with a blank",
            "tab\tinside it",
            &"x".repeat(73),
        ] {
            let error = read(wrong).unwrap_err();
            assert_eq!(error.code(), 3, "{error}");
            assert!(wrong.is_empty() || !error.why.contains(wrong), "{error}");
        }
    }

    #[test]
    fn what_would_be_ignored_is_refused() {
        let mut admin = Admin {
            email: "me@example.org".to_owned(),
            username: None,
            password_file: None,
        };
        unasked(&admin).unwrap();
        admin.username = Some("me".to_owned());
        assert_eq!(unasked(&admin).unwrap_err().code(), 3);
    }

    #[test]
    fn a_password_that_is_made_is_fresh_and_taken() {
        let (one, other) = (made().unwrap(), made().unwrap());
        assert_ne!(one, other);
        assert_eq!(acceptable(&one, &first()), Ok(()));
    }
}
