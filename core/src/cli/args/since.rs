//! `--since`: a time, or how long ago. Pure; the clock comes in from outside.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use homeport_bootstrap::utc;

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So many seconds before now.
    Ago(u64),
    /// From this time on, Unix seconds.
    At(u64),
}

impl Since {
    /// Reads `90s`, `10m`, `2h`, `3d`, `1w`, or a UTC time: `2026-01-02`, `2026-01-02 03:04`, `2026-01-02T03:04:05Z`.
    pub fn read(text: &str) -> Result<Since, String> {
        let wrong = || {
            format!(
                "`{text}` is neither a time in UTC (2026-01-02, `2026-01-02 03:04`, 2026-01-02T03:04:05Z) nor how long ago (90s, 10m, 2h, 3d, 1w)"
            )
        };
        ago(text).or_else(|| at(text)).ok_or_else(wrong)
    }

    /// The time, Unix seconds.
    pub fn time(self, now: u64) -> u64 {
        match self {
            Since::Ago(seconds) => now.saturating_sub(seconds),
            Since::At(time) => time,
        }
    }
}

fn ago(text: &str) -> Option<Since> {
    const UNITS: [(char, u64); 5] = [
        ('s', 1),
        ('m', 60),
        ('h', 3600),
        ('d', 86_400),
        ('w', 604_800),
    ];
    let (number, seconds) = UNITS
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, seconds)))?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| digits)?;
    Some(Since::Ago(number.checked_mul(*seconds)?))
}

/// What is left out of a time is zero.
fn at(text: &str) -> Option<Since> {
    const WHOLE: &str = "0000-00-00T00:00:00Z";
    let text = text.replacen(' ', "T", 1);
    let whole = match text.len() {
        10 | 16 | 19 => format!("{text}{}", WHOLE.get(text.len()..)?),
        _ => text,
    };
    let time: SystemTime = utc::parse(&whole)?;
    let since: Duration = time.duration_since(UNIX_EPOCH).ok()?;
    Some(Since::At(since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_ages() {
        for (text, since) in [
            ("90s", Since::Ago(90)),
            ("10m", Since::Ago(600)),
            ("2h", Since::Ago(7200)),
            ("1w", Since::Ago(604_800)),
            ("2001-09-09", Since::At(999_993_600)),
            ("2001-09-09 01:46", Since::At(999_999_960)),
            ("2001-09-09T01:46:40", Since::At(1_000_000_000)),
            ("2001-09-09T01:46:40Z", Since::At(1_000_000_000)),
        ] {
            assert_eq!(Since::read(text), Ok(since), "{text}");
        }
        for text in [
            "",
            "h",
            "-1h",
            "+1h",
            "1.5h",
            "yesterday",
            "2026-02-30",
            "2026-01-02T",
            "99999999999999999999w",
            "@5",
            "2026-01-0é",
        ] {
            assert!(Since::read(text).is_err(), "{text}");
        }
        assert_eq!(Since::Ago(100).time(30), 0);
        assert_eq!(Since::Ago(10).time(30), 20);
    }
}
