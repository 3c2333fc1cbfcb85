//! The Proxmox target against the lab's programs and real containers: what is made, what is left, what is not touched.
//! Rules named in tests are those of the contract with Proxmox's programs; those that need no container are tested
//! beside the code.
//!
//! `HOMEPORT_LAB_PATH` names the lab's programs, which `tests/lab/up.sh` has put on the fixed PATH; `HOMEPORT_BIN_DIR`
//! holds `homeport-agent`. Runs as root.

mod agent;
mod full;
mod killed;
mod lab;
mod life;
mod looks;
mod network;
mod strangers;
mod templates;
