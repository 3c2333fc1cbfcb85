//! Settles which guest is an instance: its state says so from now on, its app is proven, then tags and registry follow.

use homeport_engine::op::Op;
use homeport_engine::plan::{Plan, Step, Undo};

use crate::places;
use crate::plan::power::{self, Instance};
use crate::plan::{Operation, absent, described, registered};
use crate::state::Status;

/// What else changes beside state and registry.
pub struct Adoption {
    /// All tags of the guest from then on, the ones it is recognised by until then among them.
    pub tags: Vec<String>,
    /// Name under which this host knew the guest, and shall no longer.
    pub released: Option<String>,
}

/// The guest is this instance.
pub fn adopt(
    operation: &Operation,
    instance: &Instance<'_>,
    adoption: Adoption,
    first: u32,
) -> Plan {
    let guest = operation.guest.clone();
    // The app starts only where the state is about this guest.
    let written = Step {
        undo: Undo::BeforeImage,
        ..power::written(instance, Status::Running)
    };
    let before = std::iter::once(written).chain(power::started(instance));
    let mut after = vec![
        Step::host(
            format!("Tag container {} as `{}`", guest.id, guest.instance),
            Op::Tag {
                guest: guest.clone(),
                tags: adoption.tags,
            },
        ),
        registered(instance.registered),
        described(&guest, instance.state),
    ];
    if let Some(released) = adoption.released {
        let path = places::registry(&released).display().to_string();
        after.push(Step::host(
            format!("Take `{released}` out of the registry"),
            absent(path),
        ));
    }
    power::finish(operation, "adopt", first, before.collect(), after)
}
