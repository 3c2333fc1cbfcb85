//! What a cut-over says to the gates, and how a hold is ended without one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use homeport_engine::cutover::{AtGate, Gate, Word};
use homeport_engine::run::{Fault, FaultKind};

use crate::gate::control;

/// Where the gates' control sockets lie.
const CONTROLS: &str = "/run/homeport/gate";

/// Says the word; the gate is given a moment to come back if it has been killed.
pub(super) fn say(gate: &Gate, word: Word) -> Result<AtGate, Fault> {
    let path = Path::new(&gate.control);
    let said = match word {
        Word::Hold => control::hold(path),
        Word::Release => control::release(path, None),
        Word::Status => control::status(path),
    };
    let status = said.map_err(|error| {
        let why = format!("the gate before {}: {error}", gate.component);
        Fault::new(FaultKind::Failed, why)
    })?;
    Ok(AtGate {
        holding: status.holding,
        in_flight: status.in_flight,
        oldest_ms: status.oldest_ms,
        releasing: status.width.is_some(),
        writes: status.writes_total,
        run: status.run,
    })
}

/// Lets requests go at every gate of this guest; the gates' names.
///
/// # Errors
/// When one of them cannot be told; the others have been.
pub(crate) fn release_everywhere() -> Result<Vec<String>, Fault> {
    let mut told = Vec::new();
    let mut first = Ok(());
    for control in controls(Path::new(CONTROLS)).map_err(|error| unreadable(&error))? {
        let component = control.file_stem().unwrap_or_default().to_string_lossy();
        let gate = Gate {
            component: component.into_owned(),
            control: control.display().to_string(),
        };
        match say(&gate, Word::Release) {
            Ok(_) => told.push(gate.component),
            Err(fault) => first = first.and(Err(fault)),
        }
    }
    first.map(|()| told)
}

fn controls(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "control") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn unreadable(error: &io::Error) -> Fault {
    Fault::new(
        FaultKind::Failed,
        format!("`{CONTROLS}` cannot be read: {error}"),
    )
}
