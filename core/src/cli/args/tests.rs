//! The command line as it is typed.

use clap::CommandFactory;

use super::*;

fn read(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

fn install(line: &str) -> Install {
    match read(line).unwrap().verb {
        Verb::Install(install) => *install,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_tree_is_sound_and_everything_has_a_help_text() {
    fn check(command: &clap::Command) {
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{} {}",
                command.get_name(),
                argument.get_id()
            );
        }
        for verb in command.get_subcommands() {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
            check(verb);
        }
    }
    Cli::command().debug_assert();
    check(&Cli::command());
}

#[test]
fn every_setting_has_a_flag() {
    let given = install(
        "homeport install --domain tasks.example.org --ssl-port 8443 --set database.wal=true --set a=b --on-failure keep",
    );
    let flags: Vec<_> = given
        .given
        .flags
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        flags,
        [("domain", "tasks.example.org"), ("ssl-port", "8443")]
    );
    assert_eq!(given.set, ["database.wal=true", "a=b"]);
    assert_eq!((given.on_failure, given.dry_run), (OnFailure::Keep, false));
    assert_eq!(
        read("homeport install --colour red")
            .unwrap_err()
            .exit_code(),
        2
    );
    let help = Cli::command()
        .find_subcommand_mut("install")
        .unwrap()
        .render_long_help()
        .to_string();
    for field in crate::settings::FIELDS.iter().filter(|field| field.asked()) {
        assert!(
            help.contains(&field.flag()) && help.contains(&field.variable()),
            "{}",
            field.name
        );
    }
    assert!(!help.contains("--created-at"));
}

#[test]
fn common_flags_stand_anywhere() {
    for line in [
        "homeport --json --yes stop tasks",
        "homeport stop tasks --yes --json",
    ] {
        let cli = read(line).unwrap();
        assert!(cli.common.json && cli.common.yes);
        assert_eq!(cli.common.progress(), Mode::Json);
        assert!(
            matches!(cli.verb, Verb::Stop(Change { dry_run: false, one: One { instance: Some(name) } }) if name == "tasks")
        );
    }
    assert!(read("homeport stop --quiet --verbose").is_err());
}

#[test]
fn a_name_that_leads_elsewhere_is_no_instance() {
    for name in ["../x", "/etc", ".", "a/b"] {
        assert!(read(&format!("homeport stop {name}")).is_err(), "{name}");
    }
}

#[test]
fn verbs_that_are_not_built_are_not_offered() {
    let help = Cli::command().render_help().to_string();
    for verb in ["backup", "restore", "reconfigure"] {
        assert!(!help.contains(&format!("  {verb} ")), "{verb}");
        assert!(read(&format!("homeport {verb}")).is_err());
    }
}
