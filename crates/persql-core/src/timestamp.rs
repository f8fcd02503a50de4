//! Times as text: as the HTTP API writes them (RFC 3339), and as Python does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

/// From the first of March of year 0 to 1970: years that begin in March have their leap day at the end. The arithmetic
/// is Howard Hinnant's `civil_from_days` and its inverse.
const EPOCH: u64 = 719_468;
const ERA: u64 = 146_097;

/// Writes a time in UTC and whole seconds: `2026-11-21T06:00:00Z`. What is before 1970 is written as its beginning.
pub fn write(time: SystemTime) -> String {
    format!("{}Z", whole_seconds(since_epoch(time)))
}

/// Writes a time in UTC as Python's `datetime.isoformat` does: `2026-11-21T06:00:00.123456+00:00`, and without the
/// fraction where that is zero. What is before 1970 is written as its beginning.
pub fn isoformat(time: SystemTime) -> String {
    let since = since_epoch(time);
    match since.subsec_micros() {
        0 => format!("{}+00:00", whole_seconds(since)),
        micros => format!("{}.{micros:06}+00:00", whole_seconds(since)),
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn whole_seconds(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (era, day_of_era) = ((days + EPOCH) / ERA, (days + EPOCH) % ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Reads `2026-11-21T06:00:00Z`, also with a fraction of a second, which is left out, with an offset in place of the `Z`
/// or without either. `None` for what is no time since 1970.
pub fn parse(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse::<u64>().ok() } else { None }
    };
    let is_at = |at: usize, one_of: &[u8]| text.as_bytes().get(at).is_some_and(|byte| one_of.contains(byte));
    let separated = is_at(4, b"-") && is_at(7, b"-") && is_at(10, b"Tt ") && is_at(13, b":") && is_at(16, b":");
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !separated || !in_range {
        return None;
    }
    let shifted = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, year_of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let seconds = days.checked_sub(EPOCH)? * DAY + hour * 3_600 + minute * 60 + second;
    let rest = text.get(19..)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let seconds = match zone.as_bytes() {
        b"" | b"Z" | b"z" => seconds,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let of_zone = text.len() - 5;
            let offset = number(of_zone..of_zone + 2)? * 3_600 + number(of_zone + 3..of_zone + 5)? * 60;
            if *sign == b'+' { seconds.checked_sub(offset)? } else { seconds + offset }
        }
        _ => return None,
    };
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_and_read_as_people_do() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(write(time), text);
            assert_eq!(parse(text), Some(time));
        }
    }

    #[test]
    fn a_time_is_written_as_python_writes_it() {
        for (seconds, micros, expected) in [
            (0, 0, "1970-01-01T00:00:00+00:00"),
            (951_782_400, 1, "2000-02-29T00:00:00.000001+00:00"),
            (1_714_804_362, 235_444, "2024-05-04T06:32:42.235444+00:00"),
            (1_709_251_199, 999_999, "2024-02-29T23:59:59.999999+00:00"),
            (4_107_542_400, 0, "2100-03-01T00:00:00+00:00"),
        ] {
            assert_eq!(isoformat(UNIX_EPOCH + Duration::new(seconds, micros * 1_000)), expected);
        }
    }

    #[test]
    fn a_time_may_have_a_zone_and_a_fraction() {
        let time = parse("2026-11-21T06:00:00Z");
        for same in ["2026-11-21T06:00:00.999Z", "2026-11-21 07:30:00+01:30", "2026-11-21t05:00:00.5-01:00"] {
            assert_eq!(parse(same), time, "{same}");
        }
        for none in [
            "",
            "2026-11-21",
            "2026-13-21T06:00:00Z",
            "2026-11-21T06:00:00é",
            "1969-12-31T23:59:59Z",
            "+026-11-21T06:00:00Z",
            "2026-11-21T06:00:00+1:00",
        ] {
            assert_eq!(parse(none), None, "{none}");
        }
    }
}
