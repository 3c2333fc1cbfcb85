//! The script for whoever has a real node, on this one.

use std::path::Path;

use crate::instance::{Instance, turn};
use crate::release::{self, dist};
use crate::run::call;

#[test]
fn acceptance_on_a_node() {
    let _turn = turn();
    let instance = Instance::new("acceptance", 116);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("on-proxmox.sh");
    let words = [
        "bash",
        script.to_str().unwrap(),
        "--bundle",
        dist().to_str().unwrap(),
        "--address",
        &format!("{}/24", instance.address),
        "--gateway",
        &instance.gateway,
        "--",
        "--source-directory",
        release::app().to_str().unwrap(),
        "--source-sha256",
        &release::digest(),
    ]
    .map(str::to_owned);
    let told = call(&words.each_ref().map(String::as_str)).well();
    let (last, checks) = (told.lines().last(), told.matches("\nok ").count());
    assert_eq!(last, Some("10 passed, 0 failed"), "{told}");
    assert_eq!(checks, 10, "{told}");
}
