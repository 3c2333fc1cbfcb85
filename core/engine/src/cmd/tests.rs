use rustix::process::Signal;

use super::pipes::TAIL_KEPT;
use super::*;

static NEVER: AtomicBool = AtomicBool::new(false);

fn sh(script: &str) -> Command {
    Command::new(["/bin/sh", "-c", script], Duration::from_secs(10))
}

#[test]
fn both_streams_and_the_status_come_back() {
    let end = sh("echo out; echo one >&2; echo two >&2; exit 3")
        .run(&NEVER)
        .unwrap();
    assert_eq!((end.code, end.text().as_str()), (3, "out\n"));
    assert_eq!(end.last_lines(1), ["two"]);
}

#[test]
fn the_environment_is_the_declared_one_only() {
    let end = sh("env | cut -d= -f1 | sort | tr '\\n' ' '")
        .env("X", "1")
        .run(&NEVER)
        .unwrap();
    assert_eq!(end.text(), "HOME LANG LC_ALL PATH PWD X ");
}

#[test]
fn stdin_is_what_was_declared() {
    assert_eq!(sh("cat").run(&NEVER).unwrap().text(), "");
    assert_eq!(
        sh("cat")
            .input(Input::Bytes(b"hello".to_vec()))
            .run(&NEVER)
            .unwrap()
            .text(),
        "hello"
    );
    let fill: Fill = Box::new(|to| to.write_all(&[b'x'; 100_000]));
    assert_eq!(
        sh("wc -c")
            .input(Input::Fill(fill))
            .run(&NEVER)
            .unwrap()
            .text()
            .trim(),
        "100000"
    );
}

#[test]
fn a_command_that_takes_too_long_is_ended_with_its_children() {
    let slow = Command::new(
        ["/bin/sh", "-c", "sleep 60 & wait"],
        Duration::from_millis(200),
    );
    let begun = Instant::now();
    assert!(matches!(slow.run(&NEVER), Err(CmdError::TimedOut { .. })));
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_program_left_behind_that_holds_a_pipe_costs_no_more_than_the_time_limit() {
    let leaves = Command::new(
        ["/bin/sh", "-c", "sleep 3 & exit 0"],
        Duration::from_millis(300),
    );
    let begun = Instant::now();
    assert!(matches!(leaves.run(&NEVER), Err(CmdError::Pipe { .. })));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn the_stop_flag_ends_it() {
    let stopped = sh("sleep 60").run(&AtomicBool::new(true));
    assert!(matches!(stopped, Err(CmdError::Stopped { .. })));
}

#[test]
fn more_output_than_declared_is_an_error() {
    let end = sh("head -c 1000 /dev/zero")
        .output(Output::Keep(999))
        .run(&NEVER);
    assert!(matches!(end, Err(CmdError::TooMuch { limit: 999, .. })));
}

#[test]
fn a_missing_program_is_named() {
    let error = Command::new(["/nonexistent/program"], Duration::from_secs(1))
        .run(&NEVER)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`/nonexistent/program` could not be started: "),
        "{error}"
    );
}

#[test]
fn a_recorded_command_does_nothing_before_it_is_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("mark");
    let touch = || {
        Command::new(
            ["/usr/bin/touch", mark.to_str().unwrap()],
            Duration::from_secs(5),
        )
    };
    let mut refuse = |_: Child| {
        Err(JournalError::Damaged {
            path: "j".to_owned(),
            line: 1,
            why: "full".to_owned(),
        })
    };
    assert!(matches!(
        touch().run_recorded(&mut refuse, &NEVER),
        Err(CmdError::Journal(_))
    ));
    thread::sleep(Duration::from_millis(50));
    assert!(!mark.exists());
    let mut seen = None;
    let mut record = |child: Child| {
        seen = Some((child, mark.exists()));
        Ok(())
    };
    assert!(touch().run_recorded(&mut record, &NEVER).unwrap().ok());
    assert!(mark.exists());
    assert!(seen.is_some_and(|(child, existed)| child.pid > 1 && !existed));
}

#[test]
fn a_recorded_command_reads_all_of_its_stdin_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in");
    std::fs::write(&path, "one\ntwo\n").unwrap();
    let inputs = [
        (Input::Null, ""),
        (Input::Bytes(b"one\ntwo\n".to_vec()), "one\ntwo\n"),
        (Input::File(File::open(&path).unwrap()), "one\ntwo\n"),
    ];
    for (input, expected) in inputs {
        let cat = Command::new(["/bin/cat"], Duration::from_secs(5)).input(input);
        let end = cat.run_recorded(&mut |_| Ok(()), &NEVER).unwrap();
        assert_eq!(end.text(), expected);
    }
}

#[test]
fn only_the_end_of_a_tail_is_kept() {
    let end = sh("seq 1 100000").output(Output::Tail).run(&NEVER).unwrap();
    assert_eq!(end.stdout.len(), TAIL_KEPT);
    assert_eq!(last_lines(&end.stdout, 2), ["99999", "100000"]);
}

#[test]
fn a_channel_is_a_conversation() {
    use std::io::BufRead;
    let (mut cat, mut from) = sh("while read -r line; do echo \"[$line]\"; done; exit 4")
        .open()
        .unwrap();
    let mut line = String::new();
    for word in ["one", "two"] {
        writeln!(cat.to().unwrap(), "{word}").unwrap();
        line.clear();
        from.read_line(&mut line).unwrap();
        assert_eq!(line, format!("[{word}]\n"));
    }
    assert_eq!(cat.end(Duration::from_secs(5)).unwrap().0, 4);
}

#[test]
fn a_partner_that_does_not_end_is_ended_but_not_what_it_started() {
    use std::io::BufRead;
    let (partner, mut from) = sh("sleep 5 & echo $!; wait").open().unwrap();
    let mut pid = String::new();
    from.read_line(&mut pid).unwrap();
    let since = Instant::now();
    let (code, _) = partner.end(Duration::from_millis(100)).unwrap();
    assert_eq!(code, 128 + 9);
    assert!(since.elapsed() < Duration::from_secs(2));
    let child = identity(pid.trim().parse().unwrap()).unwrap();
    assert!(crate::process::alive(&child).unwrap());
    let pid = Pid::from_raw(child.pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
}

#[test]
fn lines_are_told_while_it_runs_and_the_end_is_kept() {
    let mut lines = Vec::new();
    let end = sh("echo one; echo; printf two; exit 3")
        .run_told(&mut |_| Ok(()), &NEVER, &mut |line| lines.push(line))
        .unwrap();
    assert_eq!(
        (end.code, lines),
        (3, vec!["one".to_owned(), "two".to_owned()])
    );
    assert_eq!(last_lines(&end.stdout, 2), ["one", "two"]);
}
