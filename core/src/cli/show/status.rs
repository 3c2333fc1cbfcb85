//! How an instance is: each part in a line, then what needs attention and what to do about it.

use std::fmt::Write;

use crate::cli::style::{Style, bytes, duration, harmless};
use crate::report::{Component, Health, Remark, Room, Status};

/// The status of one instance.
pub fn status(status: &Status, style: Style) -> String {
    let version = if status.version.is_empty() { "" } else { " " };
    let name = format!(
        "{} ({}{version}{}), guest {} on {}",
        status.instance, status.app, status.version, status.guest, status.node
    );
    let mut text = format!(
        "{} {}: {}, {}\n",
        sign(status.overall, style),
        style.bold(&name),
        status.state,
        word(status.overall)
    );
    if !status.url.is_empty() {
        let _ = writeln!(text, "  {}", status.url);
    }
    for part in status.components.iter().chain(&status.database) {
        let _ = writeln!(text, "  {} {}", sign(part.health, style), component(part));
    }
    if let Some(memory) = status.memory {
        let _ = writeln!(text, "  {}", room("memory", memory));
    }
    for disk in &status.disks {
        let _ = writeln!(text, "  {}", room(&disk.path, disk.room));
    }
    if let Some(until) = &status.certificate_until {
        let _ = writeln!(text, "    {:<12} until {}", "certificate", harmless(until));
    }
    if let Some(holder) = &status.holder {
        let _ = writeln!(text, "  Somebody is at work on it: {}.", harmless(holder));
    }
    if let Some(open) = &status.open {
        let _ = writeln!(
            text,
            "  The operation {open} is unfinished; the next changing command finishes it or takes it back."
        );
    }
    status
        .remarks
        .iter()
        .for_each(|remark| say(&mut text, remark, style));
    text
}

fn say(text: &mut String, remark: &Remark, style: Style) {
    let _ = writeln!(
        text,
        "\n{} {}",
        sign(remark.health, style),
        harmless(&remark.text)
    );
    for remedy in &remark.remedy {
        let _ = writeln!(text, "  {}", harmless(remedy));
    }
}

fn component(part: &Component) -> String {
    let mut facts = vec![part.detail.clone()];
    facts.extend(part.http_status.map(|status| format!("HTTP {status}")));
    facts.extend(part.response_ms.map(|ms| format!("{ms} ms")));
    facts.extend(
        part.uptime_s
            .map(|seconds| format!("up {}", duration(seconds))),
    );
    harmless(&format!("{:<12} {}", part.name, facts.join(", ")))
}

fn room(name: &str, room: Room) -> String {
    format!(
        "  {:<12} {} of {} free ({} %)",
        name,
        bytes(room.free),
        bytes(room.total),
        room.free_percent()
    )
}

fn sign(health: Health, style: Style) -> String {
    match health {
        Health::Healthy => style.green(style.sign("●", "+")),
        Health::Degraded => style.yellow(style.sign("●", "!")),
        Health::Unhealthy => style.red(style.sign("✖", "x")),
        Health::Unknown => style.dim(style.sign("○", "?")),
    }
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Degraded => "needs attention",
        Health::Unhealthy => "does not work",
        Health::Unknown => "could not be asked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Disk;

    fn part(name: &str, health: Health, detail: &str) -> Component {
        let well = health == Health::Healthy;
        Component {
            name: name.to_owned(),
            health,
            detail: detail.to_owned(),
            response_ms: well.then_some(12),
            http_status: well.then_some(200),
            uptime_s: well.then_some(93_784),
        }
    }

    fn example() -> Status {
        Status {
            instance: "tasks".to_owned(),
            app: "vikunja".to_owned(),
            version: "2.5.0".to_owned(),
            guest: "105".to_owned(),
            node: "pve".to_owned(),
            state: "running".to_owned(),
            url: "https://tasks.example.org".to_owned(),
            overall: Health::Unhealthy,
            components: vec![
                part("backend", Health::Healthy, "active"),
                part("proxy", Health::Unhealthy, "failed\x1b[2J"),
            ],
            database: Some(Component {
                http_status: None,
                uptime_s: None,
                ..part("database", Health::Healthy, "reachable")
            }),
            memory: Some(Room {
                total: 1 << 30,
                free: 700 << 20,
            }),
            disks: vec![Disk {
                path: "/".to_owned(),
                room: Room {
                    total: 8 << 30,
                    free: 1 << 30,
                },
            }],
            certificate_until: Some("2029-02-22T10:31:15Z".to_owned()),
            holder: Some("`stop` of root@pve (process 9) since 2026-01-02T03:04:05Z".to_owned()),
            open: Some("20260102-x".to_owned()),
            remarks: vec![Remark {
                health: Health::Unhealthy,
                text: "The proxy is not running.".to_owned(),
                remedy: vec!["homeport restart tasks".to_owned()],
            }],
            host_calls: 2,
        }
    }

    #[test]
    fn everything_that_is_known_is_shown() {
        insta::assert_snapshot!(status(&example(), Style::PLAIN), @r#"
    x tasks (vikunja 2.5.0), guest 105 on pve: running, does not work
      https://tasks.example.org
      + backend      active, HTTP 200, 12 ms, up 1 d 2 h
      x proxy        failed [2J
      + database     reachable, 12 ms
        memory       700.0 MiB of 1.0 GiB free (68 %)
        /            1.0 GiB of 8.0 GiB free (12 %)
        certificate  until 2029-02-22T10:31:15Z
      Somebody is at work on it: `stop` of root@pve (process 9) since 2026-01-02T03:04:05Z.
      The operation 20260102-x is unfinished; the next changing command finishes it or takes it back.

    x The proxy is not running.
      homeport restart tasks
    "#);
    }

    #[test]
    fn a_stopped_instance_is_short() {
        let nothing = Status {
            overall: Health::Unknown,
            state: "stopped".to_owned(),
            version: String::new(),
            components: Vec::new(),
            database: None,
            memory: None,
            disks: Vec::new(),
            certificate_until: None,
            holder: None,
            open: None,
            remarks: Vec::new(),
            ..example()
        };
        assert_eq!(
            status(&nothing, Style::PLAIN),
            "? tasks (vikunja), guest 105 on pve: stopped, could not be asked\n  https://tasks.example.org\n"
        );
    }

    #[test]
    fn of_nothing_nothing_is_free() {
        assert_eq!(Room { total: 0, free: 0 }.free_percent(), 0);
        assert_eq!(
            Room {
                total: u64::MAX,
                free: u64::MAX
            }
            .free_percent(),
            100
        );
    }
}
