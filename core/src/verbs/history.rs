//! What was done to an instance: the operations of its journals on this host, newest first.

use homeport_engine::history::Summary;
use homeport_engine::journal;

use crate::error::Error;
use crate::verbs::operation;

/// Reads them.
pub fn history(instance: &str) -> Result<Vec<Summary>, Error> {
    let mut past = Vec::new();
    for path in operation::journals(&instance.to_lowercase())?.iter().rev() {
        past.extend(journal::load(path)?.and_then(|records| Summary::of(&records)));
    }
    Ok(past)
}
