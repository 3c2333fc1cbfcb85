//! What to try: every expectation on every way to a component, its unit, its directories, and the machine's few figures.

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
        probe(&component.name, format!("{} unit", component.name), check)
    });
    let pages = component.ways.iter().flat_map(|way| {
        let here = |expect: &&Expect| expect.ways.is_empty() || expect.ways.contains(&way.name);
        let wanted = move |expect: &Expect| page(component, way, expect);
        let reached = component
            .expects
            .is_empty()
            .then(|| reached(component, way));
        let asked = component.expects.iter().filter(here);
        asked.map(wanted).chain(reached)
    });
    let user = component.user.iter();
    let directories = user.flat_map(|user| {
        let directories = component.directories.iter();
        directories.map(move |directory| writable(component, user, directory))
    });
    unit.chain(pages).chain(directories).collect()
}

fn page(component: &Component, way: &Way, expect: &Expect) -> Probe {
    let (address, host) = (way.address.clone(), way.host.clone());
    let check = Check::Http {
        address,
        host,
        expect: expect.clone(),
    };
    let name = format!("{} {} {}", component.name, way.name, expect.path);
    Probe {
        listener: way.unit.clone(),
        ..probe(&component.name, name, check)
    }
}

/// A component of which the recipe expects no page must at least take connections.
fn reached(component: &Component, way: &Way) -> Probe {
    let check = Check::Connect {
        address: way.address.clone(),
    };
    let name = format!("{} {}", component.name, way.name);
    Probe {
        listener: way.unit.clone(),
        ..probe(&component.name, name, check)
    }
}

/// A full or read-only file system and wrong owners all show in this.
fn writable(component: &Component, user: &str, directory: &str) -> Probe {
    let check = Check::Exec {
        argv: ["test", "-w", directory].map(str::to_owned).to_vec(),
        user: user.to_owned(),
    };
    probe(
        &component.name,
        format!("{} writes {directory}", component.name),
        check,
    )
}

/// The directory whose being writable this program looks at, if it is one of [`writable`].
pub(crate) fn written(argv: &[String]) -> Option<&str> {
    match argv {
        [test, flag, directory] if test == "test" && flag == "-w" => Some(directory),
        _ => None,
    }
}

fn machine(machine: &Machine) -> Vec<Probe> {
    let disks = machine.directories.iter().map(|path| {
        let check = Check::Disk { path: path.clone() };
        probe("", format!("disk {path}"), check)
    });
    let memory = probe("", "memory".to_owned(), Check::Memory);
    let certificate = machine.certificate.iter().map(|address| Probe {
        listener: machine.certificate_unit.clone(),
        ..probe(
            "",
            format!("certificate {address}"),
            Check::Certificate {
                address: address.clone(),
                file: machine.certificate_file.clone(),
            },
        )
    });
    disks.chain([memory]).chain(certificate).collect()
}

fn probe(component: &str, name: String, check: Check) -> Probe {
    Probe {
        name,
        component: component.to_owned(),
        check,
        deadline_seconds: 0,
        listener: None,
    }
}
