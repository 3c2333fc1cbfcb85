use proptest::prelude::*;

use super::*;

#[test]
fn versions_are_exact_or_begin_so() {
    let exactly = |text: &str| Some(Within::Exactly(text.to_owned()));
    let newest = |text: &str| Some(Within::NewestOf(text.to_owned()));
    for (text, found) in [
        ("24.18.0", exactly("24.18.0")),
        ("v24.18.0", exactly("24.18.0")),
        ("24", newest("24")),
        ("24.x", newest("24")),
        ("v24.1", newest("24.1")),
        ("lts/*", None),
        ("lts", None),
        ("", None),
        ("../1", None),
    ] {
        assert_eq!(within(text, false), found, "{text}");
    }
    assert_eq!(within("1.20", true), exactly("1.20"));
    assert_eq!(within("1.27rc1", true), exactly("1.27rc1"));
}

#[test]
fn go_files_name_a_toolchain_or_a_language() {
    let of = |text: &str| go_mod(&format!("module x\n\n{text}\nrequire (\n\tgo.x/y v1\n)\n"));
    assert_eq!(
        of("go 1.24.0\ntoolchain go1.25.4").as_deref(),
        Some("1.25.4")
    );
    assert_eq!(of("go 1.26.4").as_deref(), Some("1.26.4"));
    assert_eq!(of("go 1.22 // x").as_deref(), Some("1.22.0"));
    assert_eq!(of("go 1.20").as_deref(), Some("1.20"));
    assert_eq!(of("go 1.27rc1").as_deref(), Some("1.27rc1"));
    assert_eq!(of(""), None);
}

#[test]
fn a_package_manager_is_the_tool_and_may_carry_its_digest() {
    let of = |text: &str| package_manager(&format!("{{\"packageManager\":\"{text}\"}}"), "pnpm");
    assert_eq!(of("pnpm@11.19.0"), Ok(("11.19.0".to_owned(), None)));
    let digest = "AB".repeat(64);
    assert_eq!(
        of(&format!("pnpm@11.19.0+sha512.{digest}")),
        Ok(("11.19.0".to_owned(), Some("ab".repeat(64))))
    );
    assert_eq!(
        of("yarn@4.0.0").unwrap_err(),
        "`packageManager` is `yarn@4.0.0`, not pnpm"
    );
    assert!(of("pnpm@11.19.0+sha1.abc").is_err());
    assert!(package_manager("{}", "pnpm").is_err());
    assert!(package_manager("[", "pnpm").is_err());
}

#[test]
fn what_a_version_is_called() {
    for (reported, called) in [
        ("v2.5.0", Some("2.5.0")),
        ("v2.5.0-3-0123456789", Some("2.5.0-3-0123456789")),
        ("0123456789-dirty", Some("0123456789-dirty")),
        ("release/v2", Some("release-v2")),
        ("vanilla", Some("vanilla")),
        ("v2'.0", None),
        ("../x", None),
        ("", None),
    ] {
        assert_eq!(version(reported).ok().as_deref(), called, "{reported}");
    }
}

proptest! {
    #[test]
    fn reading_is_total(text in "\\PC{0,60}", exact in any::<bool>()) {
        let _ = (within(&text, exact), go_mod(&text), file(&text), version(&text));
        let _ = package_manager(&text, "x");
    }
}
