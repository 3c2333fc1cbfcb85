//! db-sqlite's plans, carried out by the real `sqlite3` on real databases.

use std::{
    fs,
    io::Write,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use homeport_core::plugin::Plugin;
use homeport_plugin_api::wire::{conversation::Handle, database::Purpose};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    machine::{Machine, open_directory},
    place::{Place, shipped},
};

/// `nobody`, who stands for the app's user.
const NOBODY: u32 = 65_534;

/// A data directory of the app's user, and the plugin.
pub struct Data {
    directory: TempDir,
    plugin: Plugin,
}

impl Data {
    pub fn new() -> Self {
        let directory = open_directory();
        chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        let plugin = Place::with(&shipped("db-sqlite")).start().unwrap();
        let mut data = Self { directory, plugin };
        data.ask(Purpose::Provision {
            database: data.generation("g1"),
        })
        .unwrap();
        data
    }

    pub fn generation(&self, name: &str) -> Handle {
        let path = self.directory.path().join("db").join(name).join("todo.db");
        Handle {
            name: name.to_owned(),
            path: path.display().to_string(),
            database: String::new(),
        }
    }

    pub fn file(&self) -> Handle {
        let path = self.directory.path().join("dump.db").display().to_string();
        Handle {
            name: "file".to_owned(),
            path,
            database: String::new(),
        }
    }

    pub fn ask(&mut self, purpose: Purpose) -> Result<Value, String> {
        Machine::here()
            .converse(&mut self.plugin, &purpose)
            .map(Value::Object)
    }

    fn check(&mut self, database: &Handle) -> Result<Value, String> {
        self.ask(Purpose::Check {
            database: database.clone(),
        })
    }

    fn rows(&mut self, database: &Handle) -> Value {
        self.ask(Purpose::Count {
            database: database.clone(),
        })
        .unwrap()["rows"]
            .clone()
    }

    fn dump(&mut self, database: &Handle) -> Result<Value, String> {
        let file = self.file();
        self.ask(Purpose::Dump {
            database: database.clone(),
            file,
        })
    }

    fn load(&mut self, database: &Handle) -> Result<Value, String> {
        let file = self.file();
        self.ask(Purpose::Load {
            file,
            database: database.clone(),
        })
    }

    pub fn next(&mut self, database: &Handle, next: &Handle) -> Result<Value, String> {
        self.ask(Purpose::NextGeneration {
            database: database.clone(),
            next: next.clone(),
        })
    }
}

/// A `sqlite3` that has carried out `script` and keeps its database open; killed when dropped, like an app.
pub struct App(Child);

impl App {
    pub fn with(database: &Handle, script: &str) -> Self {
        let mut child = Command::new("setpriv")
            .args([
                "--reuid=nobody",
                "--regid=nogroup",
                "--clear-groups",
                "sqlite3",
                "-bail",
                &database.path,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let whole = format!(
            "PRAGMA journal_mode=WAL;\nPRAGMA wal_autocheckpoint=0;\n{script}\nSELECT 'done';\n"
        );
        child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(whole.as_bytes())
            .unwrap();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line != "done\n" {
            line.clear();
            assert_ne!(
                std::io::BufRead::read_line(&mut said, &mut line).unwrap(),
                0,
                "sqlite3 ended"
            );
        }
        Self(child)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

const TABLES: &str = "CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT);\n\
    CREATE TABLE \"o'brien \"\"x\"\"\"(a);\nCREATE VIRTUAL TABLE found USING fts5(title);\n\
    INSERT INTO tasks(title) SELECT value FROM generate_series(1, 500);\nINSERT INTO \"o'brien \"\"x\"\"\" VALUES (1), (2);\n";

/// The trap: the app was killed, all rows are in `-wal`, the main file has no tables.
fn killed_app(data: &Data) -> Handle {
    let live = data.generation("g1");
    drop(App::with(&live, TABLES));
    let alone = data.directory.path().join("alone.db");
    fs::copy(&live.path, &alone).unwrap();
    assert_eq!(
        sqlite3(&alone, ".tables"),
        "",
        "the main file alone has tables, so this is no trap"
    );
    assert!(fs::metadata(format!("{}-wal", live.path)).unwrap().len() > 0);
    live
}

fn sqlite3(file: &Path, command: &str) -> String {
    let output = Command::new("sqlite3")
        .arg(file)
        .arg(command)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn assert_rows(rows: &Value) {
    assert_eq!(
        (&rows["tasks"], &rows["o'brien \"x\""]),
        (&json!(500), &json!(2))
    );
    assert_eq!(rows.get("found"), None, "a virtual table is counted");
}

#[test]
fn a_dump_has_what_is_in_the_wal() {
    let mut data = Data::new();
    let live = killed_app(&data);
    data.check(&live).unwrap();
    assert_rows(&data.rows(&live));

    data.dump(&live).unwrap();
    let file = data.file();
    data.check(&file).unwrap();
    assert_rows(&data.rows(&file));
    let beside = |end: &str| PathBuf::from(format!("{}{end}", file.path)).exists();
    assert!(
        !beside("-wal") && !beside("-shm"),
        "reading the dump left files beside it"
    );

    let loaded = data.generation("g2");
    data.load(&loaded).unwrap();
    data.check(&loaded).unwrap();
    assert_rows(&data.rows(&loaded));
}

#[test]
fn the_next_generation_is_whole_and_so_is_the_original() {
    let mut data = Data::new();
    let (live, next) = (killed_app(&data), data.generation("g2"));
    data.next(&live, &next).unwrap();
    assert_rows(&data.rows(&next));
    drop(App::with(&next, "DELETE FROM tasks;"));
    assert_eq!(data.rows(&next)["tasks"], 0);
    assert_rows(&data.rows(&live));
    data.check(&live).unwrap();
}

#[test]
fn no_next_generation_while_anyone_has_the_database_open() {
    let mut data = Data::new();
    let (live, next) = (killed_app(&data), data.generation("g2"));
    let app = App::with(&live, "");
    let error = data.next(&live, &next).unwrap_err();
    assert!(error.contains("database is locked"), "{error}");
    assert_rows(&data.rows(&live));
    drop(app);
}

#[test]
fn nothing_is_ever_written_over() {
    let mut data = Data::new();
    let live = killed_app(&data);
    data.dump(&live).unwrap();
    let taken = data.generation("g2");
    data.load(&taken).unwrap();
    drop(App::with(&taken, "DELETE FROM tasks;"));
    assert!(data.load(&taken).unwrap_err().contains("File exists"));
    assert!(
        data.next(&live, &taken)
            .unwrap_err()
            .contains("File exists")
    );
    assert_eq!(data.rows(&taken)["tasks"], 0);
}

#[test]
fn a_dump_of_a_busy_database_is_one_state() {
    let mut data = Data::new();
    let live = data.generation("g1");
    let start = "CREATE TABLE a(x); CREATE TABLE b(x);\nINSERT INTO a SELECT zeroblob(100) FROM generate_series(1, 20000);\n";
    drop(App::with(&live, start));
    sqlite3(live.path.as_ref(), "DELETE FROM a");
    chown(&live.path, Some(NOBODY), Some(NOBODY)).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut app = App::with(&live, "PRAGMA busy_timeout=5000;");
            let both =
                "BEGIN IMMEDIATE; INSERT INTO a VALUES(1); INSERT INTO b VALUES(1); COMMIT;\n";
            while !stop.load(Ordering::Relaxed) {
                app.0
                    .stdin
                    .as_mut()
                    .unwrap()
                    .write_all(both.as_bytes())
                    .unwrap();
                thread::sleep(Duration::from_micros(200));
            }
        });
        for _ in 0..5 {
            data.dump(&live).unwrap();
            let file = data.file();
            let rows = data.rows(&file);
            assert_eq!(rows["a"], rows["b"]);
            fs::remove_file(&file.path).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_ne!(data.rows(&live)["b"], json!(0), "nobody was busy");
}

#[test]
fn damage_emptiness_and_absence_are_told_apart() {
    let mut data = Data::new();
    let live = killed_app(&data);
    data.dump(&live).unwrap();
    let file = data.file();
    let mut bytes = fs::read(&file.path).unwrap();
    bytes[8192..12_288].fill(0xff);
    fs::write(&file.path, bytes).unwrap();
    let error = data.check(&file).unwrap_err();
    assert!(
        error.contains("is damaged") || error.contains("malformed"),
        "{error}"
    );

    let empty = data.generation("empty");
    data.ask(Purpose::Provision {
        database: empty.clone(),
    })
    .unwrap();
    fs::write(&empty.path, "").unwrap();
    assert!(data.check(&empty).unwrap_err().contains("has no tables"));

    let absent = data.generation("absent");
    assert!(
        data.check(&absent)
            .unwrap_err()
            .contains("unable to open database file")
    );
    assert!(
        !Path::new(&absent.path).exists(),
        "checking made a database"
    );
}
