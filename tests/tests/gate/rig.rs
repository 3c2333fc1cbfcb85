//! What stands around the gate in these tests: its listening sockets, held here as systemd holds them; the gate itself,
//! the real static program; and a real nginx before it, configured as the proxy plugin must configure it.

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tests that measure or fill queues must not disturb each other.
pub fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port nobody uses right now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// Raises the limit on open files: thousands of waiting clients need as many descriptors here.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )
    .expect("the hard limit can be had");
}

/// Waits until it holds; what was waited for is named when it does not.
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A gate, its sockets and its directory. Killed when dropped.
pub struct Gate {
    /// Where everything lies.
    pub dir: tempfile::TempDir,
    /// The blue app's port.
    pub blue: u16,
    /// The green app's port.
    pub green: u16,
    requests: UnixListener,
    streams: UnixListener,
    options: Vec<String>,
    child: Child,
}

impl Gate {
    /// Starts a gate before blue, with further options.
    pub fn start(options: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("colour")).expect("a colour directory");
        fs::write(dir.path().join("colour/blue"), "").expect("a colour");
        let (requests, streams) = (
            listen(&dir.path().join("requests")),
            listen(&dir.path().join("streams")),
        );
        let (blue, green) = (free_port(), free_port());
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        let child = launch(dir.path(), [blue, green], [&requests, &streams], &options);
        let gate = Self {
            dir,
            blue,
            green,
            requests,
            streams,
            options,
            child,
        };
        gate.wait_until_up();
        gate
    }

    /// Starts it again after it has ended, on the same sockets, as systemd does.
    pub fn restart(&mut self) {
        self.child.wait().expect("the gate has ended");
        let sockets = [&self.requests, &self.streams];
        self.child = launch(
            self.dir.path(),
            [self.blue, self.green],
            sockets,
            &self.options,
        );
        self.wait_until_up();
    }

    fn wait_until_up(&self) {
        wait_for("the gate answers", || {
            self.try_ask(r#"{"wire":1,"do":"status"}"#).is_ok()
        });
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the gate is ours");
    }

    /// Whether its process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the gate is ours").is_some()
    }

    fn try_ask(&self, line: &str) -> std::io::Result<Value> {
        let mut stream = UnixStream::connect(self.dir.path().join("control"))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        writeln!(stream, "{line}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Its answer to any line.
    pub fn ask(&self, line: &str) -> Value {
        self.try_ask(line).expect("the gate answers")
    }

    /// How things are at the gate.
    pub fn status(&self) -> Value {
        self.ask(r#"{"wire":1,"do":"status"}"#)["status"].take()
    }

    /// One figure of the status.
    pub fn figure(&self, name: &str) -> u64 {
        self.status()[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {}", self.status()))
    }

    /// Holds.
    pub fn hold(&self) {
        assert_eq!(
            self.ask(r#"{"wire":1,"do":"hold"}"#)["status"]["holding"],
            true
        );
    }

    /// Lets go at this width.
    pub fn release(&self, width: u32) {
        let answer = self.ask(&format!(r#"{{"wire":1,"do":"release","width":{width}}}"#));
        assert_eq!(answer["status"]["holding"], false, "{answer}");
    }

    /// Makes green blue or blue green.
    pub fn switch(&self, from: &str, to: &str) {
        let colour = self.dir.path().join("colour");
        fs::rename(colour.join(from), colour.join(to)).expect("the colour is switched");
    }

    /// A connection to its socket for requests.
    pub fn connect(&self) -> UnixStream {
        connect(&self.dir.path().join("requests"))
    }

    /// A connection to its socket for streams.
    pub fn connect_stream(&self) -> UnixStream {
        connect(&self.dir.path().join("streams"))
    }

    /// Its resident memory, now and at its highest, in KiB.
    pub fn memory(&self) -> [u64; 2] {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the gate runs");
        ["VmRSS:", "VmHWM:"].map(|name| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .expect(name);
            line.trim()
                .trim_end_matches(" kB")
                .parse()
                .expect("a number of kB")
        })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(path: &Path) -> UnixStream {
    let stream =
        UnixStream::connect(path).expect("the listening socket is there whatever the gate does");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a time-out");
    stream
}

fn listen(path: &Path) -> UnixListener {
    let listener = UnixListener::bind(path).expect("a socket");
    rustix::net::listen(&listener, 4096).expect("the queue of the socket unit");
    listener
}

/// The static program under test.
pub fn agent() -> PathBuf {
    let dir = std::env::var_os("HOMEPORT_BIN_DIR")
        .expect("HOMEPORT_BIN_DIR names the directory of homeport-agent");
    let agent = Path::new(&dir).join("homeport-agent");
    assert!(agent.is_file(), "{} is missing", agent.display());
    agent
}

fn launch(dir: &Path, ports: [u16; 2], sockets: [&UnixListener; 2], options: &[String]) -> Child {
    let [requests, streams] =
        sockets.map(|socket| Stdio::from(OwnedFd::from(socket.try_clone().expect("a descriptor"))));
    let [blue, green] = ports.map(|port| format!("127.0.0.1:{port}"));
    Command::new(agent())
        .arg("gate")
        .arg("--control")
        .arg(dir.join("control"))
        .arg("--hold-mark")
        .arg(dir.join("hold"))
        .arg("--colour-dir")
        .arg(dir.join("colour"))
        .args(["--blue", &blue, "--green", &green])
        .args(options)
        .stdin(requests)
        .stdout(streams)
        .spawn()
        .expect("the gate starts")
}
