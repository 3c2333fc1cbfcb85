//! Results and errors as prose. Pure: texts in, texts out; [`super::output`] prints them.

mod checkup;
mod error;
mod finish;
mod history;
mod lists;
mod log;
mod plan;
mod plugin;
mod status;
mod summary;
mod table;
mod update;

pub use checkup::{checkup, findings};
pub use error::error;
pub use finish::{adopted, installed};
pub use history::{details, history};
pub use lists::{bundle, list};
pub use log::line;
pub use plan::plans;
pub use plugin::{inspected, plugins};
pub use status::status;
pub use summary::summary;
pub use update::{newest, offers, rehearsed, rolled_back, updated};
