//! `homeport-agent`: what runs inside the guest. This file only finds the subcommand and prints how it ended.

mod gate;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(Some(result)) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The result to print, if the subcommand has one.
fn dispatch(args: &[String]) -> Result<Option<String>, Box<dyn std::error::Error>> {
    match args.split_first().map(|(name, rest)| (name.as_str(), rest)) {
        Some(("gate", rest)) => Ok(gate::run(rest).map(|()| None)?),
        Some(("gate-control", rest)) => Ok(Some(serde_json::to_string(&gate::run_control(rest)?)?)),
        _ => Err("usage: homeport-agent gate | gate-control …".into()),
    }
}
