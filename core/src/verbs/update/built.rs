//! A release that is built in the guest, beside the one in service. What it is called is known once its source lies there.

use homeport_engine::event::Event;
use homeport_engine::plan::Plan;

use super::prepare::{self, Built, Prepared, Version};
use super::{Request, sources, versions};
use crate::error::{Error, Kind};
use crate::plan::Operation as About;
use crate::plan::build::{Build, Registries, Revision};
use crate::plan::deploy::{self, Program};
use crate::verbs::operation::Operation;
use crate::verbs::parts::Partners;
use crate::verbs::slots::Found;
use crate::verbs::tools;

/// A source that was not looked at yet.
pub(super) struct Unbuilt {
    pub(super) program: Program,
    pub(super) about: About,
    pub(super) found: Found,
    pub(super) registries: Registries,
    pub(super) room_mb: u64,
}

impl Unbuilt {
    /// The one that was asked for.
    pub(super) fn asked_for(mut self, request: &Request<'_>) -> Unbuilt {
        sources::settle(&mut self.found.held.settings, request);
        self
    }

    /// Where it is, for people.
    pub(super) fn from(&self) -> String {
        self.build()
            .map_or_else(String::new, |build| build.from.to_string())
    }

    fn build(&self) -> Option<Build<'_>> {
        let held = &self.found.held;
        Build::of(&self.about, &held.recipe, &held.settings, &self.registries)
    }

    /// Looks at it in the guest, finds the tools it wants, and plans everything from what it is.
    pub(super) fn looked(
        self,
        operation: &mut Operation<'_>,
        request: &Request<'_>,
    ) -> Result<(Prepared, Partners), Error> {
        let build = self.build().ok_or_else(unbuildable)?;
        let source = self
            .about
            .stage("source", operation.next()?, None, build.source());
        let seen = operation.stage(source)?;
        let revision = build.revision(&seen)?;
        let told = revision.told(build.wanted());
        versions::not_older(&self.found.told.state, &revision.version)?;
        let text = format!("Built is {}: {told}.", revision.reported);
        operation.tell(Event::Noticed { text });
        let wanted = tools::Wanted {
            recipe: &self.found.held.recipe,
            how: build.how,
            revision: &revision,
            from: self.found.held.settings.source.toolchains,
            registries: &self.registries,
        };
        let tools = operation.asking(|stop, tell| tools::find(&wanted, stop, tell))?;
        let version = Version {
            name: revision.version.clone(),
            built: Some(Built {
                revision,
                tools,
                registries: self.registries,
            }),
        };
        let Unbuilt {
            program,
            about,
            found,
            room_mb,
            ..
        } = self;
        prepare::prepare(program, about, found, version, room_mb, request)
    }
}

/// What stands for a source in a plan that is only shown.
pub(super) fn unseen(found: &Found, wanted: &str) -> Version {
    let how = found.held.recipe.recipe.build.as_ref();
    let settings = &found.held.settings.source;
    Version {
        name: wanted.to_owned(),
        built: Some(Built {
            revision: Revision::unseen(wanted),
            tools: how.map(tools::unseen).unwrap_or_default(),
            registries: Registries {
                go_proxy: settings.go_proxy.clone(),
                npm: settings.npm_registry.clone(),
                proxy: false,
            },
        }),
    }
}

fn build<'a>(prepared: &'a Prepared, built: &'a Built) -> Result<Build<'a>, Error> {
    let slots = &prepared.slots;
    let recipe = &slots.held.recipe;
    let build = Build::of(&slots.about, recipe, &slots.settings, &built.registries);
    build.ok_or_else(unbuildable)
}

fn unbuildable() -> Error {
    let why = "the recipe does not say how it is built, or the settings from what";
    Error::new(Kind::Configuration, "It cannot be built.", why)
        .with_remedy("See `source` and `git` in the deployment's settings file in the container.")
}

/// The stage that looks at the source, as a plan that is only shown has it.
pub(super) fn source(prepared: &Prepared, built: &Built) -> Result<Plan, Error> {
    let steps = build(prepared, built)?.source();
    Ok(prepared.slots.about.stage("source", 0, None, steps))
}

/// The stage that builds it into its release's directory.
pub(super) fn release(prepared: &Prepared, built: &Built, first: u32) -> Result<Plan, Error> {
    let release = prepared.slots.to_come().release();
    let mut steps = build(prepared, built)?.release(&built.revision, &built.tools, &release)?;
    steps.extend(deploy::looks(&prepared.slots.held.whole.recipe, &release));
    Ok(prepared.slots.about.stage("build", first, None, steps))
}
