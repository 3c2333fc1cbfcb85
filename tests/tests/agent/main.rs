//! The agent seen from outside: the real static program, its journal and its effects below directories of its own,
//! killed, cut off, crowded and lied to.
//!
//! `HOMEPORT_BIN_DIR` holds `homeport-agent`. Runs as root; needs no systemd and no container.

mod alone;
mod killed;
mod partner;
mod plans;
mod rig;
mod tools;
