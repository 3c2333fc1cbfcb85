//! What servers, mirrors and bundles might hold: an answer or an error, never a panic, never trust.

use homeport_mangle::{bytes, text};
use proptest::prelude::*;

use crate::channel::Channel;
use crate::manifest::Manifest;
use crate::name::{BundleName, ChannelName};
use crate::trust::Key;
use crate::{unpack, utc};

const NAME: &str = "homeport-0.2.0-x86_64-linux.tar.zst";
const MANIFEST: &str = r#"{"schema":1,"name":"homeport","version":"0.2.0","target":"x86_64-linux","files":[{"path":"bin/homeport","size":3,"mode":"0755",
"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}"#;
const CHANNEL: &str = r#"{"schema":1,"channel":"stable","newest":"0.3.0","lowest":"0.2.0","expires":"2026-11-21T12:00:01Z"}"#;
const KEY: &str = include_str!("../testdata/stock.pub");
const SIGNATURE: &str = include_str!("../testdata/stock.minisig");

/// A small bundle: a tar of one file, as zstd stores it when nothing is compressed.
fn bundle() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(MANIFEST.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "manifest.json", MANIFEST.as_bytes())
        .unwrap();
    let plain = tar.into_inner().unwrap();
    let raw_block = u32::try_from(plain.len()).unwrap() << 3 | 1;
    let mut packed = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    packed.extend_from_slice(&raw_block.to_le_bytes()[..3]);
    packed.extend(plain);
    packed
}

fn name() -> BundleName {
    BundleName::of(NAME.as_ref()).unwrap()
}

proptest! {
    #[test]
    fn manifests_and_channels(bytes in bytes(&[MANIFEST, CHANNEL])) {
        let _ = (Manifest::parse(&bytes, &name()), Channel::parse(&bytes, &ChannelName::default()));
    }

    #[test]
    fn bundles(bytes in bytes(&[bundle()])) {
        let _ = unpack::check(bytes.as_slice(), &name());
    }

    /// Whatever is changed in a signature, it holds for no other content.
    #[test]
    fn signatures(signature in bytes(&[SIGNATURE]), content in any::<[u8; 4]>()) {
        let key = Key::parse(KEY).unwrap();
        let held = key.verify(&mut content.as_slice(), &signature, "homeport-channel name:stable");
        prop_assert!(held.is_err());
    }

    #[test]
    fn keys_names_and_times(text in text(&[KEY, NAME, "2026-11-21T12:00:01Z", "Sun, 06 Nov 1994 08:49:37 GMT"])) {
        let _ = (Key::parse(&text), BundleName::of(text.as_ref()), utc::parse_http(&text));
        prop_assert!(utc::parse(&text).is_none_or(|time| utc::format(time) == text));
    }
}
