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
    let Some(iso) = iso_datetime(text) else {
        return Err(Error::invalid("a datetime is written like 2024-05-04T06:32:42.235444+00:00"));
    };
    let class = Class::new("datetime", "datetime");
    Ok(Object::Method { class, method: "fromisoformat".to_owned(), arg: iso.into() }.to_ext()?.into())
}

/// A `datetime.date`.
///
/// # Errors
/// None, as long as numbers can be written.
pub fn date(year: u16, month: u8, day: u8) -> Result<Data> {
    positional("datetime", "date", [year.into(), month.into(), day.into()])
}

/// A `datetime.timedelta`, from the three numbers that Python keeps of it.
///
/// # Errors
/// None, as long as numbers can be written.
pub fn timedelta(days: i32, seconds: u32, microseconds: u32) -> Result<Data> {
    positional("datetime", "timedelta", [days.into(), seconds.into(), microseconds.into()])
}

/// A `decimal.Decimal`, from its text, such as `1.10`.
///
/// # Errors
/// [`InvalidInput`](persql_core::ErrorKind::InvalidInput) for text with anything but digits, a sign, a point and an
/// exponent.
pub fn decimal(text: &str) -> Result<Data> {
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if !text.contains(|c: char| c.is_ascii_digit()) || !text.chars().all(allowed) {
        return Err(Error::invalid("a decimal is written like 1.10 or 1E+3"));
    }
    single("decimal", "Decimal", text.into())
}

/// A `set` of these items. Python drops what stands twice, and refuses lists and maps as items.
///
/// # Errors
/// [`InvalidInput`](persql_core::ErrorKind::InvalidInput) if an item cannot be written.
pub fn set(items: Vec<Data>) -> Result<Data> {
    single("builtins", "set", items.into())
}

/// A `frozenset` of these items.
///
/// # Errors
/// As [`set`].
pub fn frozenset(items: Vec<Data>) -> Result<Data> {
    single("builtins", "frozenset", items.into())
}

/// A `collections.deque` of these items.
///
/// # Errors
/// As [`set`].
pub fn deque(items: Vec<Data>) -> Result<Data> {
    single("collections", "deque", items.into())
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
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    if !fits(clock, "00:00:00") {
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
        assert!(decimal("").is_err() && decimal("1,5").is_err() && decimal("-1.5E+3").is_ok());
    }
}
