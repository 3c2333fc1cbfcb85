//! `homeport-agent`: what runs inside the guest. This file only finds the subcommand and prints how it ended.

mod archive;
mod args;
mod cutover;
mod gate;
mod history;
mod identity;
mod lock;
mod machine;
mod recover;
mod rehearse;
mod rescue;
mod serve;
mod state;
mod status;

use std::error::Error;
use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::process::ExitCode;

use args::Options;
use cutover::How;
use homeport_engine::run::Fault;
use rustix::fs::Mode;
use serde::Serialize;
use serde::de::DeserializeOwned;

const USAGE: &str = "usage: homeport-agent serve [--who NAME] | recover [--boot | --take-back] | status [--spec FILE|-] | history | \
                     rollback [--yes] | release-hold | identity [--check [--slot COLOUR]] | archive | \
                     rehearse (each with [--state DIR]) | cutover … | gate … | gate-control …";

/// Largest specification that is read, bytes.
const SPEC_LIMIT: u64 = 8 << 20;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let shown = dispatch(&args).and_then(|result| Ok(io::stdout().write_all(result.as_bytes())?));
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The lines to print.
fn dispatch(args: &[String]) -> Result<String, Box<dyn Error>> {
    let Some((name, rest)) = args.split_first() else {
        return Err(USAGE.into());
    };
    match name.as_str() {
        "serve" => serve(rest).map(|()| String::new()),
        "recover" => recover(rest),
        "status" => status(rest),
        "history" => {
            let options = Options::parse(rest, &["--state"])?;
            lines(&history::read(&options.state).map_err(|fault| told(&fault))?)
        }
        "identity" => identity(rest),
        "cutover" => cut_over(rest),
        "rollback" => rollback(rest),
        "release-hold" => {
            let options = Options::parse(rest, &["--state"])?;
            Ok(rescue::release_hold(&options.state).map_err(|fault| told(&fault))?)
        }
        "archive" => {
            Options::parse(rest, &["--state"])?;
            archive::send(&spec("-")?, io::stdout().lock())?;
            Ok(String::new())
        }
        "rehearse" => {
            Options::parse(rest, &["--state"])?;
            ordinary_mask();
            lines(&[rehearse::run(&spec("-")?)])
        }
        "gate" => Ok(gate::run(rest).map(|()| String::new())?),
        "gate-control" => lines(&[gate::run_control(rest)?]),
        _ => Err(USAGE.into()),
    }
}

fn serve(args: &[String]) -> Result<(), Box<dyn Error>> {
    let options = Options::parse(args, &["--state", "--who"])?;
    ordinary_mask();
    let from = BufReader::new(io::stdin());
    serve::serve(options.state, &options.who, from, io::stdout())
        .map_err(|fault| told(&fault).into())
}

fn recover(args: &[String]) -> Result<String, Box<dyn Error>> {
    let options = Options::parse(args, &["--state", "--boot", "--take-back"])?;
    ordinary_mask();
    lines(&recover::run(&options).map_err(|fault| told(&fault))?)
}

fn status(args: &[String]) -> Result<String, Box<dyn Error>> {
    let options = Options::parse(args, &["--state", "--spec"])?;
    let usual = || options.state.health().display().to_string();
    let spec = spec(&options.spec.clone().unwrap_or_else(usual))?;
    lines(&[status::report(&options.state, &spec)])
}

/// What the unit of a cut-over runs: `run OPERATION`, and `resolve OPERATION` once that has ended.
fn cut_over(args: &[String]) -> Result<String, Box<dyn Error>> {
    let [verb, operation, rest @ ..] = args else {
        return Err(USAGE.into());
    };
    let how = match verb.as_str() {
        "run" => How::Begin,
        "resolve" => How::Resolve,
        _ => return Err(USAGE.into()),
    };
    let options = Options::parse(rest, &["--state"])?;
    ordinary_mask();
    let outcome = cutover::end(&options.state, operation, how).map_err(|fault| told(&fault))?;
    lines(&[outcome])
}

fn rollback(args: &[String]) -> Result<String, Box<dyn Error>> {
    let options = Options::parse(args, &["--state", "--yes"])?;
    ordinary_mask();
    Ok(rescue::rollback(&options.state, options.yes).map_err(|fault| told(&fault))?)
}

/// This guest's marks – or, to be checked: nothing, and an error if its state is about another guest.
fn identity(args: &[String]) -> Result<String, Box<dyn Error>> {
    let options = Options::parse(args, &["--state", "--check", "--slot"])?;
    if !options.check {
        return lines(&[identity::seen()?]);
    }
    let foreign = identity::foreign(&options.state);
    let idle = || options.slot.as_deref().and_then(identity::idle);
    match foreign.or_else(idle) {
        Some(why) => Err(why.into()),
        None => Ok(String::new()),
    }
}

/// What commands make is readable as usual, however strict the mask of whoever started this program.
fn ordinary_mask() {
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
}

/// A JSON specification from a file; `-` is standard input.
fn spec<T: DeserializeOwned>(path: &str) -> Result<T, Box<dyn Error>> {
    let unreadable = |error: &dyn Error| format!("the specification `{path}`: {error}");
    let mut text = Vec::new();
    let from: Box<dyn Read> = match path {
        "-" => Box::new(io::stdin()),
        _ => Box::new(fs::File::open(path).map_err(|error| unreadable(&error))?),
    };
    from.take(SPEC_LIMIT)
        .read_to_end(&mut text)
        .map_err(|error| unreadable(&error))?;
    Ok(serde_json::from_slice(&text).map_err(|error| unreadable(&error))?)
}

/// Each as one line of JSON.
fn lines(items: &[impl Serialize]) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    for item in items {
        text.push_str(&serde_json::to_string(item)?);
        text.push('\n');
    }
    Ok(text)
}

/// A fault with all it knows.
fn told(fault: &Fault) -> String {
    let why = std::iter::once(&fault.why);
    let all: Vec<&str> = why
        .chain(&fault.lines)
        .chain(&fault.remedy)
        .map(String::as_str)
        .collect();
    all.join("\n")
}
