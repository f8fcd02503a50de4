//! Values of Python's own types, as LangGraph stores them.

use persql_core::{Error, Result};

use super::data::{Class, Data};
use super::object::Object;

/// A `uuid.UUID`, from its digits with or without hyphens.
///
/// # Errors
/// [`InvalidInput`](persql_core::ErrorKind::InvalidInput) unless there are 32 hexadecimal digits.
pub fn uuid(text: &str) -> Result<Data> {
    let digits: String = text.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::invalid("a UUID has 32 hexadecimal digits"));
    }
    single("uuid", "UUID", digits.into())
}

/// A `datetime.datetime`, from text as in ISO 8601 or RFC 3339: `2024-05-04T06:32:42.235444+00:00`.
///
/// It is stored as Python writes it: with six digits of a fraction, or none if it is zero, and `+00:00` for `Z`.
///
/// # Errors
/// [`InvalidInput`](persql_core::ErrorKind::InvalidInput) for any other text.
pub fn datetime(text: &str) -> Result<Data> {
    let iso = iso_datetime(text)
        .ok_or_else(|| Error::invalid("a datetime is written like 2024-05-04T06:32:42.235444+00:00"))?;
    let class = Class::new("datetime", "datetime");
    Ok(Object::Method { class, method: "fromisoformat".to_owned(), arg: iso.into() }.to_ext()?.into())
}

/// A `datetime.date`.
///
/// # Errors
/// [`InvalidInput`](persql_core::ErrorKind::InvalidInput) if there is no such day in the years 1 to 9999.
pub fn date(year: u16, month: u8, day: u8) -> Result<Data> {
    if !is_day(year, month, day) {
        return Err(Error::invalid("there is no such day in the years 1 to 9999"));
    }
    positional("datetime", "date", [year.into(), month.into(), day.into()])
}

/// A `datetime.timedelta`, from the three numbers that Python keeps of it: only the days may be negative.
///
/// # Errors
/// [`InvalidInput`](persql_core::ErrorKind::InvalidInput) for a day or more in seconds, a second or more in
/// microseconds, or more than 999,999,999 days.
pub fn timedelta(days: i32, seconds: u32, microseconds: u32) -> Result<Data> {
    if seconds >= 86_400 || microseconds >= 1_000_000 || days.unsigned_abs() > 999_999_999 {
        return Err(Error::invalid(
            "a timedelta has less than a day in seconds and less than a second in microseconds",
        ));
    }
    positional("datetime", "timedelta", [days.into(), seconds.into(), microseconds.into()])
}

/// A `decimal.Decimal`, from its text, such as `1.10` or `NaN`.
///
/// # Errors
/// [`InvalidInput`](persql_core::ErrorKind::InvalidInput) for text that is no decimal number.
pub fn decimal(text: &str) -> Result<Data> {
    if !is_decimal(text) {
        return Err(Error::invalid("a decimal is written like 1.10 or 1E+3"));
    }
    single("decimal", "Decimal", text.into())
}

/// A `set` of these items. Python drops what stands twice.
///
/// # Errors
/// [`InvalidInput`](persql_core::ErrorKind::InvalidInput) if an item is a list or a map, which no set of Python holds,
/// or cannot be written.
pub fn set(items: Vec<Data>) -> Result<Data> {
    single("builtins", "set", hashable(items)?)
}

/// A `frozenset` of these items.
///
/// # Errors
/// As [`set`].
pub fn frozenset(items: Vec<Data>) -> Result<Data> {
    single("builtins", "frozenset", hashable(items)?)
}

/// A `collections.deque` of these items.
///
/// # Errors
/// [`InvalidInput`](persql_core::ErrorKind::InvalidInput) if an item cannot be written.
pub fn deque(items: Vec<Data>) -> Result<Data> {
    single("collections", "deque", items.into())
}

fn hashable(items: Vec<Data>) -> Result<Data> {
    match items.iter().position(|item| matches!(item, Data::List(_) | Data::Map(_))) {
        Some(position) => Err(Error::invalid("a set cannot hold a list or a map").context("item", position)),
        None => Ok(items.into()),
    }
}

fn single(module: &str, name: &str, arg: Data) -> Result<Data> {
    Ok(Object::Single { class: Class::new(module, name), arg }.to_ext()?.into())
}

fn positional(module: &str, name: &str, args: [Data; 3]) -> Result<Data> {
    Ok(Object::Positional { class: Class::new(module, name), args: args.into() }.to_ext()?.into())
}

/// The text as Python's `isoformat` writes it, if it is a date and a time of day.
fn iso_datetime(text: &str) -> Option<String> {
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    if !fits(date, "0000-00-00") || !matches!(text.get(10..11)?, "T" | "t" | " ") {
        return None;
    }
    if !is_day(date.get(..4)?.parse().ok()?, date.get(5..7)?.parse().ok()?, date.get(8..)?.parse().ok()?) {
        return None;
    }
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    // As text, since all have two digits.
    if !fits(clock, "00:00:00") || clock.get(..2)? > "23" || clock.get(3..5)? > "59" || clock.get(6..)? > "59" {
        return None;
    }
    let end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at_checked(end)?;
    let fraction = match fraction.strip_prefix('.') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let micros: String = digits.chars().chain("000000".chars()).take(6).collect();
            if micros == "000000" { String::new() } else { format!(".{micros}") }
        }
        None if fraction.is_empty() => String::new(),
        _ => return None,
    };
    let zone = match zone {
        "" => "",
        "Z" | "z" => "+00:00",
        zone if fits(zone.get(1..)?, "00:00") || fits(zone.get(1..)?, "00:00:00") => zone,
        _ => return None,
    };
    Some(format!("{date}T{clock}{fraction}{zone}"))
}

fn is_day(year: u16, month: u8, day: u8) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=9999).contains(&year) && (1..=days).contains(&day)
}

fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(number, "NaN" | "Infinity") {
        return true;
    }
    let (number, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    digits(whole) && digits(part) && digits(exponent) && whole.len() + part.len() > 0 && !exponent.is_empty()
}

/// Whether the text has digits where the pattern has zeros, and else the pattern's characters.
fn fits(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(
            |(byte, wanted)| {
                if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted }
            },
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datetimes_are_written_as_python_writes_them() {
        let cases = [
            ("2024-05-04T06:32:42Z", Some("2024-05-04T06:32:42+00:00")),
            ("2024-05-04t06:32:42.5z", Some("2024-05-04T06:32:42.500000+00:00")),
            ("2024-05-04 06:32:42.123456789-02:30", Some("2024-05-04T06:32:42.123456-02:30")),
            ("2024-05-04T06:32:42.000", Some("2024-05-04T06:32:42")),
            ("2024-02-29T23:59:59", Some("2024-02-29T23:59:59")),
            ("2023-02-29T00:00:00", None),
            ("2024-05-04T24:00:00", None),
            ("2024-05-04T06:60:00", None),
            ("0000-05-04T06:00:00", None),
            ("2024-05-04", None),
            ("2024-05-04T06:32:42.+00:00", None),
            ("2024-05-04T06:32:42+00:00[Europe/Paris]", None),
            ("2024-05-04T06:32:42é", None),
            ("", None),
        ];
        for (text, iso) in cases {
            assert_eq!(iso_datetime(text).as_deref(), iso, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_such_value_is_refused() {
        assert!(uuid("1ef4f797-8335-6428-8001-8a1503f9b87").is_err());
        assert!(uuid("gggggggggggggggggggggggggggggggg").is_err());
        assert!(uuid("é".repeat(16).as_str()).is_err());
        for (text, good) in [("-1.5E+3", true), ("1.", true), (".5", true), ("-NaN", true), ("", false), ("1,5", false)]
        {
            assert_eq!(decimal(text).is_ok(), good, "{text}");
        }
        for text in [".", "--1", "1e", "1e+", "1.2.3", "e5", "é"] {
            assert!(decimal(text).is_err(), "{text}");
        }
        assert!(date(2023, 2, 29).is_err() && date(0, 1, 1).is_err() && date(2024, 13, 1).is_err());
        assert!(timedelta(1, 86_400, 0).is_err() && timedelta(1, 0, 1_000_000).is_err());
        assert!(timedelta(i32::MIN, 0, 0).is_err() && timedelta(-999_999_999, 0, 0).is_ok());
        assert!(set(vec![Data::List(vec![])]).is_err() && frozenset(vec![crate::serde::Map::new().into()]).is_err());
    }
}
