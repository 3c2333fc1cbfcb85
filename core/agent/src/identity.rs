//! Whether this guest is the one its state is about, or a copy of it: `homeport-agent identity`. Asked before every start
//! of the app, by status and at boot. Only looks; what it cannot find out counts as no.

use std::fs;
use std::io;
use std::path::Path;

use homeport_engine::cutover::{Colour, Marks};
use homeport_engine::fingerprint::Fingerprint;
use serde::Deserialize;

use crate::gate::ColourDir;
use crate::state::StateDir;

/// What of the instance's state matters here.
#[derive(Deserialize)]
struct Record {
    instance: String,
    fingerprint: Option<Fingerprint>,
}

/// This guest's marks.
pub(crate) fn seen() -> io::Result<Fingerprint> {
    Fingerprint::below(Path::new("/"))
}

/// Why the state here is about another guest, as sentences; `None`: it is about this one, or says nothing of it yet.
///
/// A guest that was rolled back, or restored with all its marks, looks from inside as it always did: only a host that
/// remembers a later epoch can tell (decision 012).
pub(crate) fn foreign(state: &StateDir) -> Option<String> {
    judged(&state.state(), seen)
}

/// Why a slot is not to be started now, as a sentence; `None`: it is in service, or has a permit.
///
/// Both slots' units start with the guest; only this keeps the idle one from working on its old data beside the other.
/// A guest whose marks name no slot, or cannot be read, starts none.
pub(crate) fn idle(slot: &str) -> Option<String> {
    idle_by(&Marks::usual(), slot)
}

fn idle_by(marks: &Marks, slot: &str) -> Option<String> {
    let colours = [Colour::Blue, Colour::Green];
    let Some(colour) = colours.into_iter().find(|colour| colour.name() == slot) else {
        return Some(format!("There is no slot `{slot}`."));
    };
    let permitted = Path::new(&marks.permit(colour)).exists();
    let in_service = ColourDir::new(Path::new(&marks.colour)).read() == Some(colour);
    let idle = !permitted && !in_service;
    idle.then(|| format!("{slot} is not in service and is not started."))
}

fn judged(path: &Path, seen: impl FnOnce() -> io::Result<Fingerprint>) -> Option<String> {
    let record = match record(path) {
        Ok(record) => record?,
        Err(why) => return Some(format!("{}: {why}", path.display())),
    };
    let kept = record.fingerprint?;
    let unlike = match seen() {
        Ok(seen) => kept.unlike(&seen)?,
        Err(error) => format!("its marks cannot be read: {error}"),
    };
    Some(format!(
        "This guest is not the one that was deployed as `{}`: {unlike}. Its app is not started; on the host, `homeport \
         status {}` names the commands that settle it.",
        record.instance, record.instance
    ))
}

/// The state's record of which guest it is about; `None` while there is no state.
fn record(path: &Path) -> Result<Option<Record>, String> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(mac: &str) -> Fingerprint {
        Fingerprint {
            mac: mac.to_owned(),
            machine_id: "0a".to_owned(),
        }
    }

    fn judge(text: Option<&str>, seen: io::Result<Fingerprint>) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        judged(&path, || seen)
    }

    #[test]
    fn a_copy_is_told_from_the_guest_the_state_is_about() {
        let text =
            r#"{"instance":"todo","fingerprint":{"mac":"aa:00","machine_id":"0a"},"epoch":3}"#;
        assert_eq!(judge(Some(text), Ok(marks("aa:00"))), None);
        let why = judge(Some(text), Ok(marks("bb:00"))).unwrap();
        assert!(
            why.contains("`todo`: its MAC address is bb:00, not aa:00"),
            "{why}"
        );
        let unreadable = judge(Some(text), Err(io::Error::other("no eth0"))).unwrap();
        assert!(unreadable.contains("no eth0"), "{unreadable}");
    }

    #[test]
    fn only_the_slot_in_service_starts_and_one_that_is_permitted() {
        let dir = tempfile::tempdir().unwrap();
        let below = |name: &str| dir.path().join(name).display().to_string();
        let marks = Marks {
            fence: below("fence"),
            permits: below(""),
            colour: below(""),
        };
        assert!(idle_by(&marks, "blue").is_some(), "nobody has decided");
        fs::write(dir.path().join("blue"), "").unwrap();
        assert_eq!(idle_by(&marks, "blue"), None);
        assert!(
            idle_by(&marks, "green")
                .unwrap()
                .contains("green is not in service")
        );
        fs::write(dir.path().join("permit-green"), "").unwrap();
        assert_eq!(idle_by(&marks, "green"), None);
        assert!(idle_by(&marks, "red").is_some());
    }

    #[test]
    fn a_state_that_says_nothing_of_it_is_this_guests_and_a_damaged_one_nobodys() {
        assert_eq!(judge(None, Ok(marks("aa:00"))), None);
        assert_eq!(
            judge(Some(r#"{"instance":"todo"}"#), Ok(marks("aa:00"))),
            None
        );
        assert!(judge(Some("{"), Ok(marks("aa:00"))).is_some());
    }
}
