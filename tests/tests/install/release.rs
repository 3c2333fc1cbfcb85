//! What is installed: the signed release of Homeport and the app's release, as files and served on loopback.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use homeport_tests::http::Server;
use tempfile::TempDir;

use crate::run::apart;

/// The app's release, as `tests/apps/build.sh` calls it.
pub const APP: &str = "v2.5.0";

/// Directory named by an environment variable that `tests/run.sh` sets.
fn named(variable: &str) -> PathBuf {
    let value = env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set"));
    PathBuf::from(value)
}

/// The build under test: `bin`, `keys`, `site`.
pub fn dist() -> PathBuf {
    named("HOMEPORT_DIST")
}

/// The signed bundle.
pub fn bundle() -> PathBuf {
    let files = fs::read_dir(dist().join("site")).expect("the site is there");
    let mut paths = files.map(|entry| entry.unwrap().path());
    let found = paths.find(|path| path.to_string_lossy().ends_with(".tar.zst"));
    found.expect("the site has a bundle")
}

/// Directory with the app's archive and its checksum, built once.
pub fn app() -> &'static Path {
    static APPS: OnceLock<PathBuf> = OnceLock::new();
    APPS.get_or_init(|| {
        let into = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install-apps");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/build.sh");
        let built = Command::new("bash")
            .arg(script)
            .arg(APP)
            .arg(&into)
            .output();
        let built = built.expect("bash runs");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        into.join(APP)
    })
}

/// Name of the app's archive.
pub fn archive() -> String {
    format!("vikunja-{APP}-linux-amd64-full.zip")
}

/// SHA-256 of it, which makes it trusted.
pub fn digest() -> String {
    let beside = app().join(format!("{}.sha256", archive()));
    let text = fs::read_to_string(beside).expect("the archive has a checksum");
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Homeport, straight from the bundle and without a network call; what it unpacks lies in `tmp`.
pub fn from_bundle(tmp: &Path, arguments: &[String]) -> Command {
    bundled(apart("env"), tmp, arguments)
}

/// The same, to be started on a terminal: as that of a session of its own.
pub fn on_terminal(tmp: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", "env"]);
    bundled(command, tmp, arguments)
}

fn bundled(mut command: Command, tmp: &Path, arguments: &[String]) -> Command {
    command
        .arg(format!("TMPDIR={}", tmp.display()))
        .arg(named("HOMEPORT_BIN_DIR").join("bootstrap"))
        .arg("--bundle")
        .arg(bundle())
        .args(arguments);
    command
}

/// Both releases on a loopback server.
pub struct Site {
    pub server: Server,
    _root: TempDir,
}

impl Site {
    pub fn serve() -> Site {
        let root = TempDir::new().expect("a directory");
        symlink(dist().join("site"), root.path().join("site")).expect("a link");
        symlink(app(), root.path().join("app")).expect("a link");
        let server = Server::start(root.path(), true).expect("a port is free");
        Site {
            server,
            _root: root,
        }
    }

    /// Base URL of Homeport's release.
    pub fn base(&self) -> String {
        format!("{}/site", self.server.url())
    }

    /// Base URL of the app's release.
    pub fn app(&self) -> String {
        format!("{}/app", self.server.url())
    }

    /// The one-liner as it is typed, with `arguments` behind it.
    pub fn one_liner(&self, arguments: &[String]) -> Command {
        let line = format!("bash <(curl -fsSL {}/install.sh) \"$@\"", self.base());
        let mut command = apart("bash");
        command
            .args(["-c", &line, "bash"])
            .args(arguments)
            .env("HOMEPORT_BASE_URL", self.base());
        command
    }
}
