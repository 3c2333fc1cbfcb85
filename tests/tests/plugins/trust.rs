//! Whose plugins are loaded: the release's, a trusted author's, nobody else's – and never a file others can change.

use std::{fs, os::unix::fs::symlink, path::Path};

use homeport_core::plugin::{Library, PluginError, Registry, Trust, TrustedBy};
use minisign::KeyPair;

use crate::place::{Place, fixture, host, mode};

/// `minisign -S -t COMMENT`, with a new key whose public half goes to `public`.
fn sign(file: &Path, comment: &str, public: &Path) {
    let KeyPair { pk, sk } = KeyPair::generate_unencrypted_keypair().unwrap();
    let content = fs::File::open(file).unwrap();
    let signed = minisign::sign(Some(&pk), &sk, content, Some(comment), None).unwrap();
    let beside = format!("{}.minisig", file.display());
    fs::write(&beside, signed.to_string()).unwrap();
    mode(beside.as_ref(), 0o644);
    fs::write(public, pk.to_box().unwrap().to_string()).unwrap();
    mode(public, 0o644);
}

/// A plugin signed by an author, and a directory with the author's key.
fn signed(comment: &str) -> (Place, tempfile::TempDir) {
    let place = Place::with(&fixture("bad_plugin"));
    let keys = tempfile::tempdir().unwrap();
    mode(keys.path(), 0o755);
    sign(place.file(), comment, &keys.path().join("author.pub"));
    (place, keys)
}

const COMMENT: &str = "homeport-plugin libhomeport_bad_plugin.so";

fn verified(place: &Place, keys: &Path) -> Result<Library, PluginError> {
    Library::verified(place.file(), &Trust::default().and_keys_in(keys)?)
}

#[test]
fn an_author_s_plugin_is_loaded_when_the_key_is_trusted() {
    let (place, keys) = signed(COMMENT);
    let library = verified(&place, keys.path()).unwrap();
    assert_eq!(
        library.trusted_by(),
        &TrustedBy::Key("author.pub".to_owned())
    );
    assert_eq!(host().start(library).unwrap().manifest().name, "bad");
}

#[test]
fn another_key_another_file_s_signature_and_changed_bytes_do_not_count() {
    let refusal = |place: &Place, keys: &Path| {
        let error = verified(place, keys).unwrap_err();
        assert!(error.is_about_trust() && !error.remedy().is_empty());
        error.to_string()
    };
    let (place, keys) = signed(COMMENT);
    let (_, other_keys) = signed(COMMENT);
    assert!(refusal(&place, other_keys.path()).contains("does not count"));
    assert!(refusal(&place, "/nowhere".as_ref()).contains("does not count"));

    let mut bytes = fs::read(place.file()).unwrap();
    bytes[4000] ^= 1;
    place.write(&bytes);
    assert!(refusal(&place, keys.path()).contains("does not match its bytes"));

    let (place, keys) = signed("homeport-plugin another.so");
    assert!(refusal(&place, keys.path()).contains("is for something else"));
}

#[test]
fn a_plugin_nobody_vouches_for_is_not_loaded() {
    let place = Place::with(&fixture("bad_plugin"));
    let said = verified(&place, "/nowhere".as_ref())
        .unwrap_err()
        .to_string();
    assert!(said.starts_with("nobody vouches for"), "{said}");
}

/// The release's digest is not replaced by somebody's signature, be the key ever so trusted.
#[test]
fn bytes_other_than_the_release_s_are_refused() {
    let (place, keys) = signed(COMMENT);
    let trust = place.trust().and_keys_in(keys.path()).unwrap();
    let mut bytes = fs::read(place.file()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    place.write(&bytes);
    sign(place.file(), COMMENT, &keys.path().join("author.pub"));
    let trust_now = Trust::default().and_keys_in(keys.path()).unwrap();
    Library::verified(place.file(), &trust_now).unwrap();
    let error = Library::verified(place.file(), &trust).unwrap_err();
    assert!(matches!(error, PluginError::Tampered { .. }), "{error}");
}

#[test]
fn what_was_verified_is_what_is_loaded() {
    let place = Place::with(&fixture("bad_plugin"));
    let library = Library::verified(place.file(), &place.trust()).unwrap();
    place.write(b"changed after it was verified");
    assert_eq!(host().start(library).unwrap().manifest().name, "bad");
}

fn exposed(place: &Place) -> String {
    let error = place.start().err().expect("it was loaded");
    assert!(error.is_about_trust(), "{error}");
    error.to_string()
}

#[test]
fn a_file_others_can_write_to_is_refused() {
    let place = Place::with(&fixture("bad_plugin"));
    for (bits, shown) in [(0o666, "mode 0666"), (0o664, "mode 0664")] {
        mode(place.file(), bits);
        let said = exposed(&place);
        assert!(
            said.contains("others than root can write to it") && said.contains(shown),
            "{said}"
        );
    }
    mode(place.file(), 0o644);
    std::os::unix::fs::chown(place.file(), Some(65_534), None).unwrap();
    assert!(exposed(&place).contains("it belongs to user 65534, not to root"));
}

#[test]
fn a_directory_others_can_write_to_is_refused() {
    let place = Place::with(&fixture("bad_plugin"));
    mode(place.directory(), 0o777);
    let error = Registry::scan(&host(), &[place.directory().to_owned()], &place.trust())
        .err()
        .unwrap();
    assert!(matches!(error, PluginError::Exposed { .. }), "{error}");
    let error = Trust::default()
        .and_keys_in(place.directory())
        .err()
        .unwrap();
    assert!(matches!(error, PluginError::Exposed { .. }), "{error}");
}

#[test]
fn a_link_is_not_followed() {
    let place = Place::with(&fixture("bad_plugin"));
    let target = place.directory().join("target");
    fs::rename(place.file(), &target).unwrap();
    symlink(&target, place.file()).unwrap();
    let error = place.start().err().expect("it was loaded");
    assert!(matches!(error, PluginError::Unreadable { .. }), "{error}");
}

#[test]
fn a_key_that_is_none_is_an_error_not_a_gap() {
    let (_, keys) = signed(COMMENT);
    fs::write(keys.path().join("broken.pub"), "not a key").unwrap();
    mode(&keys.path().join("broken.pub"), 0o644);
    let error = Trust::default().and_keys_in(keys.path()).err().unwrap();
    assert!(error.to_string().contains("broken.pub"), "{error}");
}
