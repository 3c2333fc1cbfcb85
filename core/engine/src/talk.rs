//! A conversation with an app as data: requests in order, each with what its answer must be and what later ones take from
//! it. Nothing here asks anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the parts of an upload's body are parted by.
const BOUNDARY: &str = "homeport-7b1f0c2e9d";

/// One request. Path, headers and body may name what earlier answers held, as `${name}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What it is for, as an imperative.
    pub title: String,
    /// `GET`, `PUT` …
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Headers beside the usual ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// One file, sent as a form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
    /// Status its answer must have.
    pub status: u16,
    /// Text its answer must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// What is kept of its answer: name and JSON pointer (RFC 6901).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keep: BTreeMap<String, String>,
}

/// A file that is uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Name of the form's field.
    pub field: String,
    /// Name of the file.
    pub name: String,
    /// What is in it.
    pub content: String,
}

/// What earlier answers held, by name.
pub type Kept = BTreeMap<String, String>;

/// A request as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Path with query.
    pub path: String,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// Body, empty if there is none.
    pub body: Vec<u8>,
}

impl Request {
    /// The request with what was kept so far put in.
    ///
    /// # Errors
    /// When it names what nobody kept.
    pub fn filled(&self, kept: &Kept) -> Result<Sent, String> {
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            headers.push((name.clone(), fill(value, kept)?));
        }
        let mut body = Vec::new();
        if let Some(json) = &self.json {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
            body = fill(&json.to_string(), kept)?.into_bytes();
        }
        if let Some(upload) = &self.upload {
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            headers.push(("Content-Type".to_owned(), kind));
            body = upload.form().into_bytes();
        }
        Ok(Sent {
            path: fill(&self.path, kept)?,
            headers,
            body,
        })
    }

    /// Judges an answer, and keeps what is to be kept of it.
    ///
    /// # Errors
    /// What is wrong with it, as half a sentence.
    pub fn judge(&self, status: u16, body: &[u8], kept: &mut Kept) -> Result<(), String> {
        if status != self.status {
            let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
            return Err(format!(
                "the answer has status {status} instead of {}: {}",
                self.status,
                text.trim()
            ));
        }
        if let Some(text) = &self.contains
            && !String::from_utf8_lossy(body).contains(text)
        {
            return Err(format!("the answer does not contain `{text}`"));
        }
        if self.keep.is_empty() {
            return Ok(());
        }
        let value: Value =
            serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
        for (name, pointer) in &self.keep {
            let found = match value.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => return Err(format!("the answer has no text or number at `{pointer}`")),
            };
            kept.insert(name.clone(), found);
        }
        Ok(())
    }
}

impl Upload {
    fn form(&self) -> String {
        let Upload {
            field,
            name,
            content,
        } = self;
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n"
        )
    }
}

/// Puts in what was kept. Total.
fn fill(text: &str, kept: &Kept) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| format!("`{text}` has `${{` without an end"))?;
        let value = kept
            .get(name)
            .ok_or_else(|| format!("no earlier answer held `{name}`"))?;
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request() -> Request {
        Request {
            path: "/tasks/${task}".to_owned(),
            headers: [("Authorization".to_owned(), "Bearer ${token}".to_owned())].into(),
            status: 201,
            keep: [("id".to_owned(), "/id".to_owned())].into(),
            ..Request::default()
        }
    }

    #[test]
    fn what_earlier_answers_held_is_put_in() {
        let mut kept = Kept::from([("task".to_owned(), "7".to_owned())]);
        assert_eq!(
            request().filled(&kept).unwrap_err(),
            "no earlier answer held `token`"
        );
        kept.insert("token".to_owned(), "abc".to_owned());
        let sent = request().filled(&kept).unwrap();
        assert_eq!(sent.path, "/tasks/7");
        assert_eq!(sent.headers[0].1, "Bearer abc");
        request().judge(201, b"{\"id\": 12}", &mut kept).unwrap();
        assert_eq!(kept["id"], "12");
    }

    #[test]
    fn an_answer_that_is_not_as_expected_says_why() {
        let mut kept = Kept::new();
        let mut judge = |status, body: &str| request().judge(status, body.as_bytes(), &mut kept);
        assert_eq!(
            judge(500, "database is locked\n").unwrap_err(),
            "the answer has status 500 instead of 201: database is locked"
        );
        assert_eq!(judge(201, "<html>").unwrap_err(), "the answer is not JSON");
        assert!(judge(201, "{\"id\": []}").is_err());
    }

    proptest! {
        #[test]
        fn filling_is_total(text in "(\\$|\\{|\\}|a|\\PC){0,20}") {
            let _ = fill(&text, &Kept::from([("a".to_owned(), "b".to_owned())]));
        }
    }
}
