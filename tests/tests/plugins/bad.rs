//! Plugins that break their contract: an error in plain words each time, and core goes on.

use std::time::{Duration, Instant};

use homeport_core::plugin::{Plugin, PluginError};

use crate::place::{Place, bad, bad_within, fixture, host, misbehave};

/// What a user reads, and that the same plugin answers the next question as if nothing had been.
fn error_of(plugin: &mut Plugin, how: &str) -> String {
    let said = misbehave(plugin, how)
        .err()
        .unwrap_or_else(|| panic!("{how} is no error"));
    assert_eq!(misbehave(plugin, "nothing").unwrap(), Vec::<String>::new());
    assert!(
        !said.is_about_trust()
            && (!said.remedy().is_empty() || matches!(said, PluginError::Refused { .. }))
    );
    said.to_string()
}

fn error(how: &str) -> String {
    error_of(&mut bad(), how)
}

const CRASHED: &str = "the plugin libhomeport_bad_plugin.so crashed while answering `packages`: ";

#[test]
fn a_panic_is_told_with_its_own_words() {
    let said = error("panic");
    assert!(
        said.starts_with("the plugin libhomeport_bad_plugin.so says no to `packages`: panicked at"),
        "{said}"
    );
    assert!(said.contains("boom 42"), "{said}");
}

#[test]
fn an_abort_names_the_signal() {
    assert_eq!(
        error("abort"),
        format!("{CRASHED}killed by signal 6 (SIGABRT)")
    );
}

#[test]
fn a_stack_overflow_names_the_signal() {
    let said = error("overflow");
    assert!(
        said.starts_with(&format!("{CRASHED}killed by signal")),
        "{said}"
    );
}

#[test]
fn an_exit_is_a_crash() {
    assert_eq!(
        error("exit"),
        format!("{CRASHED}it ended itself with status 0")
    );
}

#[test]
fn too_much_memory_is_a_crash() {
    let said = error("memory");
    assert!(said.starts_with(CRASHED), "{said}");
    assert!(said.contains("memory allocation"), "{said}");
}

#[test]
fn a_hang_is_ended_in_time() {
    for how in ["hang", "spin"] {
        let mut plugin = bad_within(Duration::from_secs(1));
        let start = Instant::now();
        let said = error_of(&mut plugin, how);
        assert!(
            said.ends_with("did not answer `packages` within 1000 ms and was stopped"),
            "{said}"
        );
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{:?}",
            start.elapsed()
        );
    }
}

#[test]
fn an_answer_of_the_wrong_type_is_shown() {
    let said = error("wrong type");
    assert!(
        said.contains("answered `packages` with something else than agreed"),
        "{said}"
    );
    assert!(said.contains("{\"not\":\"a list\"}"), "{said}");
}

#[test]
fn an_answer_without_end_is_cut() {
    for how in ["huge", "endless"] {
        let said = error(how);
        assert!(
            said.contains("answered `packages` with more than 8388608 bytes and was stopped"),
            "{how}: {said}"
        );
    }
}

#[test]
fn bytes_written_past_the_host_s_code_are_shown_harmlessly() {
    let said = error("scribble");
    assert!(said.contains("something else than agreed"), "{said}");
    assert!(
        said.contains("not a frame") && !said.contains('\x1b'),
        "{said:?}"
    );
}

#[test]
fn printing_disturbs_nobody() {
    let mut plugin = bad();
    for _ in 0..3 {
        assert_eq!(
            misbehave(&mut plugin, "print").unwrap(),
            Vec::<String>::new()
        );
    }
}

#[test]
fn a_process_killed_between_questions_is_replaced_unseen() {
    let mut plugin = bad();
    let number = plugin.process_id().unwrap();
    let process = rustix::process::Pid::from_raw(number.cast_signed()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    let is_dead = || {
        std::fs::read_to_string(format!("/proc/{number}/stat"))
            .unwrap()
            .contains(") Z ")
    };
    while !is_dead() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(
        misbehave(&mut plugin, "nothing").unwrap(),
        Vec::<String>::new()
    );
    assert_ne!(plugin.process_id().unwrap(), number);
}

fn not_loaded(place: &Place) -> String {
    place.start().err().expect("it was loaded").to_string()
}

#[test]
fn a_door_of_another_shape_is_refused_in_one_line() {
    let said = not_loaded(&Place::with(&fixture("other_door")));
    assert!(
        said.starts_with(
            "libhomeport_other_door.so cannot be loaded: its door has another shape: "
        ),
        "{said}"
    );
    assert!(
        said.len() < 500 && !said.contains('\n'),
        "{} bytes: {said}",
        said.len()
    );
}

#[test]
fn another_library_is_refused() {
    let libc = std::fs::read_to_string("/proc/self/maps").unwrap();
    let libc = libc.lines().find_map(|line| {
        line.split_whitespace()
            .last()
            .filter(|path| path.contains("libc.so"))
    });
    let said = not_loaded(&Place::with(libc.expect("this test has a libc").as_ref()));
    assert!(
        said.ends_with("it is a library, but not a Homeport plugin"),
        "{said}"
    );
}

/// dlopen of a cut library may end in SIGBUS (measured); wherever its code is cut, it is only a message.
#[test]
fn a_cut_library_is_refused() {
    let whole = std::fs::read(fixture("bad_plugin")).unwrap();
    for length in [0, 1, 100, 4096, 65_536, 262_144] {
        let place = Place::with(&fixture("bad_plugin"));
        place.write(&whole[..length]);
        let said = not_loaded(&place);
        assert!(
            said.starts_with("libhomeport_bad_plugin.so cannot be loaded: "),
            "{length}: {said}"
        );
    }
}

#[test]
fn a_program_that_is_not_homeport_is_no_plugin_s_process() {
    let place = Place::with(&fixture("bad_plugin"));
    let said = place
        .start_by(&host().with_program("/bin/false".as_ref()))
        .err()
        .unwrap()
        .to_string();
    assert!(
        said.ends_with("cannot be loaded: it ended itself with status 1"),
        "{said}"
    );
    let said = place
        .start_by(&host().with_program("/nowhere".as_ref()))
        .err()
        .unwrap()
        .to_string();
    assert!(
        said.starts_with("no process could be started for the plugin libhomeport_bad_plugin.so"),
        "{said}"
    );
}
