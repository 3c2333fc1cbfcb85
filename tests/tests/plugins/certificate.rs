//! Another certificate while users come and go: taken without a reload and without one failed handshake.

use std::{fs, path::Path, process::Command, thread};

use homeport_plugin_api::wire::proxy::{Certificate, Purpose};

use crate::nginx::{SELF_SIGNED, Served};

/// A pair made as an administrator would get it: chain and key, PEM.
fn pair(directory: &Path) -> (String, String) {
    let (chain, key) = (directory.join("given.pem"), directory.join("given.key"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=given",
        ])
        .args(["-addext", "subjectAltName=DNS:todo.example.org", "-out"])
        .arg(&chain)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    (
        fs::read_to_string(chain).unwrap(),
        fs::read_to_string(key).unwrap(),
    )
}

impl Served {
    fn given(&mut self) -> Certificate {
        let (chain, key) = pair(self.sockets.path());
        self.cell.machine.secrets.insert("tls-key".to_owned(), key);
        Certificate::Given {
            chain,
            key: "tls-key".to_owned(),
        }
    }

    /// What a new user is shown.
    fn shown(&self) -> String {
        self.cell.said(
            &[
                "sh",
                "-c",
                "openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | openssl x509",
            ],
            "",
        )
    }

    fn processes(&self) -> String {
        self.cell.done(&["pgrep", "nginx"])
    }
}

/// Many whole handshakes a second, one line for each that failed, until `/run/stop` is there.
const USERS: &str = "while [ ! -e /run/stop ]; do
    curl -sk --no-sessionid -o /dev/null --max-time 5 https://127.0.0.1/ && echo good || echo failed
done";

/// Users who come and go while `change` happens: what each handshake came to.
fn under_load(served: &mut Served, change: impl FnOnce(&mut Served)) -> Vec<String> {
    let enter = served.cell.machine.enter.clone();
    let user = || {
        let mut command = Command::new(&enter[0]);
        command.args(&enter[1..]).args(["sh", "-c", USERS]);
        thread::spawn(move || String::from_utf8(command.output().unwrap().stdout).unwrap())
    };
    let users = [user(), user()];
    change(served);
    served.cell.done(&["touch", "/run/stop"]);
    let said = users.map(|user| user.join().unwrap()).concat();
    said.lines().map(str::to_owned).collect()
}

/// Takes up to 100 s: nginx reads its two pairs of files in turn, by the minute.
#[test]
fn another_certificate_is_taken_while_users_come_and_go() {
    let mut served = Served::new();
    served.listen("requests");
    let (before, processes) = (served.shown(), served.processes());
    let certificate = served.given();
    let Certificate::Given { chain, .. } = certificate.clone() else {
        unreachable!("just made")
    };
    let site = Box::new(served.site.clone());
    let said = under_load(&mut served, |served| {
        served
            .ask(Purpose::Certificate { site, certificate })
            .unwrap();
    });

    let good = said.iter().filter(|line| *line == "good").count();
    println!(
        "table: certificate changed under {good} handshakes, {} failed",
        said.len() - good
    );
    assert_eq!(said.len(), good, "handshakes failed");
    assert!(good > 500, "only {good} handshakes are no load");
    assert_eq!(served.processes(), processes, "nginx was reloaded");
    let shown = served.shown();
    assert!(shown != before && chain.contains(shown.trim()), "{shown}");
    for pair in ["a", "b"] {
        let file = format!("/etc/nginx/homeport/{pair}/certificate.pem");
        assert_eq!(served.cell.done(&["cat", &file]), chain);
    }
}

#[test]
fn a_key_of_another_certificate_is_found_before_anything_is_changed() {
    let mut served = Served::new();
    let before = served.shown();
    let certificate = served.given();
    let (_, other_key) = pair(served.sockets.path());
    served
        .cell
        .machine
        .secrets
        .insert("tls-key".to_owned(), other_key);
    let site = Box::new(served.site.clone());
    let error = served
        .ask(Purpose::Certificate { site, certificate })
        .unwrap_err();
    assert!(error.contains("key values mismatch"), "{error}");
    assert_eq!(served.shown(), before);
}

#[test]
fn a_given_certificate_is_served_from_the_start() {
    let mut served = Served::new();
    let certificate = served.given();
    let Certificate::Given { chain, .. } = certificate.clone() else {
        unreachable!("just made")
    };
    served.serve(certificate).unwrap();
    assert!(chain.contains(served.shown().trim()));
    served.serve(SELF_SIGNED).unwrap();
    assert!(
        !chain.contains(served.shown().trim()),
        "the administrator's certificate was taken for ours"
    );
}
