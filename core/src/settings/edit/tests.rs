//! One value changes, and nothing else.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Written by a person.
const FILE: &str = "\
# Tasks of the family.
app: tasks   # theirs

network:
  # The name in our DNS
  domain: tasks.example.org # do not change
  gateway:   # none yet
  nameservers:
    - 9.9.9.9
    - 1.1.1.1
resources: {cpu_cores: 2, memory_mb: 1024}
database:
  settings:
    note: |
      two
      lines
# The end.
";

fn changed(path: &str, value: &Value) -> Vec<String> {
    let edited = edit(FILE, path, value).unwrap();
    let (old, new): (Vec<_>, Vec<_>) = (FILE.lines().collect(), edited.lines().collect());
    let gone = old
        .iter()
        .filter(|line| !new.contains(line))
        .map(|line| format!("-{line}"));
    let come = new
        .iter()
        .filter(|line| !old.contains(line))
        .map(|line| format!("+{line}"));
    gone.chain(come).collect()
}

#[test]
fn a_value_changes_in_its_line() {
    let domain = changed("network.domain", &json!("new.example.org"));
    assert_eq!(
        domain,
        [
            "-  domain: tasks.example.org # do not change",
            "+  domain: new.example.org # do not change"
        ]
    );
    let gateway = changed("network.gateway", &json!("10.0.0.1"));
    assert_eq!(gateway[1], "+  gateway: \"10.0.0.1\"   # none yet");
    let cores = changed("resources.cpu_cores", &json!(4));
    assert_eq!(cores[1], "+resources: {cpu_cores: 4, memory_mb: 1024}");
    let servers = changed("network.nameservers", &json!(["9.9.9.9"]));
    assert_eq!(
        servers,
        ["-    - 9.9.9.9", "-    - 1.1.1.1", "+    [\"9.9.9.9\"]"]
    );
}

#[test]
fn a_new_key_stands_last_in_its_section() {
    assert_eq!(
        edit(FILE, "network.bridge", &json!("vmbr1")).unwrap(),
        FILE.replace("    - 1.1.1.1\n", "    - 1.1.1.1\n  bridge: vmbr1\n")
    );
    assert_eq!(
        edit(FILE, "admin.email", &json!("a@example.org")).unwrap(),
        format!("{FILE}admin:\n  email: a@example.org\n")
    );
    assert_eq!(
        edit("a: 1", "b.c.d", &json!(true)).unwrap(),
        "a: 1\nb:\n  c:\n    d: true\n"
    );
    assert_eq!(
        edit("a:\r\n  b: 1\r\n", "a.c", &json!(2)).unwrap(),
        "a:\r\n  b: 1\r\n  c: 2\r\n"
    );
    assert_eq!(edit("", "a", &json!(1)).unwrap(), "a: 1\n");
}

#[test]
fn a_commented_key_comes_to_life_where_it_stands() {
    let page = include_str!("../testdata/schema-1.yaml");
    for (path, old, new) in [
        (
            "deployment.updated_at",
            "  # updated_at:\n",
            "  updated_at: x\n",
        ),
        ("git.branch", "  # branch:\n", "  branch: x\n"),
    ] {
        assert_eq!(
            edit(page, path, &json!("x")).unwrap(),
            page.replace(old, new)
        );
    }
    let version = edit(page, "services.mcp.version_green", &json!("v1")).unwrap();
    let (before, after) = version.split_at(version.find("  mcp:").unwrap());
    assert!(before.contains("    # version_green:\n") && after.contains("    version_green: v1\n"));
}

#[test]
fn what_cannot_be_changed_alone_is_refused() {
    let place = |path: &str| EditError::Place {
        path: path.to_owned(),
    };
    assert_eq!(
        edit(FILE, "resources.disk", &json!(1)),
        Err(place("resources.disk"))
    );
    assert_eq!(edit(FILE, "network", &json!("x")), Err(place("network")));
    assert_eq!(edit(FILE, "app.name", &json!("x")), Err(place("app.name")));
    assert_eq!(edit("a:\n- 1\n", "a", &json!(["2"])), Err(place("a")));
    let EditError::Unreadable(why) = edit("a: 1\na: 2\n", "a", &json!(1)).unwrap_err() else {
        panic!("a file with two answers was changed");
    };
    assert!(why.contains("given twice"), "{why}");
}

#[test]
fn settings_are_checked_before_and_after() {
    let assign = |text: &str, set: &[&str]| {
        let file = ConfigFile {
            name: "f".to_owned(),
            bytes: text.into(),
        };
        let set: Vec<String> = set.iter().map(|set| (*set).to_owned()).collect();
        assign(&file, &set, &Defaults::default()).map_err(|error| error.to_string())
    };
    let text = "network:\n  ip_address: 10.0.0.5/24 # ours\n";
    let set = ["network.gateway=10.0.0.1", "resources.cpu_cores=4"];
    assert_eq!(
        assign(text, &set).unwrap(),
        format!("{text}  gateway: \"10.0.0.1\"\nresources:\n  cpu_cores: 4\n")
    );
    let wrong = |set: &[&str]| assign(text, set).unwrap_err();
    assert_eq!(
        wrong(&["network.gateway=10.0.1.1"]),
        "--set: `network.gateway` is 10.0.1.1, but that is not in the network of 10.0.0.5/24"
    );
    assert!(wrong(&["network.gatway=10.0.0.1"]).contains("did you mean `network.gateway`?"));
    assert!(wrong(&["resources.cpu_cores"]).contains("not of the form"));
}

/// Entries of a file by path.
fn values(text: &str) -> Vec<(String, Given)> {
    let (entries, findings) = yaml::read("x", text.as_bytes());
    assert_eq!(findings, []);
    let flat = entries
        .into_iter()
        .filter(|entry| entry.given != Given::Section);
    flat.map(|entry| (entry.path, entry.given)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn only_this_value_changes(
        pick in any::<prop::sample::Index>(),
        value in prop_oneof![
            "\\PC{1,20}".prop_map(Value::from),
            any::<u32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            proptest::collection::vec("[a-z0-9.:]{1,9}", 1..3).prop_map(Value::from),
        ],
    ) {
        let page = include_str!("../testdata/schema-1.yaml");
        let before = values(page);
        let (path, _) = pick.get(&before);
        let edited = edit(page, path, &value).unwrap();
        let expected: Vec<_> = before.iter().filter(|(other, _)| other != path).cloned().collect();
        let after = values(&edited);
        let others: Vec<_> = after.iter().filter(|(other, _)| other != path).cloned().collect();
        prop_assert_eq!(others, expected);
        let (_, given) = after.iter().find(|(other, _)| other == path).unwrap();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let wanted = match &value {
            Value::Array(items) => Given::List(items.iter().map(text).collect()),
            value => Given::Text(text(value)),
        };
        prop_assert_eq!(given, &wanted);
        let same = page.bytes().zip(edited.bytes()).take_while(|(a, b)| a == b).count();
        let tail = page.bytes().rev().zip(edited.bytes().rev()).take_while(|(a, b)| a == b).count();
        let line = page[..same].lines().count();
        prop_assert!(page.lines().count() <= line + page[page.len() - tail..].lines().count() + 1);
    }

    #[test]
    fn editing_is_total(text in "[-a-c0:#,.?!&*|>'\"%@`~{}\\[\\] \t\r\n]{0,80}", path in "[a-c](\\.[a-c]){0,2}") {
        if let Ok(edited) = edit(&text, &path, &json!("x")) {
            prop_assert_eq!(edited.len() >= text.len().saturating_sub(80), true);
            prop_assert!(values(&edited).contains(&(path, Given::Text("x".to_owned()))));
        }
    }
}
