//! Which units of a guest belong to which part of an instance. Pure.

use homeport_plugin_api::wire::health::{Check, Probe};

/// The agent's own units: what resolves journals at boot and carries out cut-overs.
const AGENT: [&str; 3] = [
    "homeport-recover.service",
    "homeport-resume.service",
    "homeport-cutover@*.service",
];

/// Colours a component's unit is named after.
const COLOURS: [&str; 2] = ["blue", "green"];

/// Parts with their units, in the order of the health plugin's probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Units(Vec<(String, Vec<String>)>);

impl Units {
    /// All parts that are watched by their units. A unit of one colour stands for both.
    pub(super) fn of(probes: &[Probe]) -> Units {
        let mut parts: Vec<(String, Vec<String>)> = Vec::new();
        let watched = probes.iter().filter_map(|probe| match &probe.check {
            Check::Unit { unit } => Some((&probe.component, unit)),
            _ => None,
        });
        for (component, unit) in watched.filter(|(_, unit)| is_unit(unit)) {
            let units = both(unit);
            match parts.iter_mut().find(|(name, _)| name == component) {
                Some((_, known)) => known.extend(units),
                None => parts.push((component.clone(), units)),
            }
        }
        parts.push(("agent".to_owned(), AGENT.map(str::to_owned).into()));
        Units(parts)
    }

    /// The parts of these names, all if there are none. A name is also the first word of a part's: `gate` is every gate.
    ///
    /// # Errors
    /// A name is of no part; the names there are.
    pub(super) fn only(mut self, names: &[String]) -> Result<Units, (String, Vec<String>)> {
        let is = |part: &str, name: &String| part == name || part.split(' ').next() == Some(name);
        let all: Vec<String> = self.0.iter().map(|(part, _)| part.clone()).collect();
        if let Some(name) = names
            .iter()
            .find(|name| !all.iter().any(|part| is(part, name)))
        {
            return Err((name.clone(), all));
        }
        if !names.is_empty() {
            self.0
                .retain(|(part, _)| names.iter().any(|name| is(part, name)));
        }
        Ok(self)
    }

    /// The words that have `journalctl` show them.
    pub(super) fn words(&self) -> String {
        let units = self.0.iter().flat_map(|(_, units)| units);
        let words: Vec<String> = units.map(|unit| format!("--unit={unit}")).collect();
        words.join(" ")
    }

    /// The part a unit belongs to.
    pub(super) fn part(&self, unit: &str) -> Option<&str> {
        let of = |known: &String| match known.split_once('*') {
            Some((before, after)) => unit.starts_with(before) && unit.ends_with(after),
            None => known == unit,
        };
        let found = self.0.iter().find(|(_, units)| units.iter().any(of));
        found.map(|(part, _)| part.as_str())
    }
}

/// What stands in a guest's file becomes words of a command line there: nothing but a unit's name may.
fn is_unit(unit: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || ":_.@-".contains(c);
    !unit.is_empty() && unit.len() <= 255 && unit.chars().all(fits)
}

fn both(unit: &str) -> Vec<String> {
    let coloured = unit.split_once('@').and_then(|(name, rest)| {
        let (colour, kind) = rest.split_once('.')?;
        COLOURS.contains(&colour).then_some((name, kind))
    });
    match coloured {
        Some((name, kind)) => COLOURS
            .map(|colour| format!("{name}@{colour}.{kind}"))
            .into(),
        None => vec![unit.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units() -> Units {
        let probe = |component: &str, unit: &str| Probe {
            name: format!("{component} unit"),
            component: component.to_owned(),
            check: Check::Unit {
                unit: unit.to_owned(),
            },
            deadline_seconds: 2,
            listener: None,
        };
        Units::of(&[
            probe("backend", "app-backend@green.service"),
            probe("gate of backend", "homeport-gate@backend.service"),
            probe("proxy", "proxy.service"),
            probe("evil", "x.service --file=/etc/shadow"),
        ])
    }

    #[test]
    fn parts_have_units_of_both_colours() {
        assert_eq!(
            units().only(&["backend".to_owned()]).unwrap().words(),
            "--unit=app-backend@blue.service --unit=app-backend@green.service"
        );
        assert_eq!(
            units().only(&["gate".to_owned()]).unwrap().words(),
            "--unit=homeport-gate@backend.service"
        );
        let all = units().only(&[]).unwrap();
        assert_eq!(all.words().split(' ').count(), 7);
        assert_eq!(all.part("app-backend@blue.service"), Some("backend"));
        assert_eq!(all.part("homeport-cutover@x.service"), Some("agent"));
        assert_eq!(all.part("cron.service"), None);
    }

    #[test]
    fn a_part_that_is_not_there_is_named_with_those_that_are() {
        let (name, all) = units().only(&["mcp".to_owned()]).unwrap_err();
        assert_eq!(name, "mcp");
        assert_eq!(all, ["backend", "gate of backend", "proxy", "agent"]);
    }
}
