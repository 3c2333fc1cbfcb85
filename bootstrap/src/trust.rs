//! Whose signature counts, and whether it holds. The key is compiled in; a fork builds with its own.
//! Nothing here can be told to accept more.

use std::io::{self, Read};

use minisign_verify::{PublicKey, Signature};

/// The minisign public key of this build: the second line of the `.pub` file, given as `HOMEPORT_PUBLIC_KEY` to the
/// compiler. A build without one accepts nothing.
pub const COMPILED_KEY: Option<&str> = option_env!("HOMEPORT_PUBLIC_KEY");

/// The most bytes read of a signature file. minisign writes about 300.
pub const SIGNATURE_LIMIT: u64 = 4096;

/// Why something signed, or said to be, is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The program was built without `HOMEPORT_PUBLIC_KEY`.
    #[error("this program was built without a public key")]
    NoKey,
    /// The key is not one that minisign wrote.
    #[error("the public key is not a minisign key")]
    BadKey,
    /// The signature file is not one that minisign wrote.
    #[error("the signature file is not a minisign signature")]
    Malformed,
    /// The signature was made with another key, or by a minisign older than 0.6.
    #[error("it is signed with another key than this program trusts")]
    OtherKey,
    /// Bytes or trusted comment were changed after signing.
    #[error("its signature does not match its bytes")]
    Mismatch,
    /// A genuine signature, but of another file, version or kind of file.
    #[error("its signature is for something else: `{signed}` instead of `{expected}`")]
    OtherComment {
        /// The trusted comment as signed.
        signed: String,
        /// What it has to be.
        expected: String,
    },
    /// The file to check could not be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// A public key whose signatures count.
#[derive(Clone)]
pub struct Key(PublicKey);

impl Key {
    /// The key this program was built with.
    pub fn compiled() -> Result<Self, TrustError> {
        COMPILED_KEY.ok_or(TrustError::NoKey).and_then(Self::parse)
    }

    /// Reads a key: the base64 line alone, or a whole `.pub` file.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        let line = text
            .lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty())
            .ok_or(TrustError::BadKey)?;
        PublicKey::from_base64(line)
            .map(Self)
            .map_err(|_| TrustError::BadKey)
    }

    /// Checks that `content` was signed under exactly `comment`. Reads `content` to its end, from where it stands.
    pub fn verify(
        &self,
        content: &mut dyn Read,
        signature: &[u8],
        comment: &str,
    ) -> Result<(), TrustError> {
        let text = std::str::from_utf8(signature).map_err(|_| TrustError::Malformed)?;
        let signature = Signature::decode(text).map_err(|_| TrustError::Malformed)?;
        let mut verifier = self
            .0
            .verify_stream(&signature)
            .map_err(|_| TrustError::OtherKey)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match content.read(&mut buffer)? {
                0 => break,
                count => verifier.update(buffer.get(..count).unwrap_or_default()),
            }
        }
        verifier.finalize().map_err(|_| TrustError::Mismatch)?;
        same_comment(signature.trusted_comment(), comment)
    }
}

fn same_comment(signed: &str, expected: &str) -> Result<(), TrustError> {
    if signed == expected {
        return Ok(());
    }
    Err(TrustError::OtherComment {
        signed: signed.to_owned(),
        expected: expected.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `minisign 0.11`: `minisign -G -W`, `minisign -S -t "homeport-channel name:stable"` over `hello\n`.
    const KEY: &str = include_str!("../testdata/stock.pub");
    const SIGNATURE: &[u8] = include_bytes!("../testdata/stock.minisig");
    const COMMENT: &str = "homeport-channel name:stable";

    fn verify(content: &str, signature: &[u8], comment: &str) -> Result<(), TrustError> {
        Key::parse(KEY)
            .unwrap()
            .verify(&mut content.as_bytes(), signature, comment)
    }

    #[test]
    fn accepts_what_stock_minisign_signed() {
        verify("hello\n", SIGNATURE, COMMENT).unwrap();
        let line = KEY.lines().nth(1).unwrap();
        Key::parse(line)
            .unwrap()
            .verify(&mut "hello\n".as_bytes(), SIGNATURE, COMMENT)
            .unwrap();
    }

    #[test]
    fn refuses_changed_bytes_and_another_comment() {
        assert!(matches!(
            verify("hellp\n", SIGNATURE, COMMENT),
            Err(TrustError::Mismatch)
        ));
        assert!(matches!(
            verify("hello\n", SIGNATURE, "homeport-channel name:beta"),
            Err(TrustError::OtherComment { .. })
        ));
    }

    /// Only the untrusted comment, the first line, may be changed by anyone.
    #[test]
    fn no_byte_below_the_first_line_can_be_changed() {
        let start = SIGNATURE.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for at in start..SIGNATURE.len() - 1 {
            for bit in 0..8 {
                let mut changed = SIGNATURE.to_vec();
                changed[at] ^= 1 << bit;
                assert!(
                    verify("hello\n", &changed, COMMENT).is_err(),
                    "byte {at} bit {bit}"
                );
            }
        }
    }

    #[test]
    fn no_cut_signature_or_key_is_accepted_and_none_panics() {
        for end in 0..SIGNATURE.len() - 1 {
            assert!(
                verify("hello\n", &SIGNATURE[..end], COMMENT).is_err(),
                "{end}"
            );
        }
        let line = KEY.lines().nth(1).unwrap();
        for end in 0..line.len() {
            assert!(Key::parse(&line[..end]).is_err(), "{end}");
        }
    }
}
