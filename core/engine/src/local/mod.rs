//! Carries out, on the machine one stands on, the ops that need no target: files, commands, units, probes.
//! It never reaches into a guest, speaks no TLS of its own and keeps nothing from one op to the next.

mod build;
mod exec;
mod file;
pub mod http;
mod leftover;
pub mod listener;
mod openpgp;
mod owner;
mod patience;
mod probe;
mod service;
pub mod unit;
mod unpack;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use exec::observe;
pub use leftover::end as end_leftover;
pub use probe::{Measured, Secure, Stream, Timed, measure, request};
pub use service::ensure;

use self::patience::Patience;
use crate::event::Event;
use crate::exec::Exec;
use crate::journal::Child;
use crate::op::{HostSecret, Op};
use crate::plan::Place;
use crate::probe::{Check, Hidden, HttpCheck, Probe};
use crate::require::{Observation, Observations};
use crate::run::{Executor, Fault, FaultKind, Hands, require};

/// The machine one stands on.
pub struct Local {
    place: Place,
    stop: Arc<AtomicBool>,
    give_up: Arc<AtomicBool>,
    booting: bool,
    secure: Option<Secure>,
    secrets: BTreeMap<HostSecret, String>,
}

impl Local {
    /// The machine as the given place of a plan. `stop`, once set, ends the command or probe that runs: the host gives
    /// the flag of its Ctrl-C, the agent one that nobody sets, for it finishes the step it has begun.
    pub fn new(place: Place, stop: Arc<AtomicBool>) -> Local {
        Local {
            place,
            give_up: Arc::clone(&stop),
            stop,
            booting: false,
            secure: None,
            secrets: BTreeMap::new(),
        }
    }

    /// The machine that, once `stop` is set, no longer waits to try a failed command again; one that runs is finished.
    pub fn giving_up(self, stop: &Arc<AtomicBool>) -> Local {
        Local {
            give_up: Arc::clone(stop),
            ..self
        }
    }

    /// The machine with a way to ask over TLS.
    pub fn secured(self, secure: Secure) -> Local {
        Local {
            secure: Some(secure),
            ..self
        }
    }

    /// Keeps a secret in memory until somebody logs in with it.
    pub fn keep(&mut self, secret: HostSecret, text: String) {
        self.secrets.insert(secret, text);
    }

    /// A secret that was kept.
    ///
    /// # Errors
    /// When it was not: it is known only to the command that was given it.
    pub fn kept(&self, secret: HostSecret) -> Result<&str, Fault> {
        let kept = self.secrets.get(&secret).map(String::as_str);
        kept.ok_or_else(|| {
            let why = "the password is known only to the command that asked for it";
            Fault::new(FaultKind::Failed, why)
        })
    }

    /// The machine while it boots, seen by a unit that others wait for: waiting for one of those would never end. So
    /// units are started without waiting for them, and a probe, which can only wait, is refused.
    pub fn booting(self) -> Local {
        Local {
            booting: true,
            ..self
        }
    }
}

impl Local {
    /// A log-in becomes the request it is, with the password in it.
    fn probe(&self, probe: &Probe) -> Result<(), Fault> {
        let Check::LogIn(log_in) = &probe.check else {
            return measure(probe, &self.stop, self.secure).result;
        };
        let (key, name) = &log_in.name;
        let password = self.kept(log_in.secret)?;
        let body = serde_json::json!({ key: name, &log_in.password: password });
        let ask = HttpCheck {
            post: Some(Hidden(body.to_string())),
            ..log_in.ask.clone()
        };
        let asked = Probe {
            check: Check::Http(ask),
            ..probe.clone()
        };
        measure(&asked, &self.stop, self.secure).result
    }

    fn exec(&self, exec: &Exec, hands: Hands<'_>) -> Result<Option<Observation>, Fault> {
        let Hands {
            tell,
            number,
            child,
            ..
        } = hands;
        let tell = RefCell::new(tell);
        let mut attempt = || match exec.build_memory_mb {
            None => exec::run(exec, child, &self.stop),
            Some(memory_mb) => {
                let mut told = |text| (tell.borrow_mut())(Event::Working { number, text });
                build::run(exec, memory_mb, child, &self.give_up, &mut told).map(|()| None)
            }
        };
        let Some(seconds) = exec.network_s else {
            return attempt();
        };
        let patience = Patience {
            time: Duration::from_secs(seconds.into()),
            stop: &self.give_up,
            kind: exec.fails_as,
            say: &mut |text| (tell.borrow_mut())(Event::Waiting { number, text }),
        };
        patience.until_done(&mut attempt)
    }
}

impl Executor for Local {
    fn place(&self) -> Place {
        self.place
    }

    fn apply(&mut self, op: &Op, hands: Hands<'_>) -> Result<Option<Observation>, Fault> {
        if let Some(required) = require(op, hands.seen) {
            return required.map(|()| None);
        }
        match op {
            Op::PutFile(file) => file::put(file).map(|()| None),
            Op::Exec(exec) => self.exec(exec, hands),
            Op::Service { unit, state } => {
                service::ensure(unit, *state, self.booting).map(|()| None)
            }
            Op::Probe(_) if self.booting => Err(Fault::new(
                FaultKind::Locked,
                "the machine is still booting",
            )),
            Op::Probe(probe) => self.probe(probe).map(|()| None),
            Op::Verify(verify) => openpgp::verify(verify, &self.stop).map(|()| None),
            Op::Unpack(unpack) => unpack::unpack(unpack).map(|()| None),
            Op::Observe { exec, .. } => exec::observe(exec, &self.stop).map(Some),
            _ => Err(Fault::new(
                FaultKind::Failed,
                "only the host's target can carry this out",
            )),
        }
    }

    fn undo(&mut self, op: &Op, child: Option<&Child>) -> Result<(), Fault> {
        if let Some(child) = child {
            leftover::end(child)?;
        }
        let hands = Hands {
            seen: &Observations::new(),
            tell: &mut |_| {},
            number: 0,
            child: &mut |_| Ok(()),
        };
        self.apply(op, hands).map(|_| ())
    }

    fn before_image(&mut self, op: &Op) -> Result<Op, Fault> {
        match op {
            Op::PutFile(file) => file::before(file).map(Op::PutFile),
            _ => Err(Fault::new(
                FaultKind::Failed,
                "only a file has a before-image",
            )),
        }
    }
}
