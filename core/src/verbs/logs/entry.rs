//! One entry of a guest's journal as it is exported. A total function of bytes that anybody in the guest may have made.

use homeport_bootstrap::utc;
use serde_json::Value;

use super::units::Units;
use crate::log::Level;
use crate::report::Line;

/// More of one entry's text is not shown, characters.
const LONGEST: usize = 16 << 10;

/// Fields that say which unit an entry is about, the surest first.
const UNIT_FIELDS: [&str; 4] = [
    "_SYSTEMD_UNIT",
    "UNIT",
    "OBJECT_SYSTEMD_UNIT",
    "COREDUMP_UNIT",
];

/// The fields that are asked for.
pub(super) const FIELDS: &str =
    "MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,OBJECT_SYSTEMD_UNIT,COREDUMP_UNIT";

/// The lines of an entry: as many as its text has. `None`: it is no entry.
pub(super) fn lines(bytes: &[u8], units: &Units) -> Option<Vec<Line>> {
    let entry: Value = serde_json::from_slice(bytes).ok()?;
    let field = |name: &str| entry.get(name).and_then(Value::as_str);
    let microseconds: u64 = field("__REALTIME_TIMESTAMP")?.parse().ok()?;
    let about = UNIT_FIELDS.iter().find_map(|name| {
        let unit = field(name)?;
        Some((units.part(unit)?, unit))
    });
    let (component, unit) = about.unwrap_or(("?", field("_SYSTEMD_UNIT").unwrap_or_default()));
    let level = level(field("PRIORITY"));
    let line = |text: &str| Line {
        time: utc::unix(microseconds / 1_000_000),
        component: component.to_owned(),
        unit: Some(unit.to_owned()),
        level,
        text: text.to_owned(),
    };
    Some(
        shortened(&message(entry.get("MESSAGE")?))
            .lines()
            .map(line)
            .collect(),
    )
}

/// Text, or its bytes where it is not valid as such, or several of them.
fn message(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) if parts.iter().all(Value::is_u64) => {
            let byte = |part: &Value| part.as_u64().and_then(|byte| u8::try_from(byte).ok());
            let bytes: Vec<u8> = parts.iter().filter_map(byte).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Value::Array(parts) => parts
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("\n"),
        _ => "(a message that is too long)".to_owned(),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} … ({} bytes more)", &text[..at], text.len() - at),
        None => text.to_owned(),
    }
}

/// Syslog's numbers.
fn level(priority: Option<&str>) -> Level {
    match priority {
        Some("0" | "1" | "2" | "3") => Level::Error,
        Some("4") => Level::Warn,
        Some("7") => Level::Debug,
        _ => Level::Info,
    }
}

#[cfg(test)]
mod tests {
    use homeport_mangle::bytes;
    use proptest::prelude::*;

    use super::*;

    fn read(entry: &str) -> Option<Vec<Line>> {
        lines(entry.as_bytes(), &Units::of(&[]))
    }

    #[test]
    fn an_entry_is_read() {
        let found = read(
            r#"{"__REALTIME_TIMESTAMP":"1767322985123456","PRIORITY":"4","UNIT":"homeport-recover.service","_SYSTEMD_UNIT":"init.scope","MESSAGE":"one\ntwo"}"#,
        )
        .unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0],
            Line {
                time: "2026-01-02T03:03:05Z".to_owned(),
                component: "agent".to_owned(),
                unit: Some("homeport-recover.service".to_owned()),
                level: Level::Warn,
                text: "one".to_owned(),
            }
        );
    }

    #[test]
    fn messages_come_in_several_forms() {
        let text = |message: &str| {
            let entry = format!(r#"{{"__REALTIME_TIMESTAMP":"1","MESSAGE":{message}}}"#);
            read(&entry).unwrap().remove(0).text
        };
        assert_eq!(text("[104,105,255]"), "hi\u{fffd}");
        assert_eq!(text(r#"["a","b"]"#), "a");
        assert_eq!(text("null"), "(a message that is too long)");
        let long = text(&format!("\"{}\"", "ä".repeat(LONGEST + 3)));
        assert!(
            long.ends_with("ä … (6 bytes more)"),
            "{}",
            &long[long.len() - 30..]
        );
    }

    proptest! {
        #[test]
        fn fuzz_entries(bytes in bytes(&[r#"{"__REALTIME_TIMESTAMP":"1767322985123456","PRIORITY":"4","_SYSTEMD_UNIT":"x.service","MESSAGE":[104,105,255]}"#])) {
            let found = lines(&bytes, &Units::of(&[])).unwrap_or_default();
            prop_assert!(found.iter().all(|line| line.text.chars().count() <= LONGEST + 40));
        }
    }

    #[test]
    fn what_is_no_entry_is_none() {
        for entry in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"__REALTIME_TIMESTAMP":"x","MESSAGE":"y"}"#,
            "{\"MESSAGE\"",
        ] {
            assert_eq!(read(entry), None, "{entry}");
        }
    }
}
