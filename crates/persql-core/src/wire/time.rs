//! Moments on the wire.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

const DAY: i64 = 24 * 60 * 60;

/// `2026-11-21T06:00:00Z`.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have their leap day at the end: Howard Hinnant's `civil_from_days`.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A moment in whatever form it is told: RFC 3339, or seconds or milliseconds since 1970. The API documents none, and
/// nothing depends on it: what cannot be read is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Time(pub(super) Option<SystemTime>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl<'de> Visitor<'de> for TimeVisitor {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_str<E>(self, text: &str) -> Result<Time, E> {
        Ok(Time(parse(text)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Time, E> {
        // In seconds this would be the year 5138; in milliseconds it was 1973.
        let since = if number < 100_000_000_000 { Duration::from_secs(number) } else { Duration::from_millis(number) };
        Ok(Time(UNIX_EPOCH.checked_add(since)))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Time, E> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
        self.visit_u64(number as u64)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Time, E> {
        Ok(Time(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Time, E> {
        Ok(Time(None))
    }

    fn visit_unit<E>(self) -> Result<Time, E> {
        Ok(Time(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Time, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Time(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Time, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Time(None))
    }
}

/// Reads `2026-11-21T06:00:00.123+01:00` and its relatives, to the second.
fn parse(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok().map(i64::from);
    let at = |index: usize, accepted: &[u8]| text.as_bytes().get(index).is_some_and(|byte| accepted.contains(byte));
    if !(at(4, b"-") && at(7, b"-") && at(10, b"Tt ") && at(13, b":") && at(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.as_bytes() {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let minutes = zone.get(1..3)?.parse::<i64>().ok()? * 60 + zone.get(4..6)?.parse::<i64>().ok()?;
            if *sign == b'-' { -minutes * 60 } else { minutes * 60 }
        }
        _ => return None,
    };
    // The inverse of the above: `days_from_civil`.
    let shifted_year = year - i64::from(month <= 2);
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * DAY + hour * 3_600 + minute * 60 + second - offset;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_people_do_and_read_back() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(rfc3339(time), text);
            assert_eq!(parse(text), Some(time));
        }
    }

    #[test]
    fn a_time_is_read_in_every_reasonable_form() {
        let read = |json: &str| serde_json::from_str::<Time>(json).unwrap().0;
        let time = Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        for same in [
            r#""2023-11-14T22:13:20Z""#,
            r#""2023-11-14T22:13:20.999Z""#,
            r#""2023-11-14 22:13:20""#,
            r#""2023-11-14T23:43:20+01:30""#,
            r#""2023-11-14T17:13:20-05:00""#,
            "1700000000",
            "1700000000000",
            "1700000000.5",
        ] {
            assert_eq!(read(same), time, "{same}");
        }
        for unknown in [
            "null",
            "true",
            "-1",
            "[1]",
            r#"{"a":1}"#,
            r#""""#,
            r#""tomorrow""#,
            r#""2023-13-14T22:13:20Z""#,
            r#""2023-11-14T22:13:20 CET""#,
            r#""1960-01-01T00:00:00Z""#,
            r#""2023-11-14T2é:13:20Z""#,
        ] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }
}
