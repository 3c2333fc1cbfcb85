//! A guest that reaches the world as its host does – through a proxy with a password, past a way out that is away at
//! first – and is reached over both families of addresses.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use homeport_tests::app::App;
use homeport_tests::proxy::Proxy;
use tempfile::TempDir;

use crate::instance::{Instance, NET, turn};
use crate::release::{app, bundled, from_bundle};
use crate::run::{call, inside, run};
use crate::user::{certificate, page};

/// First half of the lab's IPv6 addresses, which its bridge has, too.
const NET6: &str = "fd00:10:78:0";

const PASSWORD: &str = "s3cr3t-of-the-proxy";

/// `hp` and the password, as `Proxy-Authorization` has them.
const AUTHORIZATION: &str = "Basic aHA6czNjcjN0LW9mLXRoZS1wcm94eQ==";

/// Where an install leaves text on the host.
const WRITTEN: [&str; 2] = ["/var/lib/homeport", "/var/log/homeport"];

/// Longer than `apt-get update` goes on by itself: three tries more, after 1, 2 and 4 seconds.
const DOWN: Duration = Duration::from_secs(15);

fn has_password(directory: &Path) -> bool {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| {
        let text = fs::read(&path).unwrap_or_default();
        let here = text
            .windows(PASSWORD.len())
            .any(|part| part == PASSWORD.as_bytes());
        here || path.is_dir() && has_password(&path)
    })
}

// FR-018
#[test]
fn through_a_proxy_with_a_password_that_is_down_at_first_and_over_ipv6() {
    let _turn = turn();
    let instance = Instance::new("e2e-around", 107);
    let proxy = Proxy::start(&format!("{NET}.1"), AUTHORIZATION, DOWN).unwrap();
    let (directory, address) = (app().display().to_string(), format!("{NET6}::107"));
    let words = instance.install(&[
        "--source-directory",
        &directory,
        "--ipv6-address",
        &format!("{address}/64"),
        "--ipv6-gateway",
        &format!("{NET6}::1"),
    ]);
    let tmp = TempDir::new().unwrap();
    let through = format!("http://hp:{PASSWORD}@{}", proxy.address());
    let ended = run(from_bundle(tmp.path(), &words).env("http_proxy", &through));
    let said = format!("{}{}", ended.out, ended.err);
    ended.well();
    assert!(
        said.contains("waits: `apt-get` ended with status 100"),
        "{said}"
    );
    assert!(proxy.passed() > 5, "{} requests", proxy.passed());
    assert!(!said.contains(PASSWORD));
    for directory in WRITTEN {
        assert!(!has_password(Path::new(directory)), "{directory}");
    }
    let id = instance.id().unwrap();
    let kept = "cd /etc/apt/apt.conf.d && stat -c '%a %U' 91homeport-proxy && grep -l s3cr3t *";
    assert_eq!(inside(&id, kept), "600 root\n91homeport-proxy\n");
    over_both(&instance, &address);
}

/// The page is there at both addresses, under one certificate that names them.
fn over_both(instance: &Instance, address: &str) {
    let pem = certificate(&instance.address, &instance.domain);
    for at in [instance.address.clone(), format!("[{address}]")] {
        let at: SocketAddr = format!("{at}:443").parse().unwrap();
        page(&App::new(&instance.url(), Some(at), Some(&pem)).unwrap());
    }
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("certificate.pem");
    fs::write(&file, &pem).unwrap();
    for ip in [&instance.address, address] {
        let file = file.display().to_string();
        let words = ["openssl", "x509", "-noout", "-in", &file, "-checkip", ip];
        let said = call(&words).well();
        assert!(said.contains("does match"), "{said}");
    }
}

/// The list of templates as the lab's host has it, and as its server has it.
const LISTS: [&str; 2] = [
    "/var/lib/homeport-lab/var/lib/pve-manager/apl-info/index",
    "/var/cache/homeport-lab/mirror/index",
];

/// A host whose list names a newer Debian and whose server of lists is gone, until this is dropped.
struct Offline([String; 2]);

impl Offline {
    fn new(newer: &str) -> Offline {
        let before = LISTS.map(|path| fs::read_to_string(path).unwrap());
        let [own, _] = &before;
        let digest = "0".repeat(128);
        fs::write(LISTS[0], format!("{own}system {newer} {digest}\n")).unwrap();
        fs::remove_file(LISTS[1]).unwrap();
        Offline(before)
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        for (path, text) in LISTS.iter().zip(&self.0) {
            fs::write(path, text).unwrap();
        }
    }
}

// FR-004, W-2
#[test]
fn a_template_that_lies_there_does_where_the_list_cannot_be_renewed() {
    let _turn = turn();
    let instance = Instance::new("e2e-offline", 105);
    let index = fs::read_to_string(LISTS[1]).unwrap();
    let lies_there = index.split(' ').nth(1).unwrap();
    call(&["pveam", "download", "local", lies_there]).well();
    let newer = "debian-13-standard_13.1-2_amd64.tar.zst";
    // An install that is refused for another reason, once the template has been looked for.
    let words = instance.install(&["--source-directory", "/nonexistent"]);
    let offline = Offline::new(newer);
    let ended = bundled(&words);
    drop(offline);
    ended.refuses(8, "/nonexistent");
    let note = format!("so `local:vztmpl/{lies_there}` is used, which lies here already");
    assert!(ended.words().contains(&note), "{}", ended.err);
    assert!(!ended.err.contains(newer));
}
