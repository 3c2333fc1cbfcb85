//! The command line: the only modules that print. stdout is the result, stderr the talk.
//!
//! Reading order: [`args`] (what can be typed) → [`ask`] → [`progress`] → [`show`] and [`json`] (what is answered).

pub mod args;
pub mod ask;
pub mod complete;
pub mod json;
pub mod manual;
pub mod output;
pub mod progress;
pub mod schema;
pub mod show;
pub mod style;
