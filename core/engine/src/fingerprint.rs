//! What tells a guest from its copies, as it can be seen from inside. Only reads; decides nothing about what to do then.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Hardware address of the guest's one interface, as the kernel tells it.
const ADDRESS: &str = "sys/class/net/eth0/address";

/// machine-id(5): made anew at the first boot of a guest, and for a clone.
const MACHINE_ID: &str = "etc/machine-id";

/// A guest's marks: platforms give a clone others, and some of them a restored guest, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Hardware address of its interface, lower-case hex pairs with colons.
    pub mac: String,
    /// Its machine-id, 32 lower-case hex digits.
    pub machine_id: String,
}

impl Fingerprint {
    /// The marks of the machine whose root directory this is.
    ///
    /// # Errors
    /// When one of them cannot be read: which one, and why.
    pub fn below(root: &Path) -> io::Result<Fingerprint> {
        let read = |name: &str| {
            let text = fs::read_to_string(root.join(name));
            let text =
                text.map_err(|error| io::Error::new(error.kind(), format!("/{name}: {error}")))?;
            Ok::<_, io::Error>(text.trim().to_ascii_lowercase())
        };
        Ok(Fingerprint {
            mac: read(ADDRESS)?,
            machine_id: read(MACHINE_ID)?,
        })
    }

    /// What of this, which was written down, is not as in `seen`; as half a sentence. `None`: it is the same guest.
    pub fn unlike(&self, seen: &Fingerprint) -> Option<String> {
        let marks = [
            ("MAC address", &self.mac, &seen.mac),
            ("machine-id", &self.machine_id, &seen.machine_id),
        ];
        let differ = marks.into_iter().filter(|(_, kept, seen)| kept != seen);
        let said = differ.map(|(mark, kept, seen)| format!("its {mark} is {seen}, not {kept}"));
        Some(said.collect::<Vec<_>>().join(", ")).filter(|said| !said.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_and_what_differs_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Fingerprint::below(dir.path()).unwrap_err();
        assert!(missing.to_string().contains(ADDRESS), "{missing}");
        for (name, text) in [(ADDRESS, "BC:24:11:00:00:01\n"), (MACHINE_ID, "0a1b\n")] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let seen = Fingerprint::below(dir.path()).unwrap();
        assert_eq!(
            (seen.mac.as_str(), seen.machine_id.as_str()),
            ("bc:24:11:00:00:01", "0a1b")
        );
        assert_eq!(seen.unlike(&seen), None);
        let kept = Fingerprint {
            machine_id: "ffff".to_owned(),
            ..seen.clone()
        };
        assert_eq!(
            kept.unlike(&seen).unwrap(),
            "its machine-id is 0a1b, not ffff"
        );
    }
}
