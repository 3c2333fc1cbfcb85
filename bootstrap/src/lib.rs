//! Fetches, verifies and unpacks what a Homeport server publishes; `core` uses the same code for every download.
//! Never prints, never starts a program, and reads nothing out of bytes whose signature has not held.

pub mod channel;
pub mod digest;
pub mod fetch;
pub mod manifest;
pub mod name;
pub mod place;
pub mod release;
pub mod trust;
pub mod unpack;
pub mod utc;

pub use semver::Version;

#[cfg(test)]
mod fuzz_tests;
