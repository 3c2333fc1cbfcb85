//! What each validator takes and what it refuses.

use proptest::prelude::*;

use super::*;

fn all(check: fn(&str) -> Checked, right: &[&str], wrong: &[&str]) {
    for text in right {
        assert_eq!(check(text).as_deref(), Ok(*text));
    }
    for text in wrong {
        assert!(check(text).is_err(), "{text:?} was taken");
    }
}

#[test]
fn names_that_end_up_in_paths_hold_nothing_that_leads_elsewhere() {
    let wrong = ["", "-a", "a-", "a b", "a/b", "..", "ä", "a\n", "a\0"];
    all(instance_id, &["a", "Tasks-2", &"x".repeat(40)], &wrong);
    all(instance_id, &[], &[&"x".repeat(41), "a_b"]);
    all(name, &["vikunja", "db2", "a_b-c"], &wrong);
    all(name, &[], &["Vikunja"]);
    all(version, &["2.5.0", "v2.5.0", "1.0-rc4+b1"], &wrong);
    all(version, &[], &["latest", "../2.5.0", ".5"]);
}

#[test]
fn domains() {
    let long = format!("{}.org", "a".repeat(64));
    let wrong = [
        "",
        ".",
        "a..b",
        "a.b.",
        "-a.org",
        "a-.org",
        "a_b.org",
        "münchen.de",
        "1.2.3",
        "999.1.1.1",
        &long,
    ];
    all(
        domain,
        &[
            "tasks.example.org",
            "tasks",
            "192.168.1.50",
            "fd00::5",
            "3com.com",
        ],
        &wrong,
    );
    assert_eq!(
        domain("Tasks.Example.ORG").as_deref(),
        Ok("tasks.example.org")
    );
    assert_eq!(
        domain("https://tasks.example.org:8443/x").unwrap_err(),
        "is a URL; give only the name, `tasks.example.org`"
    );
}

#[test]
fn addresses_and_interfaces() {
    all(
        gateway,
        &["192.168.1.1"],
        &["", "192.168.1", "192.168.1.1/24", "fd00::1"],
    );
    all(
        nameserver,
        &["9.9.9.9", "2620:fe::fe"],
        &["", "dns.example.org", "0.0.0.0"],
    );
    all(
        bridge,
        &["vmbr0", "br-lan.7"],
        &["", "a bridge", "vmbr0/1", "0123456789abcdef", ".."],
    );
    all(node, &["pve", "pve-2"], &["", "pve.local", "-pve"]);
    all(
        storage,
        &["local", "local-lvm", "tank_2.x"],
        &["", "l", "1st", "local-", "a/b"],
    );
    all(
        template,
        &["local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"],
        &["", "a b", "local:../x"],
    );
}

#[test]
fn emails() {
    let wrong = [
        "",
        "admin",
        "@example.org",
        "a@",
        "a b@example.org",
        ".a@example.org",
        "a..b@example.org",
        "a@b_c",
        "a@b@c,d",
    ];
    all(
        email,
        &[
            "admin@example.org",
            "first.last+tag@mail.example.org",
            "root@localhost",
        ],
        &wrong,
    );
}

#[test]
fn urls_carry_no_credentials() {
    let wrong = [
        "",
        "example.org",
        "ftp://example.org",
        "https://",
        "https://a b",
        "https://x:0",
        "https://x:70000",
        "https://x/?q",
        "https://x/#f",
        "https://me:pw@x/",
        "javascript://x",
    ];
    all(
        url,
        &[
            "https://example.org",
            "http://10.0.0.1:8080/mirror",
            "https://[fd00::5]:8443/x",
            "https://[fd00::5]",
        ],
        &wrong,
    );
    assert_eq!(
        url("https://example.org/").as_deref(),
        Ok("https://example.org")
    );
}

#[test]
fn paths_times_and_zones() {
    all(
        path,
        &["/etc/ssl/x.pem", "/"],
        &["", "x.pem", "./x", "/a/../b", "/a\nb"],
    );
    all(
        timezone,
        &["UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires"],
        &["", "Europe/", "/etc/passwd/../x", "a b"],
    );
    all(time, &["2026-01-02T03:04:05Z"], &["", "2026-01-02"]);
}

proptest! {
    #[test]
    fn what_is_taken_is_taken_again_unchanged(text in "\\PC{0,60}") {
        for check in [instance_id, name, domain, node, storage, template, bridge, cidr, gateway, nameserver, email,
            url, path, version, timezone, time, line] {
            if let Ok(normal) = check(&text) {
                prop_assert_eq!(check(&normal), Ok(normal.clone()));
            }
        }
    }
}
