//! What was done to an instance: the operations of its journals on this host, numbered from the oldest, told from the
//! newest.

mod details;

use std::collections::BTreeMap;

use homeport_engine::history::Summary;
use homeport_engine::journal::{self, Record};
use homeport_engine::op::{Content, Op};
use homeport_engine::plan::{Plan, Step};
use homeport_engine::recover::Outcome;
use homeport_engine::run::unix_now;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::places;
use crate::state::State;
use crate::verbs::operation;

pub use details::{Details, Done};

/// One operation, by its number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its number: 1 is the oldest. Questions that changed nothing have none.
    pub number: u64,
    /// How long ago it began, seconds.
    pub age_s: u64,
    /// What its journal tells.
    #[serde(flatten)]
    pub summary: Summary,
    /// The release it put in service, or would have; none if it was about no release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// A release, as an operation was to put it in service.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// Directory of its release.
    pub directory: String,
    /// Its generation of the database.
    pub generation: u64,
    /// What its operation has noted of itself.
    #[serde(flatten)]
    pub noted: Noted,
}

/// What an operation notes of itself in the state it leaves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noted {
    /// Version that was in service before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// How long requests were predicted to wait, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_ms: Option<u64>,
    /// The backup that was made first, on this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// Rows that backup holds, by table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, u64>,
}

/// Reads them, the newest first.
///
/// # Errors
/// When a journal cannot be read.
pub fn history(instance: &str) -> Result<Vec<Entry>, Error> {
    let mut past = Vec::new();
    for records in journals(instance)? {
        let number = past.len() as u64 + 1;
        past.extend(entry(number, &records));
    }
    past.reverse();
    Ok(past)
}

/// One of them, with everything its journal says.
///
/// # Errors
/// When there is none of this number, or a journal cannot be read.
pub fn details(instance: &str, number: u64) -> Result<Details, Error> {
    let journals = journals(instance)?;
    let place = number
        .checked_sub(1)
        .and_then(|place| usize::try_from(place).ok());
    let records = place.and_then(|place| journals.get(place));
    let found = records.and_then(|records| Some((entry(number, records)?, records)));
    let Some((entry, records)) = found else {
        let why = format!("`{instance}` has {} operations", journals.len());
        return Err(
            Error::new(Kind::NotFound, "There is no such operation.", why)
                .with_remedy(format!("homeport history {instance}")),
        );
    };
    Ok(Details::of(entry, records))
}

/// The records of everything that was done, the oldest first.
fn journals(instance: &str) -> Result<Vec<Vec<Record>>, Error> {
    let mut all = Vec::new();
    for path in &operation::journals(&instance.to_lowercase())? {
        all.extend(journal::load(path)?.filter(|records| did_something(records)));
    }
    Ok(all)
}

fn entry(number: u64, records: &[Record]) -> Option<Entry> {
    let summary = Summary::of(records)?;
    Some(Entry {
        number,
        age_s: unix_now().saturating_sub(summary.began),
        summary,
        release: plans(records).find_map(release),
    })
}

fn plans(records: &[Record]) -> impl Iterator<Item = &Plan> {
    records.iter().filter_map(|record| match record {
        Record::Begin { plan, .. } => Some(plan),
        _ => None,
    })
}

/// Looking and then being told no is nothing that was done.
fn did_something(records: &[Record]) -> bool {
    let looked = |plan: &Plan| plan.steps.iter().all(|step| step.op.only_reads());
    let taken_back = records.iter().any(|record| match record {
        Record::Closed { outcome, .. } => *outcome == Outcome::RolledBack,
        _ => false,
    });
    plans(records).next().is_some() && !(taken_back && plans(records).all(looked))
}

/// The release of the state that the plan has the guest write down.
fn release(plan: &Plan) -> Option<Release> {
    let state = plan.steps.iter().find_map(written)?;
    let noted = serde_json::from_value(state.last_operation.clone());
    Some(Release {
        version: state.version.clone(),
        directory: state.release().to_owned(),
        generation: state.generation,
        noted: noted.unwrap_or_default(),
    })
}

fn written(step: &Step) -> Option<State> {
    let files = match &step.op {
        Op::PutFile(file) => std::slice::from_ref(file),
        Op::CutOver(cut_over) => cut_over.to.files.as_slice(),
        _ => return None,
    };
    let state = files
        .iter()
        .find(|file| file.path == places::guest::STATE)?;
    match &state.content {
        Content::Text(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}
