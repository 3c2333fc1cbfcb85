//! Everything an update is planned from, beside the two slots: copies, backup, room. Changes nothing.

use std::collections::BTreeMap;

use homeport_plugin_api::wire::conversation::{Command, Handle};
use homeport_plugin_api::wire::database::{Attachment, Purpose};

use super::{Request, versions};
use crate::error::Error;
use crate::plan::Operation as About;
use crate::plan::backup::Archive;
use crate::plan::build::{Registries, Revision, Tool};
use crate::plan::deploy::{Deploy, Program};
use crate::plan::update::{self, Copies, Update, Whose};
use crate::verbs::backup;
use crate::verbs::parts::Partners;
use crate::verbs::slots::{Found, Slots, Wanted};

/// Everything the stages are planned from.
pub(super) struct Prepared {
    pub(super) slots: Slots,
    pub(super) copies: Copies,
    rehearsed: Attachment,
    looks: BTreeMap<Whose, Vec<Command>>,
    pub(super) archive: Archive,
    /// How it is built, if it is.
    pub(super) built: Option<Built>,
    file_limit_mb: u64,
}

/// A version to update to.
pub(super) struct Version {
    pub(super) name: String,
    pub(super) built: Option<Built>,
}

/// What it is built from, and with what.
pub(super) struct Built {
    pub(super) revision: Revision,
    pub(super) tools: Vec<Tool>,
    pub(super) registries: Registries,
}

impl Version {
    /// One that its publisher has built.
    pub(super) fn released(name: String) -> Version {
        Version { name, built: None }
    }
}

/// Asks and chooses. `room_mb` may be used in the guest.
pub(super) fn prepare(
    program: Program,
    about: About,
    found: Found,
    version: Version,
    room_mb: u64,
    request: &Request<'_>,
) -> Result<(Prepared, Partners), Error> {
    let state = &found.told.state;
    let wanted = Wanted {
        release: free_name(&version.name, &found.held.releases),
        version: version.name,
        colour: state.active_colour.other(),
        generation: state.newest_generation() + 1,
        source: versions::source(&found.held, request),
        revision: version.built.as_ref().map(|built| built.revision.clone()),
    };
    let (slots, mut partners) = Slots::prepare(program, about, found, wanted)?;
    let recipe = &slots.held.recipe.recipe;
    let copies = update::copies(&recipe.database.name, &recipe.app);
    let inside = update::seen_from_inside(&copies, &recipe.data.database);
    let looks = [
        (Whose::Dumped, &copies.scratch),
        (Whose::Migrated, &copies.trial),
    ];
    let looks = looks.map(|(whose, database)| Ok((whose, partners.looks(&count(database))?)));
    let Slots {
        living,
        told,
        settings,
        about,
        ..
    } = &slots;
    let archive = backup::archive(living, told, settings, about, &recipe.data.files);
    let prepared = Prepared {
        rehearsed: partners.attachment(&inside)?,
        looks: looks.into_iter().collect::<Result<_, Error>>()?,
        file_limit_mb: room_mb / 2,
        slots,
        copies,
        archive,
        built: version.built,
    };
    Ok((prepared, partners))
}

/// A name no release has yet: one that was left may have users.
fn free_name(version: &str, taken: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{version}-{number}"));
    let mut names = std::iter::once(version.to_owned()).chain(numbered);
    names
        .find(|name| !taken.contains(name))
        .unwrap_or_else(|| version.to_owned())
}

pub(super) fn count(database: &Handle) -> Purpose {
    Purpose::Count {
        database: database.clone(),
    }
}

impl Prepared {
    /// Both slots, as an update.
    pub(super) fn update<'a>(
        &'a self,
        candidate: &'a Deploy<'a>,
        service: &'a Deploy<'a>,
    ) -> Update<'a> {
        Update {
            candidate,
            whole: &self.slots.held.whole,
            service,
            state: &self.slots.told.state,
            looks: self.looks.clone(),
            file_limit_mb: self.file_limit_mb,
            rehearsed: &self.rehearsed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_never_gets_a_name_that_is_taken() {
        let taken = ["2.5.0".to_owned(), "2.5.0-2".to_owned()];
        assert_eq!(free_name("2.5.0", &taken), "2.5.0-3");
        assert_eq!(free_name("2.6.0", &taken), "2.6.0");
    }
}
