//! What to try: every expectation on every way to a component, its unit, and the machine's few figures.

use homeport_plugin_api::wire::health::{Check, Component, Expect, Machine, Probe, Probes, Way};

pub(crate) fn of(asked: &Probes) -> Vec<Probe> {
    let of_components = asked.components.iter().flat_map(component);
    let mut probes: Vec<Probe> = of_components
        .chain(asked.machine.iter().flat_map(machine))
        .collect();
    probes
        .iter_mut()
        .for_each(|probe| probe.deadline_seconds = asked.deadline_seconds);
    probes
}

fn component(component: &Component) -> Vec<Probe> {
    let unit = component.unit.iter().map(|unit| {
        let check = Check::Unit { unit: unit.clone() };
        probe(component, format!("{} unit", component.name), check)
    });
    let pages = component.ways.iter().flat_map(|way| {
        let wanted = move |expect: &Expect| page(component, way, expect);
        let reached = component
            .expects
            .is_empty()
            .then(|| reached(component, way));
        component.expects.iter().map(wanted).chain(reached)
    });
    unit.chain(pages).collect()
}

fn page(component: &Component, way: &Way, expect: &Expect) -> Probe {
    let (address, host) = (way.address.clone(), way.host.clone());
    let check = Check::Http {
        address,
        host,
        expect: expect.clone(),
    };
    probe(
        component,
        format!("{} {} {}", component.name, way.name, expect.path),
        check,
    )
}

/// A component of which the recipe expects no page must at least take connections.
fn reached(component: &Component, way: &Way) -> Probe {
    let check = Check::Connect {
        address: way.address.clone(),
    };
    probe(component, format!("{} {}", component.name, way.name), check)
}

fn machine(machine: &Machine) -> Vec<Probe> {
    let disks = machine
        .directories
        .iter()
        .map(|path| (format!("disk {path}"), Check::Disk { path: path.clone() }));
    let memory = ("memory".to_owned(), Check::Memory);
    let certificate = machine.certificate.iter().map(|address| {
        let check = Check::Certificate {
            address: address.clone(),
        };
        (format!("certificate {address}"), check)
    });
    let named = disks.chain([memory]).chain(certificate);
    named
        .map(|(name, check)| Probe {
            name,
            component: String::new(),
            check,
            deadline_seconds: 0,
        })
        .collect()
}

fn probe(component: &Component, name: String, check: Check) -> Probe {
    Probe {
        name,
        component: component.name.clone(),
        check,
        deadline_seconds: 0,
    }
}
