//! A place in which nginx runs as in a guest: own network, own `/etc/nginx`, `/run` and logs; the real programs.
//! systemd is not in it: what its units would do is done by hand.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use homeport_plugin_api::wire::step::{Action, Service};

use crate::machine::{Machine, words};

/// What becomes the cell's own; everything else is the machine's.
const SETUP: &str = "set -e
ip link set lo up
for own in /etc/nginx /var/log/nginx /var/lib/nginx /run /etc/systemd/system; do mount -t tmpfs own $own; done
printf '%s\\n' '#!/bin/sh' 'case $1 in is-active) kill -0 \"$(cat /run/nginx.pid 2>/dev/null)\" 2>/dev/null;; esac' > /run/systemctl
chmod 755 /run/systemctl
mount --bind /run/systemctl /bin/systemctl
echo ready
exec sleep 600";

/// The cell. Dropping it ends everything in it.
pub struct Cell {
    holder: Child,
    /// To carry out plans in it.
    pub machine: Machine,
}

impl Cell {
    pub fn new() -> Self {
        let mut holder = Command::new("unshare")
            .args([
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "sh",
                "-c",
                SETUP,
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said, "ready\n", "the cell could not be made");
        let inside =
            std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", holder.id())).unwrap();
        let target = inside.split_whitespace().next().unwrap().to_owned();
        let enter = words(
            &["nsenter", "--mount", "--net", "--pid", "--target", &target],
            "--",
        );
        let machine = Machine {
            enter,
            change,
            ..Machine::here()
        };
        Self { holder, machine }
    }

    /// A command's stdout; it must succeed.
    pub fn done(&self, argv: &[&str]) -> String {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        self.machine
            .done(&argv, "root", None)
            .unwrap_or_else(|e| panic!("{e}"))
    }

    /// A command's stdout and stderr, however it ends.
    pub fn said(&self, argv: &[&str], stdin: &str) -> String {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let (output, stderr) = self.machine.run(&argv, "root", Some(stdin));
        output.stdout + &stderr
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// `nginx.service` of Debian, as far as it matters: with the limit our file gives it.
fn change(enter: &[String], service: &Service) -> Result<(), String> {
    assert_eq!(service.unit, "nginx.service");
    let stop = "[ ! -s /run/nginx.pid ] || { kill -QUIT $(cat /run/nginx.pid); while [ -e /run/nginx.pid ]; do sleep 0.02; done; }";
    let limit =
        "ulimit -n $(sed -n s/LimitNOFILE=//p /etc/systemd/system/nginx.service.d/homeport.conf)";
    let script = match service.action {
        Action::Restart => format!("{stop}; {limit}; nginx"),
        Action::Reload => "nginx -s reload".to_owned(),
        Action::Disable => stop.to_owned(),
        Action::Enable => return Ok(()),
        other => return Err(format!("{other:?}")),
    };
    let inside = Machine {
        enter: enter.to_vec(),
        ..Machine::here()
    };
    inside
        .done(&words(&["sh", "-c"], &script), "root", None)
        .map(|_| ())
}
