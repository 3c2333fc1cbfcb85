//! The channel file: which release is newest, which is the oldest still allowed, and until when that is true.
//! Because it is signed and expires, a mirror can neither roll a machine back nor freeze it unseen.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::name::ChannelName;
use crate::utc;

/// The schema this program writes and the newest it reads.
pub const SCHEMA: u32 = 1;

/// The most bytes read of a channel file; a real one has about 150.
pub const LIMIT: u64 = 64 * 1024;

/// The content of `<channel>.channel`, as JSON. Unknown fields are ignored, so later releases can add some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// [`SCHEMA`] or lower.
    pub schema: u32,
    /// The channel's own name, so that one channel's file cannot stand in for another's.
    pub channel: String,
    /// The release to take when none is asked for.
    pub newest: Version,
    /// No release below this one is installed from the channel, whoever asks.
    pub lowest: Version,
    /// From this moment on the file says nothing any more; written as [`utc::format`] does.
    pub expires: String,
}

/// Why a channel file, or the release asked of it, is refused.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Not JSON, a field missing, or fields that contradict each other.
    #[error("it is not a channel file: {0}")]
    Malformed(String),
    /// Written for later programs.
    #[error("it has schema {0}, this program reads {SCHEMA} at most")]
    Schema(u32),
    /// A genuine file of another channel.
    #[error("it describes the channel `{0}`")]
    OtherChannel(String),
    /// The server shows an old file, or has not been given a new one.
    #[error("it expired at {expires}; this machine's clock says {now}")]
    Expired {
        /// When it did.
        expires: String,
        /// The time it was compared with.
        now: String,
    },
    /// The release asked for is below the floor.
    #[error("it allows no release below {lowest}; {wanted} was asked for")]
    TooOld {
        /// The release asked for.
        wanted: Version,
        /// The lowest allowed.
        lowest: Version,
    },
}

impl Channel {
    /// Reads the file of the channel `name`. Call it only on bytes whose signature has held.
    pub fn parse(bytes: &[u8], name: &ChannelName) -> Result<Self, ChannelError> {
        let channel: Self = serde_json::from_slice(bytes)
            .map_err(|error| ChannelError::Malformed(error.to_string()))?;
        channel.validate()?;
        if channel.channel != name.to_string() {
            return Err(ChannelError::OtherChannel(channel.channel));
        }
        Ok(channel)
    }

    /// Whether the fields fit together. What is published is checked with this as well.
    pub fn validate(&self) -> Result<(), ChannelError> {
        if self.schema > SCHEMA {
            return Err(ChannelError::Schema(self.schema));
        }
        if self.lowest > self.newest {
            let text = format!(
                "its lowest release {} is above its newest {}",
                self.lowest, self.newest
            );
            return Err(ChannelError::Malformed(text));
        }
        if !utc::is_time(&self.expires) {
            return Err(ChannelError::Malformed(
                "`expires` is not a time such as 2026-01-31T00:00:00Z".to_owned(),
            ));
        }
        Ok(())
    }

    /// The release to install: the one `wanted`, or the newest. `now` as [`utc::format`] writes it.
    pub fn choose(&self, wanted: Option<&Version>, now: &str) -> Result<Version, ChannelError> {
        if self.expires.as_str() <= now {
            return Err(ChannelError::Expired {
                expires: self.expires.clone(),
                now: now.to_owned(),
            });
        }
        let wanted = wanted.unwrap_or(&self.newest);
        if wanted < &self.lowest {
            return Err(ChannelError::TooOld {
                wanted: wanted.clone(),
                lowest: self.lowest.clone(),
            });
        }
        Ok(wanted.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn json(changes: &[(&str, serde_json::Value)]) -> Vec<u8> {
        let mut value = serde_json::json!({
            "schema": 1, "channel": "stable", "newest": "0.3.0", "lowest": "0.2.0",
            "expires": "2026-11-21T12:00:01Z", "a later field": [1],
        });
        for (field, to) in changes {
            value[*field] = to.clone();
        }
        value.to_string().into_bytes()
    }

    fn parse(changes: &[(&str, serde_json::Value)]) -> Result<Channel, ChannelError> {
        Channel::parse(&json(changes), &ChannelName::default())
    }

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn chooses_the_newest_or_the_one_asked_for() {
        let channel = parse(&[]).unwrap();
        assert_eq!(channel.choose(None, NOW).unwrap(), version("0.3.0"));
        assert_eq!(
            channel.choose(Some(&version("0.2.0")), NOW).unwrap(),
            version("0.2.0")
        );
    }

    #[test]
    fn refuses_below_the_floor_also_a_pre_release_of_it() {
        let channel = parse(&[]).unwrap();
        for old in ["0.1.9", "0.2.0-rc.9"] {
            assert!(
                matches!(
                    channel.choose(Some(&version(old)), NOW),
                    Err(ChannelError::TooOld { .. })
                ),
                "{old}"
            );
        }
    }

    #[test]
    fn expires_to_the_second() {
        let channel = parse(&[]).unwrap();
        assert!(matches!(
            channel.choose(None, "2026-11-21T12:00:01Z"),
            Err(ChannelError::Expired { .. })
        ));
        assert!(channel.choose(None, NOW).is_ok());
    }

    #[test]
    fn refuses_what_does_not_fit_together() {
        assert!(matches!(
            parse(&[("schema", 2.into())]),
            Err(ChannelError::Schema(2))
        ));
        assert!(matches!(
            parse(&[("channel", "beta".into())]),
            Err(ChannelError::OtherChannel(_))
        ));
        for (field, value) in [
            ("lowest", "0.4.0"),
            ("newest", "x"),
            ("expires", "tomorrow"),
            ("channel", "\u{0}"),
        ] {
            assert!(parse(&[(field, value.into())]).is_err(), "{field}");
        }
    }

    #[test]
    fn cut_or_changed_files_never_panic() {
        let bytes = json(&[]);
        for at in 0..bytes.len() {
            assert!(Channel::parse(&bytes[..at], &ChannelName::default()).is_err());
            let mut changed = bytes.clone();
            changed[at] ^= 0x80;
            assert!(Channel::parse(&changed, &ChannelName::default()).is_err());
        }
    }
}
