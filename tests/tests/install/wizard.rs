//! The wizard, as a person meets it on a terminal: to a working instance, back and forth, with wrong answers, and left again.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::process::Command;

use homeport_tests::terminal::Terminal;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::dry::{self, differ, lines};
use crate::instance::{Instance, turn};
use crate::release::{self, on_terminal};
use crate::unattended::trees;
use crate::user::answers;

/// Keys as a terminal sends them.
const ENTER: &str = "\r";
const ESC: &str = "\x1b";
const CTRL_C: &str = "\x03";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";

/// Columns.
const WIDE: NonZero<u16> = NonZero::new(80).unwrap();
const NARROW: NonZero<u16> = NonZero::new(40).unwrap();

/// A line of it, looks and all, may take this long, seconds: a dry run asks a server that may not answer.
const PATIENCE: u64 = 60;

/// What is asked, by the heading of each screen and what is answered there.
const SCREENS: [&str; 6] = [
    "Where people open it",
    "Its place in your network",
    "Who gets in",
    "Where its data is kept",
    "What it gets of this host",
    "What will be done",
];

/// `install` on a terminal, with nothing given but the instance's name and where its release lies.
fn install(instance: &Instance, tmp: &TempDir) -> Command {
    let directory = release::app().display().to_string();
    let digest = release::digest();
    let words = [
        "install",
        "--instance-id",
        instance.name,
        "--source-directory",
        &directory,
        "--source-sha256",
        &digest,
    ];
    let mut command = on_terminal(tmp.path(), &words.map(str::to_owned));
    command.env("LANG", "C.UTF-8").env("TERM", "xterm");
    command
}

fn begun(instance: &Instance, tmp: &TempDir, columns: NonZero<u16>) -> Terminal {
    let mut terminal = Terminal::start(&mut install(instance, tmp), columns).unwrap();
    terminal.shows("Domain:", PATIENCE);
    terminal
}

/// What is being asked: the label of the last prompt.
fn asked(screen: &str) -> Option<String> {
    let mut prompts = screen.lines().filter_map(|line| line.strip_prefix("? "));
    let (label, _) = prompts.next_back()?.split_once(':')?;
    Some(label.to_owned())
}

/// Answers every question until the screen of this number is there, most with what is offered.
fn answer(terminal: &mut Terminal, instance: &Instance, number: usize) {
    let address = format!("{}/24", instance.address);
    let answers = BTreeMap::from([
        ("Domain", instance.domain.as_str()),
        ("IP address", &address),
        ("Admin e-mail", "admin@homeport.test"),
        ("Registration", UP),
    ]);
    let heading = format!("{}/6  {}", number + 1, SCREENS[number]);
    let mut before = None;
    loop {
        let next =
            |screen: &str| asked(screen).is_some_and(|label| Some(&label) != before.as_ref());
        let screen = terminal.becomes("asked something else", PATIENCE, next);
        let label = asked(&screen).unwrap();
        // What the last screen shows may push its heading out of sight. It is never answered here: it installs.
        if screen.contains(&heading) || label == "What now" {
            assert!(
                screen.contains(&heading) || number + 1 == SCREENS.len(),
                "{screen}"
            );
            return;
        }
        let text = answers.get(label.as_str()).copied().unwrap_or_default();
        terminal.types(&format!("{text}{ENTER}"));
        before = Some(label);
    }
}

// FR-002, FR-010, acceptance scenario 3 of installing
#[test]
fn the_default_path_ends_in_a_working_instance() {
    let _turn = turn();
    let instance = Instance::new("e2e-wizard", 107);
    let (tmp, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut terminal = begun(&instance, &tmp, WIDE);
    terminal.types("https://x.org/");
    terminal.shows("a URL; give only the name, `x.org`", PATIENCE);
    terminal.types(ENTER);
    terminal.shows("This cannot be taken", PATIENCE);
    terminal.types(ESC);
    terminal.shows("This is the first question", PATIENCE);
    answer(&mut terminal, &instance, 5);
    let screen = terminal.shows("What now:", PATIENCE);
    // Its head may be out of sight, and its lines are as wide as the window.
    let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        &*instance.address,
        "anyone who reaches the page may register",
    ] {
        assert!(words.contains(part), "`{part}` is missing:\n{screen}");
    }
    // Choices: install, change, every step, write, leave.
    terminal.types(&format!("{DOWN}{DOWN}{DOWN}{ENTER}"));
    terminal.shows("File:", PATIENCE);
    let file = files.path().join("settings.yaml");
    terminal.types(&format!("{}{ENTER}", file.display()));
    terminal.shows("Written.", PATIENCE);
    terminal.shows("What now:", PATIENCE);
    same_plan(&instance, &file.display().to_string());
    terminal.types(ENTER);
    assert_eq!(terminal.ends(300), 0, "{}", terminal.screen());
    answers(&instance.served());
}

/// The file that was written and the same settings as flags make the same plan.
fn same_plan(instance: &Instance, file: &str) {
    let from_file = dry::install(&["--config".to_owned(), file.to_owned()], &BTreeMap::new());
    let directory = release::app().display().to_string();
    let flags = instance
        .install(&["--source-directory", &directory])
        .split_off(2);
    let from_flags = dry::install(&flags, &BTreeMap::new());
    assert_eq!(differ(&lines(from_file), &lines(from_flags)), [""; 0]);
}

// FR-002, edge case: Ctrl-C at any moment
#[test]
fn whoever_leaves_has_changed_nothing() {
    let _turn = turn();
    let instance = Instance::new("e2e-wizard", 107);
    let before = trees();
    for (number, title) in SCREENS.into_iter().enumerate() {
        let tmp = TempDir::new().unwrap();
        let mut terminal = begun(&instance, &tmp, WIDE);
        answer(&mut terminal, &instance, number);
        terminal.types(CTRL_C);
        assert_eq!(terminal.ends(10), 20, "{}", title);
        let screen = terminal.screen();
        assert!(screen.contains("Nothing was changed."), "{screen}");
        assert!(terminal.is_as_before(), "{}", title);
    }
    for signal in [Signal::TERM, Signal::HUP] {
        let tmp = TempDir::new().unwrap();
        let mut terminal = begun(&instance, &tmp, WIDE);
        let pid = Pid::from_raw(i32::try_from(terminal.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert!([20, 129, 143].contains(&terminal.ends(10)), "{signal:?}");
        assert!(terminal.is_as_before(), "{signal:?}");
    }
    assert!(trees() == before, "something was touched");
}

// FR-002
#[test]
fn the_way_back_keeps_answers_and_a_narrow_terminal_without_colours_does() {
    let _turn = turn();
    let instance = Instance::new("e2e-wizard", 107);
    let tmp = TempDir::new().unwrap();
    let mut terminal =
        Terminal::start(install(&instance, &tmp).env("NO_COLOR", "1"), NARROW).unwrap();
    terminal.shows("Domain:", PATIENCE);
    answer(&mut terminal, &instance, 2);
    terminal.types(ESC);
    terminal.shows("Gateway: (10.78.0.1)", PATIENCE);
    terminal.types(ENTER);
    terminal.shows("Admin e-mail:", PATIENCE);
    terminal.types(&format!("<{ENTER}"));
    terminal.shows("Gateway: (10.78.0.1)", PATIENCE);
    terminal.types(ESC);
    let address = format!("IP address: ({}/24)", instance.address);
    terminal.shows(&address, PATIENCE);
    terminal.types("10.78.0.1/24");
    terminal.shows("the address of this host", PATIENCE);
    terminal.types(ESC);
    terminal.shows(&format!("Domain: ({})", instance.domain), PATIENCE);
    terminal.types(CTRL_C);
    assert_eq!(terminal.ends(10), 20);
    let said = String::from_utf8_lossy(&terminal.raw).into_owned();
    let attributes = said.split("\x1b[").filter_map(|rest| rest.split_once('m'));
    let codes = attributes.map(|(code, _)| code).filter(|code| {
        code.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b';')
    });
    // What takes a colour back is no colour.
    let coloured: Vec<&str> = codes
        .filter(|code| !["", "0", "39", "49"].contains(code))
        .collect();
    assert_eq!(coloured, [""; 0]);
    // Each line of a prompt is cleared to its end.
    let lines = said.split(['\r', '\n']);
    let broken: Vec<&str> = lines
        .map(|line| line.trim_end_matches("\x1b[K"))
        .filter(|line| line.starts_with("  ") && line.chars().count() > 40)
        .collect();
    assert_eq!(broken, [""; 0], "lines that do not fit");
}
