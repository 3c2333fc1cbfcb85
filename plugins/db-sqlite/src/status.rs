//! How a database in service is: its files, who has it open, and whether it answers. Looks only, in a moment.

use homeport_plugin_api::{
    Answer,
    wire::{
        Facts,
        conversation::{Command, Context, Handle, Output},
        database::{ANSWER, CONNECTIONS, SIZE, TROUBLE, Trouble},
    },
};

use crate::program::{self, Mode, directory, plain};

/// What the app's processes have open of it. Looked at first: it says where a file went that is gone.
const OPEN: &str = "open";
/// Files of the database's directory, each with its size.
const FILES: &str = "files";

/// Longer than this no look may take, seconds.
const MOMENT_S: u32 = 2;

/// Reads the header and the schema, and waits at most a second for whoever has locked it.
const SCRIPT: &str = ".timeout 1000\nSELECT count(*) FROM sqlite_master WHERE type = 'table';\n";

pub(crate) fn looks(database: &Handle, context: &Context) -> Answer<Vec<Command>> {
    let path = plain(&database.path)?;
    let place = directory(path)?;
    let (inside, named) = (format!("{place}/*"), format!("*/{}*", name(path)));
    let descriptors = [
        "find",
        "/proc",
        "-maxdepth",
        "3",
        "-path",
        "/proc/[0-9]*/fd/*",
    ];
    let of_it = ["(", "-lname", &inside, "-o", "-lname", &named, ")"];
    let open = [&descriptors[..], &of_it, &["-printf", "%p %l\\n"]].concat();
    let files = [
        "find",
        place,
        "-maxdepth",
        "1",
        "-type",
        "f",
        "-printf",
        "%s %f\\n",
    ];
    let answer: Vec<String> = program::argv(database, Mode::Read)?;
    let answer: Vec<&str> = answer.iter().map(String::as_str).collect();
    Ok(vec![
        look(OPEN, &open, None, context),
        look(FILES, &files, None, context),
        look(ANSWER, &answer, Some(SCRIPT), context),
    ])
}

fn look(name: &str, argv: &[&str], stdin: Option<&str>, context: &Context) -> Command {
    Command {
        name: name.to_owned(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        user: context.user.clone(),
        stdin: stdin.map(str::to_owned),
        limit: 256 * 1024,
        timeout_seconds: MOMENT_S,
    }
}

pub(crate) fn facts(database: &Handle, name: &str, output: &Output) -> Answer<Facts> {
    let path = plain(&database.path)?;
    Ok(match name {
        OPEN => open(path, &output.stdout),
        FILES => files(path, &output.stdout),
        ANSWER => answer(path, output),
        _ => Facts::new(),
    })
}

/// `/proc/812/fd/7 /var/lib/app/db/g1/app.db` by the line. That other users' descriptors could not be read makes `find`
/// end with 1 and is no matter.
fn open(path: &str, stdout: &str) -> Facts {
    let lines = stdout.lines().filter_map(|line| line.split_once(' '));
    let is_database = |(_, to): &(&str, &str)| {
        let to = to.trim_end_matches(DELETED);
        !SIDES.iter().any(|side| to.ends_with(side))
    };
    let (right, elsewhere): (Vec<_>, Vec<_>) =
        lines.filter(is_database).partition(|(_, to)| *to == path);
    let mut facts = Facts::from_iter([(CONNECTIONS.to_owned(), right.len().into())]);
    if let (true, Some((descriptor, to))) = (right.is_empty(), elsewhere.first()) {
        let remedy = "Do not restart the app yet: what it still has open is all there is. Put the file back under its \
                      name, with its -wal beside it, and only then restart the app."
            .to_owned();
        let message = format!(
            "The database {path} was taken away under the app, which still has it open as {to}."
        );
        let commands = vec![
            command(&["ls", "-l", descriptor]),
            command(&["ls", "-la", directory_of(path)]),
        ];
        insert(&mut facts, message, commands, remedy);
    }
    facts
}

/// End of the name of a file that was removed while open, proc(5).
const DELETED: &str = " (deleted)";
/// Ends of the names of files beside a database, <https://sqlite.org/tempfiles.html>.
const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// `8192 app.db` by the line.
fn files(path: &str, stdout: &str) -> Facts {
    let own = name(path);
    let size = |wanted: &str| {
        let mut sizes = stdout.lines().filter_map(|line| line.split_once(' '));
        sizes.find_map(|(size, name)| (name == wanted).then(|| size.parse::<u64>().ok())?)
    };
    let mut facts = Facts::new();
    match size(own) {
        Some(bytes) => {
            let log = size(&format!("{own}-wal")).unwrap_or(0);
            facts.insert(SIZE.to_owned(), bytes.saturating_add(log).into());
        }
        None => {
            let remedy = "Put it back, with its -wal beside it, before the app starts: an app that finds no database \
                          makes an empty one."
                .to_owned();
            let look = command(&["find", "/var/lib", "-xdev", "-name", &format!("{own}*")]);
            let place = command(&["ls", "-la", directory_of(path)]);
            insert(
                &mut facts,
                format!("The database {path} is gone."),
                vec![place, look],
                remedy,
            );
        }
    }
    facts
}

/// The number of tables.
fn answer(path: &str, output: &Output) -> Facts {
    let mut facts = Facts::new();
    let (message, remedy) = match (output.exit, output.stdout.trim().parse::<u64>()) {
        (0, Ok(tables)) if tables > 0 => return facts,
        (0, Ok(_)) => (
            format!("The database {path} has no tables."),
            "It is not the one the app was used with: stop the app and look for the right one.",
        ),
        _ => (
            format!("The database {path} does not answer."),
            "It is locked, damaged, or cannot be read by the app's user; the log of the app says which.",
        ),
    };
    let look = command(&["ls", "-la", directory_of(path)]);
    insert(&mut facts, message, vec![look], remedy.to_owned());
    facts
}

fn insert(facts: &mut Facts, message: String, commands: Vec<Vec<String>>, remedy: String) {
    let trouble = Trouble {
        message,
        commands,
        remedy,
    };
    if let Ok(trouble) = serde_json::to_value(trouble) {
        facts.insert(TROUBLE.to_owned(), trouble);
    }
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(place, _)| place)
}
