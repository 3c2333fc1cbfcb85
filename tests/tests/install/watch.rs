//! Looks at every process while something runs: what Homeport's own have mapped, and what stands in command lines.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use homeport_core::plugin::child::is_child;

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Files mapped by Homeport itself.
    pub core: BTreeSet<String>,
    /// Files mapped by the processes of its plugins.
    pub plugins: BTreeSet<String>,
    /// Command lines and environments that hold the forbidden text.
    pub told: BTreeSet<String>,
}

/// Looks until it is asked what it saw.
pub struct Watch {
    stop: Arc<AtomicBool>,
    eye: JoinHandle<Seen>,
}

impl Watch {
    /// `forbidden` must stand in nobody's command line or environment.
    pub fn start(forbidden: Option<&str>) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, forbidden) = (stop.clone(), forbidden.map(str::to_owned));
        let eye = thread::spawn(move || {
            let mut seen = Seen::default();
            while !stopped.load(Ordering::Relaxed) {
                seen.look(forbidden.as_deref());
                thread::sleep(Duration::from_millis(30));
            }
            seen
        });
        Watch { stop, eye }
    }

    pub fn end(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.eye.join().unwrap()
    }
}

impl Seen {
    fn look(&mut self, forbidden: Option<&str>) {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let process = entry.path();
            let Ok(words) = text(&process.join("cmdline")) else {
                continue;
            };
            if let Some(forbidden) = forbidden {
                let environment = text(&process.join("environ")).unwrap_or_default();
                if words.contains(forbidden) || environment.contains(forbidden) {
                    self.told.insert(words.clone());
                }
            }
            let program = fs::read_link(process.join("exe")).unwrap_or_default();
            if program.ends_with("bin/homeport") {
                let arguments = words.split('\0').skip(1).map(OsString::from);
                let maps = if is_child(arguments) {
                    &mut self.plugins
                } else {
                    &mut self.core
                };
                maps.extend(mapped(&process));
            }
        }
    }
}

fn text(path: &Path) -> std::io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

/// Files a process has mapped; none if it has just ended.
fn mapped(process: &Path) -> Vec<String> {
    let maps = text(&process.join("maps")).unwrap_or_default();
    let files = maps
        .lines()
        .filter_map(|line| Some(line.split_at(line.find('/')?).1));
    files.map(str::to_owned).collect()
}
