//! The life of a plugin's process: give everything up, load one library, answer one line at a time.
//! Its standard input *is* the verified library, its standard output the channel to core.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    process::ExitCode,
};

use homeport_plugin_api::load::{self, Opened};

use super::{
    confine::confine,
    frame::{CHILD_ARGUMENT, LINE_LIMIT, Said},
};

/// Whether these arguments (without the program's name) ask for [`child_main`].
pub fn is_child(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    arguments
        .next()
        .is_some_and(|first| first == CHILD_ARGUMENT)
}

/// The whole process; core's `main` calls it on the hidden argument before anything else.
pub fn child_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is core's only other ear; a failed write has nobody left to hear of it.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let mut channel = channel()?;
    let (opened, ready) = match prepare() {
        Ok(loaded) => loaded,
        Err(said) => return say(&mut channel, &said),
    };
    say(&mut channel, &ready)?;
    let mut lines = BufReader::new(channel.try_clone()?);
    while let Some(line) = next_line(&mut lines)? {
        let said = match opened.call(&line) {
            Ok(reply) => Said::Reply(reply),
            Err(refusal) => Said::Refusal(refusal),
        };
        say(&mut channel, &said)?;
    }
    Ok(())
}

/// Keeps the channel for itself: whatever the plugin prints goes to standard error.
fn channel() -> io::Result<UnixStream> {
    let channel = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(UnixStream::from(channel))
}

fn prepare() -> Result<(Opened, Said), Said> {
    let null = File::open("/dev/null").map_err(|e| Said::Unconfined(format!("/dev/null: {e}")))?;
    load::preload();
    let (confinement, library) = confine().map_err(Said::Unconfined)?;
    let opened = load::open(library).map_err(Said::NotLoaded)?;
    let replaced = rustix::stdio::dup2_stdin(null);
    replaced.map_err(|e| Said::Unconfined(format!("standard input: {e}")))?;
    Ok((
        opened,
        Said::Ready {
            manifest: opened.manifest(),
            confinement,
        },
    ))
}

fn next_line(lines: &mut BufReader<UnixStream>) -> io::Result<Option<String>> {
    let mut line = String::new();
    lines.take(LINE_LIMIT as u64).read_line(&mut line)?;
    Ok(line.ends_with('\n').then_some(line))
}

fn say(channel: &mut UnixStream, said: &Said) -> io::Result<()> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    channel.write_all(&line)
}
