//! A whole installation as its owner meets it, on a host with real containers: the one-liner, the app, every verb,
//! what goes wrong, and what a kill at any moment leaves.
//!
//! There is one host, so one test at a time has its turn; each takes away what it made.

mod acceptance;
mod around;
mod attempt;
mod builder;
mod built;
mod calls;
mod certificate;
mod condition;
mod copies;
mod crossing;
mod crowd;
mod cutover;
mod decoy;
mod doctor;
mod documents;
mod dry;
mod errors;
mod face;
mod faults;
mod first_login;
mod five;
mod instance;
mod killed;
mod logs;
mod mcp;
mod moment;
mod one_liner;
mod recipe;
mod release;
mod remains;
mod rollback;
mod run;
mod signed;
mod status;
mod unattended;
mod under_load;
mod update;
mod upgrade;
mod user;
mod users;
mod verbs;
mod watch;
mod wizard;
