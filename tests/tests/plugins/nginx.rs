//! proxy-nginx's plans, carried out by the real nginx.

use std::path::Path;

use homeport_core::plugin::Plugin;
use homeport_plugin_api::wire::{
    proxy::{Carries, Certificate, Purpose, Site, StreamRule, Upstream},
    step::Action,
};
use tempfile::TempDir;

use crate::{
    cell::Cell,
    machine::open_directory,
    place::{Place, shipped},
    upstream,
};

/// A cell with a served site.
pub struct Served {
    pub cell: Cell,
    plugin: Plugin,
    pub site: Site,
    pub sockets: TempDir,
}

impl Served {
    pub fn new() -> Self {
        let sockets = open_directory();
        let site = site(sockets.path());
        let plugin = Place::with(&shipped("proxy-nginx")).start().unwrap();
        let mut served = Self {
            cell: Cell::new(),
            plugin,
            site,
            sockets,
        };
        served.serve(SELF_SIGNED).unwrap();
        served
    }

    pub fn serve(&mut self, certificate: Certificate) -> Result<(), String> {
        let site = Box::new(self.site.clone());
        self.ask(Purpose::Site { site, certificate })
    }

    pub fn ask(&mut self, purpose: Purpose) -> Result<(), String> {
        self.cell
            .machine
            .converse(&mut self.plugin, &purpose)
            .map(|_| ())
    }

    pub fn listen(&self, name: &'static str) {
        upstream::listen(&self.sockets.path().join(name), name);
    }

    /// `curl` with these arguments; status line, headers and body.
    fn curl(&self, arguments: &[&str]) -> String {
        let resolve = [
            "--resolve",
            "todo.example.org:443:127.0.0.1",
            "--resolve",
            "todo.example.org:80:127.0.0.1",
        ];
        let argv = [
            &["curl", "-siSk", "--max-time", "20"],
            &resolve[..],
            arguments,
        ]
        .concat();
        self.cell.said(&argv, "")
    }

    fn counted(&self) -> Vec<String> {
        let log = self
            .cell
            .done(&["cat", "/var/log/nginx/homeport-count.log"]);
        log.lines().map(str::to_owned).collect()
    }
}

pub const SELF_SIGNED: Certificate = Certificate::SelfSigned { days: 825 };

fn site(sockets: &Path) -> Site {
    let upstream = |component: &str, carries, prefix: &str, socket: &str| Upstream {
        component: component.to_owned(),
        carries,
        prefix: prefix.to_owned(),
        socket: sockets.join(socket).display().to_string(),
    };
    Site {
        instance: "todo".to_owned(),
        names: vec!["todo.example.org".to_owned(), "127.0.0.1".to_owned()],
        http_port: 80,
        https_port: 443,
        internal_port: 8480,
        upstreams: vec![
            upstream("backend", Carries::Requests, "/", "requests"),
            upstream("backend", Carries::Streams, "/", "streams"),
            upstream("backend", Carries::Probes, "/", "probes"),
            upstream("mcp", Carries::Requests, "/mcp/", "mcp"),
        ],
        streams: vec![StreamRule {
            component: "backend".to_owned(),
            path: "/api/v1/ws".to_owned(),
            exact: true,
        }],
        max_body_bytes: 3_000_000,
        read_timeout_seconds: 30,
        stream_timeout_seconds: 60,
        waiting: 4096,
    }
}

const HOME: &str = "https://todo.example.org/";

#[test]
fn requests_go_where_they_belong() {
    let served = Served::new();
    for name in ["requests", "streams", "probes", "mcp"] {
        served.listen(name);
    }
    let page = served.curl(&["-H", "X-Forwarded-For: 9.9.9.9", "-A", "test", HOME]);
    assert!(page.starts_with("HTTP/2 200"), "{page}");
    for wanted in [
        "requests read 0 bytes",
        "GET / HTTP/1.1",
        "Host: todo.example.org",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: https",
        "X-Real-IP: 127.0.0.1",
        "Connection: close",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert!(
        !page.contains("9.9.9.9"),
        "a client's claim was passed on: {page}"
    );
    assert!(served.curl(&[&format!("{HOME}mcp/x")]).contains("mcp read"));
    assert!(
        served
            .curl(&["https://127.0.0.1/"])
            .contains("requests read"),
        "not by its address"
    );
    assert!(
        served
            .curl(&["http://127.0.0.1:8480/"])
            .contains("probes read")
    );
    assert!(
        served
            .curl(&["http://127.0.0.1:8480/mcp/"])
            .contains("mcp read")
    );
    assert_eq!(
        served.counted().len(),
        3,
        "probes are counted, or requests are not"
    );
}

#[test]
fn plain_http_leads_to_https_and_strangers_names_nowhere() {
    let served = Served::new();
    served.listen("requests");
    let moved = served.curl(&["http://todo.example.org/a?b=c"]);
    assert!(
        moved.starts_with("HTTP/1.1 301")
            && moved.contains("Location: https://todo.example.org/a?b=c\r"),
        "{moved}"
    );
    assert!(
        served
            .curl(&["-H", "Host: evil.example.org", "http://127.0.0.1/"])
            .starts_with("HTTP/1.1 404")
    );
    assert!(
        served
            .curl(&["-H", "Host: evil.example.org", HOME])
            .starts_with("HTTP/2 421")
    );
}

#[test]
fn only_tls_1_2_and_1_3() {
    let served = Served::new();
    let shaken = |version: &str| {
        let argv = [
            "openssl",
            "s_client",
            version,
            "-cipher",
            "DEFAULT@SECLEVEL=0",
            "-connect",
            "127.0.0.1:443",
        ];
        served.cell.said(&argv, "")
    };
    assert!(shaken("-tls1_1").contains("Cipher is (NONE)"));
    assert!(shaken("-tls1_2").contains("Protocol  : TLSv1.2"));
    assert!(shaken("-tls1_3").contains("TLSv1.3, Cipher is TLS_"));
}

#[test]
fn bodies_pass_whole_or_not_at_all() {
    let served = Served::new();
    served.listen("requests");
    let put = |bytes: usize| {
        let body = format!("{}/body", served.sockets.path().display());
        std::fs::write(&body, vec![b'x'; bytes]).unwrap();
        served.curl(&["-H", "Expect:", "-T", &body, &format!("{HOME}file")])
    };
    assert!(put(2_900_000).contains("requests read 2900000 bytes"));
    assert!(put(3_100_000).starts_with("HTTP/2 413"));
}

#[test]
fn streams_have_a_socket_of_their_own() {
    let served = Served::new();
    served.listen("streams");
    let ask = "GET /api/v1/ws HTTP/1.1\r\nHost: todo.example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello\n";
    let argv = ["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:443"];
    let said = served.cell.said(&argv, ask);
    assert!(
        said.contains("101 Switching Protocols") && said.contains("X-By: streams"),
        "{said}"
    );
    assert!(said.contains("echo hello"), "{said}");
    let counted = served.counted();
    assert!(
        counted[0].ends_with(" s") && counted[0].contains(" 101 "),
        "{counted:?}"
    );
}

#[test]
fn nobody_behind_it_means_503_and_when_to_come_again() {
    let served = Served::new();
    let page = served.curl(&[HOME]).to_lowercase();
    assert!(
        page.starts_with("http/2 503") && page.contains("retry-after: 5\r"),
        "{page}"
    );
    served.listen("requests");
    assert!(
        served
            .curl(&[&format!("{HOME}fails")])
            .contains("requests read"),
        "the app's own 500 is replaced"
    );
    let counted = served.counted();
    let fields: Vec<Vec<&str>> = counted
        .iter()
        .map(|line| line.split(' ').collect())
        .collect();
    assert_eq!(
        fields
            .iter()
            .map(|line| (line[1], line[3]))
            .collect::<Vec<_>>(),
        [("503", "r"), ("500", "r")]
    );
    assert!(
        fields
            .iter()
            .all(|line| line[0].parse::<f64>().is_ok() && line[2].parse::<f64>().is_ok())
    );
    assert!(
        !counted.concat().contains("fails"),
        "a URL is in the counting log"
    );
}

#[test]
fn the_limits_are_what_they_must_be() {
    let mut served = Served::new();
    let site = Box::new(served.site.clone());
    served.ask(Purpose::Verify { site: site.clone() }).unwrap();
    let error_log = served.cell.done(&["cat", "/var/log/nginx/error.log"]);
    assert_eq!(error_log, "", "nginx complains");
    served.cell.done(&[
        "sh",
        "-c",
        "prlimit --pid $(cat /run/nginx.pid) --nofile=4096:4096",
    ]);
    let error = served.ask(Purpose::Verify { site }).unwrap_err();
    assert!(
        error.contains("may open fewer than the 13568 files"),
        "{error}"
    );
}

#[test]
fn a_site_that_is_served_is_taken_over_by_a_reload() {
    let mut served = Served::new();
    let certificate = served
        .cell
        .done(&["cat", "/etc/nginx/homeport/a/certificate.pem"]);
    let master = served.cell.done(&["cat", "/run/nginx.pid"]);
    served.site.max_body_bytes = 1000;
    served.serve(SELF_SIGNED).unwrap();
    let actions: Vec<Action> = served
        .cell
        .machine
        .services
        .iter()
        .map(|(_, action)| *action)
        .collect();
    assert_eq!(
        actions,
        [
            Action::Restart,
            Action::Enable,
            Action::Reload,
            Action::Enable
        ]
    );
    assert_eq!(served.cell.done(&["cat", "/run/nginx.pid"]), master);
    assert_eq!(
        served
            .cell
            .done(&["cat", "/etc/nginx/homeport/a/certificate.pem"]),
        certificate
    );
}

#[test]
fn a_configuration_nginx_does_not_take_is_not_put_in_service() {
    let mut served = Served::new();
    // Longer than a socket's address may be; only nginx knows.
    served.site.upstreams[3].socket = format!("/run/{}", "x".repeat(120));
    let error = served.serve(SELF_SIGNED).unwrap_err();
    assert!(error.contains("too long path"), "{error}");
    assert_eq!(
        served.cell.machine.services.len(),
        2,
        "{:?}",
        served.cell.machine.services
    );
}

#[test]
fn no_key_is_readable_and_none_is_left() {
    let mut served = Served::new();
    let modes = served.cell.done(&[
        "find",
        "/etc/nginx",
        "-name",
        "key.pem",
        "-printf",
        "%m %u:%g %p\n",
    ]);
    let mut modes: Vec<&str> = modes.lines().collect();
    modes.sort_unstable();
    let pairs =
        ["a", "b"].map(|pair| format!("640 root:www-data /etc/nginx/homeport/{pair}/key.pem"));
    assert_eq!(modes, pairs);
    let site = Box::new(served.site.clone());
    served.ask(Purpose::Remove { site }).unwrap();
    assert_eq!(
        served
            .cell
            .done(&["find", "/etc/nginx", "-name", "key.pem"]),
        ""
    );
    assert!(
        served.curl(&[HOME]).contains("Connection refused")
            || served.curl(&[HOME]).contains("Couldn't connect")
    );
}
