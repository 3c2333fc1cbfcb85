//! Sees to it that a template lies in its storage, whole. The program that downloads ends with 0 whatever happens
//! (rule 1), so the storage's own listing decides; that it verifies checksums is made use of. What others downloaded is
//! never removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::cmd::{Finished, Output};
use homeport_engine::event::Event;
use homeport_engine::run::{Fault, FaultKind, Hands};

use super::Proxmox;
use super::argv::{self, Argv};
use super::claim::{CLAIMS, Held};
use super::fault::{broken, lied, refused};
use super::host::{OnStop, fault, title};
use super::parse;

/// 120 MB over a slow line.
const DOWNLOAD_SECONDS: u64 = 1800;

const LOOK_SECONDS: u64 = 120;

/// Pauses before the next try, seconds, while the network is away.
const AWAY: [u64; 8] = [2, 4, 8, 16, 30, 60, 60, 120];

/// Pauses before the next try, seconds, when something else is wrong, which trying again seldom cures.
const WRONG: [u64; 2] = [2, 4];

/// A smaller file is no template but the rest of a broken copy.
const SMALLEST: u64 = 1 << 20;

impl Proxmox {
    /// Ensures the template. Homeports of this node that want the same one take turns: the first one downloads it.
    pub(super) fn ensure_template(
        &mut self,
        storage: &str,
        name: &str,
        hands: Hands<'_>,
    ) -> Result<(), Fault> {
        let Hands { tell, number, .. } = hands;
        let mut wait = |text: String| tell(Event::Waiting { number, text });
        let _turn = self.turn(name, &mut wait)?;
        if self.has_template(storage, name)? {
            return self.whole(storage, name);
        }
        self.clear_parts(storage, name)?;
        let mut tries = 0;
        loop {
            let end = self.download(storage, name)?;
            if self.has_template(storage, name)? {
                return Ok(());
            }
            let title = title(&argv::download(storage, name));
            let failed = lied(&title, "the template is not there", &end);
            let pauses = match failed.kind {
                FaultKind::Network => &AWAY[..],
                FaultKind::Failed | FaultKind::Untrusted => &WRONG[..],
                _ => &[],
            };
            let Some(pause) = pauses.get(tries) else {
                return Err(self.alternative(failed, name));
            };
            tries += 1;
            wait(format!("{}; tried again in {pause} s", failed.why));
            self.pause(Duration::from_secs(*pause))?;
        }
    }

    /// Waits for other Homeports that have this template under way.
    fn turn(&self, name: &str, wait: &mut dyn FnMut(String)) -> Result<Held, Fault> {
        let path = Path::new(CLAIMS).join(format!("template-{name}.lock"));
        let mut told = false;
        loop {
            let held = Held::take(&path).map_err(|error| {
                let why = format!("`{}` cannot be used: {error}", path.display());
                Fault::new(FaultKind::Failed, why)
            })?;
            if let Some(held) = held {
                return Ok(held);
            }
            if !std::mem::replace(&mut told, true) {
                wait(format!("another Homeport has {name} under way"));
            }
            self.pause(Duration::from_millis(500))?;
        }
    }

    fn pause(&self, pause: Duration) -> Result<(), Fault> {
        let until = Instant::now() + pause;
        while Instant::now() < until {
            if self.host.stop().load(Ordering::SeqCst) {
                return fault(FaultKind::Cancelled, "you asked to stop");
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Downloads once, after a look at the newest list if this host's is out of date: it does not know the template, or
    /// names one that is gone from the server.
    fn download(&mut self, storage: &str, name: &str) -> Result<Finished, Fault> {
        let argv = argv::download(storage, name);
        let end = self.host.ask(argv.clone(), DOWNLOAD_SECONDS, OnStop::End)?;
        if !said(&end, "no such template") && !said(&end, "download failed: exit code 8") {
            return Ok(end);
        }
        self.host
            .ask(argv::update_index(), LOOK_SECONDS, OnStop::End)?;
        self.host.ask(argv, DOWNLOAD_SECONDS, OnStop::End)
    }

    fn has_template(&mut self, storage: &str, name: &str) -> Result<bool, Fault> {
        let argv = argv::templates(&self.node, storage);
        let title = title(&argv);
        let end = self.host.must(argv, LOOK_SECONDS, OnStop::End)?;
        let found = parse::templates(&end.stdout)
            .map_err(|error| lied(&title, &error.to_string(), &end))?;
        let size = found.get(&format!("{storage}:vztmpl/{name}"));
        Ok(size.is_some_and(|size| *size >= SMALLEST))
    }

    /// Asked for a template that is there, the program that downloads compares its checksum with the list's. One that is
    /// not listed any more is read to its end instead.
    fn whole(&mut self, storage: &str, name: &str) -> Result<(), Fault> {
        let argv = argv::download(storage, name);
        let title = title(&argv);
        let end = self.host.ask(argv, DOWNLOAD_SECONDS, OnStop::End)?;
        if said(&end, "checksum mismatch") {
            let remedy = format!(
                "Remove it, and run the same command: pveam remove {storage}:vztmpl/{name}"
            );
            let mut damaged = lied(&title, "the template that lies there is damaged", &end);
            damaged.remedy = vec![remedy];
            return Err(damaged);
        }
        if said(&end, "got correct file already") {
            return Ok(());
        }
        match self.directory(storage)? {
            Some(directory) => self.readable(&directory.join(name)),
            None => Ok(()),
        }
    }

    fn readable(&mut self, path: &Path) -> Result<(), Fault> {
        let argv: Argv = ["tar", "--list", "--file", &path.display().to_string()]
            .map(str::to_owned)
            .into();
        let title = title(&argv);
        let command = self.host.command(argv, LOOK_SECONDS).output(Output::Tail);
        let end = command
            .run(self.host.stop())
            .map_err(|error| broken(&title, &error))?;
        if end.ok() {
            return Ok(());
        }
        let mut damaged = refused(&title, &end);
        damaged.kind = FaultKind::Untrusted;
        damaged.why = format!("`{}` is no whole archive", path.display());
        Err(damaged.with_remedy("Remove it, or name another template: `--template`"))
    }

    /// Directory of a storage's templates, if it is made of files.
    fn directory(&self, storage: &str) -> Result<Option<PathBuf>, Fault> {
        let storages = self.etc.storages()?;
        let found = storages.iter().find(|found| found.name == storage);
        Ok(found.and_then(|storage| storage.templates()))
    }

    /// Removes what a killed download of this same template left: `NAME.tmp_dwnl.PID` of a process that is no more. Only
    /// where the process can have been this node's alone.
    fn clear_parts(&self, storage: &str, name: &str) -> Result<(), Fault> {
        let storages = self.etc.storages()?;
        let local = storages
            .iter()
            .find(|found| found.name == storage && found.local());
        let Some(directory) = local.and_then(|storage| storage.templates()) else {
            return Ok(());
        };
        for path in leftovers(&directory, name, &|pid| {
            Path::new(&format!("/proc/{pid}")).exists()
        }) {
            // Nobody's any more, and in nobody's way: not worth a failure.
            let _ = fs::remove_file(path);
        }
        Ok(())
    }

    /// What else could be used: the list that has just been read may name a newer one.
    fn alternative(&mut self, failed: Fault, name: &str) -> Fault {
        let listed = self
            .host
            .must(argv::available(), LOOK_SECONDS, OnStop::End)
            .map(|end| parse::available(&end.text()))
            .unwrap_or_default();
        match newest_like(&listed, name) {
            Some(other) => failed.with_remedy(format!(
                "The list names {other} now: run the same command again and that one is taken"
            )),
            None => failed.with_remedy(
                "A template that lies here already can be named: `--template`, see pveam list STORAGE",
            ),
        }
    }
}

/// What the call said on either stream: what a task prints goes to stdout (rule 3).
fn said(end: &Finished, words: &str) -> bool {
    [&end.stdout, &end.stderr]
        .iter()
        .any(|stream| String::from_utf8_lossy(stream).contains(words))
}

/// The newest listed template of the same distribution, if it is another one.
fn newest_like<'a>(listed: &'a [String], name: &str) -> Option<&'a String> {
    let (os, version) = parse::template(name)?;
    let like = |(found, of): &(String, Vec<u32>)| *found == os && of.first() == version.first();
    let known = listed
        .iter()
        .filter_map(|other| Some((other, parse::template(other).filter(like)?)));
    let (newest, _) = known.max_by(|(_, (_, a)), (_, (_, b))| a.cmp(b))?;
    (newest != name).then_some(newest)
}

/// Parts of downloads of this template whose process does not live.
fn leftovers(directory: &Path, name: &str, lives: &dyn Fn(u32) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let left = entries.filter_map(|entry| {
        let file = entry.file_name().into_string().ok()?;
        let pid = file.strip_prefix(name)?.strip_prefix(".tmp_dwnl.")?;
        let dead = !lives(pid.parse().ok()?);
        dead.then(|| entry.path())
    });
    left.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parts_of_the_same_template_whose_process_is_dead_are_leftovers() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "a.tar.zst",
            "a.tar.zst.tmp_dwnl.7",
            "a.tar.zst.tmp_dwnl.8",
            "a.tar.zst.tmp_dwnl.x",
            "b.tar.zst.tmp_dwnl.8",
        ] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let found = leftovers(dir.path(), "a.tar.zst", &|pid| pid == 7);
        assert_eq!(found, [dir.path().join("a.tar.zst.tmp_dwnl.8")]);
        assert!(leftovers(Path::new("/nonexistent"), "a", &|_| false).is_empty());
    }

    #[test]
    fn the_alternative_is_newer_by_number_and_of_the_same_release() {
        let listed = [
            "debian-12-standard_12.9-1_amd64.tar.zst",
            "debian-12-standard_12.12-1_amd64.tar.zst",
            "debian-13-standard_13.1-2_amd64.tar.zst",
        ]
        .map(str::to_owned);
        let found = newest_like(&listed, "debian-12-standard_12.2-1_amd64.tar.zst");
        assert_eq!(found, Some(&listed[1]));
        assert_eq!(newest_like(&listed, &listed[1]), None);
        assert_eq!(newest_like(&[], &listed[1]), None);
    }
}
