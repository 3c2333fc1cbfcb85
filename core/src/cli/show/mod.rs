//! Results and errors as prose. Pure: texts in, texts out; [`super::output`] prints them.

mod error;
mod finish;
mod lists;
mod plan;
mod status;
mod table;

pub use error::error;
pub use finish::installed;
pub use lists::{bundle, history, list, plugins};
pub use plan::plans;
pub use status::status;
