//! An error in its four parts – what failed, why, which state the system is in, what to do – with the last lines of the
//! log, where there are any.

use crate::cli::style::{Style, harmless, wrap};
use crate::error::Error;

/// Width of the first column.
const LABEL: usize = 7;

/// The error as a block of text.
pub fn error(error: &Error, style: Style) -> String {
    let sign = style.red(style.sign("✖", "error:"));
    let mut lines = vec![format!("{sign} {}", style.bold(&harmless(&error.what)))];
    let mut part = |label: &str, text: &str| lines.extend(labelled(label, text, style));
    part("Why", &error.why);
    part("State", error.aftermath.sentence());
    for (index, remedy) in error.remedies().iter().enumerate() {
        part(if index == 0 { "Do" } else { "" }, remedy);
    }
    if !error.lines.is_empty() {
        lines.push(format!(
            "  Last {} lines of output or log:",
            error.lines.len()
        ));
        lines.extend(
            error
                .lines
                .iter()
                .map(|line| style.dim(&format!("    {}", harmless(line)))),
        );
    }
    lines.join("\n")
}

/// The lines of a part, the first behind its label.
fn labelled(label: &str, text: &str, style: Style) -> Vec<String> {
    let width = style.width.saturating_sub(LABEL + 3);
    let clean: Vec<String> = text.lines().map(harmless).collect();
    let wrapped = wrap(&clean.join("\n"), width);
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels
        .zip(wrapped)
        .map(|(label, line)| format!("  {} {line}", style.bold(&format!("{label:<LABEL$}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use homeport_engine::run::{Fault, FaultKind, RunError};

    use super::*;
    use crate::error::{Aftermath, Kind};
    use crate::settings::{Sources, resolve};

    fn shown(error: impl Into<Error>) -> String {
        super::error(&error.into(), Style::PLAIN)
    }

    fn step(kind: FaultKind) -> RunError {
        let fault = Fault::new(kind, "`pct start 105` ended with 1")
            .with_lines(vec![
                "run_buffer: 571 Script exited with status 1".to_owned(),
                "\x1b[31mred\x1b[0m".to_owned(),
            ])
            .with_remedy("`journalctl -u pve-container@105` tells more.");
        RunError::Step {
            number: 4,
            title: "Start the container".to_owned(),
            fault,
        }
    }

    #[test]
    fn a_failed_step_that_was_taken_back() {
        let error = Error::from(step(FaultKind::Failed)).after(Aftermath::RolledBack);
        assert_eq!(error.code(), 18);
        insta::assert_snapshot!(shown(error), @r#"
    error: The step `Start the container` failed.
      Why     `pct start 105` ended with 1.
      State   What this command had done is taken back; the system is as it was
              before.
      Do      `journalctl -u pve-container@105` tells more.
      Last 2 lines of output or log:
        run_buffer: 571 Script exited with status 1
         [31mred [0m
    "#);
    }

    #[test]
    fn a_step_that_cannot_be_taken_back() {
        let RunError::Step { fault, .. } = step(FaultKind::Failed) else {
            unreachable!()
        };
        let error = Error::from(RunError::Undo {
            number: 4,
            title: "Start the container".to_owned(),
            fault,
        });
        assert_eq!(error.code(), 12);
        insta::assert_snapshot!(shown(error), @r#"
    error: The step `Start the container` could not be taken back.
      Why     `pct start 105` ended with 1.
      State   The operation is unfinished; its journal is kept and says what is left
              to do.
      Do      `journalctl -u pve-container@105` tells more.
              Run the same command again: it first finishes or takes back what is
              open.
      Last 2 lines of output or log:
        run_buffer: 571 Script exited with status 1
         [31mred [0m
    "#);
    }

    #[test]
    fn settings_name_every_finding() {
        let error = Error::from(resolve(&Sources::default(), &Default::default()).unwrap_err());
        assert_eq!(error.code(), 3);
        insta::assert_snapshot!(shown(error), @r#"
    error: The settings are not valid.
      Why     `app` is missing (--app or HOMEPORT_APP): The app: a recipe's name
              `deployment.instance_id` is missing (--instance-id or
              HOMEPORT_INSTANCE_ID): Name of this instance, unique in the cluster
              `network.domain` is missing (--domain or HOMEPORT_DOMAIN): Name people
              type to reach the app, or an IP address
              `network.ip_address` is missing (--ip-address or HOMEPORT_IP_ADDRESS):
              Static address of the container with prefix length, as in
              192.168.1.50/24
              `database.plugin` is missing (--database-plugin or
              HOMEPORT_DATABASE_PLUGIN): Database engine: the name of an installed
              plugin (`homeport plugin list`)
              `backup.directory` is missing (--backup-directory or
              HOMEPORT_BACKUP_DIRECTORY): Directory on the host for backups
              `admin.email` is missing (--admin-email or HOMEPORT_ADMIN_EMAIL): Your
              e-mail address: that of the first account, and of whoever looks after
              the instance
      State   Nothing was changed.
      Do      Correct the settings; `homeport install --help` explains each.
    "#);
    }

    #[test]
    fn the_verbs_own_errors() {
        let known = ["tasks".to_owned(), "other".to_owned()];
        let no_file = io::Error::from(io::ErrorKind::NotFound);
        insta::assert_snapshot!([
            shown(Error::no_such_instance("taks", &known)),
            shown(Error::which_instance(&known)),
            shown(Error::which_instance(&[])),
            shown(Error::already_there("tasks")),
            shown(Error::unreadable(Path::new("/x.pem"), no_file)),
            shown(Error::cannot_ask("remove the instance `tasks` and its data?")),
            shown(Error::declined()),
            shown(Error::no_plugin("proxy")),
        ].join("\n\n"), @r#"
    error: There is no instance `taks`.
      Why     On this host are: tasks, other.
      State   Nothing was changed.
      Do      Did you mean `tasks`?

    error: It is not clear which instance is meant.
      Why     On this host are: tasks, other.
      State   Nothing was changed.
      Do      Give its name behind the verb.

    error: There is no instance.
      Why     Nothing is installed on this host.
      State   Nothing was changed.
      Do      `homeport install` installs one.

    error: Something that is needed is taken or missing.
      Why     There is an instance `tasks` on this host.
      State   Nothing was changed.
      Do      `homeport status tasks` shows it; another one needs another
              `--instance-id`.

    error: A file cannot be read.
      Why     `/x.pem`: entity not found.
      State   Nothing was changed.
      Do      Check the path.

    error: A confirmation is needed.
      Why     There is no terminal to ask on: remove the instance `tasks` and its
              data?
      State   Nothing was changed.
      Do      Pass `--yes` to confirm it beforehand.

    error: Cancelled.
      Why     You said no.
      State   Nothing was changed.
      Do      Run the same command again when you want to.

    error: A plugin is missing.
      Why     No proxy plugin can be used.
      State   Nothing was changed.
      Do      `homeport plugin list` shows what there is and what is wrong with it.
    "#);
    }

    #[test]
    fn exit_codes_are_the_agreed_ones() {
        let code = |kind| Error::from(step(kind)).after(Aftermath::RolledBack).code();
        use FaultKind::{
            Cancelled, Download, Failed, Locked, Network, NotOurs, Requirement, Resources,
            Unhealthy, Untrusted,
        };
        let kinds = [
            Failed,
            NotOurs,
            Requirement,
            Resources,
            Unhealthy,
            Network,
            Download,
            Untrusted,
            Locked,
            Cancelled,
        ];
        assert_eq!(kinds.map(code), [18, 18, 4, 4, 10, 6, 8, 13, 5, 20]);
        assert_eq!(Error::from(step(Cancelled)).code(), 130);
        assert_eq!(Error::new(Kind::Unexpected, "x", "y").code(), 1);
    }
}
