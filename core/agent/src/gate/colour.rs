//! Which colour is active: one file, `blue` or `green`, in one directory, switched by others with one rename.
//! The gate only looks; there is no flag derived from it.

use std::path::{Path, PathBuf};

pub(crate) use homeport_engine::cutover::Colour;

/// The directory that says which colour is active.
pub(crate) struct ColourDir {
    blue: PathBuf,
    green: PathBuf,
}

impl ColourDir {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            blue: dir.join("blue"),
            green: dir.join("green"),
        }
    }

    /// The active colour, or `None` while neither or both files are there: nobody has decided yet.
    ///
    /// Two looks are not one: a rename between them shows both files or none. A second pair of looks then sees the
    /// rename finished.
    pub(crate) fn read(&self) -> Option<Colour> {
        self.look().or_else(|| self.look())
    }

    fn look(&self) -> Option<Colour> {
        match (self.blue.exists(), self.green.exists()) {
            (true, false) => Some(Colour::Blue),
            (false, true) => Some(Colour::Green),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn exactly_one_file_decides() {
        let dir = tempfile::tempdir().unwrap();
        let colours = ColourDir::new(dir.path());
        assert_eq!(colours.read(), None);
        fs::write(dir.path().join("blue"), "").unwrap();
        assert_eq!(colours.read(), Some(Colour::Blue));
        fs::rename(dir.path().join("blue"), dir.path().join("green")).unwrap();
        assert_eq!(colours.read(), Some(Colour::Green));
        fs::write(dir.path().join("blue"), "").unwrap();
        assert_eq!(colours.read(), None);
    }

    #[test]
    fn a_rename_under_way_is_never_seen_as_undecided() {
        let dir = tempfile::tempdir().unwrap();
        let colours = ColourDir::new(dir.path());
        let (blue, green) = (dir.path().join("blue"), dir.path().join("green"));
        fs::write(&blue, "").unwrap();
        std::thread::scope(|scope| {
            let renaming = scope.spawn(|| {
                for _ in 0..200 {
                    fs::rename(&blue, &green).unwrap();
                    std::thread::sleep(std::time::Duration::from_micros(200));
                    fs::rename(&green, &blue).unwrap();
                    std::thread::sleep(std::time::Duration::from_micros(200));
                }
            });
            while !renaming.is_finished() {
                // A look that is preempted across two renames may be undecided; the caller then waits and looks again.
                assert!(colours.read().or_else(|| colours.read()).is_some());
            }
        });
    }
}
