//! What stands behind the proxy in these tests: answers with what it was asked, takes WebSockets, can hold.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    thread,
};

/// Answers at `socket` until the test ends. Every answer names `name` and what was asked.
pub fn listen(socket: &Path, name: &'static str) {
    let listener = UnixListener::bind(socket).unwrap();
    fs::set_permissions(socket, fs::Permissions::from_mode(0o666)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || answer(stream, name));
        }
    });
}

fn answer(stream: UnixStream, name: &str) -> Option<()> {
    let mut from = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (from.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let field = |wanted: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(field, _)| field.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.to_owned())
            .next()
    };
    if field("upgrade").is_some() {
        return echo(stream, from, name);
    }
    let length = field("content-length").map_or(0, |length| length.parse().unwrap());
    let read = std::io::copy(&mut from.take(length), &mut std::io::sink()).ok()?;
    let body = format!("{name} read {read} bytes after\n{head}");
    let status = if head.contains(" /fails ") {
        "500 Broken"
    } else {
        "200 OK"
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    (&stream).write_all(answer.as_bytes()).ok()
}

fn echo(mut stream: UnixStream, mut from: BufReader<UnixStream>, name: &str) -> Option<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-By: {name}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    stream.write_all(format!("echo {line}").as_bytes()).ok()
}
