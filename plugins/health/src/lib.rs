//! How an app and its machine are: which probes to run, and what their results mean for a person.
//! Judges only figures and outcomes it is given; the limits are FR-012's.

mod dependencies;
mod findings;
mod machine;
mod probes;
mod remedy;
mod report;
#[cfg(test)]
mod tests;
mod unit;
mod version;

use homeport_plugin_api::{
    About, Answer, Health,
    wire::health::{Probe, Probes, Reading, Report},
};

/// The plugin.
#[derive(Debug, Default)]
pub struct Standard;

homeport_plugin_api::export_plugin!(Standard: Health);

impl Health for Standard {
    fn about(&self) -> About {
        About {
            name: "standard",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Units, ports, pages, versions, directories, disk, memory, certificate, each with what to do about it.",
        }
    }

    fn probes(&self, asked: &Probes) -> Answer<Vec<Probe>> {
        Ok(probes::of(asked))
    }

    fn report(&self, reading: &Reading) -> Answer<Report> {
        Ok(report::of(reading))
    }
}
