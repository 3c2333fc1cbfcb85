//! A browser tab that is open: a WebSocket which says something every second, hears it come back, and connects again
//! when it was cut off. What a cut-over does to it is counted apart: it does not survive the app's end.

use std::io::{BufRead, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::http::{Client, Connection, Line, status};

/// Time between two words.
const PACE: Duration = Duration::from_millis(500);
/// Time between two tries to connect.
const AGAIN: Duration = Duration::from_millis(200);

/// How a tab fared.
#[derive(Debug, Default, Clone, Copy)]
pub struct Fared {
    /// Words that came back.
    pub echoes: u64,
    /// How often it was cut off.
    pub cut: u64,
    /// The longest time from one word's return to the next one's.
    pub longest: Duration,
}

/// Keeps a tab open at this path until it is over. `token` is its first word.
pub fn tab(client: &Client, name: &str, path: &str, token: &str, over: &AtomicBool) -> Fared {
    let mut fared = Fared::default();
    let mut heard = Instant::now();
    while !over.load(Ordering::SeqCst) {
        let Ok(mut connection) = open(client, name, path, token) else {
            sleep(AGAIN);
            continue;
        };
        while echo(&mut connection, "{\"event\":\"say\",\"data\":\"here\"}").is_ok() {
            fared.echoes += 1;
            fared.longest = fared.longest.max(heard.elapsed());
            heard = Instant::now();
            if over.load(Ordering::SeqCst) {
                return fared;
            }
            sleep(PACE);
        }
        fared.cut += 1;
    }
    fared.longest = fared.longest.max(heard.elapsed());
    fared
}

/// The handshake of RFC 6455, and the token.
fn open(client: &Client, name: &str, path: &str, token: &str) -> std::io::Result<Connection> {
    let mut connection = client.connect(Line::NewTls)?;
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {name}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    connection.get_mut().write_all(head.as_bytes())?;
    connection.get_mut().flush()?;
    let code = status(&mut connection)?;
    if code != 101 {
        return Err(std::io::Error::other(format!("status {code}")));
    }
    let mut line = String::new();
    while connection.read_line(&mut line)? > 2 {
        line.clear();
    }
    let answer = echo(&mut connection, &format!("{{\"token\":\"{token}\"}}"))?;
    match answer.windows(12).any(|part| part == b"auth.success") {
        true => Ok(connection),
        false => Err(std::io::Error::other("the token was not taken")),
    }
}

/// Says a word and waits for what comes back.
fn echo(connection: &mut Connection, text: &str) -> std::io::Result<Vec<u8>> {
    connection.get_mut().write_all(&frame(text.as_bytes()))?;
    connection.get_mut().flush()?;
    loop {
        let word = word(connection)?;
        if !word.windows(4).any(|part| part == b"ping") {
            return Ok(word);
        }
    }
}

/// A text in one frame, masked with zeros as a client must.
fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length),
        _ => {
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text);
    frame
}

/// The text of the next frame; the server's are short and not masked.
fn word(connection: &mut Connection) -> std::io::Result<Vec<u8>> {
    let mut head = [0; 2];
    connection.read_exact(&mut head)?;
    let length = match head {
        [0x81, length] if length < 126 => length,
        other => return Err(std::io::Error::other(format!("frame {other:?}"))),
    };
    let mut text = vec![0; length.into()];
    connection.read_exact(&mut text)?;
    Ok(text)
}
