//! A real nginx before the gate: bodies are taken whole before the gate is asked, no request is sent a second time, and
//! there is room for thousands that wait. Its counting log is the source of "0 of N".

use super::rig::{free_port, wait_for};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// A running nginx. Ended when dropped.
pub struct Nginx {
    dir: tempfile::TempDir,
    plain: u16,
    tls: u16,
    child: Child,
}

impl Nginx {
    /// Starts before that socket.
    pub fn start(gate: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711))
            .expect("workers may enter");
        make_certificate(dir.path());
        let (plain, tls) = (free_port(), free_port());
        let conf = dir.path().join("nginx.conf");
        fs::write(&conf, configuration(dir.path(), gate, plain, tls)).expect("a configuration");
        let child = Command::new("nginx")
            .arg("-e")
            .arg(dir.path().join("error.log"))
            .arg("-c")
            .arg(conf)
            .spawn()
            .expect("nginx is installed");
        wait_for("nginx listens", || {
            TcpStream::connect(("127.0.0.1", tls)).is_ok()
        });
        Self {
            dir,
            plain,
            tls,
            child,
        }
    }

    /// Where it takes requests without TLS.
    pub fn plain(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.plain).into()
    }

    /// Where it takes requests with TLS.
    pub fn tls(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.tls).into()
    }

    /// The certificate it shows.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// The status codes of all requests it has counted.
    pub fn counted(&self) -> Vec<u16> {
        let log = fs::read_to_string(self.dir.path().join("count.log")).expect("the counting log");
        log.lines()
            .map(|line| {
                line.split(' ')
                    .nth(1)
                    .and_then(|code| code.parse().ok())
                    .expect("a status")
            })
            .collect()
    }

    /// What it complained about.
    pub fn complaints(&self) -> String {
        fs::read_to_string(self.dir.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn make_certificate(dir: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args([
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-config",
            "/dev/null",
            "-keyout",
        ])
        .arg(dir.join("key.pem"))
        .arg("-out")
        .arg(dir.join("cert.pem"))
        .output()
        .expect("openssl is installed");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

/// Without a word about the user, workers of a root master would not reach the gate's socket; as another user the line
/// is only a warning, so it is left out there.
fn configuration(dir: &Path, gate: &Path, plain: u16, tls: u16) -> String {
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(1 << 20);
    let (dir, gate) = (dir.display(), gate.display());
    format!(
        "{user} daemon off; pid {dir}/pid; error_log {dir}/error.log warn;
worker_processes 2; worker_rlimit_nofile {files}; events {{ worker_connections 10000; }}
http {{
  log_format counting '$msec $status $request_time';
  access_log {dir}/count.log counting;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  keepalive_requests 1000000; keepalive_timeout 300s; client_max_body_size 100m;
  ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off;
  upstream gate {{ server unix:{gate}; }}
  server {{
    listen 127.0.0.1:{plain} backlog=4096; listen 127.0.0.1:{tls} ssl backlog=4096;
    location / {{
      proxy_pass http://gate; proxy_http_version 1.1; proxy_set_header Connection close;
      proxy_request_buffering on; proxy_next_upstream off;
      proxy_connect_timeout 60s; proxy_read_timeout 120s;
    }}
  }}
}}
"
    )
}
