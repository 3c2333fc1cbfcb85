//! Describes a channel in its small signed file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use homeport_bootstrap::channel::{Channel, SCHEMA};
use homeport_bootstrap::name::ChannelName;
use homeport_bootstrap::{Version, utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::at;
use super::sign::{KeyFile, Signer};
use super::{BundleError, pack};

/// A channel to describe.
pub struct ChannelRequest<'a> {
    /// Its name, such as `stable`.
    pub name: &'a ChannelName,
    /// The release given out when none is asked for.
    pub newest: Version,
    /// The lowest release still given out.
    pub lowest: Version,
    /// When the description stops being true. To the second.
    pub expires: SystemTime,
    /// The directory to write `<name>.channel` and its signature into.
    pub out: &'a Path,
    /// What to sign with.
    pub key: KeyFile<'a>,
}

/// A channel that has been described.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CreatedChannel {
    /// The channel file.
    pub path: PathBuf,
    /// Its signature.
    pub signature: PathBuf,
    /// What it says.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub channel: Channel,
}

/// Writes and signs the channel's file, replacing an earlier one.
///
/// # Errors
/// When the fields contradict each other, the key is unusable, or `out` cannot be written.
pub fn create_channel(request: &ChannelRequest) -> Result<CreatedChannel, BundleError> {
    let channel = Channel {
        schema: SCHEMA,
        channel: request.name.to_string(),
        newest: request.newest.clone(),
        lowest: request.lowest.clone(),
        expires: utc::format(request.expires),
    };
    channel.validate()?;
    let signer = Signer::load(request.key)?;
    let path = request.out.join(request.name.file());
    let part = pack::part(&path);
    write(&part, &channel).map_err(at(&part))?;
    let signature = pack::publish(&signer, &part, &path, &request.name.trusted_comment())?;
    Ok(CreatedChannel {
        path,
        signature,
        channel,
    })
}

fn write(path: &Path, channel: &Channel) -> std::io::Result<()> {
    let mut text = serde_json::to_vec_pretty(channel)?;
    text.push(b'\n');
    fs::write(path, text)?;
    File::open(path)?.sync_all()
}
