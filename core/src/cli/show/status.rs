//! How an instance is: each part in a line, then what needs attention and what to do about it.

use std::fmt::Write;

use crate::cli::style::{Style, bytes, duration, harmless, wrap};
use crate::report::{Component, Database, Health, Remark, Room, Status};

/// Columns for the name of a part, at least; at most twice as many.
const NAME: usize = 12;

/// The status of one instance.
pub fn status(status: &Status, style: Style) -> String {
    let mut text = heading(status, style);
    let names = status.parts().map(|part| part.name.chars().count());
    let name = names.max().unwrap_or(0).clamp(NAME, 2 * NAME);
    for part in status.parts() {
        let facts = component(part, &status.looked_at);
        let sign = sign(part.health, style);
        let room = style.width.saturating_sub(name + 6).max(NAME);
        let gap = format!("\n    {:<name$} ", "");
        let facts = wrap(&facts, room).join(&gap);
        let _ = writeln!(text, "  {sign} {:<name$} {facts}", harmless(&part.name));
    }
    if let Some(database) = &status.database {
        let _ = write!(text, "{}", size(database, name));
    }
    if let Some(cpu) = status.cpu {
        let _ = writeln!(
            text,
            "    {:<name$} {} % of {} in use",
            "processors", cpu.used_percent, cpu.cores
        );
    }
    if let Some(memory) = status.memory {
        let _ = writeln!(text, "  {}", room("memory", memory, name));
    }
    for disk in &status.disks {
        let _ = writeln!(text, "  {}", room(&disk.path, disk.room, name));
    }
    if let Some(until) = &status.certificate_until {
        let _ = writeln!(
            text,
            "    {:<name$} until {}",
            "certificate",
            harmless(until)
        );
    }
    for line in wrap(&under_way(status), style.width.saturating_sub(2)) {
        let _ = writeln!(text, "  {line}");
    }
    status
        .remarks
        .iter()
        .for_each(|remark| say(&mut text, remark, style));
    text
}

/// What is being done to it, or was left undone: while somebody is at work, an operation is open as it should be.
fn under_way(status: &Status) -> String {
    match (&status.holder, &status.open) {
        (Some(holder), _) => format!("Somebody is at work on it: {}.", harmless(holder)),
        (None, Some(open)) => format!(
            "The operation {open} is unfinished; the next changing command finishes it or takes it back."
        ),
        (None, None) => String::new(),
    }
}

/// Who it is, how it is, and as of when, if that is not now.
fn heading(status: &Status, style: Style) -> String {
    let version = if status.version.is_empty() { "" } else { " " };
    let name = format!(
        "{} ({}{version}{}), guest {} on {}",
        status.instance, status.app, status.version, status.guest, status.node
    );
    let since = match status.overall {
        Health::Healthy => String::new(),
        _ => since(&status.since, &status.looked_at),
    };
    let mut text = format!(
        "{} {}: {}, {}{since}\n",
        sign(status.overall, style),
        style.bold(&name),
        status.state,
        word(status.overall)
    );
    if let Some(age) = status.age_s {
        let _ = writeln!(
            text,
            "  {}",
            style.yellow(&format!("as seen {} ago, not now", duration(age)))
        );
    }
    if !status.url.is_empty() {
        let _ = writeln!(text, "  {}", status.url);
    }
    text
}

/// Since when it was seen to be so, if not only since this look.
fn since(first: &str, now: &str) -> String {
    if first.is_empty() || first == now {
        String::new()
    } else {
        format!(" (since {} or before)", harmless(first))
    }
}

fn size(database: &Database, name: usize) -> String {
    let size = database
        .size_bytes
        .map(|size| format!("{} large", bytes(size)));
    let open = database.connections.map(|count| match count {
        1 => "1 connection".to_owned(),
        _ => format!("{count} connections"),
    });
    let facts: Vec<String> = size.into_iter().chain(open).collect();
    if facts.is_empty() {
        return String::new();
    }
    format!("    {:<name$} {}\n", "", facts.join(", "))
}

fn say(text: &mut String, remark: &Remark, style: Style) {
    let lines = wrap(&harmless(&remark.text), style.width.saturating_sub(3));
    let sign = sign(remark.health, style);
    let _ = writeln!(text, "\n{sign} {}", lines.join("\n  "));
    for remedy in &remark.remedy {
        let _ = writeln!(text, "  {}", harmless(remedy));
    }
}

fn component(part: &Component, now: &str) -> String {
    let mut facts = vec![part.detail.trim_end_matches('.').to_owned()];
    facts.extend(
        part.version
            .iter()
            .map(|version| format!("version {version}")),
    );
    facts.extend(part.http_status.map(|status| format!("HTTP {status}")));
    facts.extend(part.response_ms.map(|ms| format!("{ms} ms")));
    facts.extend(
        part.uptime_s
            .map(|seconds| format!("up {}", duration(seconds))),
    );
    let checks = part.checks.iter().map(|check| {
        let state = if check.passed { "ok" } else { "failed" };
        format!("{} {state}", check.name)
    });
    facts.extend(checks);
    let since = match part.health {
        Health::Healthy => String::new(),
        _ => since(&part.since, now),
    };
    harmless(&format!("{}{since}", facts.join(", ")))
}

fn room(what: &str, room: Room, name: usize) -> String {
    format!(
        "  {:<name$} {} of {} free ({} %)",
        what,
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

/// It in a few words.
pub(super) fn word(health: Health) -> &'static str {
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
    use crate::report::{Cpu, Dependency, Disk};

    fn part(name: &str, health: Health, detail: &str) -> Component {
        let well = health == Health::Healthy;
        Component {
            name: name.to_owned(),
            health,
            detail: detail.to_owned(),
            response_ms: well.then_some(12),
            http_status: well.then_some(200),
            uptime_s: well.then_some(93_784),
            version: well.then(|| "v2.5.0".to_owned()),
            since: "2026-01-02T03:04:05Z".to_owned(),
            ..Component::default()
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
                Component {
                    checks: vec![Dependency {
                        name: "redis".to_owned(),
                        passed: true,
                    }],
                    ..part("backend", Health::Healthy, "active")
                },
                part("proxy", Health::Unhealthy, "failed\x1b[2J"),
            ],
            looked_at: "2026-01-02T03:14:05Z".to_owned(),
            age_s: None,
            since: "2026-01-02T03:04:05Z".to_owned(),
            database: Some(Database {
                component: Component {
                    http_status: None,
                    uptime_s: None,
                    version: None,
                    ..part("database", Health::Healthy, "answers")
                },
                size_bytes: Some(8 << 20),
                connections: Some(3),
            }),
            cpu: Some(Cpu {
                cores: 2,
                used_percent: 12,
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
    x tasks (vikunja 2.5.0), guest 105 on pve: running, does not work (since 2026-01-02T03:04:05Z or before)
      https://tasks.example.org
      + backend      active, version v2.5.0, HTTP 200, 12 ms, up 1 d 2 h, redis ok
      x proxy        failed [2J (since 2026-01-02T03:04:05Z or before)
      + database     answers, 12 ms
                     8.0 MiB large, 3 connections
        processors   12 % of 2 in use
        memory       700.0 MiB of 1.0 GiB free (68 %)
        /            1.0 GiB of 8.0 GiB free (12 %)
        certificate  until 2029-02-22T10:31:15Z
      Somebody is at work on it: `stop` of root@pve (process 9) since
      2026-01-02T03:04:05Z.

    x The proxy is not running.
      homeport restart tasks
    "#);
    }

    #[test]
    fn long_names_and_narrow_windows_keep_the_columns() {
        let mut known = example();
        known.components[1].name = "gate of backend".to_owned();
        known.remarks.clear();
        let narrow = Style {
            width: 50,
            ..Style::PLAIN
        };
        let text = status(&known, narrow);
        let lines: Vec<&str> = text.lines().skip(2).take(4).collect();
        assert_eq!(
            lines,
            [
                "  + backend         active, version v2.5.0, HTTP",
                "                    200, 12 ms, up 1 d 2 h, redis",
                "                    ok",
                "  x gate of backend failed [2J (since",
            ]
        );
    }

    #[test]
    fn a_stopped_instance_is_short() {
        let known = example();
        let nothing = Status {
            instance: known.instance,
            app: known.app,
            guest: known.guest,
            node: known.node,
            url: known.url,
            state: "stopped".to_owned(),
            ..Status::default()
        };
        assert_eq!(
            status(&nothing, Style::PLAIN),
            "? tasks (vikunja), guest 105 on pve: stopped, could not be asked\n  https://tasks.example.org\n"
        );
    }

    #[test]
    fn an_earlier_look_is_never_told_as_this_one() {
        let earlier = Status {
            age_s: Some(7),
            ..example()
        };
        let text = status(&earlier, Style::PLAIN);
        assert_eq!(text.lines().nth(1), Some("  as seen 7 s ago, not now"));
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
