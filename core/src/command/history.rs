//! `history`: what was done, and how one of it went.

use std::process::ExitCode;

use super::answer;
use crate::cli::args::{Common, History, Past};
use crate::cli::{schema, show};
use crate::error::Error;
use crate::target::proxmox::Proxmox;
use crate::verbs::{history, living};

pub(super) fn past(common: Common, given: &History) -> Result<ExitCode, Error> {
    match &given.past {
        None => {
            let found = schema::Operations {
                operations: history::history(&named(given.one.instance.as_deref())?)?,
            };
            answer(common, &found, || show::history(&found.operations))
        }
        Some(Past::Show { number, one }) => {
            let found = history::details(&named(one.instance.as_deref())?, *number)?;
            answer(common, &found, || show::details(&found))
        }
    }
}

fn named(name: Option<&str>) -> Result<String, Error> {
    match name {
        Some(name) => Ok(name.to_owned()),
        None => {
            let found = living::find(&mut Proxmox::new(Default::default()), None)?;
            Ok(found.guest.instance)
        }
    }
}
