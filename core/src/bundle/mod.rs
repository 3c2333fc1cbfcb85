//! What a publisher does: packs a directory into a release bundle, signs it, describes a channel, and examines either.
//! Nothing is published half: a bundle appears under its name only after the bootstrap's own checks accepted it.

mod channel;
mod documents;
mod error;
mod inspect;
mod pack;
mod sign;

pub use channel::{ChannelRequest, CreatedChannel, create_channel};
pub use documents::{Document, write_documents};
pub use error::BundleError;
pub use inspect::{Inspection, inspect, verify};
pub use pack::{CreateRequest, CreatedBundle, create};
pub use sign::{KeyFile, Password};
