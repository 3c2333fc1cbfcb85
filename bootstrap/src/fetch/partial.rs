//! The part of a download that has arrived, and what is needed to ask for the rest of exactly the same file.
//! Bytes of two different files are never put together: without a validator the download starts again.

use std::fs::File;
use std::io::{self, Seek, Write};

use ureq::Body;
use ureq::http::{HeaderName, Response, header};

use super::Fetched;
use crate::digest::Hasher;

pub(super) struct Partial<'a> {
    file: &'a mut File,
    hasher: Hasher,
    size: u64,
    /// The strong ETag or the date the server gave its file (RFC 9110, 13.1.5).
    validator: Option<String>,
}

impl<'a> Partial<'a> {
    pub(super) fn new(file: &'a mut File) -> Self {
        Self {
            file,
            hasher: Hasher::default(),
            size: 0,
            validator: None,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// `Range` and `If-Range` for the rest. The latter makes a server whose file has changed send all of it.
    pub(super) fn range(&self) -> Option<(String, &str)> {
        let validator = self.validator.as_deref().filter(|_| self.size > 0)?;
        Some((format!("bytes={}-", self.size), validator))
    }

    /// Whether the server sends what was asked for: the rest, beginning here.
    pub(super) fn goes_on(&self, response: &Response<Body>) -> bool {
        let start = format!("bytes {}-", self.size);
        self.range().is_some()
            && text(response, header::CONTENT_RANGE).is_some_and(|range| range.starts_with(&start))
    }

    /// The server sends its file from the beginning.
    pub(super) fn restart(&mut self, response: &Response<Body>) -> io::Result<()> {
        self.forget()?;
        let etag = text(response, header::ETAG).filter(|etag| etag.starts_with('"'));
        self.validator = etag
            .or_else(|| text(response, header::LAST_MODIFIED))
            .map(str::to_owned);
        Ok(())
    }

    pub(super) fn forget(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        (self.hasher, self.size, self.validator) = (Hasher::default(), 0, None);
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn finish(self) -> Fetched {
        Fetched {
            size: self.size,
            sha256: self.hasher.finish(),
        }
    }
}

fn text(response: &Response<Body>, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}
