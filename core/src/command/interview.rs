//! The wizard: asks screen by screen, shows the plan, and changes nothing before somebody agrees to it.

use std::path::{Path, PathBuf};

use super::session::Session;
use crate::cli::ask::{Asked, Prompt, Watch};
use crate::cli::style::harmless;
use crate::cli::{output, show};
use crate::error::Error;
use crate::report::Severity;
use crate::settings::Sources;
use crate::verbs::config;
use crate::verbs::install::{self, Installed, Known, Preview, Request};
use crate::wizard::{Choice, Interview, Question, Screen};

/// How it ended.
pub enum Ended {
    /// With everything that was given and answered, to be installed.
    Agreed(Sources),
    /// With nothing.
    Left,
}

struct Wizard<'a> {
    session: Session,
    interview: Interview,
    prompt: Prompt,
    /// The settings file that was named.
    file: Option<&'a Path>,
}

/// Asks for what is missing in `sources`, which came from this file, if any; `known` is the app they name.
pub fn interview(
    mut session: Session,
    sources: Sources,
    known: Known,
    file: Option<&Path>,
) -> Result<Ended, Error> {
    let prompt = Prompt::here();
    prompt.say("Looking at this host …");
    let offer = session.run("stops looking", |cx| install::offer(cx, known))?;
    prompt.head(&format!("{} gets a container of its own.", offer.title));
    prompt.say(
        "Nothing is changed before you agree to the plan at the end. Esc goes back, Ctrl-C ends.",
    );
    let mut wizard = Wizard {
        interview: Interview::new(sources, offer.defaults, offer.hints),
        session,
        prompt,
        file,
    };
    let mut at = 0;
    loop {
        wizard.ask_from(at)?;
        match wizard.agree()? {
            Asked::Answer(true) => return Ok(Ended::Agreed(wizard.interview.sources())),
            Asked::Answer(false) => return Ok(Ended::Left),
            Asked::Back => at = wizard.interview.questions().len().saturating_sub(1),
        }
    }
}

impl Wizard<'_> {
    /// Asks every question from this one on.
    fn ask_from(&mut self, mut at: usize) -> Result<(), Error> {
        let mut shown = None;
        loop {
            let questions = self.interview.questions();
            let Some(question) = questions.get(at) else {
                return Ok(());
            };
            if shown.replace(question.screen) != Some(question.screen) {
                self.screen(question.screen, &questions);
            }
            match self.ask(question)? {
                Asked::Answer(()) => at += 1,
                Asked::Back if at == 0 => {
                    self.prompt.say("This is the first question; Ctrl-C ends.")
                }
                Asked::Back => at -= 1,
            }
        }
    }

    fn screen(&self, screen: Screen, questions: &[Question]) {
        let (number, of) = place(screen, questions);
        self.prompt
            .head(&format!("{number}/{of}  {}", screen.title()));
        self.interview
            .notes(screen)
            .iter()
            .for_each(|note| self.prompt.say(note));
    }

    fn ask(&mut self, question: &Question) -> Result<Asked<()>, Error> {
        let _watch = Watch::start(self.session.stop());
        let (interview, about) = (self.interview.clone(), question.clone());
        let objection = move |text: &str| interview.objection(&about, text);
        Ok(match self.prompt.setting(question, objection)? {
            Asked::Back => Asked::Back,
            Asked::Answer(text) => {
                self.interview.answer(question, &text);
                Asked::Answer(())
            }
        })
    }

    /// Shows the plan; whether it is to be carried out.
    fn agree(&mut self) -> Result<Asked<bool>, Error> {
        loop {
            let (_, of) = place(Screen::More, &self.interview.questions());
            self.prompt.head(&format!("{of}/{of}  What will be done"));
            let preview = self.preview()?;
            let next = self.next(preview.as_deref())?;
            match next {
                Asked::Back => return Ok(Asked::Back),
                Asked::Answer(Next::Install) => return Ok(Asked::Answer(true)),
                Asked::Answer(Next::Leave) => return Ok(Asked::Answer(false)),
                Asked::Answer(Next::Steps) => self.steps(preview.as_deref()),
                Asked::Answer(Next::Change) => self.change()?,
                Asked::Answer(Next::Write) => self.write(preview.as_deref())?,
            }
        }
    }

    /// The plan by the answers so far, shown; `None`: there is none, and it was said why.
    fn preview(&mut self) -> Result<Option<Box<Preview>>, Error> {
        self.prompt.say("Asking around …");
        let request = Request {
            sources: self.interview.sources(),
            keep_on_failure: false,
            dry_run: true,
        };
        let planned = self
            .session
            .run("stops looking", |cx| install::install(cx, &request, None));
        match planned {
            Ok(Installed::Planned(preview)) => {
                output::talk(&show::summary(
                    &preview.settings,
                    &preview.plans,
                    self.prompt.style(),
                ));
                if !preview.findings.is_empty() {
                    output::talk(&format!(
                        "\n{}",
                        show::findings(&preview.findings, self.prompt.style())
                    ));
                }
                Ok(Some(preview))
            }
            Ok(Installed::Done(_)) => Ok(None),
            Err(_) if self.session.stopped() => Err(Error::left()),
            Err(error) => {
                output::talk(&show::error(&error, self.prompt.style()));
                Ok(None)
            }
        }
    }

    fn next(&self, preview: Option<&Preview>) -> Result<Asked<Next>, Error> {
        let blocked = |preview: &&Preview| {
            let mut findings = preview.findings.iter();
            findings.any(|finding| finding.severity == Severity::Blocks)
        };
        let ready = preview.filter(|preview| !blocked(preview));
        let options: Vec<(Next, String)> = [
            ready.map(|preview| {
                (
                    Next::Install,
                    preview.question.trim_end_matches('?').to_owned(),
                )
            }),
            Some((Next::Change, "Change a setting".to_owned())),
            preview.map(|_| (Next::Steps, "Show every step".to_owned())),
            preview.map(|_| {
                (
                    Next::Write,
                    "Write the settings to a file, for doing this unattended".to_owned(),
                )
            }),
            Some((Next::Leave, "Leave; nothing has been changed".to_owned())),
        ]
        .into_iter()
        .flatten()
        .collect();
        let shown: Vec<String> = options.iter().map(|(_, text)| text.clone()).collect();
        let _watch = Watch::start(self.session.stop());
        self.prompt.head("");
        let chosen = self.prompt.choice("What now", &shown, 0)?;
        Ok(match chosen {
            Asked::Answer(number) => options
                .get(number)
                .map_or(Asked::Back, |(next, _)| Asked::Answer(*next)),
            Asked::Back => Asked::Back,
        })
    }

    fn steps(&self, preview: Option<&Preview>) {
        if let Some(preview) = preview {
            output::talk(&show::plans(&preview.plans, false, self.prompt.style()));
        }
    }

    /// Any setting, also those that nobody is asked for.
    fn change(&mut self) -> Result<(), Error> {
        let questions = self.interview.everything();
        let shown = |question: &Question| {
            let value = question.default.as_deref().unwrap_or("–");
            format!("{}: {}", question.path, harmless(value))
        };
        let shown: Vec<String> = questions.iter().map(shown).collect();
        let chosen = {
            let _watch = Watch::start(self.session.stop());
            self.prompt
                .choice("Which setting (type to search)", &shown, 0)?
        };
        if let Asked::Answer(number) = chosen
            && let Some(question) = questions.get(number)
        {
            self.ask(question)?;
        }
        Ok(())
    }

    /// The settings as a file: the one that was named, changed where something was answered, or a new one.
    fn write(&mut self, preview: Option<&Preview>) -> Result<(), Error> {
        let Some(preview) = preview else {
            return Ok(());
        };
        let written = match self.file {
            Some(file) => {
                let program = self.session.program();
                config::set(program, file, &self.interview.assignments())
                    .map(|()| Some(file.to_owned()))
            }
            None => self.new_file(preview),
        };
        match written {
            Ok(Some(path)) => {
                let path = path.display();
                self.prompt.say(&format!(
                    "Written. The same without questions: `homeport install --yes --config {path}`"
                ));
            }
            Ok(None) => {}
            Err(error) => output::talk(&show::error(&error, self.prompt.style())),
        }
        Ok(())
    }

    fn new_file(&self, preview: &Preview) -> Result<Option<PathBuf>, Error> {
        let name = format!("{}.yaml", preview.settings.deployment.instance_id);
        let here = std::env::current_dir().unwrap_or_default();
        let question = Question {
            screen: Screen::More,
            path: String::new(),
            label: "File".to_owned(),
            reason: "Every setting with its reason; a schema for editors is written beside it. Secrets are not in it.".to_owned(),
            wanted: "a path".to_owned(),
            choices: Vec::<Choice>::new(),
            optional: false,
            default: Some(here.join(name).display().to_string()),
            because: String::new(),
        };
        let _watch = Watch::start(self.session.stop());
        match self
            .prompt
            .setting(&question, |text| config::no_place(Path::new(text)))?
        {
            Asked::Answer(path) => {
                config::write(Path::new(&path), &preview.pages).map(|()| Some(path.into()))
            }
            Asked::Back => Ok(None),
        }
    }
}

/// What can be done with a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Install,
    Change,
    Steps,
    Write,
    Leave,
}

/// Number of the screen, and how many there are with the one that shows the plan.
fn place(screen: Screen, questions: &[Question]) -> (usize, usize) {
    let mut screens: Vec<Screen> = questions.iter().map(|question| question.screen).collect();
    screens.dedup();
    let before = screens.iter().filter(|other| **other < screen).count();
    (before + 1, screens.len() + 1)
}
