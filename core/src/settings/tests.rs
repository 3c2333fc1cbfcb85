//! The settings as a user meets them: precedence, findings with their lines, and the way to the file and back.

use homeport_plugin_api::wire::schema;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn defaults() -> Defaults {
    let field = |name: &str, kind, default| schema::Field {
        name: name.to_owned(),
        kind,
        required: false,
        default,
        help: "What it is.".to_owned(),
    };
    let fields = vec![
        field("wal", schema::FieldKind::Flag, Some(json!(true))),
        field(
            "cache",
            schema::FieldKind::Integer { min: 1, max: 100 },
            None,
        ),
        field("note", schema::FieldKind::Text, None),
    ];
    let database = |plugin: &str, also: &[&str], fields| DatabaseDefaults {
        plugin: plugin.to_owned(),
        also: also.iter().map(|name| (*name).to_owned()).collect(),
        settings: schema::Schema { fields },
    };
    let component = |name: &str, port: u16| ComponentDefaults {
        name: name.to_owned(),
        optional: false,
        port_blue: port,
        port_green: port + 1,
    };
    Defaults {
        app: [
            ("mail_host", vec![]),
            ("mail_user", vec!["mail_host".to_owned()]),
        ]
        .map(|(name, needs)| AppSetting {
            field: field(name, schema::FieldKind::Text, None),
            needs,
        })
        .into(),
        values: [("app", "tasks"), ("database.plugin", "filedb")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        components: vec![component("backend", 3456), component("mcp", 8456)],
        databases: vec![
            database("filedb", &["file"], fields),
            database("serverdb", &[], Vec::new()),
        ],
        floors: Floors {
            memory_mb: 512,
            disk_size_gb: 4,
        },
    }
}

const GOOD: &str = "\
network:
  domain: tasks.example.org
  ip_address: 10.0.0.5/24
  gateway: 10.0.0.1
admin:
  email: admin@example.org
";

fn file(text: &str) -> ConfigFile {
    ConfigFile {
        name: "my.yaml".to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

fn sources(
    text: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
    set: &[&str],
) -> Sources {
    let owned = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<Vec<_>>()
    };
    Sources {
        flags: owned(flags).into_iter().collect(),
        set: set.iter().map(|set| (*set).to_owned()).collect(),
        environment: owned(environment),
        file: Some(file(text)),
    }
}

fn wrong(sources: &Sources) -> String {
    resolve(sources, &defaults())
        .expect_err("valid settings")
        .to_string()
}

#[test]
fn a_default_that_says_nothing_is_not_written_as_if_it_were_given() {
    let mut known = defaults();
    let mut from = known.app[1].clone();
    from.field.name = "mail_from".to_owned();
    from.field.default = Some(json!("tasks@example.org"));
    known.app.push(from);
    let written = |set: &[&str]| {
        let settings = resolve(&sources(GOOD, &[], &[], set), &known).unwrap();
        let page = to_yaml(&settings, &known);
        resolve(&sources(&page, &[], &[], &[]), &known).unwrap();
        page
    };
    assert!(written(&[]).contains("# mail_from:\n"));
    let page = written(&["settings.mail_host=mail.example.org"]);
    assert!(
        page.contains("\n  mail_from: tasks@example.org\n"),
        "{page}"
    );
}

#[test]
fn the_apps_own_settings_are_settings_like_all_others() {
    let resolved = |set: &[&str]| resolve(&sources(GOOD, &[], &[], set), &defaults());
    let both = [
        "settings.mail_host=mail.example.org",
        "settings.mail_user=ann",
    ];
    assert_eq!(resolved(&both).unwrap().settings["mail_user"], "ann");
    assert_eq!(
        resolved(&both[1..]).unwrap_err().to_string(),
        "--set: `settings.mail_user` is given without `settings.mail_host`; without that it does nothing"
    );
    let slip = resolved(&["settings.mail_hots=x"]).unwrap_err().to_string();
    assert!(
        slip.ends_with("did you mean `settings.mail_host`?"),
        "{slip}"
    );
    let by_variable = sources(GOOD, &[("HOMEPORT_MAIL_HOST", "m")], &[], &[]);
    assert_eq!(
        resolve(&by_variable, &defaults()).unwrap().settings["mail_host"],
        "m"
    );
}

#[test]
fn the_first_account_is_named_after_its_address() {
    let named = |email: &str| {
        let set = format!("admin.email={email}");
        let found = resolve(&sources(GOOD, &[], &[], &[&set]), &defaults());
        found.unwrap().admin_username()
    };
    assert_eq!(named("Ann.Lee+todo@example.org"), "ann.lee");
    assert_eq!(named("me@example.org"), "admin");
    let given = ["admin.username=boss"];
    let found = resolve(&sources(GOOD, &[], &[], &given), &defaults());
    assert_eq!(found.unwrap().admin_username(), "boss");
}

#[test]
fn a_short_file_is_enough() {
    let settings = from_yaml(file(GOOD), &defaults()).unwrap();
    assert_eq!(settings.app, "tasks");
    assert_eq!(
        settings.deployment,
        Deployment {
            schema: 1,
            instance_id: "tasks".to_owned(),
            created_at: None,
            updated_at: None
        }
    );
    assert_eq!(settings.backup.directory, "/var/backups/tasks");
    assert_eq!(settings.services.components["mcp"].port_green, 8457);
    assert_eq!(
        settings.database.settings,
        json!({"wal": true}).as_object().unwrap().clone()
    );
    assert_eq!(settings.public_url(), "https://tasks.example.org");
    assert_eq!(settings.registration, Registration::Closed);
}

#[test]
fn flags_win_over_environment_over_file_over_default() {
    let resolved = |env: &[(&str, &str)], flags: &[(&str, &str)], set: &[&str]| {
        let text = format!("{GOOD}resources:\n  cpu_cores: 3\n");
        resolve(&sources(&text, env, flags, set), &defaults())
            .unwrap()
            .resources
            .cpu_cores
    };
    assert_eq!(
        from_yaml(file(GOOD), &defaults())
            .unwrap()
            .resources
            .cpu_cores,
        2
    );
    assert_eq!(resolved(&[], &[], &[]), 3);
    assert_eq!(resolved(&[("HOMEPORT_CPU_CORES", "4")], &[], &[]), 4);
    assert_eq!(resolved(&[("HOMEPORT_CPU_CORES", "")], &[], &[]), 3);
    assert_eq!(
        resolved(&[("HOMEPORT_CPU_CORES", "4")], &[("cpu-cores", "5")], &[]),
        5
    );
    assert_eq!(
        resolved(
            &[("HOMEPORT_CPU_CORES", "4")],
            &[],
            &["resources.cpu_cores=6"]
        ),
        6
    );
}

#[test]
fn what_recipe_and_plugin_add_has_variable_and_path_too() {
    let given = sources(
        GOOD,
        &[
            ("HOMEPORT_BACKEND_PORT_BLUE", "4000"),
            ("HOMEPORT_DATABASE_CACHE", "9"),
        ],
        &[],
        &["database.wal=false"],
    );
    let settings = resolve(&given, &defaults()).unwrap();
    assert_eq!(settings.services.components["backend"].port_blue, 4000);
    assert_eq!(
        settings.database.settings,
        json!({"wal": false, "cache": 9})
            .as_object()
            .unwrap()
            .clone()
    );
}

#[test]
fn the_flat_form_of_older_files_is_read() {
    let text = format!("{GOOD}database:\n  type: file\n  cache: 7\n");
    let settings = from_yaml(file(&text), &defaults()).unwrap();
    assert_eq!(
        (
            settings.database.plugin.as_str(),
            &settings.database.settings["cache"]
        ),
        ("filedb", &json!(7))
    );
    let both = format!("{GOOD}database:\n  type: filedb\n  plugin: filedb\n");
    assert!(
        wrong(&sources(&both, &[], &[], &[]))
            .contains("line 9: `database.plugin` says the same as another line (my.yaml, line 8)")
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_line_and_nearest_name() {
    let text = "\
app: tasks
netwrok:
  domian: x
  gateway: y
network:
  domian: tasks.example.org
  ip_address: 10.0.0.0/24
  gateway: [10.0.0.1]
  bridge:
resources:
  cpu_cores: 99
  cpu_cores: 2
  memory_mb: 300
database:
  plugin: filedbb
  password: hunter2
services:
  backend:
    port_blue: 80
    port_green: 8456
  backnd:
    port_blue: 4000
deployment:
  schema: 2
admin: me@example.org
";
    let flags = [("disk-size-gb", "much")];
    let env = [
        ("HOMEPORT_DOMIAN", "x"),
        ("HOMEPORT_BASE_URL", "https://x"),
        ("HOMEPORT_SSL_PORT", "none"),
        ("PATH", "/bin"),
    ];
    insta::assert_snapshot!(wrong(&sources(text, &env, &flags, &["network.bridge", "colour=red"])), @r#"
    my.yaml, line 2: `netwrok` is not a setting – did you mean `network`?
    my.yaml, line 6: `network.domian` is not a setting – did you mean `network.domain`?
    my.yaml, line 7: `network.ip_address` is "10.0.0.0/24", but that is the first or last address of its network, which no machine can have
    my.yaml, line 8: `network.gateway` takes one value, not a list
    my.yaml, line 9: `network.bridge` has no value; give one or remove the line
    my.yaml, line 11: `resources.cpu_cores` is "99", but that is not a whole number from 1 to 32
    my.yaml, line 12: `resources.cpu_cores` is given twice, first in line 11
    my.yaml, line 13: `resources.memory_mb` is 300, but the app needs at least 512 MiB of memory
    my.yaml, line 15: `database.plugin` is "filedbb", but that is no installed plugin; there is filedb, serverdb – did you mean `filedb`?
    my.yaml, line 16: `database.password` must not stand here: settings are readable and backed up, a secret has a file of its own
    my.yaml, line 19: `services.backend.port_blue` is "80", but that is not a whole number from 1024 to 65535
    my.yaml, line 20: `services.backend.port_green` is 8456, but that is the port of `services.mcp.port_blue`; all must be different
    my.yaml, line 21: `services.backnd` is not a setting – did you mean `services.backend`?
    my.yaml, line 24: `deployment.schema` is "2", but that is of a newer Homeport; this one reads 1 and lower
    my.yaml, line 25: `admin` is a section; its keys stand below it, indented
    --disk-size-gb: `resources.disk_size_gb` is "much", but that is not a whole number from 2 to 16384
    --set: `network.bridge` is not of the form `PATH=VALUE`
    --set: `colour` is not a setting
    HOMEPORT_DOMIAN: the variable is not one of Homeport's – did you mean `HOMEPORT_DOMAIN`?
    HOMEPORT_SSL_PORT: `services.frontend.ssl_port` is "none", but that is not a whole number from 1 to 65535
    `network.domain` is missing (--domain or HOMEPORT_DOMAIN): Name people type to reach the app, or an IP address
    `admin.email` is missing (--admin-email or HOMEPORT_ADMIN_EMAIL): Your e-mail address: that of the first account, and of whoever looks after the instance
    "#);
}

#[test]
fn what_is_missing_is_named_with_every_way_to_give_it() {
    insta::assert_snapshot!(wrong(&Sources::default()), @r#"
    `network.domain` is missing (--domain or HOMEPORT_DOMAIN): Name people type to reach the app, or an IP address
    `network.ip_address` is missing (--ip-address or HOMEPORT_IP_ADDRESS): Static address of the container with prefix length, as in 192.168.1.50/24
    `admin.email` is missing (--admin-email or HOMEPORT_ADMIN_EMAIL): Your e-mail address: that of the first account, and of whoever looks after the instance
    "#);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = ConfigFile::read(std::path::Path::new("/nonexistent/x.yaml")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`/nonexistent/x.yaml` cannot be read: ")
    );
}

#[test]
fn a_setting_can_be_looked_at_before_the_rest_is_known() {
    let given = sources("app: fromfile\n", &[("HOMEPORT_APP", "fromenv")], &[], &[]);
    assert_eq!(given.peek("app").as_deref(), Some("fromenv"));
    assert_eq!(
        Sources {
            environment: Vec::new(),
            ..given
        }
        .peek("app")
        .as_deref(),
        Some("fromfile")
    );
    assert_eq!(Sources::default().peek("app"), None);
}

/// Files of this schema are out there: the reader has to take them for ever.
#[test]
fn the_file_in_the_guest() {
    let mut settings = from_yaml(file(GOOD), &defaults()).unwrap();
    settings.deployment.created_at = Some("2026-01-02T03:04:05Z".to_owned());
    settings.database.dialect = Some("file".to_owned());
    assert_eq!(
        to_yaml(&settings, &defaults()),
        include_str!("testdata/schema-1.yaml")
    );
    assert_eq!(
        from_yaml(file(include_str!("testdata/schema-1.yaml")), &defaults()).unwrap(),
        settings
    );
}

fn maybe<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>> {
    proptest::option::of(strategy)
}

prop_compose! {
    fn any_settings()(
        words in ("[a-z][a-z0-9]{0,8}", "[A-Za-z0-9]([A-Za-z0-9-]{0,8}[A-Za-z0-9])?", "[a-z]{1,9}(\\.[a-z]{2,5}){0,2}", "/[ -~]{0,12}"),
        optional in (maybe("[0-9]\\.[0-9]{1,2}\\.[0-9]"), maybe("https://[a-z]{1,9}(/[a-z0-9]{1,5})?"), maybe(100u32..999_999_999), maybe("[a-z]{2,8}"), maybe("\\PC{1,20}")),
        numbers in (1u32..=32, 512u32..100_000, 4u32..1000, 1u32..=1000, 1024u16..3000),
        open in any::<bool>(),
        servers in proptest::collection::vec("9\\.9\\.9\\.[1-9]", 0..4),
        colour in maybe(any::<bool>()),
    ) -> Settings {
        let mut settings = from_yaml(file(GOOD), &defaults()).expect("GOOD is valid");
        settings.app = words.0;
        settings.deployment.instance_id = words.1;
        settings.network.domain = words.2;
        settings.backup.directory = words.3.replace("..", "");
        (settings.source.version, settings.source.url, settings.proxmox.container_id, settings.proxmox.storage) =
            (optional.0.clone(), optional.1, optional.2, optional.3);
        if let Some(note) = optional.4 {
            settings.database.settings.insert("note".to_owned(), note.into());
        }
        settings.resources = Resources { cpu_cores: numbers.0, memory_mb: numbers.1, disk_size_gb: numbers.2 };
        settings.backup.retention_count = numbers.3;
        settings.registration = if open { Registration::Open } else { Registration::Closed };
        settings.network.nameservers = servers.iter().filter_map(|server| server.parse().ok()).collect();
        let backend = settings.services.components.get_mut("backend").expect("a component");
        backend.port_green = numbers.4;
        backend.version_blue = optional.0;
        backend.active_color = colour.map(|blue| if blue { Color::Blue } else { Color::Green });
        settings
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_equal(settings in any_settings()) {
        let text = to_yaml(&settings, &defaults());
        let read = from_yaml(file(&text), &defaults());
        prop_assert_eq!(read.map_err(|error| format!("{error}\n{text}")), Ok(settings));
    }

    #[test]
    fn another_yaml_reader_sees_the_same(settings in any_settings()) {
        let text = to_yaml(&settings, &defaults());
        let read: Result<Settings, _> = serde_yaml::from_str(&text);
        prop_assert_eq!(read.map_err(|error| format!("{error}\n{text}")), Ok(settings));
    }

    #[test]
    fn resolving_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..400) {
        let _ = from_yaml(ConfigFile { name: "x".to_owned(), bytes }, &defaults());
        let cut: String = GOOD.chars().take(cut).collect();
        let _ = from_yaml(file(&cut), &defaults());
    }
}
