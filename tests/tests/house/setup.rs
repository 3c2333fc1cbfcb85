//! What the project's own scripts do on a machine that has nothing yet.

use std::path::Path;
use std::process::Command;

#[test]
fn a_package_the_machine_never_heard_of_is_missing_not_the_end() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("setup.sh");
    let said = Command::new("bash")
        .arg(script)
        .args(["--missing", "bash", "homeport-no-such-package", "dpkg"])
        .output()
        .unwrap();
    let missing = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(
        (said.status.code(), missing.as_str()),
        (Some(0), "homeport-no-such-package\n"),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
}
