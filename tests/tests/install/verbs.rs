//! One instance, installed from a settings file with a certificate of its owner's, through every verb to its end.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use homeport_tests::app::App;
use tempfile::TempDir;

use crate::certificate::{Given, guarded, nowhere_on_the_host};
use crate::instance::{Instance, turn};
use crate::release::{self, from_bundle};
use crate::remains::remains;
use crate::run::{call, homeport, inside, run};
use crate::user::{Person, certificate};
use crate::watch::Watch;
use crate::{documents, face, logs};

// FR-010, FR-018, FR-019
#[test]
fn every_verb() {
    let _turn = turn();
    let instance = Instance::new("e2e-verbs", 101);
    let given = Given::make(&instance.domain);
    installed(&instance, &given);
    let id = instance.id().unwrap();
    assert_eq!(
        certificate(&instance.address, &instance.domain),
        given.pem()
    );
    kept_secret(&id, &given);

    let app = instance.app(given.pem());
    let mut person = Person::arrives(&app);
    listed(&instance, &id);
    powered(&instance, &id, &app, &mut person);
    past(&instance);
    logs::told(&instance, &id);
    face::shown(&instance);
    refused(&instance, &id);
    kept(&instance, &id);
    let left = remains(&instance, id.parse().unwrap(), Path::new("/nowhere"));
    assert_eq!(left, [""; 0]);
    documents::followed();
}

/// From a file; the key's text is in no command line meanwhile, and no directory is left.
fn installed(instance: &Instance, given: &Given) {
    let dir = TempDir::new().unwrap();
    let (file, tmp) = (dir.path().join("settings.yaml"), dir.path().join("tmp"));
    fs::create_dir(&tmp).unwrap();
    let text = format!(
        "deployment: {{instance_id: {}}}\nnetwork:\n  domain: {}\n  ip_address: {}/24\n  gateway: 10.78.0.1\n\
         services:\n  frontend:\n    ssl_cert: {}\n    ssl_key: {}\n\
         source: {{directory: {}, sha256: {}}}\nadmin: {{email: admin@homeport.test}}\nregistration: open\n",
        instance.name,
        instance.domain,
        instance.address,
        given.certificate.display(),
        given.key.display(),
        release::app().display(),
        release::digest(),
    );
    fs::write(&file, text).unwrap();
    let words = ["install", "--yes", "--json", "--config"].map(str::to_owned);
    let words = [&words[..], &[file.display().to_string()]].concat();
    let watch = Watch::start(Some(&given.secret()));
    let done = run(&mut from_bundle(&tmp, &words)).json();
    assert_eq!(watch.end().told, BTreeSet::new());
    assert_eq!(done["url"], instance.url());
    assert_eq!(done["self_signed"], false);
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
}

/// Key and the app's own secret are where they are needed and nowhere else.
fn kept_secret(id: &str, given: &Given) {
    let key = guarded(id, &given.secret());
    let at = |start: &str| key.iter().any(|path| path.starts_with(start));
    assert!(at("/etc/vikunja/secrets/") && at("/etc/nginx/"), "{key:#?}");
    nowhere_on_the_host(&given.secret());
    let own = inside(id, "cat /etc/vikunja/secrets/service-secret");
    assert_eq!(own.len(), 64);
    assert_eq!(guarded(id, &own), ["/etc/vikunja/secrets/service-secret"]);
    nowhere_on_the_host(&own);
}

fn listed(instance: &Instance, id: &str) {
    let found = homeport(&["list", "--json"]).json();
    let all = found["instances"].as_array().unwrap();
    let ours: Vec<_> = all
        .iter()
        .filter(|one| one["instance"] == instance.name)
        .collect();
    assert_eq!(ours.len(), 1, "{found}");
    assert_eq!(ours[0]["guest"], id);
    assert_eq!(ours[0]["state"], "running");
    assert_eq!(ours[0]["url"], instance.url());
}

/// Restart, stop, start; nothing is lost on the way, and status says what is to be done.
fn powered(instance: &Instance, id: &str, app: &App, person: &mut Person) {
    homeport(&["restart", instance.name]).well();
    person.finds_everything(app);
    homeport(&["stop", instance.name]).well();
    assert_eq!(call(&["pct", "status", id]).well(), "status: stopped\n");
    let status = homeport(&["status", instance.name]);
    assert_eq!(status.code, 10, "{}", status.err);
    let remedy = format!("homeport start {}", instance.name);
    assert!(status.out.contains(&remedy), "{}", status.out);
    homeport(&["stop", instance.name]).well();
    homeport(&["restart", instance.name]).refuses(2, &remedy);
    homeport(&["start", instance.name]).well();
    person.finds_everything(app);
    person.stays_logged_in(app);
    homeport(&["status", instance.name]).well();
}

fn past(instance: &Instance) {
    let found = homeport(&["history", instance.name, "--json"]).json();
    let operations = found["operations"].as_array().unwrap();
    let verbs: Vec<_> = operations.iter().map(|one| one["verb"].clone()).collect();
    assert_eq!(verbs, ["start", "stop", "restart", "install"]);
    assert!(
        operations.iter().all(|one| one["outcome"] == "done"),
        "{found}"
    );
    let log = fs::read_to_string(format!("/var/log/homeport/{}.log", instance.name)).unwrap();
    for verb in ["install", "restart", "stop", "start"] {
        let end = format!("[SUCCESS] [{verb}] done");
        assert!(log.lines().any(|line| line.ends_with(&end)), "{log}");
    }
}

/// Without a terminal nothing is assumed, and a name that is not there is nobody.
fn refused(instance: &Instance, id: &str) {
    let config = || fs::read_to_string(format!("/etc/pve/lxc/{id}.conf")).unwrap();
    let before = config();
    for words in [
        &["uninstall", instance.name][..],
        &["uninstall", instance.name, "--keep-data"],
    ] {
        homeport(words).refuses(2, "--yes");
    }
    homeport(&["uninstall", "e2e-verbz", "--yes"]).refuses(17, "Did you mean `e2e-verbs`?");
    assert_eq!(config(), before);
    assert_eq!(call(&["pct", "status", id]).well(), "status: running\n");
    homeport(&["status", instance.name]).well();
}

/// It goes, and leaves an archive with everything but the secrets.
fn kept(instance: &Instance, id: &str) {
    let secret = inside(id, "cat /etc/vikunja/secrets/service-secret");
    let done = homeport(&["uninstall", instance.name, "--keep-data", "--yes", "--json"]).json();
    assert_eq!(done["guest"], id);
    let archive = Path::new(done["archive"].as_str().unwrap());
    let found = homeport_core::archive::verify(archive).unwrap();
    assert_eq!(found.about["instance"], instance.name);
    let opened = TempDir::new().unwrap();
    let at = opened.path().display().to_string();
    call(&["tar", "-xzf", &archive.display().to_string(), "-C", &at]).well();
    let holds = |path: &str, text: &str| {
        let bytes = fs::read(opened.path().join(path)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(text)
    };
    assert!(holds("database/database.dump", "Water the plants"));
    assert!(holds("deployment-config.yaml", &instance.domain));
    assert!(holds("environment", "VIKUNJA_"));
    let files = fs::read_dir(opened.path().join("files")).unwrap().flatten();
    let sizes: Vec<u64> = files.map(|file| file.metadata().unwrap().len()).collect();
    assert_eq!(sizes, [200_000]);
    let told = call(&["grep", "-rlF", "--", &secret, &at]);
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    fs::remove_dir_all(archive.parent().unwrap()).unwrap();
}
