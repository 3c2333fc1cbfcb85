//! Whether a guest is the instance its tags name: a guest that was cloned, restored or rolled back says so, too. Pure: it
//! judges what platform, registry and guest have said (decision 012).

use crate::error::{Error, Kind};
use crate::report::{Health, Remark};
use crate::state::{Registered, State};
use crate::verbs::living::{Living, Told};

/// Why it is not sure that a guest is the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// These guests say the same, with the same right: id and node of each.
    Twins(Vec<(String, String)>),
    /// This host knows the instance as something else: what, as half a sentence.
    Other(String),
    /// The guest's own state is about another guest: what it says of that.
    Foreign(String),
    /// The guest's state is older than what this host remembers.
    RolledBack {
        /// Epoch of the guest.
        guest: u64,
        /// Epoch this host remembers.
        host: u64,
    },
}

/// Judges all guests by what can be seen of them from outside.
pub(crate) fn judge(mut all: Vec<Living>) -> Vec<Living> {
    let doubts: Vec<Option<Doubt>> = all.iter().map(|one| outside(one, &all)).collect();
    for (living, doubt) in all.iter_mut().zip(doubts) {
        living.doubt = doubt;
    }
    all
}

fn outside(living: &Living, all: &[Living]) -> Option<Doubt> {
    if let Some(known) = &living.registered
        && let Some(otherwise) = otherwise(living, known)
    {
        return Some(Doubt::Other(otherwise));
    }
    let rival = |other: &&Living| {
        let named = other.guest.instance == living.guest.instance;
        // A guest that was adopted as the original has an ownership tag that earlier copies do not have.
        let settled = living.registered.is_some() && other.guest.tag != living.guest.tag;
        named && other.guest.id != living.guest.id && !settled
    };
    let place = |other: &Living| (other.guest.id.clone(), other.seen.node.clone());
    let rivals: Vec<_> = all.iter().filter(rival).map(place).collect();
    (!rivals.is_empty()).then_some(Doubt::Twins(rivals))
}

/// As what else this host knows the instance.
fn otherwise(living: &Living, known: &Registered) -> Option<String> {
    if known.guest != living.guest.id {
        return Some(format!("container {}", known.guest));
    }
    let mac = &known.fingerprint.as_ref()?.mac;
    let seen = living.seen.mac.as_ref().filter(|seen| *seen != mac)?;
    Some(format!("a guest with the MAC address {mac}, not {seen}"))
}

/// Judges a guest by what it says itself.
pub(crate) fn inside(living: &Living, told: &Told) -> Option<Doubt> {
    if let Some(why) = &told.report.foreign {
        return Some(Doubt::Foreign(why.clone()));
    }
    let (guest, host) = (told.state.epoch, living.registered.as_ref()?.epoch);
    (guest < host).then_some(Doubt::RolledBack { guest, host })
}

/// The state after a change: its epoch is above all that guest and host have seen, its marks are those of today.
pub(crate) fn raised(living: &Living, told: &Told) -> State {
    let known = living.registered.as_ref().map_or(0, |known| known.epoch);
    let kept = || told.state.fingerprint.clone();
    State {
        epoch: told.state.epoch.max(known).saturating_add(1),
        fingerprint: told.report.fingerprint.clone().or_else(kept),
        ..told.state.clone()
    }
}

impl Doubt {
    /// What is wrong, as a sentence.
    pub(crate) fn sentence(&self, living: &Living) -> String {
        let (id, instance) = (&living.guest.id, &living.guest.instance);
        match self {
            Doubt::Twins(others) => {
                let place =
                    |(id, node): &(String, String)| format!("container {id} on node {node}");
                let others: Vec<_> = others.iter().map(place).collect();
                let others = others.join(" and ");
                format!("Container {id} says it is `{instance}`, and so does {others}.")
            }
            Doubt::Other(known) => format!(
                "Container {id} says it is `{instance}`, but this host knows `{instance}` as {known}."
            ),
            Doubt::Foreign(why) => why.clone(),
            Doubt::RolledBack { guest, host } => format!(
                "Container {id} was rolled back or restored: its state is of epoch {guest}, and this host has seen epoch \
                 {host} of `{instance}`."
            ),
        }
    }

    /// The two commands that settle it.
    pub(crate) fn remedies(&self, living: &Living) -> Vec<String> {
        let instance = &living.guest.instance;
        let as_copy = |id: &str| format!("homeport adopt {id} --as-copy {instance}-{id}");
        let as_original = format!("homeport adopt {} --as-original", living.guest.id);
        let Doubt::Twins(others) = self else {
            return vec![as_copy(&living.guest.id), as_original];
        };
        let there = |(id, node): &(String, String)| match *node == living.seen.node {
            true => as_copy(id),
            false => format!("On node {node}: {}", as_copy(id)),
        };
        others.iter().map(there).chain([as_original]).collect()
    }

    /// The refusal of a change.
    pub(crate) fn refusal(&self, living: &Living) -> Error {
        let what = format!(
            "It must be settled first which guest is `{}`.",
            living.guest.instance
        );
        let error = Error::new(Kind::Machine, what, self.sentence(living));
        let remedies = self.remedies(living);
        remedies.into_iter().fold(error, Error::with_remedy)
    }

    /// The same for those who only look.
    pub(crate) fn remark(&self, living: &Living) -> Remark {
        Remark {
            health: Health::Degraded,
            text: self.sentence(living),
            remedy: self.remedies(living),
        }
    }
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
