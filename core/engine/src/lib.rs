//! The engine: what a change is (ops in a plan), how it is checked, written down, run and resolved.
//! It never prints, never talks to a plugin and never opens a network connection of its own accord.
//!
//! Reading order: [`op`] → [`plan`] → [`check`] → [`journal`] → [`run`] → [`recover`].

pub mod check;
pub mod cmd;
pub mod cutover;
pub mod durable;
pub mod event;
pub mod exec;
pub mod fault;
pub mod fingerprint;
pub mod history;
pub mod journal;
pub mod local;
pub mod op;
pub mod plan;
pub mod probe;
pub mod process;
pub mod recover;
pub mod rehearsal;
pub mod report;
pub mod require;
pub mod run;
pub mod sim;
pub mod stream;
pub mod talk;
pub mod wire;

/// Version of every message and journal record this engine writes. A reader refuses a higher one.
pub const WIRE: u32 = 1;

#[cfg(test)]
mod fuzz_tests;
