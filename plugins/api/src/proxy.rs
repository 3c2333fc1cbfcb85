//! The trait a proxy plugin's author implements, and its door.

use serde_json::Value;

use crate::{
    serve::{About, Serve, reply},
    wire::{
        Facts, Kind, Manifest, Request,
        conversation::{Command, Context, Observe, Output, Packages, Plan, Purpose as _, Read},
        proxy::{Certificate, Placed, Places, Purpose, Site},
        refusal::{Answer, Refusal},
        schema::Schema,
        step::Step,
    },
};

/// A reverse proxy that ends TLS and passes requests to the gate's sockets. All functions are pure.
pub trait Proxy {
    /// Who it is.
    fn about(&self) -> About;

    /// The settings it takes.
    fn settings(&self) -> Schema;

    /// Where it keeps what core must read.
    ///
    /// # Errors
    /// As every function here: why it cannot be done.
    fn places(&self, site: &Site) -> Answer<Placed>;

    /// Steps after which `site` is served: files, their validation, the units.
    ///
    /// # Errors
    /// See [`Proxy::places`].
    fn site(&self, site: &Site, certificate: &Certificate, context: &Context) -> Answer<Vec<Step>>;

    /// Steps after which no trace of `site` that matters is left: not served, no private key.
    ///
    /// # Errors
    /// See [`Proxy::places`].
    fn remove(&self, site: &Site, context: &Context) -> Answer<Vec<Step>>;

    /// Steps that put another certificate in use without a reload.
    ///
    /// # Errors
    /// See [`Proxy::places`].
    fn certificate(
        &self,
        _site: &Site,
        _certificate: &Certificate,
        _context: &Context,
    ) -> Answer<Vec<Step>> {
        Err(Refusal::cannot(
            "this proxy reads its certificate only at its start",
            "a new one interrupts users",
        ))
    }

    /// Steps that prove that the running proxy can hold as many requests as `site` may have waiting.
    ///
    /// # Errors
    /// See [`Proxy::places`].
    fn verify(&self, _site: &Site, _context: &Context) -> Answer<Vec<Step>> {
        Err(Refusal::cannot(
            "this proxy cannot show its limits",
            "a long hold may turn requests away",
        ))
    }

    /// Packages of the guest's distribution it needs.
    ///
    /// # Errors
    /// See [`Proxy::places`].
    fn packages(&self, _settings: &Facts) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }

    /// Read-only commands whose output `read` must see before the purpose can be planned.
    ///
    /// # Errors
    /// See [`Proxy::places`].
    fn observe(&self, _purpose: &Purpose, _context: &Context) -> Answer<Vec<Command>> {
        Ok(Vec::new())
    }

    /// What the output of an observed command or a planned step, kept under `name`, means.
    ///
    /// # Errors
    /// See [`Proxy::places`].
    fn read(&self, _purpose: &Purpose, _name: &str, _output: &Output) -> Answer<Facts> {
        Ok(Facts::new())
    }
}

/// A [`Proxy`] as the door sees it.
#[derive(Debug, Default)]
pub struct ProxyDoor<P>(pub P);

impl<P: Proxy> Serve for ProxyDoor<P> {
    fn manifest(&self) -> Manifest {
        let methods = [
            Packages::METHOD,
            Places::METHOD,
            Observe::<Purpose>::METHOD,
            Read::<Purpose>::METHOD,
            Plan::<Purpose>::METHOD,
        ];
        self.0
            .about()
            .manifest(Kind::Proxy, &methods, Purpose::NAMES, self.0.settings())
    }

    fn answer(&self, method: &str, params: Value) -> Answer<Value> {
        let Self(proxy) = self;
        match method {
            Packages::METHOD => reply::<Packages>(params, |r| proxy.packages(&r.settings)),
            Places::METHOD => reply::<Places>(params, |r| proxy.places(&r.site)),
            Observe::<Purpose>::METHOD => reply(params, |r: Observe<Purpose>| {
                proxy.observe(&r.purpose, &r.context)
            }),
            Read::<Purpose>::METHOD => reply(params, |r: Read<Purpose>| {
                proxy.read(&r.purpose, &r.name, &r.output)
            }),
            Plan::<Purpose>::METHOD => reply(params, |r: Plan<Purpose>| {
                plan(proxy, &r.purpose, &r.context)
            }),
            other => Err(Refusal::unknown_method(other)),
        }
    }
}

fn plan(proxy: &impl Proxy, purpose: &Purpose, context: &Context) -> Answer<Vec<Step>> {
    match purpose {
        Purpose::Site { site, certificate } => proxy.site(site, certificate, context),
        Purpose::Certificate { site, certificate } => proxy.certificate(site, certificate, context),
        Purpose::Verify { site } => proxy.verify(site, context),
        Purpose::Remove { site } => proxy.remove(site, context),
    }
}
