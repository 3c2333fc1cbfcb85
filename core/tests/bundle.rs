//! Bundles and channels as a publisher makes them: the same bytes every time, and interchangeable with stock minisign.
//! Paths are absolute, because one test changes directory and umask of the whole process.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use homeport_bootstrap::Version;
use homeport_bootstrap::trust::{Key, TrustError};
use homeport_core::bundle::{
    BundleError, ChannelRequest, CreateRequest, CreatedBundle, KeyFile, Password, create,
    create_channel, inspect, verify,
};
use rustix::fs::Mode;
use tempfile::TempDir;

const NEVER: Password = Password::Ask(&|| panic!("a key without password needs none"));

/// Runs the stock program; its answers to prompts come from `input`.
fn minisign(args: &[&str], input: &str) {
    let mut child = Command::new("minisign")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "minisign {args:?}");
}

/// A key pair of the stock program.
struct Keys {
    dir: TempDir,
}

impl Keys {
    fn new() -> Self {
        let keys = Self {
            dir: TempDir::new().unwrap(),
        };
        minisign(
            &[
                "-G",
                "-W",
                "-f",
                "-p",
                keys.path("pub"),
                "-s",
                keys.path("key"),
            ],
            "",
        );
        keys
    }

    fn encrypted(password: &str) -> Self {
        let keys = Self {
            dir: TempDir::new().unwrap(),
        };
        let input = format!("{password}\n{password}\n");
        minisign(
            &["-G", "-f", "-p", keys.path("pub"), "-s", keys.path("key")],
            &input,
        );
        keys
    }

    /// Leaks a few bytes per test, which makes the argument lists readable.
    fn path(&self, name: &str) -> &'static str {
        String::leak(self.dir.path().join(name).to_str().unwrap().to_owned())
    }

    fn public(&self) -> Key {
        Key::parse(&fs::read_to_string(self.path("pub")).unwrap()).unwrap()
    }

    fn secret(&self) -> KeyFile<'_> {
        KeyFile {
            path: Path::new(self.path("key")),
            password: NEVER,
        }
    }
}

fn fill(dir: &Path, reversed: bool) {
    let mut files = vec![
        ("bin/homeport", 0o755, "core"),
        ("plugins/a.so", 0o644, "a"),
        ("templates/x/y.yaml", 0o644, "y"),
    ];
    if reversed {
        files.reverse();
    }
    for (path, mode, content) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
}

fn pack(dir: &Path, out: &Path, key: KeyFile) -> Result<CreatedBundle, BundleError> {
    create(&CreateRequest {
        dir,
        version: Version::new(0, 2, 0),
        target: "x86_64-linux",
        out,
        key,
    })
}

fn names(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into())
        .collect()
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let keys = Keys::new();
    let (one, other, out_one, out_other) = (
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
    );
    fill(one.path(), false);
    let first = pack(one.path(), out_one.path(), keys.secret()).unwrap();

    let umask = rustix::process::umask(Mode::from_raw_mode(0o077));
    let deep = other.path().join("some/where/else");
    fill(&deep, true);
    for path in ["bin/homeport", "plugins/a.so"] {
        File::open(deep.join(path))
            .unwrap()
            .set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000))
            .unwrap();
    }
    fs::set_permissions(deep.join("bin/homeport"), Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(deep.join("plugins/a.so"), Permissions::from_mode(0o666)).unwrap();
    rustix::fs::chown(
        deep.join("plugins/a.so"),
        Some(rustix::fs::Uid::from_raw(65534)),
        None,
    )
    .unwrap();
    std::env::set_current_dir(&deep).unwrap();
    let second = pack(Path::new("."), out_other.path(), keys.secret()).unwrap();
    rustix::process::umask(umask);

    assert_eq!(
        fs::read(&first.path).unwrap(),
        fs::read(&second.path).unwrap()
    );
    assert_eq!(first.manifest, second.manifest);
    assert_eq!(
        first.path.file_name().unwrap(),
        "homeport-0.2.0-x86_64-linux.tar.zst"
    );
}

#[test]
fn stock_minisign_and_bootstrap_accept_what_is_signed_here() {
    let (keys, dir, out) = (
        Keys::new(),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
    );
    fill(dir.path(), false);
    let made = pack(dir.path(), out.path(), keys.secret()).unwrap();
    minisign(
        &[
            "-V",
            "-p",
            keys.path("pub"),
            "-m",
            made.path.to_str().unwrap(),
        ],
        "",
    );
    let seen = verify(&made.path, &keys.public()).unwrap();
    assert!(seen.verified);
    assert_eq!((seen.manifest, seen.size), (made.manifest, made.size));
    assert!(!inspect(&made.path).unwrap().verified);
    assert_eq!(names(out.path()).len(), 2);
}

#[test]
fn what_stock_minisign_signed_is_accepted_here() {
    let (keys, dir, out) = (
        Keys::new(),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
    );
    fill(dir.path(), false);
    let made = pack(dir.path(), out.path(), keys.secret()).unwrap();
    let path = made.path.to_str().unwrap();
    let comment = format!(
        "homeport-bundle file:{} version:0.2.0",
        made.path.file_name().unwrap().to_str().unwrap()
    );
    minisign(
        &["-S", "-s", keys.path("key"), "-m", path, "-t", &comment],
        "",
    );
    verify(&made.path, &keys.public()).unwrap();
    minisign(&["-S", "-s", keys.path("key"), "-m", path], "");
    let refused = verify(&made.path, &keys.public()).unwrap_err();
    assert!(
        matches!(
            refused,
            BundleError::Trust {
                source: TrustError::OtherComment { .. },
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(refused.exit_code(), 13);
    let other = verify(&made.path, &Keys::new().public()).unwrap_err();
    assert!(
        matches!(
            other,
            BundleError::Trust {
                source: TrustError::OtherKey,
                ..
            }
        ),
        "{other}"
    );
}

#[test]
fn an_encrypted_key_needs_its_password() {
    let (keys, dir, out) = (
        Keys::encrypted("grüße"),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
    );
    fill(dir.path(), false);
    let file = dir.path().with_extension("password");
    fs::write(&file, "grüße\n").unwrap();
    let with = |password| {
        pack(
            dir.path(),
            out.path(),
            KeyFile {
                password,
                ..keys.secret()
            },
        )
    };
    let made = with(Password::File(&file)).unwrap();
    minisign(
        &[
            "-V",
            "-p",
            keys.path("pub"),
            "-m",
            made.path.to_str().unwrap(),
        ],
        "",
    );

    let before = fs::read(&made.path).unwrap();
    for password in [
        Password::Ask(&|| Ok("wrong".to_owned())),
        Password::Environment("NOT_SET_ANYWHERE"),
    ] {
        let refused = with(password).unwrap_err();
        assert!(matches!(refused, BundleError::Key { .. }), "{refused}");
        assert_eq!(refused.exit_code(), 4);
    }
    assert_eq!(fs::read(&made.path).unwrap(), before);
    fs::remove_file(file).unwrap();
}

#[test]
fn nothing_is_left_of_a_bundle_that_cannot_be() {
    let (keys, out) = (Keys::new(), TempDir::new().unwrap());
    let refused = |spoil: &dyn Fn(&Path)| {
        let dir = TempDir::new().unwrap();
        fill(dir.path(), false);
        spoil(dir.path());
        let error = pack(dir.path(), out.path(), keys.secret()).unwrap_err();
        assert_eq!(error.exit_code(), 3, "{error}");
        assert!(names(out.path()).is_empty());
    };
    refused(&|dir| symlink("/etc/passwd", dir.join("link")).unwrap());
    refused(&|dir| fs::write(dir.join("a name"), "").unwrap());
    refused(&|dir| fs::write(dir.join("manifest.json"), "").unwrap());
    refused(&|dir| {
        File::create(dir.join("huge"))
            .unwrap()
            .set_len(2 << 30)
            .unwrap()
    });
}

#[test]
fn a_channel_is_signed_and_replaced_whole() {
    let (keys, out) = (Keys::new(), TempDir::new().unwrap());
    let name = "stable".parse().unwrap();
    let describe = |newest: (u64, u64, u64), lowest: (u64, u64, u64)| {
        create_channel(&ChannelRequest {
            name: &name,
            newest: Version::new(newest.0, newest.1, newest.2),
            lowest: Version::new(lowest.0, lowest.1, lowest.2),
            expires: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            out: out.path(),
            key: keys.secret(),
        })
    };
    describe((0, 1, 0), (0, 1, 0)).unwrap();
    let made = describe((0, 2, 0), (0, 1, 0)).unwrap();
    minisign(
        &[
            "-V",
            "-p",
            keys.path("pub"),
            "-m",
            made.path.to_str().unwrap(),
        ],
        "",
    );
    let text = fs::read_to_string(&made.path).unwrap();
    assert!(
        text.contains(r#""newest": "0.2.0""#) && text.contains("2027-01-15T08:00:00Z"),
        "{text}"
    );
    assert_eq!(describe((0, 1, 0), (0, 2, 0)).unwrap_err().exit_code(), 3);
    assert_eq!(fs::read_to_string(&made.path).unwrap(), text);
    assert_eq!(names(out.path()).len(), 2);
}
