//! Lists: instances, operations, and what a bundle holds.

use std::fmt::Write;

use super::status::word;
use super::table::table;
use crate::bundle::Inspection;
use crate::cli::style::{Style, bytes, duration, harmless};
use crate::report::Listed;

/// The instances of a host or cluster.
pub fn list(instances: &[Listed]) -> String {
    if instances.is_empty() {
        return "No instance is here. `homeport install` installs one.".to_owned();
    }
    let row = |one: &Listed| {
        let health = health(one);
        [
            &one.instance,
            &one.app,
            &one.version,
            &one.guest,
            &one.node,
            &one.state,
            &health,
            &one.url,
        ]
        .map(String::clone)
    };
    let mut text = table(
        [
            "INSTANCE",
            "APP",
            "VERSION",
            "GUEST",
            "NODE",
            "STATE",
            "LAST SEEN",
            "URL",
        ],
        &instances.iter().map(row).collect::<Vec<_>>(),
    );
    for doubt in instances.iter().filter_map(|one| one.doubt.as_ref()) {
        let _ = write!(text, "\n\n{}", harmless(&doubt.text));
        for remedy in &doubt.remedy {
            let _ = write!(text, "\n  {}", harmless(remedy));
        }
    }
    text
}

/// How it was when it was looked at last, and how long ago that was: never how it is now.
fn health(one: &Listed) -> String {
    let seen = one.health.zip(one.health_age_s);
    seen.map_or_else(String::new, |(health, age)| {
        format!("{}, {} ago", word(health), duration(age))
    })
}

/// What a bundle holds, and whether it is genuine.
pub fn bundle(bundle: &Inspection, style: Style) -> String {
    let genuine = if bundle.verified {
        style.green("its signature holds")
    } else {
        style.yellow("its signature was not looked at")
    };
    let heading = format!(
        "{}, {}: {genuine}\nsha256 {}\n",
        style.bold(&bundle.name),
        bytes(bundle.size),
        bundle.sha256
    );
    let files: Vec<_> = bundle
        .manifest
        .files
        .iter()
        .map(|file| {
            [
                format!("{:04o}", file.mode.bits()),
                bytes(file.size),
                file.path.clone(),
            ]
        })
        .collect();
    format!("{heading}{}", table(["MODE", "SIZE", "PATH"], &files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Health, Remark};

    #[test]
    fn instances() {
        let one = |instance: &str, url: &str| Listed {
            instance: instance.to_owned(),
            app: "vikunja".to_owned(),
            version: "2.5.0".to_owned(),
            guest: "105".to_owned(),
            node: "pve".to_owned(),
            state: "running".to_owned(),
            health: (!url.is_empty()).then_some(Health::Degraded),
            health_age_s: (!url.is_empty()).then_some(125),
            url: url.to_owned(),
            doubt: None,
        };
        insta::assert_snapshot!(list(&[one("tasks", "https://tasks.example.org"), one("a-longer-name", "")]), @r#"
    INSTANCE       APP      VERSION  GUEST  NODE  STATE    LAST SEEN                       URL
    tasks          vikunja  2.5.0    105    pve   running  needs attention, 2 min 5 s ago  https://tasks.example.org
    a-longer-name  vikunja  2.5.0    105    pve   running  -                               -
    "#);
        let doubt = Remark {
            health: Health::Degraded,
            text: "Container 106 says so, too.".to_owned(),
            remedy: vec!["homeport adopt 106 --as-original".to_owned()],
        };
        let copied = Listed {
            doubt: Some(doubt),
            ..one("tasks", "")
        };
        insta::assert_snapshot!(list(&[copied]), @r#"
    INSTANCE  APP      VERSION  GUEST  NODE  STATE    LAST SEEN  URL
    tasks     vikunja  2.5.0    105    pve   running  -          -

    Container 106 says so, too.
      homeport adopt 106 --as-original
    "#);
        assert_eq!(
            list(&[]),
            "No instance is here. `homeport install` installs one."
        );
    }
}
