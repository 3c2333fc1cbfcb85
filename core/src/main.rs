//! To be filled.
use std::process::ExitCode;

use homeport_core::plugin::child;

fn main() -> ExitCode {
    if child::is_child(std::env::args_os().skip(1)) {
        return child::child_main();
    }
    ExitCode::FAILURE
}
