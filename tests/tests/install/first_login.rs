//! The first account: made by the app's own command, its password known to whoever gave it and to nobody else.

use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;

use homeport_tests::app::App;
use homeport_tests::terminal::Terminal;
use tempfile::TempDir;

use crate::decoy::free_id;
use crate::instance::{Instance, STATE, turn};
use crate::release::{self, from_bundle};
use crate::remains::remains;
use crate::run::{call, homeport, inside, run};
use crate::watch::Watch;

/// A password that no other text has by chance, with what shells and files of variables trip over.
const PASSWORD: &str = r#"Zq7 "o'9$x`\pt%u"#;

/// `install` of an instance nobody may register at, with a mail server.
fn words(instance: &Instance, dir: &Path, password: &str) -> Vec<String> {
    fs::write(dir.join("password"), format!("{password}\n")).unwrap();
    fs::write(dir.join("mail"), "of the mail server\n").unwrap();
    let (password, mail) = (dir.join("password"), dir.join("mail"));
    let app = release::app().display().to_string();
    let set = |key: &str, value: &str| format!("settings.{key}={value}");
    let mut words = instance.install(&[
        "--source-directory",
        &app,
        "--admin-password-file",
        password.to_str().unwrap(),
        "--set",
        &set("mail_host", "mail.example.org"),
        "--set",
        &set("mail_username", "a \"b\" $c"),
        "--set",
        &set("mail_password_file", mail.to_str().unwrap()),
    ]);
    let open = words.iter_mut().find(|word| *word == "open");
    *open.unwrap() = "closed".to_owned();
    words
}

// FR-002
#[test]
fn the_first_account_is_the_administrators_and_strangers_get_none() {
    let _turn = turn();
    let instance = Instance::new("e2e-login", 136);
    let (dir, tmp, id) = (TempDir::new().unwrap(), TempDir::new().unwrap(), free_id());
    let refused = run(&mut from_bundle(
        tmp.path(),
        &words(&instance, dir.path(), "short"),
    ));
    refused.refuses(3, "a password has 8 to 72");
    assert_eq!(remains(&instance, id, tmp.path()), [""; 0]);

    let watch = Watch::start(Some(PASSWORD));
    let ended = run(&mut from_bundle(
        tmp.path(),
        &words(&instance, dir.path(), PASSWORD),
    ));
    let seen = watch.end();
    assert!(seen.told.is_empty(), "{:?}", seen.told);
    assert!(!ended.err.contains(PASSWORD), "{}", ended.err);
    let told = ended.well();
    assert!(
        told.contains("As admin.") && !told.contains(PASSWORD),
        "{told}"
    );
    let id = instance.id().unwrap();
    let app = instance.served();
    app.login("admin", PASSWORD).unwrap();
    assert!(app.login("admin", "another one").is_err());
    let stranger = app
        .register("eve", "eve@homeport.test", "long enough")
        .unwrap_err();
    assert_eq!(stranger.status(), Some(404));
    nowhere(&id, &instance);
    mailed(&id);
    commands(&id);
    another_password(&app, &told);
    homeport(&["uninstall", instance.name, "--yes"]).well();
}

/// The password is in no file of Homeport's, on either side, and in no log.
fn nowhere(id: &str, instance: &Instance) {
    let log = format!("/var/log/homeport/{}.log", instance.name);
    let here = call(&["grep", "-rlF", "--", PASSWORD, STATE, &log]);
    assert_eq!((here.code, here.out.as_str()), (1, ""), "{}", here.err);
    let script = "grep -rlF -- \"$1\" /etc /var/lib/homeport /var/log /run/systemd/transient 2>/dev/null; \
                  journalctl --no-pager | grep -cF -- \"$1\"; true";
    let found = call(&["pct", "exec", id, "--", "sh", "-c", script, "sh", PASSWORD]).well();
    assert_eq!(found.trim(), "0");
}

/// What the mail server needs is told to the app alone.
fn mailed(id: &str) {
    let told = inside(id, "grep MAILER /etc/vikunja/environment");
    for line in [
        "VIKUNJA_MAILER_ENABLED=true",
        "VIKUNJA_MAILER_HOST=\"mail.example.org\"",
        "VIKUNJA_MAILER_PORT=587",
        "VIKUNJA_MAILER_FORCESSL=false",
        "VIKUNJA_MAILER_FROMEMAIL=\"vikunja@e2e-login.homeport.test\"",
        "VIKUNJA_MAILER_USERNAME=\"a \\\"b\\\" \\$c\"",
        "VIKUNJA_MAILER_PASSWORD_FILE=/etc/vikunja/secrets/mail-password-file",
    ] {
        assert!(told.lines().any(|found| found == line), "{line}\n{told}");
    }
    let shown = inside(
        id,
        "stat -c '%U %a' /etc/vikunja/secrets/mail-password-file; tr '\\0' '\\n' </proc/$(systemctl show -P MainPID vikunja-backend@blue)/environ | grep MAILER_USERNAME",
    );
    assert_eq!(shown, "vikunja 400\nVIKUNJA_MAILER_USERNAME=a \"b\" $c\n");
}

/// The app's own commands work on the app's own database.
fn commands(id: &str) {
    let users = inside(id, "/usr/local/sbin/vikunja-cli user list");
    assert!(users.contains("admin@homeport.test"), "{users}");
    assert_eq!(inside(id, "find / -xdev -name vikunja.db | wc -l"), "1\n");
}

/// The command that was told gives another password, asked for in the administrator's terminal, which does not show it.
fn another_password(app: &App, told: &str) {
    const BETTER: &str = "a better one";
    let mut lines = told.lines();
    let command = lines.find_map(|line| line.strip_suffix("another password"));
    let command = command.expect("the command is told").trim();
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "--wait", "sh", "-c", command]);
    let mut terminal = Terminal::start(&mut shell, NonZero::new(120).unwrap()).unwrap();
    for question in ["Enter Password:", "Confirm Password:"] {
        terminal.shows(question, 60);
        terminal.types(&format!("{BETTER}\r"));
    }
    let screen = terminal.shows("updated successfully", 60);
    assert!(!screen.contains(BETTER), "{screen}");
    app.login("admin", BETTER).unwrap();
    assert!(app.login("admin", PASSWORD).is_err());
}
