//! Sees to it that a template lies in its storage. The program that downloads ends with 0 whatever happens (rule 1),
//! so the storage's own listing decides.

use std::thread;
use std::time::Duration;

use homeport_engine::cmd::Finished;
use homeport_engine::event::Event;
use homeport_engine::run::{Fault, Hands};

use super::Proxmox;
use super::argv;
use super::fault::lied;
use super::host::{OnStop, title};
use super::parse;

/// 120 MB over a slow line.
const DOWNLOAD_SECONDS: u64 = 1800;

const LOOK_SECONDS: u64 = 120;

/// Tries, the first included; between them the pause doubles.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// A smaller file is no template but the rest of a broken copy.
const SMALLEST: u64 = 1 << 20;

impl Proxmox {
    /// Ensures the template.
    pub(super) fn ensure_template(
        &mut self,
        storage: &str,
        name: &str,
        hands: Hands<'_>,
    ) -> Result<(), Fault> {
        if self.has_template(storage, name)? {
            return Ok(());
        }
        let mut pause = PAUSE;
        for next in 2..=TRIES + 1 {
            let end = self.download(storage, name)?;
            if self.has_template(storage, name)? {
                return Ok(());
            }
            let failed = lied(
                &title(&argv::download(storage, name)),
                "the template is not there",
                &end,
            );
            if next > TRIES {
                return Err(failed);
            }
            let text = format!(
                "{}; try {next} of {TRIES} begins in {} s",
                failed.why,
                pause.as_secs()
            );
            (hands.tell)(Event::Working {
                number: hands.number,
                text,
            });
            thread::sleep(pause);
            pause *= 2;
        }
        Ok(())
    }

    /// Downloads once, after a look at the newest list if this host's does not know the template.
    fn download(&mut self, storage: &str, name: &str) -> Result<Finished, Fault> {
        let argv = argv::download(storage, name);
        let end = self.host.ask(argv.clone(), DOWNLOAD_SECONDS, OnStop::End)?;
        if !String::from_utf8_lossy(&end.stderr).contains("no such template") {
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
}
