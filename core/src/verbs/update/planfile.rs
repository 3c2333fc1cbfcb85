//! An update as a file: what was asked for, the facts it was planned from, the plan. It is carried out later only if all
//! of this is then as it was.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use homeport_engine::durable;
use homeport_engine::plan::Plan;
use serde::{Deserialize, Serialize};

use super::report::Checked;
use super::{Request, VERB, planned, versions};
use crate::error::{Error, Kind};
use crate::plan::Operation as About;
use crate::program::VERSION;
use crate::verbs::Context;
use crate::verbs::living::Living;
use crate::verbs::slots::Found;

/// Number of the file's schema.
const SCHEMA: u32 = 1;

/// A larger file is no plan, bytes.
const LARGEST: u64 = 64 << 20;

/// Most differences that are told.
const TOLD: usize = 10;

/// An update that was planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    schema: u32,
    homeport: String,
    verb: String,
    instance: String,
    asked: Asked,
    operation: String,
    at: u64,
    room_mb: u64,
    facts: BTreeMap<String, String>,
    plans: Vec<Plan>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    to: String,
    from: Option<String>,
    sha256: Option<String>,
    pre_releases: bool,
    accept_loss: bool,
    max_pause_ms: u64,
}

impl PlanFile {
    /// Reads it.
    ///
    /// # Errors
    /// When it is no such file, or of another Homeport.
    pub fn read(path: &Path) -> Result<PlanFile, Error> {
        let size = fs::metadata(path).map_err(|source| Error::unreadable(path, source))?;
        let no_plan = |why: String| {
            let why = format!("`{}`: {why}", path.display());
            Error::new(Kind::Usage, "That is no plan that can be applied.", why)
                .with_remedy("Make one: homeport update --plan-out FILE")
        };
        if size.len() > LARGEST {
            return Err(no_plan(format!("it has {} bytes", size.len())));
        }
        let bytes = fs::read(path).map_err(|source| Error::unreadable(path, source))?;
        let file: PlanFile =
            serde_json::from_slice(&bytes).map_err(|error| no_plan(error.to_string()))?;
        match (file.schema, file.verb.as_str()) {
            (SCHEMA, VERB) => Ok(file),
            (schema, verb) => Err(no_plan(format!("it is a `{verb}` of schema {schema}"))),
        }
    }

    /// What it asks for.
    pub fn request(&self) -> Request<'_> {
        Request {
            name: Some(&self.instance),
            to: Some(&self.asked.to),
            from: self.asked.from.as_deref(),
            sha256: self.asked.sha256.as_deref(),
            pre_releases: self.asked.pre_releases,
            check: false,
            rehearse: false,
            accept_loss: self.asked.accept_loss,
            max_pause_ms: self.asked.max_pause_ms,
            dry_run: false,
            plan_out: None,
            planned: Some(self),
        }
    }

    /// Plans the same once more and compares.
    ///
    /// # Errors
    /// When anything differs: what.
    pub(super) fn still_so(&self, cx: &mut Context<'_>, living: &Living) -> Result<(), Error> {
        let found = Found::of(cx, living.clone(), VERB)?;
        let request = self.request();
        let checked = versions::checked(&found.held, &found.told.state, &request)?;
        let about = About {
            id: self.operation.clone(),
            at: self.at,
            ..found.living.operation(VERB)?
        };
        let facts = facts(&found, &checked);
        let program = cx.program.deployed();
        let wanted = (self.asked.to.clone(), self.room_mb);
        let plans = planned(program, about, found, wanted, &request)?;
        let differences = self.differences(&facts, &plans);
        if differences.is_empty() {
            return Ok(());
        }
        let what = "Things are not any more as they were when this was planned.";
        Err(
            Error::new(Kind::Usage, what, differences.join("; ")).with_remedy(format!(
                "Look at a new plan: homeport update {} --dry-run",
                self.instance
            )),
        )
    }

    fn differences(&self, facts: &BTreeMap<String, String>, plans: &[Plan]) -> Vec<String> {
        let mut all = Vec::new();
        for name in self.facts.keys().chain(facts.keys()) {
            let of = |facts: &BTreeMap<String, String>| {
                facts.get(name).map_or("unknown", String::as_str).to_owned()
            };
            let (then, now) = (of(&self.facts), of(facts));
            let told = format!("{name} was {then} and is {now}");
            if then != now && !all.contains(&told) {
                all.push(told);
            }
        }
        // A step differs for a reason; where that is known it is enough.
        if all.is_empty() {
            all.extend(steps(&self.plans, plans));
        }
        all.truncate(TOLD);
        all
    }
}

/// The steps that are others now.
fn steps(then: &[Plan], now: &[Plan]) -> Vec<String> {
    let numbered = |plans: &[Plan]| -> BTreeMap<u32, (String, String)> {
        let steps = plans.iter().flat_map(|plan| {
            plan.numbered().map(|(number, step)| {
                let text = serde_json::to_string(step).unwrap_or_default();
                (number, (format!("{} ({})", step.title, plan.stage), text))
            })
        });
        steps.collect()
    };
    let (then, now) = (numbered(then), numbered(now));
    let mut numbers: Vec<u32> = then.keys().chain(now.keys()).copied().collect();
    numbers.sort_unstable();
    numbers.dedup();
    let differ = |number: &u32| {
        let (then, now) = (then.get(number), now.get(number));
        let title = then.or(now).map(|(title, _)| title.clone());
        title.filter(|_| then != now)
    };
    let titles = numbers.iter().filter_map(differ);
    titles
        .map(|title| format!("the step `{title}` is another one"))
        .collect()
}

/// What an update rests on, for people.
fn facts(found: &Found, checked: &Checked) -> BTreeMap<String, String> {
    let state = &found.told.state;
    let seen = &found.living.seen;
    let facts = [
        ("Homeport", VERSION.to_owned()),
        ("the container", format!("{} on {}", seen.id, seen.node)),
        ("the version in service", state.version.clone()),
        ("its release", state.release().to_owned()),
        ("its slot", state.active_colour.name().to_owned()),
        (
            "its generation of the database",
            state.generation.to_string(),
        ),
        ("the number of changes so far", state.epoch.to_string()),
        ("where it comes from", checked.source.clone()),
    ];
    facts.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Everything a file is written from.
pub(super) struct Plannable<'a> {
    pub(super) found: &'a Found,
    pub(super) checked: &'a Checked,
    pub(super) about: &'a About,
    pub(super) to: &'a str,
    pub(super) room_mb: u64,
}

impl Plannable<'_> {
    /// The file without its plans.
    pub(super) fn file(&self, request: &Request<'_>) -> PlanFile {
        PlanFile {
            schema: SCHEMA,
            homeport: VERSION.to_owned(),
            verb: VERB.to_owned(),
            instance: self.about.guest.instance.clone(),
            asked: Asked {
                to: self.to.to_owned(),
                from: request.from.map(str::to_owned),
                sha256: request.sha256.map(str::to_owned),
                pre_releases: request.pre_releases,
                accept_loss: request.accept_loss,
                max_pause_ms: request.max_pause_ms,
            },
            operation: self.about.id.clone(),
            at: self.about.at,
            room_mb: self.room_mb,
            facts: facts(self.found, self.checked),
            plans: Vec::new(),
        }
    }
}

impl PlanFile {
    /// Writes it, with these plans, where nothing is yet.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub(super) fn write(mut self, path: &Path, plans: &[Plan]) -> Result<(), Error> {
        self.plans = plans.to_vec();
        let text = serde_json::to_string_pretty(&self).unwrap_or_default();
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(path);
        let written = opened.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            durable::sync_parent(path)
        });
        written.map_err(|source| Error::unwritable(path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(slot: &str) -> PlanFile {
        PlanFile {
            schema: SCHEMA,
            homeport: "1.0.0".to_owned(),
            verb: VERB.to_owned(),
            instance: "tasks".to_owned(),
            asked: Asked {
                to: "2.5.0".to_owned(),
                from: None,
                sha256: None,
                pre_releases: false,
                accept_loss: false,
                max_pause_ms: 5_000,
            },
            operation: "op".to_owned(),
            at: 1,
            room_mb: 1,
            facts: [("its slot".to_owned(), slot.to_owned())].into(),
            plans: Vec::new(),
        }
    }

    #[test]
    fn what_has_moved_is_named() {
        let planned = file("blue");
        assert!(planned.differences(&planned.facts, &[]).is_empty());
        let told = planned.differences(&file("green").facts, &[]);
        assert_eq!(told, ["its slot was blue and is green"]);
        let told = planned.differences(&BTreeMap::new(), &[]);
        assert_eq!(told, ["its slot was blue and is unknown"]);
    }

    #[test]
    fn only_a_plan_of_ours_is_read_and_none_is_written_over() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("plan.json");
        file("blue").write(&path, &[]).unwrap();
        assert_eq!(PlanFile::read(&path).unwrap(), file("blue"));
        assert!(file("green").write(&path, &[]).is_err());
        for text in ["", "{}", "[1]"] {
            fs::write(&path, text).unwrap();
            assert_eq!(PlanFile::read(&path).unwrap_err().kind, Kind::Usage);
        }
        let other = PlanFile {
            verb: "install".to_owned(),
            ..file("blue")
        };
        fs::write(&path, serde_json::to_string(&other).unwrap()).unwrap();
        assert_eq!(PlanFile::read(&path).unwrap_err().kind, Kind::Usage);
    }
}
