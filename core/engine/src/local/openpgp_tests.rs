use std::process;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A publisher with a key of their own, made by the stock program.
struct Publisher {
    home: TempDir,
    fingerprint: String,
}

impl Publisher {
    /// `expires` in the stock program's words: `never`, `seconds=1`.
    fn new(expires: &str) -> Publisher {
        let home = TempDir::new().unwrap();
        let mut made = Publisher {
            home,
            fingerprint: String::new(),
        };
        made.gpg(&[
            "--passphrase",
            "",
            "--quick-gen-key",
            "p <p@example.org>",
            "ed25519",
            "sign",
            expires,
        ]);
        let listed = made.gpg(&["--list-keys", "--with-colons"]);
        let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:"));
        made.fingerprint = fingerprint.unwrap().trim_matches(':').to_owned();
        made
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    fn gpg(&self, arguments: &[&str]) -> String {
        let ended = process::Command::new("gpg")
            .args(["--quiet", "--batch", "--yes", "--homedir"])
            .arg(self.home.path())
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            ended.status.success(),
            "{}",
            String::from_utf8_lossy(&ended.stderr)
        );
        String::from_utf8(ended.stdout).unwrap()
    }

    /// Signs a release; what is then to be verified.
    fn signed(&self) -> Verify {
        fs::write(self.path("app.zip"), "release").unwrap();
        self.gpg(&[
            "--detach-sign",
            "-o",
            &self.path("app.zip.sig"),
            &self.path("app.zip"),
        ]);
        self.exported();
        Verify {
            file: self.path("app.zip"),
            signature: self.path("app.zip.sig"),
            key: self.path("key.asc"),
            fingerprint: self.fingerprint.clone(),
        }
    }

    fn exported(&self) {
        self.gpg(&["--armor", "--export", "-o", &self.path("key.asc")]);
        self.gpg(&["--export", "-o", &self.path("key.gpg")]);
    }

    fn revoke(&self) {
        let path = self.path(&format!("openpgp-revocs.d/{}.rev", self.fingerprint));
        let text = fs::read_to_string(&path)
            .unwrap()
            .replace(":-----BEGIN", "-----BEGIN");
        fs::write(&path, text).unwrap();
        self.gpg(&["--import", &path]);
    }
}

impl Drop for Publisher {
    /// Ends the agent that the stock program starts for this home alone.
    fn drop(&mut self) {
        let _ = process::Command::new("gpgconf")
            .args(["--homedir", &self.path(""), "--kill", "all"])
            .status();
    }
}

fn asked(job: &Verify) -> Result<(), Fault> {
    verify(job, &AtomicBool::new(false))
}

#[track_caller]
fn refused(job: &Verify, why: &str) {
    let fault = asked(job).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Untrusted, "{}", fault.why);
    assert!(fault.why.contains(why), "{}", fault.why);
}

#[test]
fn only_what_the_publisher_signed_is_trusted() {
    let publisher = Publisher::new("never");
    let job = publisher.signed();
    asked(&job).unwrap();
    let binary = Verify {
        key: publisher.path("key.gpg"),
        ..job.clone()
    };
    asked(&binary).unwrap();
    let lower = Verify {
        fingerprint: job.fingerprint.to_lowercase(),
        ..job.clone()
    };
    asked(&lower).unwrap();
    let other = Publisher::new("never");
    let theirs = other.signed();
    refused(
        &Verify {
            key: theirs.key.clone(),
            ..job.clone()
        },
        "signed by another key",
    );
    // A key that came along is not the one that is meant, however good its signatures are.
    refused(
        &Verify {
            fingerprint: job.fingerprint.clone(),
            ..theirs
        },
        "signed by another key",
    );
    fs::write(&job.signature, "").unwrap();
    refused(&job, "is none");
    fs::write(&job.signature, "no signature").unwrap();
    refused(&job, "is none");
    let job = publisher.signed();
    fs::write(&job.file, "releasf").unwrap();
    refused(&job, "not what was signed");
    let left = fs::read_dir(publisher.home.path()).unwrap().flatten();
    let rings = left.filter(|entry| entry.file_name().to_string_lossy().contains("ring"));
    assert!(
        rings
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(".key"))
            .count()
            == 0
    );
}

#[test]
fn a_revoked_key_s_signature_counts_for_nothing() {
    let publisher = Publisher::new("never");
    let job = publisher.signed();
    publisher.revoke();
    publisher.exported();
    refused(&job, "revoked");
}

#[test]
fn an_expired_key_s_signature_counts_for_nothing() {
    let publisher = Publisher::new("seconds=1");
    let job = publisher.signed();
    std::thread::sleep(Duration::from_millis(2100));
    refused(&job, "expired");
}

#[test]
fn two_signatures_are_one_too_many() {
    let status = "[GNUPG:] GOODSIG 1 a\n[GNUPG:] VALIDSIG AA d 1 0 4 0 22 8 00 AA\n";
    assert_eq!(verdict(status, "aa"), Ok(()));
    assert!(
        verdict(&status.repeat(2), "AA")
            .unwrap_err()
            .contains("exactly one")
    );
    assert!(verdict(&status.replace("GOODSIG", "X"), "AA").is_err());
}

proptest! {
    #[test]
    fn reading_is_total(status in "(\\[GNUPG:\\] |GOODSIG|VALIDSIG|BADSIG| |AA|\n|\\PC){0,40}", key in any::<Vec<u8>>()) {
        let _ = verdict(&status, "AA");
        let _ = dearmoured([ARMOUR.as_bytes(), &key].concat());
        let _ = dearmoured(key);
    }
}
