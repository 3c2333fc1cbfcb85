//! Prompts of the wizard: one setting each, checked while it is typed by the rules that read it from a file. Draws on stderr
//! and reads the terminal, whatever stdin is.

use std::io;
use std::rc::Rc;

use inquire::autocompletion::Replacement;
use inquire::ui::{Attributes, Color, ErrorMessageRenderConfig, RenderConfig, StyleSheet, Styled};
use inquire::validator::Validation;
use inquire::{Autocomplete, CustomUserError, InquireError, Select, Text};

use crate::cli::output;
use crate::cli::style::{Style, harmless, wrap};
use crate::error::Error;
use crate::wizard::Question;

/// What is typed to go back, where a key does not.
const BACK: &str = "<";
/// What is typed for nothing, where something is offered.
const NONE: &str = "-";

/// Clears what stands below the cursor: a prompt that is left leaves it there.
const BELOW: &str = "\x1b[J";

/// What came of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<T> {
    /// This.
    Answer(T),
    /// The question before, please.
    Back,
}

/// Says what is wrong with an answer.
type Objection = Rc<dyn Fn(&str) -> Option<String>>;

/// How prompts look.
#[derive(Debug, Clone, Copy)]
pub struct Prompt {
    style: Style,
}

impl Prompt {
    /// As the terminal can show them.
    pub fn here() -> Prompt {
        let style = Style::of(&io::stderr());
        Prompt { style }
    }

    /// What the terminal can show.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Sentences above a prompt.
    pub fn say(&self, text: &str) {
        output::talk(&self.lines(text));
    }

    /// A heading above prompts.
    pub fn head(&self, text: &str) {
        output::talk(&format!("\n{}", self.style.bold(text)));
    }

    fn lines(&self, text: &str) -> String {
        let lines = wrap(
            &text.lines().map(harmless).collect::<Vec<_>>().join("\n"),
            self.style.width.min(100) - 4,
        );
        let lines = lines
            .iter()
            .map(|line| format!("  {}", self.style.dim(line)));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Asks for a setting; an empty answer: none. What is wrong is said while it is typed, and not taken.
    pub fn setting(
        &self,
        question: &Question,
        objection: impl Fn(&str) -> Option<String> + 'static,
    ) -> Result<Asked<String>, Error> {
        let mut about = question.reason.clone();
        if let Some(default) = question
            .default
            .as_ref()
            .filter(|_| !question.because.is_empty())
        {
            about = format!("{about}\n{default}: {}.", question.because);
        }
        self.say(&about);
        if question.choices.is_empty() {
            return self.text(question, Rc::new(objection));
        }
        let shown: Vec<String> = question
            .choices
            .iter()
            .map(|choice| choice.shown.clone())
            .collect();
        let default = question.default.as_deref();
        let start = question
            .choices
            .iter()
            .position(|choice| Some(choice.word.as_str()) == default);
        loop {
            let Asked::Answer(chosen) = self.choice(&question.label, &shown, start.unwrap_or(0))?
            else {
                return Ok(Asked::Back);
            };
            let word = question
                .choices
                .get(chosen)
                .map(|choice| choice.word.clone());
            let word = word.unwrap_or_default();
            match objection(&word) {
                None => return Ok(Asked::Answer(word)),
                Some(why) => self.say(&short(&why)),
            }
        }
    }

    fn text(&self, question: &Question, objection: Objection) -> Result<Asked<String>, Error> {
        let optional = question.optional;
        let help = match (optional, question.default.is_some()) {
            (true, true) => "Enter takes it, - leaves it out, Esc or < goes back",
            (true, false) => "Enter leaves it out, Esc or < goes back",
            (false, _) => "Esc or < goes back, Ctrl-C ends",
        };
        let empty = |text: &str| text == BACK || (text == NONE && optional);
        let checked = objection.clone();
        let validator = move |text: &str| {
            // Why stands below what was typed, and follows it.
            let wrong = !empty(text) && checked(text.trim()).is_some();
            Ok(match wrong {
                true => Validation::Invalid("This cannot be taken.".into()),
                false => Validation::Valid,
            })
        };
        let message = format!("{}:", question.label);
        let mut text = Text::new(&message)
            .with_help_message(help)
            .with_validator(validator)
            .with_autocomplete(Live { objection })
            .with_render_config(self.looks());
        if let Some(default) = &question.default {
            text = text.with_default(default);
        }
        Ok(match text.prompt() {
            Ok(typed) if typed == BACK => Asked::Back,
            Ok(typed) if typed == NONE && optional => Asked::Answer(String::new()),
            Ok(typed) => Asked::Answer(typed.trim().to_owned()),
            Err(error) => back(error)?,
        })
    }

    /// Lets one of these be chosen; its number.
    pub fn choice(
        &self,
        label: &str,
        options: &[String],
        start: usize,
    ) -> Result<Asked<usize>, Error> {
        let message = format!("{label}:");
        let options: Vec<String> = options.iter().map(|option| harmless(option)).collect();
        let chosen = Select::new(&message, options)
            .with_starting_cursor(start)
            .with_help_message("Arrows choose, Enter takes it, Esc goes back")
            .with_page_size(12)
            .with_render_config(self.looks())
            .raw_prompt();
        Ok(match chosen {
            Ok(chosen) => Asked::Answer(chosen.index),
            Err(error) => back(error)?,
        })
    }

    fn looks(&self) -> RenderConfig<'static> {
        let sign = |sign, word| self.style.sign(sign, word);
        let plain = RenderConfig::empty()
            .with_prompt_prefix(Styled::new("?"))
            .with_answered_prompt_prefix(Styled::new(sign("✔", ">")))
            .with_highlighted_option_prefix(Styled::new(sign("❯", ">")))
            .with_canceled_prompt_indicator(Styled::new(sign("↩ back", "< back")));
        let wrong = ErrorMessageRenderConfig::empty().with_prefix(Styled::new(sign("✖", "wrong:")));
        if !self.style.colour {
            return plain.with_error_message(wrong);
        }
        let red = StyleSheet::empty().with_fg(Color::DarkRed);
        plain
            .with_prompt_prefix(Styled::new("?").with_fg(Color::DarkGreen))
            .with_answered_prompt_prefix(Styled::new(sign("✔", ">")).with_fg(Color::DarkGreen))
            .with_highlighted_option_prefix(Styled::new(sign("❯", ">")).with_fg(Color::DarkCyan))
            .with_selected_option(Some(StyleSheet::empty().with_fg(Color::DarkCyan)))
            .with_answer(StyleSheet::empty().with_attr(Attributes::BOLD))
            .with_help_message(StyleSheet::empty().with_fg(Color::DarkGrey))
            .with_error_message(wrong.with_message(red))
    }
}

fn back<T>(error: InquireError) -> Result<Asked<T>, Error> {
    match error {
        InquireError::OperationCanceled => Ok(Asked::Back),
        InquireError::OperationInterrupted => {
            output::control(BELOW);
            Err(Error::left())
        }
        other => Err(Error::cannot_ask(&other.to_string())),
    }
}

/// Why without what was typed, which stands above it.
fn short(why: &str) -> String {
    let (_, why) = why.split_once(", but that ").unwrap_or(("", why));
    format!("This {why}.")
}

/// Shows below what is being typed what is still wrong with it.
#[derive(Clone)]
struct Live {
    objection: Objection,
}

impl Autocomplete for Live {
    fn get_suggestions(&mut self, input: &str) -> Result<Vec<String>, CustomUserError> {
        let typed = input.trim();
        if typed.is_empty() || typed == BACK || typed == NONE {
            return Ok(Vec::new());
        }
        let why = (self.objection)(typed);
        Ok(why.map(|why| short(&why)).into_iter().collect())
    }

    fn get_completion(
        &mut self,
        _: &str,
        _: Option<String>,
    ) -> Result<Replacement, CustomUserError> {
        Ok(Replacement::None)
    }
}
