//! The questions of an install: which are asked, in which order, with which default. They come from the table of settings,
//! the recipe and the plugins, so a new setting appears by itself. Pure: facts come from the verb, `cli::ask` asks.

mod question;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

pub use question::{Choice, Question, Screen};

use crate::settings::{Defaults, FIELDS, Field, Kind, Need, Schema, Sources, answered};

/// What is known of the machine that makes answering easier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// The bridges guests can be connected to, the one to offer first.
    pub bridges: Vec<NetworkHint>,
    /// Addresses somebody has, and who.
    pub taken: Vec<(IpAddr, String)>,
    /// What should be known before a screen is answered, as sentences.
    pub notes: BTreeMap<Screen, Vec<String>>,
}

/// What a bridge's network offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkHint {
    /// Name of the bridge.
    pub bridge: String,
    /// An address that is free, with prefix length, and why it is offered.
    pub address: Option<(String, String)>,
    /// Its gateway, and how that is known.
    pub gateway: Option<(String, String)>,
}

/// What has been asked, and what has been answered.
#[derive(Debug, Clone)]
pub struct Interview {
    given: Sources,
    defaults: Defaults,
    hints: Hints,
    /// Answers by the setting's path; an empty one: none is wanted.
    answers: BTreeMap<String, String>,
}

const BRIDGE: &str = "network.bridge";
const ADDRESS: &str = "network.ip_address";
const GATEWAY: &str = "network.gateway";
const PLUGIN: &str = "database.plugin";

impl Interview {
    /// What was given by flags, environment and file is not asked.
    pub fn new(given: Sources, defaults: Defaults, hints: Hints) -> Interview {
        Interview {
            given,
            defaults,
            hints,
            answers: BTreeMap::new(),
        }
    }

    /// The questions in their order, as they are by the answers so far: a database's own settings follow its choice.
    pub fn questions(&self) -> Vec<Question> {
        let schema = self.schema();
        let (_, given) = answered(&self.given, &self.defaults);
        let fields = schema.fields().iter().filter(|field| field.asked());
        let open = fields.filter(|field| !given.is_given(&field.path));
        let mut questions: Vec<Question> = open
            .filter_map(|field| Some(self.question(field, self.screen(field)?)))
            .collect();
        questions.sort_by_key(|question| (question.screen, order(&question.path)));
        questions
    }

    /// Every setting that can be changed, in the order of the file.
    pub fn everything(&self) -> Vec<Question> {
        let schema = self.schema();
        let asked = schema.fields().iter().filter(|field| field.asked());
        asked
            .map(|field| self.question(field, self.screen(field).unwrap_or(Screen::More)))
            .collect()
    }

    /// What should be known before a screen is answered.
    pub fn notes(&self, screen: Screen) -> &[String] {
        self.hints.notes.get(&screen).map_or(&[], Vec::as_slice)
    }

    /// What is wrong with this answer, by the rules every setting is read by.
    pub fn objection(&self, question: &Question, text: &str) -> Option<String> {
        if text.is_empty() {
            return (!question.optional).then(|| "is needed".to_owned());
        }
        let address = text.split('/').next()?.parse().ok();
        let taken = self
            .hints
            .taken
            .iter()
            .find(|(taken, _)| Some(*taken) == address);
        if let Some((_, owner)) = taken.filter(|_| question.path == ADDRESS) {
            return Some(format!("is the address of {owner}"));
        }
        let mut with = self.clone();
        with.answer(question, text);
        let (_, answers) = answered(&with.sources(), &self.defaults);
        let asked = self.questions();
        let elsewhere = |key: &str| {
            asked
                .iter()
                .any(|other| other.path == key && key != question.path)
        };
        let found = answers
            .findings
            .iter()
            .find(|finding| !elsewhere(&finding.key))?;
        Some(match found.key == question.path {
            true => found.why.clone(),
            false => format!("does not fit: `{}` {}", found.key, found.why),
        })
    }

    /// Takes an answer; an empty one takes back what was answered before, so that what is then the default holds.
    pub fn answer(&mut self, question: &Question, text: &str) {
        self.answers.insert(question.path.clone(), text.to_owned());
    }

    /// What was given, and the answers.
    pub fn sources(&self) -> Sources {
        let mut sources = self.given.clone();
        // A flag would win over the answer that replaces it.
        let answered = |field: &&Field| self.answers.contains_key(&*field.path);
        for field in FIELDS.iter().filter(answered) {
            sources.flags.remove(&*field.name);
        }
        sources.set.extend(self.assignments());
        sources
    }

    /// The answers alone, each as `PATH=VALUE`.
    pub fn assignments(&self) -> Vec<String> {
        let given = self.answers.iter().filter(|(_, text)| !text.is_empty());
        given.map(|(path, text)| format!("{path}={text}")).collect()
    }

    fn schema(&self) -> Schema {
        answered(&self.sources(), &self.defaults).0
    }

    /// Where a setting is asked; `None`: it has a default that does for most.
    fn screen(&self, field: &Field) -> Option<Screen> {
        let path = &*field.path;
        let required = field.need == Need::Required;
        match path.split('.').next().unwrap_or_default() {
            _ if path == "network.domain" => Some(Screen::Address),
            _ if path == BRIDGE => self.is_bridge_open(field).then_some(Screen::Network),
            _ if path == ADDRESS || path == GATEWAY => Some(Screen::Network),
            "registration" => Some(Screen::People),
            "admin" => required.then_some(Screen::People),
            _ if path == PLUGIN => Some(Screen::Database),
            "database" => required.then_some(Screen::Database),
            "resources" => Some(Screen::Size),
            _ => required.then_some(Screen::More),
        }
    }

    /// Whether there is another bridge than the one everybody has.
    fn is_bridge_open(&self, field: &Field) -> bool {
        let usual = match &field.need {
            Need::Default(name) => name.as_ref(),
            _ => "",
        };
        match self.hints.bridges.as_slice() {
            [only] => only.bridge != usual,
            bridges => !bridges.is_empty(),
        }
    }

    fn question(&self, field: &Field, screen: Screen) -> Question {
        let path = field.path.clone().into_owned();
        let known = |value: &str| (value.to_owned(), String::new());
        let answered = self.answers.get(&path).map(|text| known(text));
        let fixed = match &field.need {
            Need::Default(text) => Some(known(text)),
            _ => None,
        };
        let offered = answered.or_else(|| self.hint(&path)).or(fixed);
        let (default, because) = offered.unwrap_or_default();
        Question {
            screen,
            label: question::label(&field.name),
            reason: field.reason.clone().into_owned(),
            wanted: field.kind.wanted(),
            choices: self.choices(&path, &field.kind),
            optional: field.need == Need::Optional,
            default: Some(default).filter(|default| !default.is_empty()),
            because,
            path,
        }
    }

    fn choices(&self, path: &str, kind: &Kind) -> Vec<Choice> {
        let names = |names: &mut dyn Iterator<Item = &String>| {
            names.map(|name| Choice::word(name)).collect()
        };
        match path {
            PLUGIN => names(&mut self.defaults.databases.iter().map(|known| &known.plugin)),
            BRIDGE => names(&mut self.hints.bridges.iter().map(|known| &known.bridge)),
            _ => question::choices(kind),
        }
    }

    fn hint(&self, path: &str) -> Option<(String, String)> {
        let first = self.hints.bridges.first();
        let chosen = self.answers.get(BRIDGE);
        let bridges = &mut self.hints.bridges.iter();
        let network = chosen
            .and_then(|name| bridges.find(|known| known.bridge == *name))
            .or(first)?;
        match path {
            BRIDGE => Some((first?.bridge.clone(), String::new())),
            ADDRESS => network.address.clone(),
            GATEWAY => network.gateway.clone(),
            _ => None,
        }
    }
}

/// Where a question stands on its screen: what others depend on comes first, what is about everybody else last.
fn order(path: &str) -> usize {
    const FIRST: [&str; 5] = [BRIDGE, ADDRESS, GATEWAY, "admin.email", PLUGIN];
    let first = FIRST.iter().position(|known| *known == path);
    first.unwrap_or(FIRST.len() + usize::from(path == "registration"))
}
