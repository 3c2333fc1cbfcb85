//! The trait a health plugin's author implements, and its door.

use serde_json::Value;

use crate::{
    serve::{About, Serve, reply},
    wire::{
        Kind, Manifest, Request,
        health::{Probe, Probes, Reading, Report},
        refusal::{Answer, Refusal},
        schema::Schema,
    },
};

/// Knows what to try on an app and its machine, and what the results mean. All functions are pure.
pub trait Health {
    /// Who it is.
    fn about(&self) -> About;

    /// What to try.
    ///
    /// # Errors
    /// As every function here: why it cannot be done.
    fn probes(&self, asked: &Probes) -> Answer<Vec<Probe>>;

    /// What the results mean, and what to do about them.
    ///
    /// # Errors
    /// See [`Health::probes`].
    fn report(&self, reading: &Reading) -> Answer<Report>;

    /// The settings it takes.
    fn settings(&self) -> Schema {
        Schema::default()
    }
}

/// A [`Health`] as the door sees it.
#[derive(Debug, Default)]
pub struct HealthDoor<H>(pub H);

impl<H: Health> Serve for HealthDoor<H> {
    fn manifest(&self) -> Manifest {
        let methods = [Probes::METHOD, Reading::METHOD];
        self.0
            .about()
            .manifest(Kind::Health, &methods, &[], self.0.settings())
    }

    fn answer(&self, method: &str, params: Value) -> Answer<Value> {
        let Self(health) = self;
        match method {
            Probes::METHOD => reply(params, |r: Probes| health.probes(&r)),
            Reading::METHOD => reply(params, |r: Reading| health.report(&r)),
            other => Err(Refusal::unknown_method(other)),
        }
    }
}
