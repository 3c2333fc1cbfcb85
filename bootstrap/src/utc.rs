//! Points in time as text, `2026-11-21T09:05:00Z`: always UTC, always this long, so that they sort as text.
//! Never reads the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SHAPE: &[u8] = b"0000-00-00T00:00:00Z";

/// Writes `time`, to the second. Times before 1970 become 1970, times after 9999 its last second.
pub fn format(time: SystemTime) -> String {
    const LAST: u64 = 253_402_300_799;
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
        .min(LAST);
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Writes a Unix time. What no clock can hold becomes 1970.
pub fn unix(seconds: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    format(time.unwrap_or(UNIX_EPOCH))
}

/// Whether `text` is a time as [`format`] writes it. Months and days are only checked for their digits: all that is
/// ever done with such a text is to compare it with another.
pub fn is_time(text: &str) -> bool {
    text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            literal => byte == *literal,
        })
}

/// Reads an HTTP date in the one form servers send, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn parse_http(text: &str) -> Option<SystemTime> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let words: Vec<&str> = text.split([' ', ':']).collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = words[..] else {
        return None;
    };
    let number = |word: &str, most: u64| word.parse().ok().filter(|number: &u64| *number <= most);
    let month = MONTHS
        .find(month)
        .filter(|at| at % 3 == 0 && month.len() == 3)? as u64
        / 3
        + 1;
    let date = (number(year, 9999)?, month, number(day, 31)?);
    moment(
        date,
        (number(hour, 23)?, number(minute, 59)?, number(second, 60)?),
    )
}

/// Reads a time as [`format`] writes it; `None` also for days there are not.
pub fn parse(text: &str) -> Option<SystemTime> {
    if !is_time(text) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let date = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let time = moment(date, (part(11, 13)?, part(14, 16)?, part(17, 19)?))?;
    (format(time) == text).then_some(time)
}

fn moment(
    (year, month, day): (u64, u64, u64),
    (hour, minute, second): (u64, u64, u64),
) -> Option<SystemTime> {
    let days: u64 = (1970..year).map(year_length).sum::<u64>()
        + (1..month)
            .map(|month| month_length(year, month))
            .sum::<u64>()
        + day.checked_sub(1)?;
    let seconds = hour * 3_600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(days * 86_400 + seconds))
}

/// Year, month and day of a day counted from 1970-01-01, by walking years and months: clear, and at most 8,000 steps.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= year_length(year) {
        days -= year_length(year);
        year += 1;
    }
    let mut month = 1;
    while days >= month_length(year, month) {
        days -= month_length(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn year_length(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_length(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs from `date -u -d @N`.
    #[test]
    fn formats_known_moments() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_000_000_000, "2001-09-09T01:46:40Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(format(UNIX_EPOCH + Duration::from_secs(seconds)), text);
            assert!(is_time(text));
            assert_eq!(parse(text), Some(UNIX_EPOCH + Duration::from_secs(seconds)));
        }
        for text in [
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "1969-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    /// The first is the RFC's own example.
    #[test]
    fn reads_what_servers_send() {
        let read = |text| parse_http(text).map(format);
        assert_eq!(
            read("Sun, 06 Nov 1994 08:49:37 GMT").as_deref(),
            Some("1994-11-06T08:49:37Z")
        );
        assert_eq!(
            read("Tue, 29 Feb 2028 23:59:59 GMT").as_deref(),
            Some("2028-02-29T23:59:59Z")
        );
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 anF 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn recognises_only_its_own_shape() {
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:0éZ",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }
}
