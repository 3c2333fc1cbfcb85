//! `homeport`: parse, run, exit code.

use std::process::ExitCode;

use homeport_core::cli::args::Cli;
use homeport_core::cli::complete;
use homeport_core::command;
use homeport_core::plugin::child;

fn main() -> ExitCode {
    if child::is_child(std::env::args_os().skip(1)) {
        return child::child_main();
    }
    if complete::completed(std::env::args_os()) {
        return ExitCode::SUCCESS;
    }
    match Cli::read(std::env::args_os()) {
        Ok(cli) => command::run(&cli),
        Err(code) => ExitCode::from(code),
    }
}
