//! The journal of a guest in one call: a shell there first says which units it has, is told which of them are wanted,
//! and becomes `journalctl`. When whoever reads is gone, so is it.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use homeport_engine::cmd::{Drain, Fill, Input, Output};
use homeport_plugin_api::wire::health::Probe;

use super::entry::{self, lines};
use super::units::Units;
use super::{Request, Show};
use crate::error::{Error, Kind};
use crate::places;
use crate::verbs::Context;
use crate::verbs::living::Living;

/// The file of probes, an empty line; then a line of words comes in. `set -f`: no word is a pattern of file names.
const SCRIPT: &str = "file=$1; shift; cat \"$file\" && echo && IFS= read -r words && set -f && exec journalctl \"$@\" $words";

/// More of the probes is not read, bytes.
const PROBES: u64 = 1 << 20;

/// A longer entry is left out, bytes; journald itself splits lines at 48 KiB.
const ENTRY: u64 = 4 << 20;

/// Why it could not be shown; found out on the thread that reads.
type Trouble = Arc<Mutex<Option<Error>>>;

/// Shows it.
pub(super) fn logs(
    cx: &mut Context<'_>,
    living: &Living,
    request: &Request,
    show: Show,
) -> Result<(), Error> {
    let (say, words) = channel();
    let trouble = Trouble::default();
    let options = options(request);
    let mut argv = vec!["sh", "-c", SCRIPT, "sh", places::guest::PROBES];
    argv.extend(options.iter().map(String::as_str));
    let input = Input::Fill(asking(words));
    let output = Output::Drain(reading(
        request.components.clone(),
        say,
        show,
        trouble.clone(),
    ));
    let ended = cx.target.stream_guest(&living.guest, &argv, input, output);
    match trouble
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
    {
        Some(error) => Err(error.with_remedy(format!("homeport status {}", living.guest.instance))),
        None => Ok(ended?),
    }
}

fn options(request: &Request) -> Vec<String> {
    let mut options = vec![
        "--output=json".to_owned(),
        format!("--output-fields={}", entry::FIELDS),
        "--all".to_owned(),
        "--no-pager".to_owned(),
        "--quiet".to_owned(),
        format!("--lines={}", request.lines),
    ];
    options.extend(request.since.map(|since| format!("--since=@{since}")));
    options.extend(request.follow.then(|| "--follow".to_owned()));
    options
}

/// Tells the shell which units are wanted; nothing if that never becomes known.
fn asking(words: Receiver<String>) -> Fill {
    Box::new(move |to| match words.recv() {
        Ok(words) => writeln!(to, "{words}"),
        Err(_) => Ok(()),
    })
}

fn reading(
    components: Vec<String>,
    say: Sender<String>,
    mut show: Show,
    trouble: Trouble,
) -> Drain {
    Box::new(move |from| {
        let mut from = BufReader::new(from);
        let units = match wanted(&mut from, &components) {
            Ok(units) => units,
            Err(error) => {
                *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        };
        let _ = say.send(units.words());
        while let Some(entry) = next(&mut from)? {
            let lines = lines(&entry, &units).unwrap_or_default();
            lines.into_iter().try_for_each(&mut show)?;
        }
        Ok(())
    })
}

/// The units of these components, as the guest's probes name them.
fn wanted(from: &mut impl BufRead, components: &[String]) -> Result<Units, Error> {
    let senseless =
        |why: String| Error::new(Kind::Machine, "The guest's answer makes no sense.", why);
    let mut text = Vec::new();
    let mut limited = from.take(PROBES);
    loop {
        let before = text.len();
        let read = limited.read_until(b'\n', &mut text);
        let count = read.map_err(|error| senseless(error.to_string()))?;
        if count <= 1 && text.len() - before <= 1 {
            break;
        }
    }
    let probes: Vec<Probe> = serde_json::from_slice(&text)
        .map_err(|error| senseless(format!("`{}`: {error}", places::guest::PROBES)))?;
    Units::of(&probes).only(components).map_err(|(name, all)| {
        let why = format!("there is no `{name}`; there are {}", all.join(", "));
        Error::new(Kind::NotFound, "There is no such component.", why)
    })
}

/// The next entry; of one that is too long, what is left of it is passed over.
fn next(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut entry = Vec::new();
    from.by_ref().take(ENTRY).read_until(b'\n', &mut entry)?;
    if entry.len() as u64 == ENTRY && entry.last() != Some(&b'\n') {
        from.skip_until(b'\n')?;
    }
    Ok((!entry.is_empty()).then_some(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probes_end_at_an_empty_line() {
        let mut from = io::Cursor::new(b"[\n]\n\n{\"a\":1}\n".as_slice());
        wanted(&mut from, &[]).unwrap();
        assert_eq!(next(&mut from).unwrap().unwrap(), b"{\"a\":1}\n");
        assert_eq!(next(&mut from).unwrap(), None);
    }

    #[test]
    fn probes_without_sense_or_end_are_refused() {
        let endless = b"\n".repeat(0).into_iter().chain(b"[".repeat(3 << 20));
        for text in [Vec::new(), b"{}\n\n".to_vec(), endless.collect()] {
            assert!(wanted(&mut text.as_slice(), &[]).is_err());
        }
    }

    #[test]
    fn an_entry_that_is_too_long_costs_only_itself() {
        let long = "x".repeat(ENTRY as usize + 10);
        let text = format!("{long}\nnext\n");
        let mut from = text.as_bytes();
        assert_eq!(next(&mut from).unwrap().unwrap().len() as u64, ENTRY);
        assert_eq!(next(&mut from).unwrap().unwrap(), b"next\n");
    }

    #[test]
    fn options_say_what_is_wanted() {
        let request = Request {
            lines: 7,
            since: Some(9),
            follow: true,
            ..Request::default()
        };
        assert_eq!(
            options(&request)[4..],
            ["--quiet", "--lines=7", "--since=@9", "--follow"]
        );
    }
}
