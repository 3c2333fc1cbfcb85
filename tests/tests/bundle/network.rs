//! Servers that answer wrongly, late, in pieces or not at all; and the ways to a server: proxies, TLS, redirects.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use homeport_tests::http::{Answer, Server};

use crate::craft::{self, FAR, Member, Site, name};
use crate::run::{Run, eventually};

/// A genuine bundle large enough to be broken off in the middle. Each `kind` has other bytes and the same size.
fn large(kind: u8) -> Vec<u8> {
    let mut noise = craft::noise(600_000);
    noise.iter_mut().for_each(|byte| *byte ^= kind);
    craft::bundle(
        "0.2.0",
        &[Member::core(), Member::file("noise", 0o644, &noise)],
    )
}

fn large_site() -> Site {
    let site = Site::new();
    site.bundle("0.2.0", &large(0));
    site.channel("0.2.0", "0.2.0", FAR);
    site
}

fn path() -> String {
    format!("/{}", name("0.2.0"))
}

fn starts(server: &Server) -> Vec<Option<u64>> {
    server
        .requests()
        .into_iter()
        .filter(|request| request.path == path())
        .map(|request| request.start)
        .collect()
}

#[test]
fn goes_on_where_a_broken_download_stopped() {
    let site = large_site();
    for answer in [
        Answer::Cut(300_000),
        Answer::Reset(Some(300_000)),
        Answer::Stall(300_000),
    ] {
        let server = Server::start(site.dir.path(), true).unwrap();
        server.misbehave(&path(), [answer.clone()]);
        Run::from(&server.url()).runs("install");
        let starts = starts(&server);
        assert_eq!(starts.len(), 2, "{answer:?}");
        assert!(
            starts[1].is_some_and(|start| start > 0 && start <= 300_000),
            "{answer:?}: {starts:?}"
        );
    }
}

#[test]
fn begins_again_where_it_cannot_go_on() {
    let site = large_site();
    let server = Server::start(site.dir.path(), false).unwrap();
    server.misbehave(&path(), [Answer::Cut(300_000), Answer::Status(503)]);
    Run::from(&server.url()).runs("install");
    assert_eq!(starts(&server), [None, None, None]);
}

/// The file is exchanged while it is being downloaded: the rest of the new one is not put behind the start of the old.
#[test]
fn does_not_mix_two_files() {
    let site = large_site();
    let server = Server::start(site.dir.path(), true).unwrap();
    server.misbehave(&path(), [Answer::Cut(300_000), Answer::Stall(0)]);
    let mut run = Run::from(&server.url());
    let mut child = run.command.spawn().unwrap();
    eventually("the second try", || starts(&server).len() == 2);
    site.bundle("0.2.0", &large(1));
    assert!(child.wait().unwrap().success());
    assert_eq!(run.trace().as_deref(), Some("ran install\n"));
    assert!(starts(&server)[2].is_some(), "it asked for the rest");
}

/// Exchanged between the file and its signature: the old file arrives whole, but is not what the new signature signs.
#[test]
fn refuses_a_file_exchanged_before_its_signature() {
    let site = large_site();
    let server = Server::start(site.dir.path(), true).unwrap();
    server.misbehave(&path(), [Answer::Throttle(300_000)]);
    let mut run = Run::from(&server.url());
    let child = run.command.spawn().unwrap();
    eventually("the download", || starts(&server).len() == 1);
    site.bundle("0.2.0", &large(1));
    let output = child.wait_with_output().unwrap();
    run.was_refused(&output, 13, "does not match its bytes");
}

#[test]
fn tries_again_when_a_server_is_out_of_sorts() {
    let site = Site::genuine();
    let server = Server::start(site.dir.path(), true).unwrap();
    server.misbehave(
        "/stable.channel",
        [Answer::Status(500), Answer::Status(429)],
    );
    server.misbehave("/stable.channel.minisig", [Answer::Reset(None)]);
    server.misbehave(&path(), [Answer::Garbage]);
    Run::from(&server.url()).runs("install");
}

#[test]
fn gives_up_on_a_server_that_never_answers_properly() {
    let site = Site::genuine();
    for (answer, reason) in [
        (
            Answer::Status(500),
            "tried 2 times: it was answered with status 500",
        ),
        (Answer::Reset(None), "tried 2 times: "),
        (Answer::Reset(Some(100)), "tried 2 times: "),
        (Answer::Cut(100), "tried 2 times: "),
        (Answer::Stall(0), "tried 2 times: "),
        (Answer::Stall(100), "tried 2 times: "),
        (Answer::Garbage, "tried 2 times: "),
    ] {
        let server = Server::start(site.dir.path(), true).unwrap();
        server.misbehave(&path(), vec![answer; 2]);
        let begun = Instant::now();
        Run::from(&server.url())
            .args(["--tries", "2"])
            .refuses(8, reason);
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!(starts(&server).len(), 2, "{reason}");
    }
}

#[test]
fn does_not_insist_where_it_is_told_no() {
    let site = Site::genuine();
    let server = Server::start(site.dir.path(), true).unwrap();
    for status in [403, 404, 410] {
        server.misbehave(&path(), [Answer::Status(status)]);
        Run::from(&server.url()).refuses(8, &format!("was answered with status {status}"));
    }
    assert_eq!(starts(&server).len(), 3);
    Run::from("ftp://example.com").refuses(8, "is not an http:// or https:// address");
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    Run::from(&format!("http://{nobody}"))
        .args(["--tries=1"])
        .refuses(8, "refused");
}

/// A captive portal answers everything with its own page.
#[test]
fn refuses_a_page_instead_of_the_file() {
    let site = Site::genuine();
    for file in [
        "/stable.channel",
        "/stable.channel.minisig",
        &path(),
        &format!("{}.minisig", path()),
    ] {
        let server = Server::start(site.dir.path(), true).unwrap();
        server.misbehave(file, [Answer::Body(b"<html>Please log in</html>".to_vec())]);
        Run::from(&server.url()).refuses(13, "is refused: ");
    }
}

#[test]
fn takes_no_more_than_a_file_can_have() {
    let site = Site::genuine();
    for (file, size) in [
        ("/stable.channel", 65_537),
        ("/stable.channel.minisig", 4097),
        (&path(), (1 << 30) + 1),
    ] {
        let server = Server::start(site.dir.path(), true).unwrap();
        server.misbehave(file, [Answer::Endless(size)]);
        let shallow = [
            "unshare",
            "-m",
            "sh",
            "-c",
            "mount -t tmpfs -o size=1100m none \"$TMPDIR\" && exec \"$0\" \"$@\"",
        ];
        let run = Run::under(&shallow).args(["--base-url", &server.url()]);
        run.refuses(8, &format!("is larger than the {} bytes allowed", size - 1));
    }
}

#[test]
fn follows_redirects_but_not_for_ever() {
    let site = Site::genuine();
    let (server, elsewhere) = (
        Server::start(site.dir.path(), true).unwrap(),
        Server::start(site.dir.path(), true).unwrap(),
    );
    server.misbehave(
        &path(),
        [Answer::Redirect(format!("{}{}", elsewhere.url(), path()))],
    );
    Run::from(&server.url()).runs("install");
    assert_eq!(starts(&elsewhere).len(), 1);
    server.misbehave(&path(), vec![Answer::Redirect(path()); 7]);
    Run::from(&server.url()).refuses(8, "redirects");
}

/// A proxy that only knows `CONNECT`, and counts.
fn proxy() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut lines = BufReader::new(client.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            lines.find(String::is_empty);
            let server = TcpStream::connect(first.split(' ').nth(1).unwrap_or_default()).unwrap();
            (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut up, &mut down));
            let (mut down, mut up) = (server, client);
            thread::spawn(move || std::io::copy(&mut down, &mut up));
            let _ = sender.send(first);
        }
    });
    (address, asked)
}

#[test]
fn goes_through_a_proxy_unless_told_not_to() {
    let site = Site::genuine();
    let server = Server::start(site.dir.path(), true).unwrap();
    let (proxy, asked) = proxy();
    Run::from(&server.url())
        .env("http_proxy", &proxy)
        .runs("install");
    assert_eq!(
        asked
            .try_iter()
            .filter(|line| line.starts_with("CONNECT 127.0.0.1:"))
            .count(),
        4
    );
    Run::from(&server.url())
        .env("http_proxy", &proxy)
        .env("NO_PROXY", "127.0.0.1")
        .runs("install");
    assert_eq!(asked.try_iter().count(), 0);
}

/// `openssl s_server` serving a site over TLS with a certificate of an authority of its own.
struct Tls(Child);

impl Tls {
    fn start(site: &Site) -> (Self, String) {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2 \
            && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out csr.pem -subj /CN=localhost \
            && printf 'subjectAltName=DNS:localhost' > ext && openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -out cert.pem -days 2 -extfile ext";
        assert!(sh(make, site.dir.path()).status.success());
        let child = Command::new("openssl")
            .args([
                "s_server",
                "-WWW",
                "-quiet",
                "-cert",
                "cert.pem",
                "-key",
                "key.pem",
                "-accept",
                &port.to_string(),
            ])
            .current_dir(site.dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the TLS server", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        (Self(child), format!("https://localhost:{port}"))
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sh(script: &str, dir: &Path) -> std::process::Output {
    Command::new("sh")
        .args(["-c", script])
        .current_dir(dir)
        .output()
        .unwrap()
}

#[test]
fn trusts_only_authorities_it_is_told_of() {
    let site = Site::genuine();
    let (_server, url) = Tls::start(&site);
    Run::from(&url)
        .env("SSL_CERT_FILE", site.path("ca.pem"))
        .runs("install");
    Run::from(&url).refuses(8, "certificate");
    Run::from(&url)
        .env("SSL_CERT_FILE", site.path("missing.pem"))
        .refuses(8, "missing.pem` cannot be used");
    Run::from(&url)
        .env("SSL_CERT_FILE", site.path("stable.channel"))
        .refuses(8, "it holds no certificate");
}
