//! A real pseudo-terminal with a program in it, and what a person sees on it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// Rows of every terminal.
pub const ROWS: NonZero<u16> = NonZero::new(24).unwrap();

/// How long nothing must come before the screen counts as drawn.
const QUIET: Duration = Duration::from_millis(150);

/// A program on a terminal of its own. Ended by force when it is dropped.
pub struct Terminal {
    master: File,
    child: Child,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// Everything the program has written.
    pub raw: Vec<u8>,
}

impl Terminal {
    /// Starts a program on a new terminal of so many columns, as its controlling one. `command` is given as arguments to
    /// `setsid`, with everything that is set for it.
    pub fn start(command: &mut Command, columns: NonZero<u16>) -> io::Result<Terminal> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let size = Winsize {
            ws_row: ROWS.get(),
            ws_col: columns.get(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size)?;
        let name = ptsname(&master, Vec::new())?;
        let name = String::from_utf8_lossy(name.to_bytes()).into_owned();
        let slave = OpenOptions::new().read(true).write(true).open(name)?;
        let child = command
            .stdin(slave.try_clone()?)
            .stdout(slave.try_clone()?)
            .stderr(slave)
            .spawn()?;
        let master = File::from(master);
        let (sender, output) = channel();
        let mut reader = master.try_clone()?;
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Terminal {
            master,
            child,
            output,
            screen: vt100::Parser::new(ROWS, columns, 0),
            raw: Vec::new(),
        })
    }

    /// What is on the screen now, without blanks at the ends of lines.
    pub fn screen(&mut self) -> String {
        while let Ok(bytes) = self.output.try_recv() {
            self.took(&bytes);
        }
        let contents = self.screen.screen().contents();
        let lines: Vec<&str> = contents.lines().map(str::trim_end).collect();
        lines.join("\n")
    }

    fn took(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.raw.extend_from_slice(bytes);
    }

    /// Waits until the screen shows this and stands still; the screen.
    #[track_caller]
    pub fn shows(&mut self, text: &str, seconds: u64) -> String {
        self.becomes(&format!("shows `{text}`"), seconds, |screen| {
            screen.contains(text)
        })
    }

    /// Waits until the screen stands still and is so; the screen.
    #[track_caller]
    pub fn becomes(&mut self, what: &str, seconds: u64, so: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + Duration::from_secs(seconds);
        loop {
            if let Ok(bytes) = self.output.recv_timeout(QUIET) {
                self.took(&bytes);
                continue;
            }
            let screen = self.screen();
            if so(&screen) {
                return screen;
            }
            assert!(Instant::now() < until, "it never {what}:\n{screen}");
            thread::sleep(QUIET);
        }
    }

    /// Types this.
    pub fn types(&mut self, keys: &str) {
        self.master
            .write_all(keys.as_bytes())
            .expect("the terminal is there");
    }

    /// Process id of the program.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the terminal echoes what is typed, as a shell expects it.
    pub fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.master).map(|modes| modes.local_modes);
        modes.is_ok_and(|modes| modes.contains(LocalModes::ECHO | LocalModes::ICANON))
    }

    /// Waits for the end; the exit code, or minus the signal.
    #[track_caller]
    pub fn ends(&mut self, seconds: u64) -> i32 {
        let until = Instant::now() + Duration::from_secs(seconds);
        loop {
            if let Some(status) = self.child.try_wait().expect("the program is ours") {
                return status
                    .code()
                    .unwrap_or_else(|| -status.signal().unwrap_or_default());
            }
            let screen = self.screen();
            assert!(Instant::now() < until, "it has not ended:\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
