//! A user of the app: registers, logs in, works with projects, tasks and attachments over its public URL, the
//! stand-in and the real one alike. Every method is one request and reports exactly what came back.

mod wire;

use std::net::SocketAddr;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use thiserror::Error;

use wire::{Answer, Wire};

/// Why a request did not do what it was sent for.
#[derive(Debug, Error)]
pub enum AppError {
    /// The certificate to trust is no PEM certificate.
    #[error("the certificate to trust cannot be read: {0}")]
    Certificate(ureq::Error),
    /// No whole answer came: connection, TLS, time-out.
    #[error("{method} {path}: no answer: {source}")]
    Transport {
        /// HTTP method.
        method: &'static str,
        /// Path below the base URL.
        path: String,
        /// What the HTTP client saw.
        source: ureq::Error,
    },
    /// The app answered, but refused.
    #[error("{method} {path}: {status}: {body}")]
    Refused {
        /// HTTP method.
        method: &'static str,
        /// Path below the base URL.
        path: String,
        /// HTTP status; 200 for an attachment that failed, which the app reports only in the body.
        status: u16,
        /// The answer's text.
        body: String,
    },
    /// The answer is not what the API promises.
    #[error("{method} {path}: unexpected answer: {why}")]
    Strange {
        /// HTTP method.
        method: &'static str,
        /// Path below the base URL.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl AppError {
    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// SQLite's own refusal of two writers at once. It happens without any update and is counted apart.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Refused { body, .. } if body.contains("database is locked"))
    }
}

/// The app as anyone sees it.
pub struct App {
    wire: Wire,
}

/// What a client keeps to stay logged in.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Access token, good for minutes.
    pub access: String,
    /// Value of the refresh cookie; each use replaces it.
    pub refresh: String,
}

/// The app as one logged-in user sees it. Shared by the threads of a load test.
pub struct Session<'a> {
    app: &'a App,
    tokens: Tokens,
}

/// A task as the API shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Task {
    /// The task's ID.
    pub id: u64,
    /// Title.
    pub title: String,
    /// Ticked off.
    pub done: bool,
}

#[derive(Deserialize)]
struct Created {
    id: u64,
}

const REFRESH_PATH: &str = "/api/v1/user/token/refresh";
const REFRESH_COOKIE: &str = "vikunja_refresh_token";
const BOUNDARY: &str = "homeport-tests-7f3a1c5e9b";

impl App {
    /// The app at `base` (`https://name`). With `at` every connection goes to that address whatever the name
    /// resolves to; with `root_pem` that certificate alone is trusted, which works for a self-signed one, too,
    /// as long as it is not marked as a CA.
    pub fn new(
        base: &str,
        at: Option<SocketAddr>,
        root_pem: Option<&str>,
    ) -> Result<Self, AppError> {
        Ok(Self {
            wire: Wire::new(base, at, root_pem)?,
        })
    }

    /// Text of any page or file, with its status.
    pub fn page(&self, path: &str) -> Result<(u16, String), AppError> {
        let answer = self.wire.exchange("GET", path, &[], None)?;
        Ok((answer.status.as_u16(), answer.text()))
    }

    /// The version the app reports.
    pub fn version(&self) -> Result<String, AppError> {
        #[derive(Deserialize)]
        struct Info {
            version: String,
        }
        let info: Info = parse(
            "GET",
            "/api/v1/info",
            &self.send("GET", "/api/v1/info", &[], None)?,
        )?;
        Ok(info.version)
    }

    /// Creates an account. Counts towards the app's ten open calls per minute and address, as does `login`.
    pub fn register(&self, username: &str, email: &str, password: &str) -> Result<(), AppError> {
        let account = json!({ "username": username, "email": email, "password": password });
        self.send(
            "POST",
            "/api/v1/register",
            &[JSON],
            Some(account.to_string().as_bytes()),
        )
        .map(drop)
    }

    /// Logs in.
    pub fn login(&self, username: &str, password: &str) -> Result<Session<'_>, AppError> {
        let account = json!({ "username": username, "password": password }).to_string();
        let answer = self.send("POST", "/api/v1/login", &[JSON], Some(account.as_bytes()))?;
        Ok(self.session(tokens("/api/v1/login", &answer)?))
    }

    /// Goes on with tokens from an earlier session.
    pub fn session(&self, tokens: Tokens) -> Session<'_> {
        Session { app: self, tokens }
    }

    fn send(
        &self,
        method: &'static str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, AppError> {
        let answer = self.wire.exchange(method, path, headers, body)?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(AppError::Refused {
            method,
            path: path.to_owned(),
            status: answer.status.as_u16(),
            body: answer.text(),
        })
    }
}

impl Session<'_> {
    /// The tokens as they are now.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Exchanges the refresh cookie for new tokens.
    pub fn refresh(&mut self) -> Result<(), AppError> {
        let cookie = format!("{REFRESH_COOKIE}={}", self.tokens.refresh);
        let answer = self
            .app
            .send("POST", REFRESH_PATH, &[("Cookie", &cookie)], Some(b""))?;
        self.tokens = tokens(REFRESH_PATH, &answer)?;
        Ok(())
    }

    /// Creates a project and returns its ID.
    pub fn create_project(&self, title: &str) -> Result<u64, AppError> {
        self.create("/api/v1/projects", title)
    }

    /// Creates a task and returns its ID.
    pub fn create_task(&self, project: u64, title: &str) -> Result<u64, AppError> {
        self.create(&format!("/api/v1/projects/{project}/tasks"), title)
    }

    /// Reads a task.
    pub fn task(&self, id: u64) -> Result<Task, AppError> {
        let path = format!("/api/v1/tasks/{id}");
        parse("GET", &path, &self.send("GET", &path, &[], None)?)
    }

    /// All tasks of a project, on the one page the stand-in answers with.
    pub fn tasks(&self, project: u64) -> Result<Vec<Task>, AppError> {
        let path = format!("/api/v1/projects/{project}/tasks");
        parse("GET", &path, &self.send("GET", &path, &[], None)?)
    }

    /// Gives a task a new title and state.
    pub fn update_task(&self, id: u64, title: &str, done: bool) -> Result<(), AppError> {
        let body = json!({ "title": title, "done": done }).to_string();
        self.send(
            "POST",
            &format!("/api/v1/tasks/{id}"),
            &[JSON],
            Some(body.as_bytes()),
        )
        .map(drop)
    }

    /// Deletes a task.
    pub fn delete_task(&self, id: u64) -> Result<(), AppError> {
        self.send("DELETE", &format!("/api/v1/tasks/{id}"), &[], None)
            .map(drop)
    }

    /// Attaches a file to a task and returns the attachment's ID. A failure inside the app's 200 is a refusal.
    pub fn attach(&self, task: u64, name: &str, content: &[u8]) -> Result<u64, AppError> {
        #[derive(Deserialize)]
        struct Outcome {
            success: Option<Vec<Created>>,
        }
        let path = format!("/api/v1/tasks/{task}/attachments");
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let answer = self.send(
            "PUT",
            &path,
            &[("Content-Type", &kind)],
            Some(&form(name, content)),
        )?;
        let outcome: Outcome = parse("PUT", &path, &answer)?;
        let stored = outcome.success.unwrap_or_default();
        let attachment = stored.first().map(|attachment| attachment.id);
        attachment.ok_or_else(|| AppError::Refused {
            method: "PUT",
            path,
            status: 200,
            body: answer.text(),
        })
    }

    /// Fetches the bytes of an attachment.
    pub fn attachment(&self, task: u64, id: u64) -> Result<Vec<u8>, AppError> {
        Ok(self
            .send(
                "GET",
                &format!("/api/v1/tasks/{task}/attachments/{id}"),
                &[],
                None,
            )?
            .body)
    }

    fn create(&self, path: &str, title: &str) -> Result<u64, AppError> {
        let body = json!({ "title": title }).to_string();
        let created: Created = parse(
            "PUT",
            path,
            &self.send("PUT", path, &[JSON], Some(body.as_bytes()))?,
        )?;
        Ok(created.id)
    }

    fn send(
        &self,
        method: &'static str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, AppError> {
        let bearer = format!("Bearer {}", self.tokens.access);
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        self.app.send(method, path, &all, body)
    }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A form with one file in the field `files`. The name must not contain a quotation mark.
fn form(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    [
        head.as_bytes(),
        content,
        format!("\r\n--{BOUNDARY}--\r\n").as_bytes(),
    ]
    .concat()
}

/// Access token from the body, refresh token from the cookie.
fn tokens(path: &str, answer: &Answer) -> Result<Tokens, AppError> {
    #[derive(Deserialize)]
    struct Login {
        token: String,
    }
    let login: Login = parse("POST", path, answer)?;
    let cookies = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let refresh = cookies
        .filter_map(|cookie| {
            cookie
                .split(';')
                .next()?
                .strip_prefix(REFRESH_COOKIE)?
                .strip_prefix('=')
        })
        .next();
    let refresh = refresh
        .ok_or_else(|| strange("POST", path, "there is no refresh cookie"))?
        .to_owned();
    Ok(Tokens {
        access: login.token,
        refresh,
    })
}

fn parse<T: DeserializeOwned>(
    method: &'static str,
    path: &str,
    answer: &Answer,
) -> Result<T, AppError> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| strange(method, path, &format!("{error}: {}", answer.text())))
}

fn strange(method: &'static str, path: &str, why: &str) -> AppError {
    AppError::Strange {
        method,
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
