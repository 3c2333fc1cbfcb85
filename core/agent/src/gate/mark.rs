//! The hold mark: a file that exists exactly while a hold is in force, so that a gate that was killed comes up holding.
//! It lies in a directory that a restart of the service keeps and a reboot empties – a reboot ends every hold.

use super::error::GateError;
use std::fs;
use std::io;
use std::path::PathBuf;

/// The mark of one gate.
pub(crate) struct HoldMark(PathBuf);

impl HoldMark {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Whether a hold was in force when the last gate ended. A mark that cannot be looked at counts as one:
    /// letting requests go by mistake is worse than keeping them waiting.
    pub(crate) fn is_set(&self) -> bool {
        self.0.try_exists().unwrap_or(true)
    }

    /// Creates the mark; one that is there already is fine.
    ///
    /// # Errors
    /// [`GateError::Mark`]; the hold must then not be answered.
    pub(crate) fn set(&self) -> Result<(), GateError> {
        fs::write(&self.0, b"").map_err(|source| self.error("create", source))
    }

    /// Removes the mark; none being there is fine.
    ///
    /// # Errors
    /// [`GateError::Mark`]; the gate must then go on holding.
    pub(crate) fn clear(&self) -> Result<(), GateError> {
        match fs::remove_file(&self.0) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(self.error("remove", source))
            }
            _ => Ok(()),
        }
    }

    fn error(&self, doing: &'static str, source: io::Error) -> GateError {
        GateError::Mark {
            doing,
            path: self.0.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_and_clear_are_idempotent_and_survive_the_gate() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hold");
        let mark = HoldMark::new(path.clone());
        mark.clear().unwrap();
        mark.set().unwrap();
        mark.set().unwrap();
        assert!(HoldMark::new(path.clone()).is_set());
        mark.clear().unwrap();
        assert!(!HoldMark::new(path).is_set());
    }

    #[test]
    fn a_mark_that_cannot_be_written_is_an_error() {
        let mark = HoldMark::new("/nonexistent/dir/hold".into());
        assert!(
            mark.set()
                .unwrap_err()
                .to_string()
                .contains("/nonexistent/dir/hold")
        );
    }
}
