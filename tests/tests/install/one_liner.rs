//! The line a user pastes, from nothing to an app in use – and after a reboot, and gone without a trace.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::calls::Calls;
use crate::instance::{Instance, turn};
use crate::release::Site;
use crate::remains::{inside as within, remains};
use crate::run::{call, homeport, inside, run};
use crate::user::{Person, answers, certificate, handshake, page};
use crate::watch::{Seen, Watch};

/// The most calls of the host's programs an install may take (FR-001, facts on Proxmox: a call costs 0.6 s).
const INSTALL_CALLS: usize = 15;

/// The most calls a status may take (SC-005).
const STATUS_CALLS: usize = 2;

// FR-001, FR-005, FR-018, W-1, W-4, SC-001, SC-005
#[test]
fn one_liner() {
    let _turn = turn();
    let instance = Instance::new("e2e-line", 100);
    let (before, calls) = (temporary(), Calls::record());
    let took = pasted(&instance, &calls);
    // What a killed one left before may be swept meanwhile.
    let left: Vec<_> = temporary().difference(&before).cloned().collect();
    assert_eq!(left, [""; 0], "something was left in /tmp");

    let pem = certificate(&instance.address, &instance.domain);
    let app = instance.app(&pem);
    page(&app);
    let mut person = Person::arrives(&app);
    only_new_tls(&instance);
    redirected(&instance);

    let id = instance.id().unwrap();
    services_are_nobody(&id);
    let secret = secret(&id);
    call(&["pct", "reboot", &id]).well();
    answers(&app);
    person.finds_everything(&app);
    person.stays_logged_in(&app);
    assert_eq!(secret, self::secret(&id), "the secret was made anew");
    assert_eq!(pem, certificate(&instance.address, &instance.domain));

    calls.so_far();
    let asked = healthy(&instance, &calls);
    homeport(&["uninstall", instance.name, "--yes"]).well();
    let left = remains(&instance, id.parse().unwrap(), Path::new("/nowhere"));
    assert_eq!(left, [""; 0]);
    println!("table: install  {took}");
    println!("table: status   {asked}");
}

/// Pastes the line and waits; the figures.
fn pasted(instance: &Instance, calls: &Calls) -> String {
    let site = Site::serve();
    let words = instance.install(&["--source-url", &format!("{}/", site.app())]);
    let (watch, begun) = (Watch::start(None), Instant::now());
    let ended = run(&mut site.one_liner(&words));
    let seconds = begun.elapsed().as_secs_f64();
    unmapped(&watch.end());
    assert!(
        ended.out.contains("has answered at its address"),
        "{}\n{}",
        ended.out,
        ended.err
    );
    ended.well();
    let made = calls.so_far();
    assert!(made.len() <= INSTALL_CALLS, "{made:#?}");
    format!(
        "{seconds:.1} s from the line to the page, {} calls of the host's programs (at most {INSTALL_CALLS})",
        made.len()
    )
}

/// No plugin was ever in core's memory, though plugins were at work.
fn unmapped(seen: &Seen) {
    let system = ["/usr/lib/", "/lib/", "/lib64/"];
    let strange = |file: &&String| {
        !file.contains("bin/homeport") && !system.iter().any(|place| file.starts_with(place))
    };
    assert!(seen.core.iter().any(|file| file.contains("bin/homeport")));
    assert_eq!(seen.core.iter().filter(strange).count(), 0, "{seen:#?}");
    assert_ne!(seen.plugins.iter().filter(strange).count(), 0, "{seen:#?}");
}

/// What of Homeport lies in /tmp.
fn temporary() -> BTreeSet<String> {
    let all = within(Path::new("/tmp")).into_iter();
    all.filter(|path| path.starts_with("/tmp/homeport-"))
        .collect()
}

fn secret(id: &str) -> String {
    inside(id, "cat /etc/vikunja/secrets/service-secret | sha256sum")
}

/// TLS 1.2 and 1.3, and nothing older.
fn only_new_tls(instance: &Instance) {
    for version in ["-tls1_2", "-tls1_3"] {
        handshake(&instance.address, version).well();
    }
    for version in ["-tls1", "-tls1_1"] {
        let refused = handshake(&instance.address, version);
        refused.refuses(1, "alert protocol version");
    }
}

fn redirected(instance: &Instance) {
    let at = format!("{}:80:{}", instance.domain, instance.address);
    let url = format!("http://{}/login?next=1", instance.domain);
    let show = "%{http_code} %{redirect_url}";
    let words = ["curl", "-s", "-o", "/dev/null", "-w", show, "--resolve"];
    let said = call(&[&words[..], &[&at, &url]].concat()).well();
    assert_eq!(said, format!("301 {}/login?next=1", instance.url()));
}

/// App, gate and nginx's workers run as users without rights.
fn services_are_nobody(id: &str) {
    let users = inside(
        id,
        "ps -eo user:20,args | grep -E 'vikunja|homeport-agent gate|nginx: worker' | grep -v grep",
    );
    assert!(users.lines().count() >= 3, "{users}");
    for line in users.lines() {
        assert!(!line.starts_with("root "), "{line}");
    }
}

/// Status says so, quickly and in few calls; the figures.
fn healthy(instance: &Instance, calls: &Calls) -> String {
    let begun = Instant::now();
    let text = homeport(&["status", instance.name, "--json"]).well();
    let seconds = begun.elapsed().as_secs_f64();
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["overall"], "healthy", "{text}");
    assert_eq!(status["url"], instance.url());
    assert_eq!(status["version"], "2.5.0");
    let components = status["components"].as_array().unwrap();
    assert!(components.iter().all(|found| found["health"] == "healthy"));
    let made = calls.so_far();
    assert!(made.len() <= STATUS_CALLS, "{made:#?}");
    format!(
        "{seconds:.2} s, {} calls (at most {STATUS_CALLS})",
        made.len()
    )
}
