//! What is installed: the signed release of Homeport and the app's release, as files and served on loopback.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use homeport_tests::http::Server;
use tempfile::TempDir;

use crate::run::{Ended, apart, call, run};

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

/// Unpacks it into a directory.
pub fn unpacked(into: &Path) {
    let unpack = "zstd -dc \"$1\" | tar -x -C \"$2\"";
    let (bundle, into) = (bundle(), into.display().to_string());
    call(&["sh", "-c", unpack, "sh", bundle.to_str().unwrap(), &into]).well();
}

/// The signed bundle.
pub fn bundle() -> PathBuf {
    let files = fs::read_dir(dist().join("site")).expect("the site is there");
    let mut paths = files.map(|entry| entry.unwrap().path());
    let found = paths.find(|path| path.to_string_lossy().ends_with(".tar.zst"));
    found.expect("the site has a bundle")
}

/// Releases of the app as `tests/apps/build.sh` is asked for them, each in a directory of its own below the one of this name.
pub fn built(name: &str, wanted: &[String]) -> PathBuf {
    let into = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/build.sh");
    run(Command::new("bash").arg(script).args(wanted).arg(&into)).well();
    into
}

/// Name of the archive of the release with this tag.
fn archive_of(tag: &str) -> String {
    format!("vikunja-{tag}-linux-amd64-full.zip")
}

/// SHA-256 of that archive, as it is stated beside it in this directory.
pub fn stated(directory: &Path, tag: &str) -> String {
    let beside = directory.join(format!("{}.sha256", archive_of(tag)));
    let text = fs::read_to_string(beside).expect("the archive has a checksum");
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Directory with the app's archive and its checksum, built once.
pub fn app() -> &'static Path {
    static APPS: OnceLock<PathBuf> = OnceLock::new();
    APPS.get_or_init(|| built("install-apps", &[APP.to_owned()]).join(APP))
}

/// Name of the app's archive.
pub fn archive() -> String {
    archive_of(APP)
}

/// SHA-256 of it, which makes it trusted.
pub fn digest() -> String {
    stated(app(), APP)
}

/// Homeport, straight from the bundle and without a network call; what it unpacks lies in `tmp`.
pub fn from_bundle(tmp: &Path, arguments: &[String]) -> Command {
    with_bundle(apart("env"), tmp, arguments)
}

/// Runs it to its end; what it unpacks is gone then.
pub fn bundled(arguments: &[String]) -> Ended {
    let tmp = TempDir::new().expect("a directory");
    run(&mut from_bundle(tmp.path(), arguments))
}

/// As a command that is to be started on a terminal: as that of a session of its own.
pub fn on_terminal(tmp: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", "env"]);
    with_bundle(command, tmp, arguments)
}

fn with_bundle(mut command: Command, tmp: &Path, arguments: &[String]) -> Command {
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
