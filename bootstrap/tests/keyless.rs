//! A bootstrap built without a public key accepts nothing, whatever it is offered.

use std::process::Command;

#[test]
fn accepts_nothing_without_a_key() {
    assert!(
        option_env!("HOMEPORT_PUBLIC_KEY").is_none(),
        "run this test without HOMEPORT_PUBLIC_KEY"
    );
    for args in [
        &["--print-trust"][..],
        &["--bundle", "/dev/null"],
        &["--base-url", "http://127.0.0.1:1"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(13), "{said}");
        assert!(
            said.contains("this program was built without a public key"),
            "{said}"
        );
    }
}
