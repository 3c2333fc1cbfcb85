//! The real bootstrap against real servers, disks and signals, and against bundles made to break it.
//!
//! `HOMEPORT_BIN_DIR` holds `bootstrap`, built with the key whose two halves, `homeport.pub` and `homeport.key`
//! (`minisign -G -W`), lie in `HOMEPORT_TEST_KEY_DIR`. Runs as root; needs `unshare`, `mount`, `strace`, `curl`.

mod content;
mod craft;
mod genuine;
mod network;
mod place;
mod run;
mod signals;
mod stub;
mod tampering;
mod tools;
