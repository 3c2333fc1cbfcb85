//! The state of an operation as text: pure, so that every line can be read in a test.

use std::time::Duration;

use homeport_engine::event::Event;

use super::state::{Phase, State};
use crate::cli::style::{Style, cut, duration, harmless};

/// A step that is silent for longer shows how long it has been at it.
const SILENCE: Duration = Duration::from_secs(10);

/// An event as one line of a log; `None`: not worth one.
pub(super) fn line(state: &State, event: &Event, verbose: bool) -> Option<String> {
    let step = |number: &u32| {
        format!(
            "[{}/{} {:>3} %]",
            number.saturating_add(1),
            state.total,
            state.percent()
        )
    };
    let text = match event {
        Event::Stage { name, .. } => format!("stage {name}"),
        Event::Started { number, title } => format!("{} {title}", step(number)),
        Event::Working { number, text } if verbose => format!("{}   {text}", step(number)),
        Event::Done { number, ms } if verbose => {
            format!("{}   done in {}", step(number), seconds(*ms))
        }
        Event::Expected { .. } | Event::Working { .. } | Event::Done { .. } => return None,
        Event::Waiting { number, text } => format!("{}   waits: {text}", step(number)),
        Event::Noticed { text } => format!("note: {text}"),
        Event::Failed { number, why } => format!("{} failed: {why}", step(number)),
        Event::Committed => "committed: from here on it only goes forward".to_owned(),
        Event::Undoing { number, title } => format!("{} taking back: {title}", step(number)),
    };
    Some(harmless(&text))
}

/// What stays on the terminal of an event; `None`: nothing.
pub(super) fn lasting(state: &State, event: &Event, style: Style) -> Option<String> {
    let title = &state.last;
    let step = |number: &u32| format!("{:>3}/{}", number.saturating_add(1), state.total);
    let (sign, text) = match event {
        Event::Done { number, ms } => {
            let (step, took) = (step(number), seconds(*ms));
            let room = style.width.saturating_sub(step.len() + took.len() + 8);
            (
                style.green(style.sign("✔", "ok")),
                format!("{step}  {}  {took}", fitted(title, room)),
            )
        }
        Event::Failed { number, why } => (
            style.red(style.sign("✖", "!!")),
            format!("{}  {title}: {why}", step(number)),
        ),
        Event::Committed => (
            style.green(style.sign("✔", "ok")),
            "committed: from here on it only goes forward".to_owned(),
        ),
        Event::Noticed { text } => (style.yellow("!"), text.clone()),
        Event::Undoing { number, title } => (
            style.yellow(style.sign("↩", "<-")),
            format!("{}  taking back: {title}", step(number)),
        ),
        Event::Expected { .. }
        | Event::Stage { .. }
        | Event::Started { .. }
        | Event::Working { .. }
        | Event::Waiting { .. } => return None,
    };
    Some(format!(
        "{sign} {}",
        cut(&harmless(&text), style.width.saturating_sub(4))
    ))
}

/// The area at the end of the terminal: step and title, what the step says, what Ctrl-C would do.
pub(super) fn area(state: &State, now: Duration, style: Style) -> Vec<String> {
    let Some(current) = &state.current else {
        return Vec::new();
    };
    let at_it = now.saturating_sub(current.since);
    let long = if at_it >= SILENCE {
        format!(" ({})", duration(at_it.as_secs()))
    } else {
        String::new()
    };
    let doing = if state.phase == Phase::Undoing {
        "taking back: "
    } else {
        ""
    };
    let step = format!(
        "step {} of {}, {} %, {}",
        current.number.saturating_add(1),
        state.total,
        state.percent(),
        clock(now)
    );
    let cut = |text: String| cut(&harmless(&text), style.width.saturating_sub(1));
    let around = step.chars().count() + doing.len() + long.len() + 5;
    let title = fitted(&current.title, style.width.saturating_sub(around));
    let mut lines = vec![cut(format!(
        "{} {step}  {doing}{title}{long}",
        style.sign("●", "*"),
    ))];
    if !current.text.is_empty() {
        lines.push(style.dim(&cut(format!("  {}", current.text))));
    }
    lines.push(style.dim(&cut(format!("  {}", state.interruption()))));
    lines
}

/// A title in so many columns, but never less than ten; three dots stand for what is left out.
fn fitted(title: &str, width: usize) -> String {
    let width = width.max(10);
    if title.chars().count() <= width {
        return title.to_owned();
    }
    format!("{}...", cut(title, width - 3))
}

fn clock(elapsed: Duration) -> String {
    format!("{}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}

fn seconds(ms: u64) -> String {
    match ms {
        0..60_000 => format!("{}.{} s", ms / 1000, ms / 100 % 10),
        _ => duration(ms / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::super::About;
    use super::*;

    fn events() -> Vec<(u64, Event)> {
        let started = |number, title: &str| Event::Started {
            number,
            title: title.to_owned(),
        };
        vec![
            (
                0,
                Event::Noticed {
                    text: "no list of templates".to_owned(),
                },
            ),
            (
                0,
                Event::Stage {
                    name: "guest".to_owned(),
                    first: 0,
                    steps: 3,
                },
            ),
            (0, started(0, "Create the container 105")),
            (
                2_100,
                Event::Done {
                    number: 0,
                    ms: 2_100,
                },
            ),
            (2_100, started(1, "Install packages")),
            (
                9_000,
                Event::Working {
                    number: 1,
                    text: "Unpacking \x1b[31mnginx".to_owned(),
                },
            ),
            (
                20_000,
                Event::Waiting {
                    number: 1,
                    text: "no name server yet; tried again in 2 s".to_owned(),
                },
            ),
            (
                75_000,
                Event::Done {
                    number: 1,
                    ms: 72_900,
                },
            ),
            (75_000, Event::Committed),
            (75_000, started(2, "Show the address")),
            (
                75_100,
                Event::Failed {
                    number: 2,
                    why: "no".to_owned(),
                },
            ),
            (
                75_200,
                Event::Undoing {
                    number: 1,
                    title: "Install packages".to_owned(),
                },
            ),
        ]
    }

    fn about() -> About {
        About {
            heading: "install tasks".to_owned(),
            steps: 4,
            interrupt: "removes what was made".to_owned(),
        }
    }

    fn shown(show: impl Fn(&State, &Event, Duration) -> Vec<String>) -> String {
        let mut state = State::new(&about());
        let mut lines = Vec::new();
        for (ms, event) in events() {
            let now = Duration::from_millis(ms);
            state.take(&event, now);
            lines.extend(show(&state, &event, now));
        }
        lines.join("\n")
    }

    #[test]
    fn plain_lines() {
        insta::assert_snapshot!(shown(|state, event, _| line(state, event, false).into_iter().collect()), @r#"
    note: no list of templates
    stage guest
    [1/4   0 %] Create the container 105
    [2/4  25 %] Install packages
    [2/4  25 %]   waits: no name server yet; tried again in 2 s
    committed: from here on it only goes forward
    [3/4  50 %] Show the address
    [3/4  50 %] failed: no
    [2/4  50 %] taking back: Install packages
    "#);
    }

    #[test]
    fn plain_lines_with_what_steps_say() {
        insta::assert_snapshot!(shown(|state, event, _| line(state, event, true).into_iter().collect()), @r#"
    note: no list of templates
    stage guest
    [1/4   0 %] Create the container 105
    [1/4  25 %]   done in 2.1 s
    [2/4  25 %] Install packages
    [2/4  25 %]   Unpacking  [31mnginx
    [2/4  25 %]   waits: no name server yet; tried again in 2 s
    [2/4  50 %]   done in 1 min 12 s
    committed: from here on it only goes forward
    [3/4  50 %] Show the address
    [3/4  50 %] failed: no
    [2/4  50 %] taking back: Install packages
    "#);
    }

    #[test]
    fn on_a_terminal() {
        let style = Style {
            unicode: true,
            width: 60,
            ..Style::PLAIN
        };
        insta::assert_snapshot!(shown(|state, event, now| {
            let later = now + Duration::from_secs(3);
            let lasting = lasting(state, event, style).into_iter();
            lasting.chain(area(state, later, style).into_iter().map(|line| format!("~ {line}"))).collect()
        }), @r#"
    ! no list of templates
    ~ ● step 1 of 4, 0 %, 0:03  Create the container 105
    ~   Ctrl-C now removes what was made.
    ✔   1/4  Create the container 105  2.1 s
    ~ ● step 2 of 4, 25 %, 0:05  Install packages
    ~   Ctrl-C now removes what was made.
    ~ ● step 2 of 4, 25 %, 0:12  Install packages
    ~   Unpacking  [31mnginx
    ~   Ctrl-C now removes what was made.
    ~ ● step 2 of 4, 25 %, 0:23  Install packages (20 s)
    ~   no name server yet; tried again in 2 s
    ~   Ctrl-C now removes what was made.
    ✔   2/4  Install packages  1 min 12 s
    ✔ committed: from here on it only goes forward
    ~ ● step 3 of 4, 50 %, 1:18  Show the address
    ~   Ctrl-C changes nothing now: the change is in force.
    ✖   3/4  Show the address: no
    ↩   2/4  taking back: Install packages
    ~ ● step 2 of 4, 50 %, 1:18  taking back: Install packages
    ~   Ctrl-C changes nothing now: it is being taken back.
    "#);
    }

    #[test]
    fn a_long_title_leaves_room_for_the_time_it_took() {
        let mut state = State::new(&about());
        let title = "Fetch the app from a place with a very long name".to_owned();
        state.take(&Event::Started { number: 0, title }, Duration::ZERO);
        let style = Style {
            width: 40,
            ..Style::PLAIN
        };
        let done = Event::Done {
            number: 0,
            ms: 2_100,
        };
        let long = area(&state, Duration::from_secs(75), style).remove(0);
        assert_eq!(long, "* step 1 of 4, 0 %, 1:15  Fetch t... (1");
        state.take(&done, Duration::from_secs(2));
        let line = lasting(&state, &done, style).unwrap();
        assert_eq!(line, "ok   1/4  Fetch the app from ...  2.1 s");
    }

    #[test]
    fn a_silent_step_says_how_long_it_has_been_at_it() {
        let mut state = State::new(&about());
        state.take(
            &Event::Started {
                number: 0,
                title: "Wait".to_owned(),
            },
            Duration::from_secs(1),
        );
        let line = |seconds| area(&state, Duration::from_secs(seconds), Style::PLAIN).remove(0);
        assert_eq!(line(10), "* step 1 of 4, 0 %, 0:10  Wait");
        assert_eq!(line(71), "* step 1 of 4, 0 %, 1:11  Wait (1 min 10 s)");
    }

    #[test]
    fn numbers_without_sense_do_no_harm() {
        let mut state = State::new(&About {
            steps: 0,
            ..about()
        });
        for event in [
            Event::Done {
                number: u32::MAX,
                ms: u64::MAX,
            },
            Event::Stage {
                name: String::new(),
                first: u32::MAX,
                steps: u32::MAX,
            },
            Event::Failed {
                number: 7,
                why: String::new(),
            },
        ] {
            state.take(&event, Duration::ZERO);
            let _ = (
                line(&state, &event, true),
                lasting(&state, &event, Style::PLAIN),
                area(&state, Duration::ZERO, Style::PLAIN),
            );
        }
    }
}
