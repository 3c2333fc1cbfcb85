//! What the plugin plans, as people will read it, and what it makes of output. Real databases: `homeport-tests`.

use homeport_plugin_api::{
    Database,
    wire::{
        Facts,
        conversation::{Context, Handle, Output},
        database::{Purpose, Trouble},
        step::{Stdin, Step},
    },
};
use serde_json::json;

use crate::Sqlite;

fn handle(name: &str) -> Handle {
    let path = format!("/var/lib/todo/db/{name}/todo.db");
    Handle {
        name: name.to_owned(),
        path,
        database: String::new(),
    }
}

fn context(facts: serde_json::Value) -> Context {
    let facts = facts.as_object().cloned().unwrap_or_default();
    Context {
        settings: Facts::new(),
        user: "todo".to_owned(),
        facts,
    }
}

/// A plan as text: one line per step, and below it what the step reads.
fn told(steps: &[Step]) -> String {
    let lines = steps.iter().map(|step| match step {
        Step::Run(run) => {
            let stdin = match &run.stdin {
                Stdin::Text(text) => text
                    .lines()
                    .map(|line| format!("\n     | {line}"))
                    .collect(),
                _ => String::new(),
            };
            let handles = format!("{:?} -> {:?}", run.reads, run.creates);
            format!(
                "run  {} ({handles}, {} s){stdin}",
                run.argv.join(" "),
                run.timeout_seconds
            )
        }
        Step::Directory(made) => format!(
            "dir  {} {} {}:{}",
            made.path, made.mode, made.owner, made.group
        ),
        Step::Require(require) => format!(
            "need {} {:?}: {}",
            require.name, require.is, require.otherwise.message
        ),
        other => panic!("{other:?}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_plans() {
    let (live, file, next) = (handle("g1"), handle("file"), handle("g2"));
    let none = context(json!({}));
    let counted = context(json!({"table_names": ["tasks", "o'brien \"x\""]}));
    insta::assert_snapshot!("provision", told(&Sqlite.provision(&live, &none).unwrap()));
    insta::assert_snapshot!("check", told(&Sqlite.check(&live, &none).unwrap()));
    insta::assert_snapshot!("dump", told(&Sqlite.dump(&live, &file, &none).unwrap()));
    insta::assert_snapshot!("load", told(&Sqlite.load(&file, &next, &none).unwrap()));
    insta::assert_snapshot!(
        "next_generation",
        told(&Sqlite.next_generation(&live, &next, &none).unwrap())
    );
    insta::assert_snapshot!("count", told(&Sqlite.count(&live, &counted).unwrap()));
}

#[test]
fn what_the_program_says_becomes_facts() {
    let purpose = Purpose::Count {
        database: handle("g1"),
    };
    let read = |name: &str, stdout: &str| {
        let output = Output {
            exit: 0,
            stdout: stdout.to_owned(),
        };
        Sqlite
            .read(&purpose, name, &output)
            .map(serde_json::Value::Object)
            .map_err(|refusal| refusal.to_string())
    };
    let tables = read("table_names", "[{\"name\":\"a\"},\n{\"name\":\"b\"}]\n");
    assert_eq!(tables, Ok(json!({"table_names": ["a", "b"]})));
    assert_eq!(read("table_names", ""), Ok(json!({"table_names": []})));
    let rows = read(
        "row_counts",
        "{\"table\":\"a\",\"rows\":3}\n{\"table\":\"b\",\"rows\":0}\n",
    );
    assert_eq!(rows, Ok(json!({"rows": {"a": 3, "b": 0}})));
    assert!(
        read("row_counts", "{\"table\":\"a\",\"rows\":-3}")
            .unwrap_err()
            .contains("no row count")
    );
    assert!(
        read("table_names", "Error: no such table")
            .unwrap_err()
            .contains("JSON")
    );
    assert_eq!(read("integrity", "ok\n"), Ok(json!({})));
}

#[test]
fn a_program_that_failed_has_said_nothing() {
    let purpose = Purpose::Count {
        database: handle("g1"),
    };
    let output = Output {
        exit: 1,
        stdout: "[]".to_owned(),
    };
    assert!(Sqlite.read(&purpose, "table_names", &output).is_err());
}

#[test]
fn a_path_that_could_end_a_script_is_refused() {
    let at = |path: &str| Handle {
        path: path.to_owned(),
        ..handle("g1")
    };
    for path in [
        "relative.db",
        "/a/b'.db",
        "/a/b\n.quit",
        "/a/../b/c.db",
        "/a b/c.db",
        "/a/b?mode=rw",
    ] {
        assert!(
            Sqlite.check(&at(path), &context(json!({}))).is_err(),
            "{path}"
        );
    }
    for path in ["/todo.db", "/var/db/"] {
        assert!(
            Sqlite.provision(&at(path), &context(json!({}))).is_err(),
            "{path}"
        );
    }
}

#[test]
fn counting_without_the_names_says_what_is_missing() {
    let refusal = Sqlite
        .count(&handle("g1"), &context(json!({})))
        .unwrap_err();
    assert!(refusal.to_string().contains("`table_names`"), "{refusal}");
}

/// One line per fact of what was seen of a database in service.
fn status(name: &str, exit: i32, stdout: &str) -> String {
    let database = handle("g1");
    let purpose = Purpose::Status { database };
    let stdout = stdout.to_owned();
    let facts = Sqlite
        .read(&purpose, name, &Output { exit, stdout })
        .unwrap();
    let trouble = |value: &serde_json::Value| {
        let trouble: Trouble = serde_json::from_value(value.clone()).unwrap();
        assert!(!trouble.commands.is_empty() && !trouble.remedy.is_empty());
        trouble.message
    };
    let line = |(key, value): (&String, &serde_json::Value)| match key.as_str() {
        "trouble" => trouble(value),
        _ => format!("{key} {value}"),
    };
    facts.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[test]
fn how_a_database_in_service_is() {
    let path = "/var/lib/todo/db/g1/todo.db";
    let open = |to: &str| {
        status(
            "open",
            1,
            &format!("/proc/7/fd/5 {to}\n/proc/7/fd/6 {to}-wal\n"),
        )
    };
    assert_eq!(open(path), "connections 1");
    assert_eq!(
        open("/root/todo.db"),
        format!(
            "connections 0; The database {path} was taken away under the app, which still has it open as /root/todo.db."
        )
    );
    assert!(open(&format!("{path} (deleted)")).contains("taken away"));
    assert_eq!(status("open", 1, ""), "connections 0");
    assert_eq!(
        status("files", 0, "8192 todo.db\n100 todo.db-wal\n7 x\n"),
        "size_bytes 8292"
    );
    let gone = format!("The database {path} is gone.");
    assert_eq!(status("files", 1, "100 todo.db-wal\n"), gone);
    assert_eq!(status("answer", 0, "12\n"), "");
    assert_eq!(
        status("answer", 0, "0\n"),
        format!("The database {path} has no tables.")
    );
    for (exit, stdout) in [(1, ""), (0, "x"), (127, "12")] {
        assert_eq!(
            status("answer", exit, stdout),
            format!("The database {path} does not answer.")
        );
    }
}

#[test]
fn it_keeps_the_contract() {
    homeport_plugin_api::conformance::assert_conforms(&mut homeport_plugin_api::DatabaseDoor(
        Sqlite,
    ));
}
