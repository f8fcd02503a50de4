//! Moments on the wire.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::timestamp;

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
        Ok(Time(timestamp::parse(text)))
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

#[cfg(test)]
mod tests {
    use super::*;

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
