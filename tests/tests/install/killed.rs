//! Installs ended at random moments – killed, terminated, interrupted –, and what becomes of them: the same command
//! completes, or taking back leaves nothing. Containers that only look like ours are never touched.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use homeport_core::plugin::child::is_child;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::decoy::{Decoy, free_id};
use crate::instance::{Instance, turn};
use crate::moment::Random;
use crate::release::{self, from_bundle};
use crate::remains::{inside as within, remains};
use crate::run::{Ended, eventually, homeport, run};
use crate::user::{answers, certificate};

/// Ends, unless `HOMEPORT_KILLS` says otherwise.
const KILLS: u32 = 20;

/// Every so many-th is completed, unless `HOMEPORT_KILLS_COMPLETE` is `all`; taking back is quicker.
const COMPLETED: u32 = 5;

/// How an install is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// `kill -9` of Homeport; the bootstrap that started it lives.
    Core,
    /// `kill -9` of both.
    Both,
    /// SIGTERM to the program that was started, as from `systemctl stop` or `kill`.
    Terminate,
    /// Ctrl-C: SIGINT to the whole foreground group.
    Interrupt,
}

const HOWS: [How; 4] = [How::Core, How::Terminate, How::Both, How::Interrupt];

// FR-001: Ctrl-C at any moment.
#[test]
fn at_any_moment() {
    let _turn = turn();
    let (mut random, seed) = Random::seeded();
    println!("table: kills    seed {seed} (HOMEPORT_SEED repeats it)");
    let instance = Instance::new("e2e-kill", 107);
    let number = |name: &str| std::env::var(name).ok();
    let kills = number("HOMEPORT_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let all = number("HOMEPORT_KILLS_COMPLETE").is_some_and(|text| text == "all");
    let decoys = decoys(instance.name);
    for row in 0..kills {
        let late = row % 5 == 4;
        let after = random.between(if late { 8000 } else { 0 }, if late { 24_000 } else { 8000 });
        let attempt = Attempt {
            instance: &instance,
            tmp: TempDir::new().unwrap(),
            id: free_id(),
            how: HOWS[row as usize % HOWS.len()],
        };
        let told = attempt.ended(after);
        let became = attempt.resolved(told.code, all || row % COMPLETED == COMPLETED - 2);
        decoys.iter().for_each(Decoy::is_untouched);
        println!(
            "table: {:>2}  {:>6.3} s  {:<10} {:<44} {became}",
            row + 1,
            after.as_secs_f64(),
            format!("{:?}", attempt.how),
            told.under_way,
        );
    }
}

/// One with the same host name and almost the same tags, one with the id beside the one that will be taken.
fn decoys(name: &str) -> [Decoy; 2] {
    let tags = format!("homeport;hp-app-vikunja;hp-id-{name}2;hp-op-00");
    let alike = Decoy::create(free_id() + 5, name, &tags);
    [alike, Decoy::create(free_id() + 1, "neighbour", "homeport")]
}

/// An install that will not get to its end by itself.
struct Attempt<'a> {
    instance: &'a Instance,
    tmp: TempDir,
    /// The id it will take, and nobody else.
    id: u32,
    how: How,
}

/// How it was ended.
struct Told {
    code: Option<i32>,
    under_way: String,
}

impl Attempt<'_> {
    fn words(&self) -> Vec<String> {
        let directory = release::app().display().to_string();
        self.instance.install(&["--source-directory", &directory])
    }

    /// Begins it, and ends it after so long.
    fn ended(&self, after: Duration) -> Told {
        let said = TempDir::new().unwrap();
        let log = said.path().join("stderr");
        let mut child = from_bundle(self.tmp.path(), &self.words())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        sleep(after);
        self.end(&child);
        eventually("the end", 180, || child.try_wait().unwrap().is_some());
        let code = child.wait().unwrap().code();
        let text = fs::read_to_string(log).unwrap();
        let steps = text.lines().filter(|line| !line.contains("taking back"));
        let step = steps.filter_map(|line| line.split_once("[")).next_back();
        let under_way = step.map_or("before the first step".to_owned(), |(_, rest)| {
            let title = rest.split_once("] ").map_or(rest, |(_, title)| title);
            title.chars().take(44).collect()
        });
        self.expect(code, &text);
        Told { code, under_way }
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
    fn resolved(&self, code: Option<i32>, complete: bool) -> String {
        let begun = Instant::now();
        let mut became = match code {
            Some(0) => "was done already".to_owned(),
            Some(20 | 130 | 143) => {
                self.nothing_is_left();
                format!("took itself back ({})", code.unwrap_or_default())
            }
            _ => "killed".to_owned(),
        };
        self.age();
        if complete {
            run(&mut from_bundle(self.tmp.path(), &self.words())).well();
            let pem = certificate(&self.instance.address, &self.instance.domain);
            answers(&self.instance.app(&pem));
            became += ", completed by the same command";
        }
        if complete || !code.is_some_and(|code| [20, 130, 143].contains(&code)) {
            let undone = self.undone();
            assert!([0, 17].contains(&undone.code), "{}", undone.err);
            became += &format!(", uninstalled ({})", undone.code);
        }
        self.nothing_is_left();
        format!("{became}: nothing left, {:.1} s", begun.elapsed().as_secs_f64())
    }

    /// By the command on the host, if there is one; else by the bundle.
    fn undone(&self) -> Ended {
        if Path::new("/usr/local/bin/homeport").exists() && self.how != How::Both {
            return homeport(&["uninstall", self.instance.name, "--yes"]);
        }
        run(&mut from_bundle(self.tmp.path(), &self.instance.uninstall()))
    }

    /// What a killed bootstrap left is swept by the next one, but not in the first seconds: they pass.
    fn age(&self) {
        for path in within(self.tmp.path()) {
            let then = SystemTime::now() - Duration::from_secs(60);
            File::open(path).unwrap().set_modified(then).unwrap();
        }
    }

    fn nothing_is_left(&self) {
        let left = remains(self.instance, self.id, self.tmp.path());
        assert_eq!(left, [""; 0], "{:?}", self.how);
    }
}

/// Homeport itself, once the bootstrap has started it.
fn core(bootstrap: Pid) -> Option<Pid> {
    let parent = bootstrap.as_raw_nonzero().get();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    let pid: i32 = children.split_whitespace().next()?.parse().ok()?;
    let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    let plugin = is_child(words.split('\0').skip(1).map(Into::into));
    Pid::from_raw(pid).filter(|_| !plugin)
}
