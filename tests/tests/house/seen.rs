//! Documents that say in which test something was seen: the test is there.

use std::fs;
use std::path::Path;

use crate::source::root;

/// The column's heading in a table of such a document.
const COLUMN: &str = "seen in";

/// Documents with such a table.
const DOCUMENTS: [&str; 1] = ["templates/README.md"];

/// Names of tests in the last column of the rows below a heading that ends with it.
fn named(document: &str) -> Vec<String> {
    let mut below = false;
    let mut names = Vec::new();
    for line in document.lines() {
        let mut cells = line.trim_end_matches('|').rsplit('|');
        let last = cells.next().unwrap_or_default().trim();
        below = line.starts_with('|') && (below || last == COLUMN);
        if below {
            names.extend(last.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    names
}

/// Whether there is a test of that name: one of Go's in the stand-in, `part::file::test` below `tests/tests`, or one
/// of core's own.
fn there(name: &str) -> bool {
    if name.starts_with("Test") {
        let tests = root().join("tests/apps/standin");
        return holds(&tests, "go", &format!("func {name}("));
    }
    let words: Vec<&str> = name.split("::").collect();
    match words.as_slice() {
        [part, file] => root()
            .join(format!("tests/tests/{part}/{file}.rs"))
            .exists(),
        [part, file, test] => {
            let places = [
                root().join(format!("tests/tests/{part}/{file}.rs")),
                root().join(format!("core/src/{part}/{file}.rs")),
            ];
            let test = format!("fn {test}()");
            let text = |path| fs::read_to_string(path).unwrap_or_default();
            places.iter().any(|path| text(path).contains(&test))
        }
        _ => false,
    }
}

fn holds(directory: &Path, extension: &str, text: &str) -> bool {
    let files = fs::read_dir(directory).unwrap().flatten();
    let mut paths = files.map(|entry| entry.path());
    paths.any(|path| {
        let ours = path.extension().is_some_and(|it| it == extension);
        ours && fs::read_to_string(path).unwrap().contains(text)
    })
}

#[test]
fn what_was_seen_in_a_test_is_seen_in_one_that_is_there() {
    for document in DOCUMENTS {
        let names = named(&fs::read_to_string(root().join(document)).unwrap());
        assert!(names.len() > 5, "{document} has no such table: {names:?}");
        for name in names {
            assert!(there(&name), "{document}: there is no test `{name}`");
        }
    }
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    let table = "| a | seen in |\n|---|---|\n| x | every test; `TestNone`, `install::none` |\n\n| `not` | this |\n";
    assert_eq!(named(table), ["TestNone", "install::none"]);
    assert!(!there("TestNone") && !there("install::none") && !there("install::verbs::none"));
    assert!(there("install::verbs") && there("install::verbs::every_verb"));
}
