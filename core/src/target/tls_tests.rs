use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::thread;

use homeport_engine::local::measure;
use homeport_engine::probe::{Check, HttpCheck, Probe, Via};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

use super::*;

/// What `openssl` makes of these words, in a directory of the test's.
fn openssl(dir: &Path, words: &str) {
    let end = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        end.status.success(),
        "{}",
        String::from_utf8_lossy(&end.stderr)
    );
}

fn self_signed(dir: &Path, name: &str) -> String {
    let key =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x";
    openssl(
        dir,
        &format!(
            "{key} -addext subjectAltName=DNS:todo.example.org,IP:127.0.0.1 -keyout {name}.key -out {name}.pem"
        ),
    );
    std::fs::read_to_string(dir.join(format!("{name}.pem"))).unwrap()
}

/// A server that answers one request with this certificate.
fn server(dir: &Path, certificate: &str, key: &str) -> String {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(dir.join(key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = Arc::new(
        config
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (tcp, _) = listener.accept().unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
        let mut asked = [0; 1024];
        let count = stream.read(&mut asked).unwrap_or(0);
        let host = String::from_utf8_lossy(&asked[..count]).contains("Host: ");
        let body = if host { "hello" } else { "" };
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    address
}

fn ask(address: String, host: &str, roots: &str) -> Result<(), String> {
    let check = Check::Http(HttpCheck {
        call: None,
        via: Via::Tls {
            address,
            roots: roots.to_owned(),
        },
        host: host.to_owned(),
        path: "/".to_owned(),
        status: 200,
        body_contains: Some("hello".to_owned()),
        post: None,
        json_equals: None,
    });
    let probe = Probe {
        check,
        deadline_ms: 2000,
        interval_ms: 3000,
        unit: None,
    };
    measure(&probe, &AtomicBool::new(false), Some(connect))
        .result
        .map_err(|fault| fault.why)
}

#[test]
fn a_self_signed_certificate_that_was_handed_over_is_good_under_its_names_only() {
    let dir = tempfile::tempdir().unwrap();
    let (own, other) = (self_signed(dir.path(), "a"), self_signed(dir.path(), "b"));
    let asked = |host: &str, roots: &str| ask(server(dir.path(), &own, "a.key"), host, roots);
    for host in ["todo.example.org", "todo.example.org:8443", "127.0.0.1"] {
        assert_eq!(asked(host, &own), Ok(()), "{host}");
        assert_eq!(asked(host, &format!("{other}{own}")), Ok(()), "{host}");
    }
    assert!(
        asked("elsewhere.example.org", &own)
            .unwrap_err()
            .contains("not valid for name")
    );
    assert!(asked("todo.example.org", &other).is_err());
    assert!(asked("todo.example.org", "").is_err());
    assert!(asked("todo.example.org", "garbage").is_err());
    assert!(asked("no name", &own).is_err());
}

#[test]
fn a_chain_to_a_root_that_was_handed_over_is_good() {
    let dir = tempfile::tempdir().unwrap();
    let root = self_signed(dir.path(), "root");
    openssl(
        dir.path(),
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=y -keyout leaf.key -out leaf.csr",
    );
    std::fs::write(
        dir.path().join("names"),
        "subjectAltName=DNS:todo.example.org\n",
    )
    .unwrap();
    openssl(
        dir.path(),
        "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -days 2 -extfile names -out leaf.pem",
    );
    let leaf = std::fs::read_to_string(dir.path().join("leaf.pem")).unwrap();
    assert_eq!(
        ask(
            server(dir.path(), &leaf, "leaf.key"),
            "todo.example.org",
            &root
        ),
        Ok(())
    );
    assert_eq!(
        ask(
            server(dir.path(), &leaf, "leaf.key"),
            "todo.example.org",
            &leaf
        ),
        Ok(())
    );
    assert!(
        ask(
            server(dir.path(), &leaf, "leaf.key"),
            "other.example.org",
            &root
        )
        .is_err()
    );
}

#[test]
fn a_host_is_asked_by_its_name_alone() {
    assert_eq!(
        ["h", "h:1", "[fd00::1]:1", "fd00::1", "10.0.0.1:8"].map(bare),
        ["h", "h", "fd00::1", "fd00::1", "10.0.0.1"]
    );
}
