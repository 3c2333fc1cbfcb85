//! How released files are called: `homeport-0.2.0-x86_64-linux.tar.zst`, `stable.channel`, and `.minisig` beside each.
//! The name carries version and target, and the signature's trusted comment carries the name.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use semver::Version;

/// What the signature file beside a released file is called more.
pub const SIGNATURE_SUFFIX: &str = ".minisig";

const PREFIX: &str = "homeport-";
const SUFFIX: &str = ".tar.zst";

/// The machine this program was built for, as released files name it.
pub fn own_target() -> String {
    format!("{}-linux", std::env::consts::ARCH)
}

/// The name of a bundle, which is also what its signature vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleName {
    /// The release it holds.
    pub version: Version,
    /// The machines it runs on, such as `x86_64-linux`.
    pub target: String,
}

/// The text is no bundle's name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not named like a bundle, `homeport-VERSION-CPU-linux.tar.zst`")]
pub struct NotABundle(String);

impl BundleName {
    /// The name of the file at `path`.
    pub fn of(path: &Path) -> Result<Self, NotABundle> {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .parse()
    }

    /// The trusted comment a bundle of this name is signed with.
    pub fn trusted_comment(&self) -> String {
        format!("homeport-bundle file:{self} version:{}", self.version)
    }
}

impl fmt::Display for BundleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-{}{SUFFIX}", self.version, self.target)
    }
}

impl FromStr for BundleName {
    type Err = NotABundle;

    fn from_str(text: &str) -> Result<Self, NotABundle> {
        let refused = || NotABundle(text.to_owned());
        let middle = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(SUFFIX))
            .ok_or_else(refused)?;
        let mut parts = middle.rsplitn(3, '-');
        let (Some("linux"), Some(cpu), Some(version)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(refused());
        };
        if cpu.is_empty()
            || !cpu
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(refused());
        }
        Ok(Self {
            version: version.parse().map_err(|_| refused())?,
            target: format!("{cpu}-linux"),
        })
    }
}

/// The name of a channel, such as `stable`. It becomes part of a URL, so it is letters, digits and hyphens only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelName(String);

/// The text is no channel's name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a channel's name: 1 to 32 of a-z, 0-9 and hyphen")]
pub struct NotAChannel(String);

impl ChannelName {
    /// The file that describes the channel on a server.
    pub fn file(&self) -> String {
        format!("{}.channel", self.0)
    }

    /// The trusted comment the channel's file is signed with.
    pub fn trusted_comment(&self) -> String {
        format!("homeport-channel name:{}", self.0)
    }
}

impl Default for ChannelName {
    fn default() -> Self {
        Self("stable".to_owned())
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ChannelName {
    type Err = NotAChannel;

    fn from_str(text: &str) -> Result<Self, NotAChannel> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match text.len() {
            1..=32 if text.bytes().all(plain) => Ok(Self(text.to_owned())),
            _ => Err(NotAChannel(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundle_names_come_back_as_written() {
        for text in [
            "homeport-0.2.0-x86_64-linux.tar.zst",
            "homeport-1.0.0-rc.1-aarch64-linux.tar.zst",
        ] {
            assert_eq!(text.parse::<BundleName>().unwrap().to_string(), text);
        }
        let name: BundleName = "homeport-1.0.0-rc.1-aarch64-linux.tar.zst".parse().unwrap();
        assert_eq!(
            (name.version.to_string().as_str(), name.target.as_str()),
            ("1.0.0-rc.1", "aarch64-linux")
        );
    }

    #[test]
    fn refuses_names_that_are_no_bundles() {
        for text in [
            "",
            "homeport-.tar.zst",
            "homeport-0.2-x86_64-linux.tar.zst",
            "homeport-0.2.0-x86_64-linux.tar.gz",
            "homeport-0.2.0--linux.tar.zst",
            "homeport-0.2.0-../../x-linux.tar.zst",
            "homeport-0.2.0-x86_64-linux (1).tar.zst",
        ] {
            assert!(text.parse::<BundleName>().is_err(), "{text}");
        }
    }

    #[test]
    fn channel_names_cannot_leave_the_base_url() {
        assert_eq!(
            "beta-2".parse::<ChannelName>().unwrap().file(),
            "beta-2.channel"
        );
        for text in ["", "../x", "a/b", "Stable", "a.b", "a?b", &"a".repeat(33)] {
            assert!(text.parse::<ChannelName>().is_err(), "{text}");
        }
    }
}
