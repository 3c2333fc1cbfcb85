//! A certificate its owner brings along: what is served, and where its key is – and where it is not.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::run::{call, inside};

/// A certificate with its key, in files of their own.
pub struct Given {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pem: String,
    dir: TempDir,
}

impl Given {
    /// For this name, signed by itself.
    pub fn make(domain: &str) -> Given {
        let dir = TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name);
        let (certificate, key) = (path("site.pem"), path("site.key"));
        let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -keyout \"$1\" \
                      -out \"$2\" -subj \"/CN=$3\" -addext \"subjectAltName=DNS:$3\" -addext basicConstraints=CA:FALSE";
        let words = [
            &key.display().to_string(),
            &certificate.display().to_string(),
            domain,
        ];
        call(&[&["sh", "-c", script, "sh"], &words[..]].concat()).well();
        let pem = fs::read_to_string(&certificate).unwrap();
        Given {
            certificate,
            key,
            pem,
            dir,
        }
    }

    /// The certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A line of the key that stands nowhere else in the world.
    pub fn secret(&self) -> String {
        let text = fs::read_to_string(self.dir.path().join("site.key")).unwrap();
        text.lines().nth(1).unwrap().to_owned()
    }
}

/// The text stands in no file that the host keeps.
pub fn nowhere_on_the_host(secret: &str) {
    let places = [
        "/var/lib/homeport",
        "/var/log/homeport",
        "/var/lock/homeport",
        "/etc/pve",
        "/usr/local/lib/homeport",
    ];
    let found = call(&[&["grep", "-rlF", "--", secret], &places[..]].concat());
    assert_eq!((found.code, found.out.as_str()), (1, ""), "{}", found.err);
}

/// Inside, only root and the program that needs it may read a file with the text; those files.
pub fn guarded(id: &str, secret: &str) -> Vec<String> {
    let script = format!(
        "grep -rlF --devices=skip -- '{secret}' /etc /opt /var /root /tmp /home /usr/local /run | \
         xargs -r stat -c '%a %U %n'"
    );
    let found = inside(id, &script);
    let files = found.lines().map(|line| {
        let (mode, rest) = line.split_once(' ').unwrap();
        let (owner, path) = rest.split_once(' ').unwrap();
        let mode = u32::from_str_radix(mode, 8).unwrap();
        assert_eq!(mode & 0o037, 0, "others may read {line}");
        assert!(["root", "vikunja"].contains(&owner), "{line}");
        path.to_owned()
    });
    files.collect()
}
