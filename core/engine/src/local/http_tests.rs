use proptest::prelude::*;

use super::*;
use crate::probe::Via;

fn answer(bytes: &[u8]) -> Result<Answer, HttpError> {
    read(&mut BufReader::new(bytes))
}

fn body(bytes: &[u8]) -> String {
    String::from_utf8(answer(bytes).unwrap().body).unwrap()
}

#[test]
fn every_framing_gives_the_same_body() {
    let length = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellorest";
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n\
                    2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    let close = b"HTTP/1.0 200\nServer: x\n\nhello";
    let interim =
        b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    for bytes in [&length[..], chunked, close, interim] {
        assert_eq!(body(bytes), "hello");
    }
    let none = b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(answer(none).unwrap().status, 204);
}

#[test]
fn what_is_not_an_answer_is_refused() {
    let refused: [&[u8]; 14] = [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 +20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nhe\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n",
    ];
    for bytes in refused {
        assert!(
            matches!(answer(bytes), Err(HttpError::Malformed(_))),
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn endless_answers_are_cut_short() {
    let endless = |head: &str, more: &str| {
        let stream = head.as_bytes().chain(io::repeat(b'x')).take(64 << 20);
        let mut stream = BufReader::new(stream);
        assert!(
            matches!(read(&mut stream), Err(HttpError::TooLarge(_))),
            "{head}{more}"
        );
    };
    endless("", "a status line without end");
    endless("HTTP/1.1 200 OK\r\nX: ", "a header without end");
    endless("HTTP/1.1 200 OK\r\n\r\n", "a body without end");
    endless("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", "");
    endless(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "",
    );
    let headers = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(1000));
    assert!(matches!(
        answer(headers.as_bytes()),
        Err(HttpError::TooLarge(_))
    ));
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    assert!(matches!(answer(&interim), Err(HttpError::Malformed(_))));
}

#[test]
fn a_request_cannot_be_changed_by_what_stands_in_it() {
    let nowhere = io::Cursor::new(Vec::new());
    for (host, path) in [
        ("h", "/ HTTP/1.1\r\nX: y"),
        ("h\r\nX: y", "/"),
        ("", "/"),
        ("h", ""),
    ] {
        let request = Request {
            method: "GET",
            path,
            headers: &[],
            body: &[],
        };
        let refused = ask(nowhere.clone(), host, &request);
        assert!(
            matches!(refused, Err(HttpError::Request(_))),
            "{host}{path}"
        );
    }
}

#[test]
fn an_answer_is_judged_by_all_that_is_expected() {
    let check = |contains: Option<&str>, json: Option<(&str, &str)>| HttpCheck {
        via: Via::Tcp("h:1".to_owned()),
        host: "h".to_owned(),
        path: "/".to_owned(),
        call: None,
        status: 200,
        body_contains: contains.map(str::to_owned),
        json_equals: json.map(|(at, text)| (at.to_owned(), text.to_owned())),
        post: None,
    };
    let said = Answer {
        status: 200,
        body: br#"{"a":{"b":"ok"},"n":[7]}"#.to_vec(),
    };
    assert_eq!(
        judge(&said, &check(Some("ok"), Some(("/a/b", "ok")))),
        Ok(())
    );
    assert_eq!(judge(&said, &check(None, Some(("/n/0", "7")))), Ok(()));
    let wrong = [
        check(Some("missing"), None),
        check(None, Some(("/a/b", "no"))),
        check(None, Some(("/x", "ok"))),
        HttpCheck {
            status: 204,
            ..check(None, None)
        },
    ];
    for check in wrong {
        assert!(judge(&said, &check).is_err(), "{check:?}");
    }
    let page = Answer {
        status: 200,
        body: b"<html>".to_vec(),
    };
    let why = judge(&page, &check(None, Some(("/a", "ok")))).unwrap_err();
    assert_eq!(why, "the answer is not JSON");
}

proptest! {
    #[test]
    fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = answer(&bytes);
    }

    #[test]
    fn reading_is_total_near_the_grammar(
        text in "HTTP/1\\.[01] [0-9]{3} (OK)?\r\n((Content-Length|Transfer-Encoding|X): ?([0-9]{0,20}|chunked)\r\n){0,3}\r\n([0-9a-f]{1,2}\r\n)?[ -~]{0,20}"
    ) {
        if let Ok(answer) = answer(text.as_bytes()) {
            prop_assert!(answer.body.len() <= text.len());
        }
    }
}
