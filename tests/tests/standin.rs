//! Two releases of the stand-in app, one after the other on the same data, used as a person would.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use homeport_tests::app::{App, AppError, Tokens};
use rustix::process::{Pid, Signal, kill_process};

/// A release running on its own data directory; stopped with SIGINT when dropped.
struct Running(Child);

impl Running {
    fn start(binary: &Path, data: &Path, port: u16) -> Self {
        let child = Command::new(binary)
            .current_dir(data)
            .env("VIKUNJA_SERVICE_INTERFACE", format!("127.0.0.1:{port}"))
            .env(
                "VIKUNJA_SERVICE_PUBLICURL",
                format!("http://127.0.0.1:{port}"),
            )
            .env("VIKUNJA_SERVICE_SECRET", "the same for both")
            .stdout(Stdio::null())
            .spawn()
            .expect("the release starts");
        Self(child)
    }

    fn stop(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), Signal::INT).expect("the process is ours");
        self.0.wait().expect("the process ends").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.stop();
        }
    }
}

/// Builds the releases (cached) and returns their unpacked binaries.
fn releases(tags: &[&str], into: &Path) -> Vec<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/build.sh");
    let built = Command::new("bash")
        .arg(script)
        .args(tags)
        .arg(into)
        .status()
        .expect("bash runs");
    assert!(built.success(), "apps/build.sh failed");
    tags.iter()
        .map(|tag| unpack(&into.join(tag), tag))
        .collect()
}

fn unpack(dir: &Path, tag: &str) -> PathBuf {
    let name = format!("vikunja-{tag}-linux-amd64");
    for checked in [format!("{name}-full.zip.sha256"), format!("{name}.sha256")] {
        if !dir.join(&checked).exists() {
            succeed(dir, "unzip", &["-q", &format!("{name}-full.zip")]);
        }
        succeed(dir, "sha256sum", &["--check", "--quiet", &checked]);
    }
    dir.join(name)
}

fn succeed(dir: &Path, program: &str, args: &[&str]) {
    let status = Command::new(program)
        .args(args)
        .current_dir(dir)
        .status()
        .expect("the program is installed");
    assert!(status.success(), "{program} {args:?}");
}

fn healthy(app: &App, version: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while app.page("/health").ok() != Some((200, "OK".to_owned())) {
        assert!(Instant::now() < deadline, "not healthy within 10 s");
        sleep(Duration::from_millis(20));
    }
    assert_eq!(app.version().expect("info answers"), version);
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port")
        .port()
}

#[test]
fn a_user_keeps_everything_across_an_update() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let binaries = releases(&["v2.4.0", "v2.5.0"], dir.path());
    let port = free_port();
    let app = App::new(&format!("http://127.0.0.1:{port}"), None, None)
        .expect("no certificate is needed");
    let upload: Vec<u8> = (0..=u8::MAX).cycle().take(3 << 20).collect();

    let mut old = Running::start(&binaries[0], dir.path(), port);
    healthy(&app, "v2.4.0");
    app.register("ann", "ann@example.org", "correct horse")
        .expect("registration is open");
    let session = app
        .login("ann", "correct horse")
        .expect("the password is right");
    let project = session.create_project("Garden").expect("a project");
    let task = session.create_task(project, "Plant beans").expect("a task");
    let attachment = session
        .attach(task, "beans.bin", &upload)
        .expect("the upload is stored");
    session
        .update_task(task, "Plant more beans", true)
        .expect("an update");
    let doomed = session.create_task(project, "Weed").expect("a task");
    session.delete_task(doomed).expect("a deletion");
    let kept = session.tokens().clone();
    assert_eq!(old.stop(), Some(0));

    let _new = Running::start(&binaries[1], dir.path(), port);
    healthy(&app, "v2.5.0");
    let mut session = app.session(kept.clone());
    let tasks = session
        .tasks(project)
        .expect("the access token still works");
    assert_eq!(
        tasks
            .iter()
            .map(|task| (task.title.as_str(), task.done))
            .collect::<Vec<_>>(),
        [("Plant more beans", true)]
    );
    assert_eq!(session.task(task).expect("the task is there"), tasks[0]);
    assert_eq!(
        session
            .attachment(task, attachment)
            .expect("the file is there"),
        upload
    );
    assert_eq!(refused(session.task(doomed)), 404);
    session.refresh().expect("the refresh cookie still works");
    session
        .create_task(project, "Harvest")
        .expect("the new access token works");
    assert_eq!(
        refused(app.session(kept).refresh()),
        401,
        "a refresh cookie works once"
    );
    let nobody = Tokens {
        access: "no token".to_owned(),
        refresh: String::new(),
    };
    assert_eq!(refused(app.session(nobody).tasks(project)), 401);
    let (status, page) = app.page("/projects/1").expect("deep links answer");
    assert!(
        status == 200 && page.contains("<div id=\"app\""),
        "{status}: {page}"
    );
}

fn refused<T>(outcome: Result<T, AppError>) -> u16 {
    let error = outcome.err().expect("a refusal");
    error
        .status()
        .unwrap_or_else(|| panic!("no refusal: {error}"))
}
