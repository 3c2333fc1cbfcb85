//! Signs with minisign keys, encrypted or not; keys and signatures are those of the stock program.
//! Never shows a key or a password, also not in errors.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use ct_codecs::{Base64, Decoder};
use homeport_bootstrap::name::SIGNATURE_SUFFIX;
use homeport_bootstrap::trust::Key;
use minisign::{PError, PublicKey, SecretKey, SecretKeyBox};

use super::BundleError;
use super::error::at;

/// A secret key on disk.
#[derive(Clone, Copy)]
pub struct KeyFile<'a> {
    /// The file `minisign -G` wrote.
    pub path: &'a Path,
    /// Where its password comes from, should it have one.
    pub password: Password<'a>,
}

/// Where the password of an encrypted key comes from. It is read only if the key is encrypted.
#[derive(Clone, Copy)]
pub enum Password<'a> {
    /// The environment variable of this name.
    Environment(&'a str),
    /// The first line of this file.
    File(&'a Path),
    /// Whoever answers, such as a person at the terminal.
    Ask(&'a dyn Fn() -> io::Result<String>),
}

impl Password<'_> {
    fn read(self) -> Result<String, String> {
        match self {
            Self::Environment(name) => {
                std::env::var(name).map_err(|_| format!("it has a password and {name} is not set"))
            }
            Self::File(path) => match fs::read_to_string(path) {
                Ok(text) => Ok(text.lines().next().unwrap_or_default().to_owned()),
                Err(error) => Err(format!(
                    "its password cannot be read from {}: {error}",
                    path.display()
                )),
            },
            Self::Ask(ask) => ask().map_err(|error| format!("its password was not given: {error}")),
        }
    }
}

/// A secret key ready to sign. Deliberately without `Debug`.
pub(super) struct Signer(SecretKey);

impl Signer {
    /// Reads the key and, if it is encrypted, its password. Decrypting takes a second or two and 1 GiB of memory, as
    /// the stock program wants it.
    pub(super) fn load(file: KeyFile) -> Result<Self, BundleError> {
        let unusable = |why: String| BundleError::Key {
            path: file.path.to_owned(),
            why,
        };
        let text = fs::read_to_string(file.path).map_err(|error| unusable(error.to_string()))?;
        let line = text.lines().nth(1).unwrap_or_default();
        let bytes =
            Base64::decode_to_vec(line, None).map_err(|error| unusable(error.to_string()))?;
        // Not through `SecretKeyBox`: that one refuses `minisign -G -W` keys, whose checksum the stock program leaves
        // empty. A damaged key is found when its first signature is checked.
        let key = SecretKey::from_bytes(&bytes).map_err(|error| unusable(error.to_string()))?;
        if !key.is_encrypted() {
            return Ok(Self(key));
        }
        let password = file.password.read().map_err(unusable)?;
        let key = SecretKeyBox::from(text).into_secret_key(Some(password));
        key.map(Self).map_err(|error| unusable(error.to_string()))
    }

    /// The public half, as the bootstrap reads it.
    pub(super) fn public(&self) -> Result<Key, PError> {
        let text = PublicKey::from_secret_key(&self.0)?.to_base64();
        Key::parse(&text).map_err(|error| PError::new(minisign::ErrorKind::Misc, error))
    }

    /// The signature over the file at `path` with this trusted comment, as the text of a `.minisig` file.
    pub(super) fn sign(&self, path: &Path, comment: &str) -> Result<String, BundleError> {
        let file = File::open(path).map_err(at(path))?;
        let signature = minisign::sign(
            None,
            &self.0,
            file,
            Some(comment),
            Some("signature of a Homeport release"),
        );
        let failed = |error: PError| BundleError::File {
            path: path.to_owned(),
            source: io::Error::other(error),
        };
        Ok(signature.map_err(failed)?.to_string())
    }
}

/// The file the signature of `path` lies in.
pub(super) fn beside(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}{SIGNATURE_SUFFIX}", path.display()))
}
