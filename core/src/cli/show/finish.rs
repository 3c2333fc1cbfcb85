//! The last screen of an install: only what was checked, and the commands people look for later.

use crate::cli::style::{Style, duration, wrap};
use crate::report::Installed;
use crate::verbs::adopt::Summary;

/// The screen.
pub fn installed(done: &Installed, style: Style) -> String {
    let sign = style.green(style.sign("✔", "done:"));
    let heading = style.bold(&format!(
        "{} {} is running and has answered at its address.",
        done.title, done.version
    ));
    let mut lines = vec![format!("{sign} {heading}"), String::new()];
    let mut row = |label: &str, text: &str| {
        let text = wrap(text, style.width.saturating_sub(13)).join("\n            ");
        lines.push(format!("  {label:<9} {text}"));
    };
    row("Open", &done.url);
    if done.self_signed {
        row(
            "",
            "Browsers warn: its certificate is self-signed (see --ssl-cert).",
        );
    }
    row("Log in", &done.first_login);
    if let Some(password) = &done.password {
        row(
            "Password",
            &format!("{password} (kept nowhere: write it down now)"),
        );
    }
    row(
        "Instance",
        &format!(
            "{} in guest {}, {}",
            done.instance, done.guest, done.address
        ),
    );
    row(
        "Took",
        &format!(
            "{}, {} calls of the host's programs",
            duration(done.seconds),
            done.host_calls
        ),
    );
    lines.push(String::new());
    let mut command = |command: String, what: &str| {
        lines.push(format!(
            "  {} {}",
            style.bold(&format!("{command:<38}")),
            style.dim(what)
        ))
    };
    command(format!("homeport status {}", done.instance), "how it is");
    if let Some(another) = &done.another_password {
        command(another.clone(), "another password");
    }
    command(
        format!("homeport uninstall {} --keep-data", done.instance),
        "remove it, keep an archive of its data",
    );
    lines.join("\n")
}

/// Which guest an instance is now, and what of a copy still is the original's.
pub fn adopted(done: &Summary) -> String {
    let (instance, guest) = (&done.instance, &done.guest);
    let settled = format!("`{instance}` is container {guest}, and its app has answered.");
    if !done.copy {
        return settled;
    }
    format!(
        "{settled}\nIt still calls itself {url}, as the original does: its links, its e-mails and its certificate lead \
         there. It answers at its own address, {address}.",
        url = done.url,
        address = done.address
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_screen() {
        let done = Installed {
            instance: "tasks".to_owned(),
            title: "Tasks".to_owned(),
            version: "2.5.0".to_owned(),
            url: "https://tasks.example.org".to_owned(),
            address: "10.0.0.5".to_owned(),
            guest: "105".to_owned(),
            first_login: "As `admin`, with the password below.".to_owned(),
            password: Some("Kx3".to_owned()),
            another_password: Some("pct exec 105 -- tasks passwd".to_owned()),
            self_signed: true,
            host_calls: 12,
            seconds: 95,
        };
        insta::assert_snapshot!(installed(&done, Style::PLAIN), @r#"
    done: Tasks 2.5.0 is running and has answered at its address.

      Open      https://tasks.example.org
                Browsers warn: its certificate is self-signed (see --ssl-cert).
      Log in    As `admin`, with the password below.
      Password  Kx3 (kept nowhere: write it down now)
      Instance  tasks in guest 105, 10.0.0.5
      Took      1 min 35 s, 12 calls of the host's programs

      homeport status tasks                  how it is
      pct exec 105 -- tasks passwd           another password
      homeport uninstall tasks --keep-data   remove it, keep an archive of its data
    "#);
    }
}
