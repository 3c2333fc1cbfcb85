//! One question: what it is about, what may be answered, what is offered.

use homeport_plugin_api::wire::schema::FieldKind;

use crate::settings::Kind;

/// Questions that are asked together, in the order of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Screen {
    /// How the app is reached.
    Address,
    /// Where in the network its guest is.
    Network,
    /// Who gets in.
    People,
    /// Where the data is kept.
    Database,
    /// What the guest gets of the machine.
    Size,
    /// What else must be known.
    More,
}

/// One setting that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The screen it is on.
    pub screen: Screen,
    /// Path of the setting.
    pub path: String,
    /// What it is, in a word or two.
    pub label: String,
    /// What it is for and why the default is what it is, as sentences.
    pub reason: String,
    /// What is wanted, as words.
    pub wanted: String,
    /// What can be chosen; nothing: any text.
    pub choices: Vec<Choice>,
    /// Whether it may be left open.
    pub optional: bool,
    /// What is taken when nothing is typed.
    pub default: Option<String>,
    /// Where the default comes from, as a clause; empty: it is said by the reason.
    pub because: String,
}

/// One of the things that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// As the setting holds it.
    pub word: String,
    /// As people read it.
    pub shown: String,
}

impl Screen {
    /// What it is about.
    pub fn title(self) -> &'static str {
        match self {
            Screen::Address => "Where people open it",
            Screen::Network => "Its place in your network",
            Screen::People => "Who gets in",
            Screen::Database => "Where its data is kept",
            Screen::Size => "What it gets of this host",
            Screen::More => "What else is needed",
        }
    }
}

impl Choice {
    /// A word that says what it is.
    pub fn word(word: &str) -> Choice {
        Choice {
            word: word.to_owned(),
            shown: word.to_owned(),
        }
    }
}

/// What can be chosen for this kind of setting.
pub(super) fn choices(kind: &Kind) -> Vec<Choice> {
    let yes_or_no = [("true", "yes"), ("false", "no")].map(|(word, shown)| Choice {
        word: word.to_owned(),
        shown: shown.to_owned(),
    });
    match kind {
        Kind::OneOf(words) => words.iter().map(|word| Choice::word(word)).collect(),
        Kind::Plugin(field) => match &field.kind {
            FieldKind::Choice { of } => of.iter().map(|word| Choice::word(word)).collect(),
            FieldKind::Flag => yes_or_no.into(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A flag's name as people say it.
pub(super) fn label(name: &str) -> String {
    let word = |word| match word {
        "ip" => "IP",
        "ipv6" => "IPv6",
        "cpu" => "CPU",
        "url" => "URL",
        "ssl" => "TLS",
        "cert" => "certificate",
        "mb" => "in MiB",
        "gb" => "in GiB",
        "email" => "e-mail",
        other => other,
    };
    let text = name.split('-').map(word).collect::<Vec<_>>().join(" ");
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}
