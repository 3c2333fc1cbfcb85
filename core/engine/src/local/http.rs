//! As much of HTTP/1.1 (RFC 9112) as probes need: one request, one answer, then the connection is done with.
//! What the server sends is foreign: reading it is total, and bounded in lines, headers and bytes.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde_json::Value;

use crate::probe::HttpCheck;

/// Largest body that is read, bytes.
pub const BODY_LIMIT: u64 = 1 << 20;

/// Longest line of a head or a chunk size, bytes; nginx refuses longer request lines than this, too.
const LINE_LIMIT: u64 = 8 << 10;

/// Most header lines of one head.
const HEADERS_LIMIT: usize = 128;

/// Most interim answers (100 to 199) before the answer itself.
const INTERIM_LIMIT: usize = 4;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Body, without its transfer coding.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Host or path has a blank or a control character in it, which would change the request.
    #[error("`{0}` cannot stand in a request")]
    Request(String),
    /// The connection broke or was too slow.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What came is not HTTP.
    #[error("the answer is not HTTP: {0}")]
    Malformed(&'static str),
    /// What came is more than a probe reads.
    #[error("the answer is too large: {0}")]
    TooLarge(&'static str),
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `PUT` …
    pub method: &'a str,
    /// Path with query.
    pub path: &'a str,
    /// Headers beside those every request has.
    pub headers: &'a [(String, String)],
    /// Body; none is sent if it is empty.
    pub body: &'a [u8],
}

/// Sends a request over an open connection and reads the answer. The connection's own time limits apply.
///
/// # Errors
/// When the request cannot be sent or the answer is not one.
pub fn ask(
    mut stream: impl Read + Write,
    host: &str,
    request: &Request<'_>,
) -> Result<Answer, HttpError> {
    let Request { method, path, .. } = request;
    let names = request.headers.iter().map(|(name, _)| name.as_str());
    for part in [host, method, path].into_iter().chain(names) {
        if part.is_empty() || part.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(HttpError::Request(part.to_owned()));
        }
    }
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: homeport\r\nAccept: */*\r\nConnection: close\r\n"
    );
    for (name, value) in request.headers {
        if value.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(HttpError::Request(value.clone()));
        }
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !request.body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", request.body.len()));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(request.body)?;
    stream.flush()?;
    read(&mut BufReader::new(stream))
}

/// Reads an answer. Total.
///
/// # Errors
/// When it is not one, or larger than the limits.
pub fn read(from: &mut impl BufRead) -> Result<Answer, HttpError> {
    for _ in 0..=INTERIM_LIMIT {
        let (status, framing) = head(from)?;
        if !(100..200).contains(&status) {
            let body = body(from, status, framing)?;
            return Ok(Answer { status, body });
        }
    }
    Err(HttpError::Malformed("only interim answers came"))
}

/// Whether an answer is the expected one; otherwise what is wrong with it, as half a sentence.
pub fn judge(answer: &Answer, check: &HttpCheck) -> Result<(), String> {
    if answer.status != check.status {
        return Err(format!(
            "the answer has status {} instead of {}",
            answer.status, check.status
        ));
    }
    if let Some(text) = &check.body_contains
        && !String::from_utf8_lossy(&answer.body).contains(text)
    {
        return Err(format!("the answer does not contain `{text}`"));
    }
    match &check.json_equals {
        Some((pointer, text)) => json_equals(&answer.body, pointer, text),
        None => Ok(()),
    }
}

fn json_equals(body: &[u8], pointer: &str, text: &str) -> Result<(), String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
    let found = match value.pointer(pointer) {
        Some(Value::String(found)) => found.clone(),
        Some(other) => other.to_string(),
        None => return Err(format!("the answer has nothing at `{pointer}`")),
    };
    if found == text {
        return Ok(());
    }
    let clipped: String = found.chars().take(80).collect();
    Err(format!(
        "the answer says `{clipped}` at `{pointer}`, not `{text}`"
    ))
}

/// How the end of a body is known.
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

fn head(from: &mut impl BufRead) -> Result<(u16, Framing), HttpError> {
    let status = status(&line(from)?)?;
    let mut framing = Framing::UntilClose;
    for _ in 0..HEADERS_LIMIT {
        let line = line(from)?;
        if line.is_empty() {
            return Ok((status, framing));
        }
        let (name, value) = line
            .split_once(':')
            .ok_or(HttpError::Malformed("a header has no colon"))?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" if !matches!(framing, Framing::Chunked) => {
                framing = Framing::Length(length(value)?);
            }
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => {
                framing = Framing::Chunked;
            }
            "transfer-encoding" => {
                return Err(HttpError::Malformed("an unknown transfer coding"));
            }
            _ => {}
        }
    }
    Err(HttpError::TooLarge("more than 128 headers"))
}

/// `HTTP/1.x NNN reason`.
fn status(line: &str) -> Result<u16, HttpError> {
    let rest = line
        .strip_prefix("HTTP/1.")
        .ok_or(HttpError::Malformed("it does not begin with HTTP/1."))?;
    let code = rest.split(' ').nth(1).unwrap_or_default();
    let digits = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    code.parse()
        .ok()
        .filter(|code| digits && *code >= 100)
        .ok_or(HttpError::Malformed("its status is not three digits"))
}

fn length(value: &str) -> Result<u64, HttpError> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    value
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or(HttpError::Malformed("its length is not a number"))
}

fn body(from: &mut impl BufRead, status: u16, framing: Framing) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    match framing {
        _ if matches!(status, 204 | 304) => {}
        Framing::Length(length) => exactly(from, length, &mut body)?,
        Framing::Chunked => chunks(from, &mut body)?,
        Framing::UntilClose => {
            from.take(BODY_LIMIT + 1).read_to_end(&mut body)?;
            bounded(body.len() as u64)?;
        }
    }
    Ok(body)
}

fn exactly(from: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> Result<(), HttpError> {
    bounded(length.saturating_add(body.len() as u64))?;
    if from.take(length).read_to_end(body)? as u64 == length {
        Ok(())
    } else {
        Err(HttpError::Malformed("it is cut off"))
    }
}

fn chunks(from: &mut impl BufRead, body: &mut Vec<u8>) -> Result<(), HttpError> {
    loop {
        let line = line(from)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let bad = HttpError::Malformed("a chunk's size is not a number");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad);
        }
        match u64::from_str_radix(digits, 16) {
            // What may follow, trailers, says nothing a probe asks.
            Ok(0) => return Ok(()),
            Ok(size) => exactly(from, size, body)?,
            Err(_) => return Err(bad),
        }
        if !self::line(from)?.is_empty() {
            return Err(HttpError::Malformed("a chunk is longer than its size"));
        }
    }
}

fn bounded(length: u64) -> Result<(), HttpError> {
    if length > BODY_LIMIT {
        return Err(HttpError::TooLarge("its body is over 1 MiB"));
    }
    Ok(())
}

/// One line without its end.
fn line(from: &mut impl BufRead) -> Result<String, HttpError> {
    let mut line = Vec::new();
    from.take(LINE_LIMIT).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(if line.len() as u64 + 1 >= LINE_LIMIT {
            HttpError::TooLarge("a line is over 8 KiB")
        } else {
            HttpError::Malformed("it is cut off")
        });
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
