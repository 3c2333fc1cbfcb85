//! The verbs: each reads like a paragraph. They gather facts, make plans and have them run; none of them prints.

pub mod adopt;
pub mod backup;
pub mod change;
pub mod choose;
pub mod claim;
pub mod config;
pub mod doctor;
pub mod health;
pub mod held;
pub mod history;
pub mod identity;
pub mod install;
pub mod last_look;
pub mod list;
pub mod living;
pub mod logs;
pub mod operation;
pub mod parts;
pub mod pin;
pub mod power;
pub mod preflight;
pub mod rollback;
pub mod slots;
pub mod status;
pub mod surround;
pub mod template;
pub mod tools;
pub mod uninstall;
pub mod update;
pub mod upgrade;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use homeport_engine::event::Event;

use crate::error::Error;
use crate::lock::{self, Lock};
use crate::program::Program;
use crate::report::Finding;
use crate::target::Target;
use crate::verbs::living::Living;

/// What every verb works with.
pub struct Context<'a> {
    /// This Homeport.
    pub program: &'a Program,
    /// The machine.
    pub target: &'a mut dyn Target,
    /// Set when the user asked to stop.
    pub stop: &'a AtomicBool,
    /// Where events go.
    pub tell: &'a mut dyn FnMut(Event),
    /// Told the instance's name once it is this verb's to change: opens its log.
    pub named: &'a mut dyn FnMut(&str) -> Result<(), Error>,
    /// Told what should be known, though it is in nobody's way.
    pub remark: &'a mut dyn FnMut(&Finding),
    /// Asks the user; an error when the answer is no, or nobody can be asked.
    pub confirm: &'a mut dyn FnMut(&str) -> Result<(), Error>,
}

impl Context<'_> {
    /// Takes the instance's lock for an operation; it is given back when the value is dropped.
    pub fn lock(&mut self, instance: &str, operation: &str) -> Result<Lock, Error> {
        let lock = Lock::take(Path::new(lock::DIRECTORY), instance, operation)?;
        last_look::forget(instance);
        (self.named)(instance)?;
        Ok(lock)
    }

    /// Finds an instance; unless it is only looked at, takes it, too.
    pub fn found(
        &mut self,
        name: Option<&str>,
        verb: &str,
        only_look: bool,
    ) -> Result<(Living, Option<Lock>), Error> {
        if only_look {
            return Ok((living::changeable(self.target, name)?, None));
        }
        let (living, lock) = self.take(name, verb)?;
        Ok((living, Some(lock)))
    }

    /// Finds an instance, takes its lock and resolves what an earlier command left open. What is found is as it is
    /// after that.
    fn take(&mut self, name: Option<&str>, verb: &str) -> Result<(Living, Lock), Error> {
        let living = living::changeable(self.target, name)?;
        let lock = self.lock(&living.guest.instance, verb)?;
        match operation::resolve_open(&living.guest.instance, self.target, self.tell)? {
            None => Ok((living, lock)),
            Some(_) => Ok((
                living::changeable(self.target, Some(&living.guest.instance))?,
                lock,
            )),
        }
    }
}
