//! What a plugin says of itself, read as the foreign text it is.

use homeport_plugin_api::wire::{Manifest, WIRE};

use super::process::excerpt;

/// The most characters of a plugin's name; it stands in lists and settings.
const NAME_LIMIT: usize = 40;

/// Reads a manifest.
///
/// # Errors
/// It is not one, is of a newer age, or its name could not be typed.
pub(crate) fn read_manifest(text: &str) -> Result<Manifest, String> {
    let manifest: Manifest = serde_json::from_str(text)
        .map_err(|e| format!("its manifest is not one ({e}): {}", excerpt(text)))?;
    if manifest.wire > WIRE {
        let newer = manifest.wire;
        return Err(format!(
            "it speaks wire version {newer}, this Homeport up to {WIRE}: update Homeport"
        ));
    }
    let right = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = &manifest.name;
    if name.is_empty() || name.len() > NAME_LIMIT || !name.chars().all(right) {
        return Err(format!(
            "its name {} is not one",
            excerpt(&format!("{name:?}"))
        ));
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest(field: &str, value: serde_json::Value) -> Result<Manifest, String> {
        let mut manifest =
            json!({"wire": 1, "kind": "proxy", "name": "caddy", "version": "1.0.0", "methods": []});
        manifest[field] = value;
        read_manifest(&manifest.to_string())
    }

    #[test]
    fn a_field_from_the_future_is_ignored_and_a_missing_optional_one_is_empty() {
        let manifest = manifest("licence", json!("MIT")).unwrap();
        assert_eq!(
            (manifest.name.as_str(), manifest.summary.as_str()),
            ("caddy", "")
        );
        assert!(manifest.settings.fields.is_empty() && manifest.purposes.is_empty());
    }

    #[test]
    fn one_from_a_newer_age_says_what_to_do() {
        let said = manifest("wire", json!(2)).unwrap_err();
        assert_eq!(
            said,
            "it speaks wire version 2, this Homeport up to 1: update Homeport"
        );
    }

    #[test]
    fn a_name_that_cannot_be_typed_is_refused() {
        for name in ["", "Caddy", "a b", "../x", "\u{1b}[2J", &"x".repeat(41)] {
            let said = manifest("name", json!(name)).unwrap_err();
            assert!(
                said.starts_with("its name ") && !said.contains('\u{1b}'),
                "{said}"
            );
        }
    }

    #[test]
    fn what_is_not_a_manifest_is_shown_in_part() {
        let said = read_manifest(&"x".repeat(100_000)).unwrap_err();
        assert!(said.len() < 500, "{} bytes", said.len());
        assert!(
            manifest("kind", json!("telescope"))
                .unwrap_err()
                .starts_with("its manifest is not one")
        );
    }
}
