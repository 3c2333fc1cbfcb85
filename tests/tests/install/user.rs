//! A person who uses the app: what they put into it, whether it is still there, and what the network shows of it.

use homeport_tests::app::{App, Tokens};

use crate::run::{Ended, call, eventually};

/// Content of the attachment: more than one packet, no text.
fn attachment() -> Vec<u8> {
    (0u32..50_000).flat_map(u32::to_le_bytes).collect()
}

/// What one person has put into the app.
pub struct Person {
    tokens: Tokens,
    project: u64,
    task: u64,
    file: u64,
}

impl Person {
    /// Registers, logs in, makes a project and a task, and attaches a file to it.
    pub fn arrives(app: &App) -> Person {
        app.register("ann", "ann@homeport.test", "correct horse")
            .unwrap();
        let session = app.login("ann", "correct horse").unwrap();
        let project = session.create_project("Moving in").unwrap();
        let task = session.create_task(project, "Water the plants").unwrap();
        let file = session.attach(task, "plan.bin", &attachment()).unwrap();
        let person = Person {
            tokens: session.tokens().clone(),
            project,
            task,
            file,
        };
        person.finds_everything(app);
        person
    }

    /// All is there, and the session of the first day still counts.
    pub fn finds_everything(&self, app: &App) {
        let session = app.session(self.tokens.clone());
        let task = session.task(self.task).unwrap();
        assert_eq!(
            (task.title.as_str(), task.done),
            ("Water the plants", false)
        );
        assert_eq!(session.tasks(self.project).unwrap(), [task]);
        let file = session.attachment(self.task, self.file).unwrap();
        assert!(file == attachment(), "the attachment has changed");
    }

    /// The cookie of the first day gives a new session.
    pub fn stays_logged_in(&mut self, app: &App) {
        let mut session = app.session(self.tokens.clone());
        session.refresh().unwrap();
        self.tokens = session.tokens().clone();
        self.finds_everything(app);
    }
}

/// The app serves its page.
pub fn page(app: &App) {
    let (status, text) = app.page("/").unwrap();
    assert_eq!(status, 200);
    assert!(text.contains("<div id=\"app\""), "{text}");
}

/// Waits until the app answers.
pub fn answers(app: &App) {
    eventually("an answer of the app", 90, || app.version().is_ok());
}

/// The certificate that is served there, PEM.
pub fn certificate(address: &str, domain: &str) -> String {
    let script = "openssl s_client -connect \"$1:443\" -servername \"$2\" </dev/null 2>/dev/null | openssl x509";
    call(&["sh", "-c", script, "sh", address, domain]).well()
}

/// A handshake with this version of TLS and nothing else, by a client that still knows the old ones.
pub fn handshake(address: &str, version: &str) -> Ended {
    let to = format!("{address}:443");
    let words = ["openssl", "s_client", "-connect", &to, version, "-cipher"];
    call(&[&words[..], &["DEFAULT:@SECLEVEL=0"]].concat())
}
