//! The house's *never* lines, read off the sources and the manifests: who may know whom, who may touch what, how long a
//! file may be. Every rule is shown a piece of code that breaks it, so that none is blind. And what the scripts do on a new machine.

mod length;
mod licences;
mod manifest;
mod never;
mod rules;
mod seen;
mod setup;
mod source;
