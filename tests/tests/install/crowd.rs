//! The crowd that uses an app while something happens to it, from a network of its own: pages, tasks, attachments, looks at
//! its health, over kept connections and new ones, open tabs – and a book of everything it was told is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use homeport_tests::app::{App, Session, Tokens};
use homeport_tests::load::http::{Answer, Client, Line, Request, Server};
use homeport_tests::load::outside::Outside;
use homeport_tests::load::socket::{Fared, tab};
use homeport_tests::load::{Load, Report, Wish, while_it};
use serde_json::Value;

use crate::instance::{Instance, NET};
use crate::run::call;
use crate::user::certificate;

/// Requests per second, bursts apart.
pub const PER_SECOND: u32 = 120;

/// Requests that come all at once when a hold begins.
pub const BURST: u64 = 1_300;

/// Kept connections that wait for a burst.
const KEPT: usize = 1_000;

/// How long an upload takes that takes its time: one is always older than half a minute.
const SLOW: Duration = Duration::from_secs(50);

/// Open tabs.
const TABS: usize = 4;

/// Two writers at once are refused by SQLite within milliseconds, with or without an update; one that has waited at the gate
/// must not be.
const AT_ONCE: Duration = Duration::from_millis(300);

const FORM: &str = "homeport-tests-crowd-5b1f";

/// What one request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    Version,
    Health,
    Task,
    Upload(usize),
    /// One that takes its time.
    SlowUpload,
}

/// A tenth writes, one in forty uploads, one in three hundred takes its time over it.
fn kind(number: u64) -> Kind {
    match number {
        n if n % 300 == 11 => Kind::SlowUpload,
        n if n % 40 == 7 => Kind::Upload(40_000),
        n if n % 10 == 0 => Kind::Task,
        n if n % 20 == 5 => Kind::Health,
        n if n % 2 == 0 => Kind::Version,
        _ => Kind::Page,
    }
}

/// What was acknowledged, and what was not.
#[derive(Default)]
struct Book {
    /// Tasks by title, with when they were acknowledged.
    titles: BTreeMap<String, Instant>,
    /// Attachments by their number, with their shot, size and when they were acknowledged.
    files: BTreeMap<u64, (u64, usize, Instant)>,
    /// When writers were refused that had not waited.
    locked: Vec<Instant>,
}

/// The people.
pub struct Crowd<'a> {
    client: Client,
    app: &'a App,
    name: String,
    tokens: Mutex<Tokens>,
    project: u64,
    task: u64,
    slow: Duration,
    begun: AtomicU64,
    book: Mutex<Book>,
}

impl<'a> Crowd<'a> {
    /// Of somebody who has logged in already.
    pub fn new(instance: &Instance, app: &'a App, session: &Session<'_>) -> Crowd<'a> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let pem = certificate(&instance.address, &instance.domain);
        fs::write(file.path(), pem).unwrap();
        let at = |port| format!("{}:{port}", instance.address).parse().unwrap();
        let server = Server {
            plain: at(80),
            tls: at(443),
            name: &instance.domain,
        };
        let outside = Outside::new("vmbr0", &format!("{NET}.250/24")).unwrap();
        let project = session.create_project("Load").unwrap();
        Crowd {
            client: Client::new(server, file.path()).unwrap().living(outside),
            app,
            name: instance.domain.clone(),
            tokens: Mutex::new(session.tokens().clone()),
            project,
            task: session.create_task(project, "attachments").unwrap(),
            slow: SLOW,
            begun: AtomicU64::new(0),
            book: Mutex::default(),
        }
    }

    /// The same people in a hurry: no upload takes its time.
    pub fn hurried(self) -> Crowd<'a> {
        Crowd {
            slow: Duration::ZERO,
            ..self
        }
    }

    /// Goes on with other tokens: the old ones are good for minutes only.
    pub fn renewed(&self, session: &Session<'_>) {
        *self.tokens.lock().unwrap() = session.tokens().clone();
    }

    /// Comes and goes while `meanwhile` happens, which is told how to make a burst; how it fared.
    pub fn while_it<T: Send>(
        &self,
        meanwhile: impl FnOnce(&Wish) -> T + Send,
    ) -> (T, Report, Vec<Fared>) {
        let over = AtomicBool::new(false);
        let load = Load {
            per_second: PER_SECOND,
            lasting: Duration::from_secs(1_200),
        };
        let token = self.tokens.lock().unwrap().access.clone();
        thread::scope(|scope| {
            let open = || tab(&self.client, &self.name, "/api/v1/ws", &token, &over);
            let tabs: Vec<_> = (0..TABS).map(|_| scope.spawn(open)).collect();
            let (done, report) = while_it(load, |number| self.shoot(number), meanwhile);
            over.store(true, Ordering::SeqCst);
            (
                done.unwrap_or_else(|panic| resume_unwind(panic)),
                report,
                tabs.into_iter().map(|tab| tab.join().unwrap()).collect(),
            )
        })
    }

    /// Has connections open for the next burst.
    pub fn gather(&self) {
        thread::scope(|scope| scope.spawn(|| self.client.open(KEPT)).join())
            .unwrap()
            .unwrap();
    }

    /// The times of all requests.
    pub fn waited(&self, report: &Report) -> Vec<Waited> {
        let waited = report.shots.iter().map(|shot| {
            let begun = report.begun + shot.at;
            let until = begun + shot.took;
            let body_takes = match kind(shot.number) {
                Kind::SlowUpload => self.slow,
                _ => Duration::ZERO,
            };
            let from = (begun + body_takes).min(until);
            Waited { from, until, begun }
        });
        waited.collect()
    }

    /// Writers that were refused between these two moments though nobody was held.
    pub fn locked(&self, from: Instant, to: Instant) -> usize {
        let book = self.book.lock().unwrap();
        book.locked
            .iter()
            .filter(|at| (from..to).contains(at))
            .count()
    }

    fn shoot(&self, number: u64) -> Result<(), String> {
        match kind(number) {
            Kind::Page => self.get(number, "/", "<div id=\"app\""),
            Kind::Version => self.get(number, "/api/v1/info", "\"version\""),
            Kind::Health => self.get(number, "/health", "OK"),
            Kind::Task => self.writes(number),
            Kind::Upload(size) => self.uploads(number, size, Duration::ZERO),
            Kind::SlowUpload => self.uploads(number, 600_000, self.slow),
        }
    }

    fn get(&self, number: u64, path: &str, expected: &str) -> Result<(), String> {
        let answer = self.send(number, "GET", path, ("", b""), Duration::ZERO)?;
        let text = String::from_utf8_lossy(&answer.body);
        match answer.status == 200 && text.contains(expected) {
            true => Ok(()),
            false => Err(format!("GET {path}: {} {text:.200}", answer.status)),
        }
    }

    fn writes(&self, number: u64) -> Result<(), String> {
        let title = format!("load {}", self.begun.fetch_add(1, Ordering::SeqCst));
        let path = format!("/api/v1/projects/{}/tasks", self.project);
        let body = format!("{{\"title\":\"{title}\"}}");
        let content = ("application/json", body.as_bytes());
        let begun = Instant::now();
        let answer = self.send(number, "PUT", &path, content, Duration::ZERO)?;
        if answer.status == 201 {
            let at = Instant::now();
            self.book.lock().unwrap().titles.insert(title, at);
            return Ok(());
        }
        self.refused(begun, format!("PUT task: {}", answer.status), &answer)
    }

    fn uploads(&self, number: u64, size: usize, over: Duration) -> Result<(), String> {
        let path = format!("/api/v1/tasks/{}/attachments", self.task);
        let kind = format!("multipart/form-data; boundary={FORM}");
        let head = format!(
            "--{FORM}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{number}\"\r\n\r\n"
        );
        let end = format!("\r\n--{FORM}--\r\n");
        let body = [head.as_bytes(), &content(number, size), end.as_bytes()].concat();
        let begun = Instant::now() + over;
        let answer = self.send(number, "PUT", &path, (&kind, &body), over)?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match (answer.status, said["success"][0]["id"].as_u64()) {
            (200, Some(id)) => {
                let kept = (number, size, Instant::now());
                self.book.lock().unwrap().files.insert(id, kept);
                Ok(())
            }
            (status, _) => self.refused(begun, format!("PUT attachment: {status}"), &answer),
        }
    }

    fn refused(&self, begun: Instant, what: String, answer: &Answer) -> Result<(), String> {
        let text = String::from_utf8_lossy(&answer.body);
        let waited = begun.elapsed();
        if text.contains("database is locked") && waited < AT_ONCE {
            self.book.lock().unwrap().locked.push(begun);
            return Ok(());
        }
        Err(format!("{what} {text:.200} after {waited:?}"))
    }

    /// A third over new connections.
    fn send(
        &self,
        number: u64,
        method: &str,
        path: &str,
        (kind, body): (&str, &[u8]),
        over: Duration,
    ) -> Result<Answer, String> {
        let line = if number.is_multiple_of(3) {
            Line::NewTls
        } else {
            Line::KeptTls
        };
        let token = self.tokens.lock().unwrap().access.clone();
        let mut headers = format!("Authorization: Bearer {token}\r\n");
        if !kind.is_empty() {
            headers += &format!("Content-Type: {kind}\r\n");
        }
        let request = Request {
            method,
            path,
            headers: &headers,
            body,
            over,
        };
        let answer = self.client.send(line, request);
        answer.map_err(|error| format!("{method} {path}: {error}"))
    }

    /// The power was cut: what the app had not brought to disk by itself – SQLite does not, in the way it is opened – may
    /// be gone, but no task that was acknowledged before this moment, and no file that was before the other. How many are
    /// gone.
    pub fn forgives(&self, before: Instant, file_before: Instant) -> usize {
        let session = self.app.session(self.tokens.lock().unwrap().clone());
        let there = session.tasks(self.project).unwrap().into_iter();
        let there: BTreeSet<String> = there.map(|task| task.title).collect();
        let mut book = self.book.lock().unwrap();
        let known = book.titles.len() + book.files.len();
        book.titles
            .retain(|title, at| *at < before || there.contains(title));
        book.files.retain(|id, (number, size, at)| {
            let kept = || session.attachment(self.task, *id);
            *at < file_before || kept().is_ok_and(|kept| kept == content(*number, *size))
        });
        known - book.titles.len() - book.files.len()
    }

    /// Everything that was acknowledged is there, and nothing twice; how many tasks and files that are.
    #[track_caller]
    pub fn finds_everything(&self) -> (usize, usize) {
        let session = self.app.session(self.tokens.lock().unwrap().clone());
        let book = self.book.lock().unwrap();
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for task in session.tasks(self.project).unwrap() {
            *times.entry(task.title).or_default() += 1;
        }
        let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        let lost: Vec<_> = book
            .titles
            .keys()
            .filter(|title| !times.contains_key(*title))
            .collect();
        assert!(
            twice.is_empty() && lost.is_empty(),
            "twice {twice:?}, lost {lost:?}"
        );
        for (id, (number, size, _)) in &book.files {
            let kept = session.attachment(self.task, *id).unwrap();
            assert!(
                kept == content(*number, *size),
                "attachment {id} has changed"
            );
        }
        (book.titles.len(), book.files.len())
    }
}

/// A request's time of its own: from when it was complete to its answer.
pub struct Waited {
    pub from: Instant,
    pub until: Instant,
    pub begun: Instant,
}

/// That of the one that waited longest.
pub fn longest<'a>(waited: impl IntoIterator<Item = &'a Waited>) -> Duration {
    let waited = waited.into_iter().map(|one| one.until - one.from);
    waited.max().unwrap_or_default()
}

/// The mark in the guest that nothing starts by itself any more, as the host sees it.
pub fn fence(id: &str) -> PathBuf {
    let init = call(&["lxc-info", "-n", id, "-pH"]).well();
    format!("/proc/{}/root/var/lib/homeport/fence", init.trim()).into()
}

/// What is in that shot's file.
fn content(number: u64, size: usize) -> Vec<u8> {
    number
        .to_le_bytes()
        .iter()
        .copied()
        .cycle()
        .take(size)
        .collect()
}
