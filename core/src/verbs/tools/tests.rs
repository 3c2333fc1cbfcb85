use proptest::prelude::*;
use serde_json::json;

use super::stated::*;
use crate::plan::build::Within;

const LIST: &str = "\
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  node-v24.21.0-linux-x64.tar.gz
bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb  node-v24.21.0-linux-x64.tar.xz
cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc  node-v24.21.0.tar.gz
";

#[test]
fn the_list_names_version_and_digest() {
    let url = format!("https://x/node-v{ANY}-linux-x64.tar.gz");
    assert_eq!(newest_in_list(LIST, &url, "24").as_deref(), Some("24.21.0"));
    assert_eq!(newest_in_list(LIST, &url, "22"), None);
    let found = in_list(LIST, "https://x/node-v24.21.0-linux-x64.tar.gz");
    assert_eq!(found, Some("a".repeat(64)));
    assert_eq!(
        in_list(LIST, "https://x/node-v24.21.1-linux-x64.tar.gz"),
        None
    );
    assert_eq!(
        in_list(&"d".repeat(64), "https://x/go.tar.gz"),
        Some("d".repeat(64))
    );
}

#[test]
fn the_newest_is_a_matter_of_numbers_and_no_candidate_of_a_release() {
    let versions = ["24.9.0", "24.22.3", "24.23.0-rc.1", "240.1.0", "25.0.0"];
    assert_eq!(newest(versions.into_iter(), "24"), Some("24.22.3"));
    assert_eq!(newest(versions.into_iter(), "24.9"), Some("24.9.0"));
    assert_eq!(newest(versions.into_iter(), "26"), None);
}

#[test]
fn the_record_of_the_very_module_counts() {
    let record = "55049139\ng/t v1/go.mod h1:no=\ng/t v1 h1:yes=\n\ngo.sum database tree\n";
    assert_eq!(in_record(record, "g/t", "v1").as_deref(), Some("h1:yes="));
    assert_eq!(in_record(record, "g/t", "v2"), None);
}

#[test]
fn a_package_states_its_digest() {
    let integrity = format!("sha1-x sha512-{}", "A".repeat(86) + "==");
    let found = json!({"versions": {
        "24.9.0": {"dist": {"integrity": integrity}},
        "24.10.0": {"dist": {"integrity": integrity}},
        "25.0.0": {"dist": {"shasum": "x"}},
    }});
    let exactly = |version: &str| in_packument(&found, &Within::Exactly(version.to_owned()));
    assert_eq!(
        exactly("24.9.0"),
        Some(("24.9.0".to_owned(), "00".repeat(64)))
    );
    assert_eq!(exactly("25.0.0"), None, "a SHA-1 digest is none");
    let newest = in_packument(&found, &Within::NewestOf("24".to_owned()));
    assert_eq!(newest.unwrap().0, "24.10.0");
}

proptest! {
    #[test]
    fn reading_is_total(text in "\\PC{0,80}") {
        let _ = (in_list(&text, &text), newest_in_list(&text, &text, &text), in_record(&text, &text, &text));
    }
}
