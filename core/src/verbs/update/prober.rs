//! Asks the app through its public address while it is cut over, as a user would: once every tenth of a second, one try
//! each. A question that waits is no failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use homeport_engine::local::measure;
use homeport_engine::probe::{Check, HttpCheck, Probe, Via};

use crate::error::Error;
use crate::plan::deploy::Deploy;
use crate::target::{self, Target};

/// Time between two questions.
const EVERY: Duration = Duration::from_millis(100);

/// Longest an answer is waited for, milliseconds: longer than a hold.
const PATIENCE_MS: u32 = 25_000;

/// What is asked.
pub(crate) struct Prober {
    probe: Option<Probe>,
}

/// A prober at work.
pub(crate) struct Probing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<(u64, u64)>>,
}

impl Prober {
    /// Of this instance: its first expectation, at its first address, with the certificate its users see.
    pub(crate) fn of(target: &mut dyn Target, deploy: &Deploy<'_>) -> Result<Prober, Error> {
        let certificate = &deploy.proxy.placed.certificate;
        let guest = &deploy.operation.guest;
        let roots = target.ask_guest(guest, &["cat", certificate], b"")?;
        let network = &deploy.settings.network;
        let address = network
            .endpoints(deploy.settings.services.frontend.ssl_port)
            .next();
        let components = deploy.recipe.recipe.components.iter();
        let expect = components.flat_map(|component| &component.expects).next();
        let probe = address.zip(expect).map(|(address, expect)| {
            let via = Via::Tls {
                address: address.to_string(),
                roots,
            };
            let check = Check::Http(HttpCheck {
                via,
                host: network.domain.clone(),
                path: expect.path.clone(),
                status: expect.status,
                body_contains: None,
                json_equals: None,
                post: None,
                call: None,
            });
            // As long between two tries as there is time: one try.
            Probe {
                check,
                deadline_ms: PATIENCE_MS,
                interval_ms: PATIENCE_MS,
                unit: None,
            }
        });
        Ok(Prober { probe })
    }

    /// Begins to ask.
    pub(crate) fn start(self) -> Probing {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let thread = self
            .probe
            .map(|probe| thread::spawn(move || asking(&probe, &until)));
        Probing { stop, thread }
    }
}

impl Probing {
    /// Ends it: how many questions were asked, and how many of them not answered as expected.
    pub(crate) fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::SeqCst);
        let joined = self.thread.map(JoinHandle::join);
        joined.and_then(Result::ok).unwrap_or_default()
    }
}

fn asking(probe: &Probe, until: &AtomicBool) -> (u64, u64) {
    let (mut asked, mut failed) = (0, 0);
    while !until.load(Ordering::SeqCst) {
        asked += 1;
        let answered = measure(probe, &AtomicBool::new(false), Some(target::secure));
        failed += u64::from(answered.result.is_err());
        thread::sleep(EVERY);
    }
    (asked, failed)
}
