//! Commands to paste, as they run in the guest from where the administrator is.

use homeport_plugin_api::pasted;
use homeport_plugin_api::wire::health::{Check, Probe, Reading};

/// A command of the guest, quoted for a shell of the host.
pub(crate) fn in_guest(reading: &Reading, command: &[&str]) -> String {
    let own = reading.in_guest.iter().map(String::as_str);
    pasted(own.chain(command.iter().copied()))
}

/// The last words of a component's unit, if it has one; otherwise everyone's.
pub(crate) fn log(reading: &Reading, component: &str) -> String {
    let mut command = vec!["journalctl", "--no-pager", "-n", "50"];
    command.extend(
        unit(reading, component)
            .into_iter()
            .flat_map(|unit| ["-u", unit]),
    );
    in_guest(reading, &command)
}

/// Starts a component's unit, whether it runs or not; nothing for one without.
pub(crate) fn restart(reading: &Reading, component: &str) -> Option<String> {
    let unit = unit(reading, component)?;
    Some(in_guest(reading, &["systemctl", "restart", unit]))
}

/// The unit of a component.
pub(crate) fn unit<'a>(reading: &'a Reading, component: &str) -> Option<&'a str> {
    let of = |probe: &'a Probe| match &probe.check {
        Check::Unit { unit } if probe.component == component => Some(unit.as_str()),
        _ => None,
    };
    reading.probes.iter().find_map(of)
}
