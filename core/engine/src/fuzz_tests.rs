//! What agents, guests and torn journals might hold: a value or an error, never a panic.

use homeport_mangle::bytes;
use proptest::prelude::*;

use crate::journal;
use crate::local::http;
use crate::report::Report;
use crate::wire::{Answer, Ask, receive};

const TALK: &str = "{\"wire\":1,\"answer\":\"hello\",\"version\":\"0.1.0\",\"open\":null}\n\
                    {\"wire\":1,\"answer\":\"told\",\"told\":{\"event\":\"done\",\"number\":3,\"ms\":12}}\n\
                    {\"wire\":1,\"answer\":\"heartbeat\"}\n{\"wire\":1,\"ask\":\"close\",\"operation\":\"op-1\"}\n";
const JOURNAL: &str = "{\"wire\":1,\"record\":\"intent\",\"number\":0,\"undo\":null}\n{\"wire\":1,\"record\":\"undone\",\"number\":0}\n\
                       {\"wire\":1,\"record\":\"commit\"}\n{\"wire\":1,\"record\":\"closed\",\"outcome\":\"done\",\"at\":1}\n";
const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n";

proptest! {
    #[test]
    fn talk(bytes in bytes(&[TALK])) {
        let mut from = bytes.as_slice();
        while receive::<Answer>(&mut from).is_ok() {}
        while receive::<Ask>(&mut from).is_ok() {}
        let _ = serde_json::from_slice::<Report>(&bytes);
    }

    #[test]
    fn journals(bytes in bytes(&[JOURNAL])) {
        if let Ok((_, whole)) = journal::read::<journal::Record>("j", &bytes) {
            prop_assert!(whole <= bytes.len());
        }
    }

    #[test]
    fn pages(bytes in bytes(&[PAGE])) {
        let _ = http::read(&mut bytes.as_slice());
    }
}
