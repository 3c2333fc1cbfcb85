//! What the simulated platform does to guests, as much of it as happens.

use super::ground::{lose, may_start};
use super::{Effect, Guest, World, put};
use crate::journal::Child;
use crate::op::{Content, GuestIdentity, GuestNetwork, GuestSpec, Power, PushFile};
use crate::run::{Fault, FaultKind};

/// The smallest guest a plan can ask for, called like its instance.
pub fn small_guest(identity: GuestIdentity) -> GuestSpec {
    GuestSpec {
        hostname: identity.instance.clone(),
        identity,
        template: "local:vztmpl/debian".to_owned(),
        disk_gb: 4,
        cores: 1,
        memory_mb: 512,
        swap_mb: 0,
        network: GuestNetwork {
            bridge: "vmbr0".to_owned(),
            address: "10.0.0.2/24".to_owned(),
            gateway: None,
            address6: None,
            gateway6: None,
            mtu: None,
            nameservers: Vec::new(),
        },
        tags: Vec::new(),
    }
}

/// A guest; half made, it has no tag yet, only the process that was making it.
pub(super) fn make(
    world: &mut World,
    identity: &GuestIdentity,
    maker: u32,
    effect: Effect,
) -> Result<(), Fault> {
    if effect == Effect::None {
        return Ok(());
    }
    let guest = world.guests.entry(identity.id.clone()).or_default();
    if guest
        .identity
        .as_ref()
        .is_some_and(|other| other != identity)
    {
        return Err(not_ours(identity));
    }
    if effect == Effect::Whole {
        guest.identity = Some(identity.clone());
        guest.maker = None;
    } else if guest.identity.is_none() {
        guest.maker = Some(maker);
    }
    Ok(())
}

/// No guest – if it is ours, or was being made by that very process.
pub(super) fn remove(
    world: &mut World,
    identity: &GuestIdentity,
    child: Option<&Child>,
    effect: Effect,
) -> Result<(), Fault> {
    let Some(guest) = world.guests.get_mut(&identity.id) else {
        return Ok(());
    };
    let half_made = guest.identity.is_none()
        && guest.maker.is_some()
        && guest.maker == child.map(|child| child.pid);
    if guest.identity.as_ref() != Some(identity) && !half_made {
        return Err(not_ours(identity));
    }
    match effect {
        Effect::None => {}
        // A destroy that was killed: volumes gone, configuration still there.
        Effect::Half => {
            power(guest, Power::Stopped);
            guest.files.clear();
        }
        Effect::Whole => {
            world.guests.remove(&identity.id);
            world.journals.remove(&identity.id);
            world.journals.remove(&format!("{}/cutover", identity.id));
        }
    }
    Ok(())
}

/// Units that are enabled start with the guest; all end with it.
pub(super) fn power(guest: &mut Guest, to: Power) {
    let on = to == Power::Running;
    if guest.running != on {
        let starts: Vec<String> = guest
            .units
            .iter()
            .filter(|(name, unit)| on && unit.enabled && may_start(guest, name))
            .map(|(name, _)| name.clone())
            .collect();
        for (name, unit) in &mut guest.units {
            unit.running = starts.contains(name);
        }
    }
    guest.running = on;
}

/// Off, as when the power is cut, and on again.
pub(super) fn cycle(guest: &mut Guest) {
    if guest.running {
        power(guest, Power::Stopped);
        lose(guest);
        power(guest, Power::Running);
    }
}

/// Files in a guest; half of it is half of the files, and one torn.
pub(super) fn push(guest: &mut Guest, files: &[PushFile], effect: Effect) {
    let whole = if effect == Effect::Half {
        files.len() / 2
    } else {
        files.len()
    };
    for (index, file) in files.iter().enumerate() {
        let effect = if effect == Effect::Half && index < whole {
            Effect::Whole
        } else {
            effect
        };
        let content = Content::Text(file.from.to_string());
        put(&mut guest.files, &file.to, &content, effect);
    }
}

pub(super) fn not_ours(identity: &GuestIdentity) -> Fault {
    let why = format!("guest {} is not ours", identity.id);
    Fault::new(FaultKind::NotOurs, why)
}
