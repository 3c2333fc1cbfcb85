//! The house's *never* lines, read off the sources and the manifests: who may know whom, who may touch what, how long a
//! file may be. Every rule is shown a piece of code that breaks it, so that none is blind.

mod length;
mod manifest;
mod never;
mod rules;
mod source;
