//! What guests, plugins, archives and files of others might hold, beside what lies next to the parsers themselves.

use homeport_engine::report::Report;
use homeport_mangle::{bytes, text};
use homeport_plugin_api::wire::health::Probe;
use proptest::prelude::*;

use crate::cli::args::Since;
use crate::cli::style::{harmless, wrap};
use crate::log::read;
use crate::settings::{self, ConfigFile};
use crate::state::{Registered, State};

const LOG: &str = "[2026-01-02T03:04:05Z] [INFO] [install] step 3: Start it\n[2026-01-02T03:04:06Z] [SUCCESS] [install] done\n";
const STATE: &str = include_str!("../tests/golden/state-1.json");
const SETTINGS: &str = include_str!("settings/testdata/schema-1.yaml");
const RECIPE: &str = include_str!("../../templates/vikunja/recipe.yaml");
const PROBES: &str = r#"[{"name":"backend unit","component":"backend","check":{"unit":{"unit":"app-backend@blue.service"}},"deadline_seconds":2}]"#;

proptest! {
    #[test]
    fn logs(bytes in bytes(&[LOG])) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        std::fs::write(&path, &bytes).unwrap();
        std::fs::write(path.with_extension("log.1.gz"), &bytes).unwrap();
        prop_assert!(read::last(&path, 10).unwrap().len() <= 10);
    }

    #[test]
    fn what_guests_and_registries_say(bytes in bytes(&[STATE, PROBES])) {
        let _ = (serde_json::from_slice::<State>(&bytes), serde_json::from_slice::<Registered>(&bytes));
        let _ = (serde_json::from_slice::<Vec<Probe>>(&bytes), serde_json::from_slice::<Report>(&bytes));
    }

    #[test]
    fn settings_files(bytes in bytes(&[SETTINGS])) {
        let file = ConfigFile { name: "x.yaml".to_owned(), bytes };
        let _ = settings::from_yaml(file, &settings::Defaults::default());
    }

    #[test]
    fn recipes(bytes in bytes(&[RECIPE])) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recipe.yaml");
        std::fs::write(&path, &bytes).unwrap();
        let _ = crate::recipe::examine(&path);
    }

    #[test]
    fn words_and_texts(text in text(&["2026-01-02 03:04", "10m", "run `a b` now\u{9b}2J"]), width in 0usize..100) {
        let _ = Since::read(&text);
        prop_assert!(!harmless(&text).chars().any(char::is_control));
        prop_assert!(wrap(&text, width).len() <= text.len() + 1);
    }
}
