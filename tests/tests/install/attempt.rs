//! One install that is ended before it has ended, and what becomes of it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::decoy::free_id;
use crate::instance::Instance;
use crate::release::{self, from_bundle};
use crate::remains::{inside as within, remains};
use crate::run::{Ended, eventually, homeport, run};
use crate::user::answers;

/// How an install is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// `kill -9` of Homeport; the bootstrap that started it lives.
    Core,
    /// `kill -9` of both.
    Both,
    /// SIGTERM to the program that was started, as from `systemctl stop` or `kill`.
    Terminate,
    /// Ctrl-C: SIGINT to the whole foreground group.
    Interrupt,
}

/// All of them.
pub const HOWS: [How; 4] = [How::Core, How::Terminate, How::Both, How::Interrupt];

/// An install that will not get to its end by itself.
pub struct Attempt<'a> {
    instance: &'a Instance,
    tmp: TempDir,
    /// The id it will take, and nobody else.
    id: u32,
    pub how: How,
}

/// How it was ended.
pub struct Told {
    /// Its exit code; none after a signal.
    pub code: Option<i32>,
    /// The step it was at.
    pub under_way: String,
    /// How long it took to end.
    pub took: Duration,
}

impl<'a> Attempt<'a> {
    pub fn new(instance: &'a Instance, how: How) -> Attempt<'a> {
        Attempt {
            instance,
            tmp: TempDir::new().unwrap(),
            id: free_id(),
            how,
        }
    }

    fn words(&self) -> Vec<String> {
        let directory = release::app().display().to_string();
        self.instance.install(&["--source-directory", &directory])
    }

    /// Begins it, and ends it when `moment` returns.
    pub fn ended(&self, moment: impl FnOnce()) -> Told {
        let said = TempDir::new().unwrap();
        let log = said.path().join("stderr");
        let mut child = from_bundle(self.tmp.path(), &self.words())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        moment();
        let begun = Instant::now();
        self.end(&child);
        eventually("the end", 180, || child.try_wait().unwrap().is_some());
        let code = child.wait().unwrap().code();
        let text = fs::read_to_string(log).unwrap();
        self.expect(code, &text);
        Told {
            code,
            under_way: under_way(&text),
            took: begun.elapsed(),
        }
    }

    fn end(&self, child: &Child) {
        let bootstrap = Pid::from_child(child);
        // One that has just ended by itself cannot be told, and need not.
        let _ = match self.how {
            How::Core => kill_process(core(bootstrap).unwrap_or(bootstrap), Signal::KILL),
            How::Both => kill_process_group(bootstrap, Signal::KILL),
            How::Terminate => kill_process(bootstrap, Signal::TERM),
            How::Interrupt => kill_process_group(bootstrap, Signal::INT),
        };
    }

    /// It ended as one does that was ended so – or well, when it had committed.
    fn expect(&self, code: Option<i32>, said: &str) {
        let expected: &[Option<i32>] = match self.how {
            How::Core => &[Some(137), None],
            How::Both => &[None],
            How::Terminate => &[Some(20), Some(143)],
            How::Interrupt => &[Some(20), Some(130)],
        };
        let done = code == Some(0) && self.instance.id().is_some();
        assert!(done || expected.contains(&code), "{code:?}: {said}");
    }

    /// What became of it: nothing is left, or – `complete` – the same command completes and is then undone.
    pub fn resolved(&self, code: Option<i32>, complete: bool) -> String {
        let begun = Instant::now();
        let back = code.is_some_and(|code| [20, 130, 143].contains(&code));
        let mut became = match code {
            Some(0) => "was done already".to_owned(),
            Some(code) if back => format!("took itself back ({code})"),
            _ => "killed".to_owned(),
        };
        if back {
            self.nothing_is_left(&became);
        }
        let mut said = String::new();
        self.age();
        if complete && code != Some(0) {
            self.completed();
            became += ", completed by the same command";
        }
        if complete || !back {
            let undone = self.undone(code);
            assert!([0, 17].contains(&undone.code), "{}", undone.err);
            became += &format!(", uninstalled ({})", undone.code);
            said = undone.out + &undone.err;
        }
        self.nothing_is_left(&format!("{became}: {said}"));
        let took = begun.elapsed().as_secs_f64();
        format!("{became}: nothing left, {took:.1} s")
    }

    /// The same command, typed again, comes to its end.
    fn completed(&self) {
        run(&mut from_bundle(self.tmp.path(), &self.words())).well();
        answers(&self.instance.served());
    }

    /// By the command on the host, if there is one; by the bundle, whose bootstrap sweeps, if the bootstrap was killed.
    fn undone(&self, code: Option<i32>) -> Ended {
        if Path::new("/usr/local/bin/homeport").exists() && code.is_some() {
            return homeport(&["uninstall", self.instance.name, "--yes"]);
        }
        run(&mut from_bundle(
            self.tmp.path(),
            &self.instance.uninstall(),
        ))
    }

    /// What a killed bootstrap left is swept by the next one, but not in the first seconds: they pass.
    fn age(&self) {
        for path in within(self.tmp.path()) {
            let then = SystemTime::now() - Duration::from_secs(60);
            File::open(path).unwrap().set_modified(then).unwrap();
        }
    }

    fn nothing_is_left(&self, after: &str) {
        let left = remains(self.instance, self.id, self.tmp.path());
        assert_eq!(left, [""; 0], "{:?}, {after}", self.how);
    }
}

/// Title of the last step that was begun.
fn under_way(said: &str) -> String {
    let mut titles = said.lines().filter_map(|line| {
        let (_, title) = line.split_once('[')?.1.split_once("] ")?;
        Some(title)
    });
    let begun = |title: &&str| !title.starts_with("failed") && !title.starts_with("taking back");
    let last = titles.rfind(begun);
    last.unwrap_or("before the first step")
        .chars()
        .take(40)
        .collect()
}

/// Homeport itself, once the bootstrap has started it.
fn core(bootstrap: Pid) -> Option<Pid> {
    let parent = bootstrap.as_raw_nonzero().get();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    let pid: i32 = children.split_whitespace().next()?.parse().ok()?;
    Pid::from_raw(pid)
}
