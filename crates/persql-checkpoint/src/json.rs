//! What Python writes where Rust would write something else: floats, and the JSON of `json.dumps`.

use persql_core::{Error, Result, json::MAX_DEPTH};

use crate::serde::Data;

/// A float as Python's `repr` shows it, and `json.dumps` too: the shortest digits that read back as the same float.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
    match (scientific.split_once('e'), exponent) {
        (Some((digits, _)), ..-4) => format!("{digits}e-{:02}", -exponent),
        (Some((digits, _)), 16..) => format!("{digits}e+{exponent:02}"),
        // `{:?}` always has a point, and no exponent in this range.
        _ => format!("{value:?}"),
    }
}

/// A value as `json.dumps(value, ensure_ascii=False)` writes it.
///
/// # Errors
/// For what JSON has no form for, with the key it stands under; nothing is ever stored as something else.
pub(crate) fn to_text(data: &Data) -> Result<String> {
    let mut text = String::new();
    write(data, &mut text, MAX_DEPTH)?;
    Ok(text)
}

fn write(data: &Data, text: &mut String, levels: usize) -> Result<()> {
    match data {
        Data::Nil => text.push_str("null"),
        Data::Bool(true) => text.push_str("true"),
        Data::Bool(false) => text.push_str("false"),
        Data::Int(integer) => text.push_str(&integer.to_string()),
        Data::Float(value) => text.push_str(&float(*value)),
        Data::Str(string) => write_string(string, text),
        Data::List(items) => return write_list(items, text, deeper(levels)?),
        Data::Map(_) => return write_map(data, text, deeper(levels)?),
        Data::Bytes(_) | Data::Ext(_) => {
            return Err(Error::invalid(format!("metadata is JSON, which cannot hold {}", data.type_name())));
        }
    }
    Ok(())
}

fn deeper(levels: usize) -> Result<usize> {
    levels.checked_sub(1).ok_or_else(|| Error::invalid(format!("metadata is nested deeper than {MAX_DEPTH} levels")))
}

fn write_list(items: &[Data], text: &mut String, levels: usize) -> Result<()> {
    text.push('[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        write(item, text, levels)?;
    }
    text.push(']');
    Ok(())
}

fn write_map(data: &Data, text: &mut String, levels: usize) -> Result<()> {
    text.push('{');
    let pairs = data.as_map().into_iter().flat_map(crate::serde::Map::iter);
    for (position, (key, value)) in pairs.enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        match key {
            Data::Str(key) => write_string(key, text),
            // Python turns these into strings.
            Data::Nil | Data::Bool(_) | Data::Int(_) | Data::Float(_) => {
                text.push('"');
                write(key, text, levels)?;
                text.push('"');
            }
            other => {
                return Err(Error::invalid(format!("metadata is JSON, where {} cannot be a key", other.type_name())));
            }
        }
        text.push_str(": ");
        write(value, text, levels)?;
    }
    text.push('}');
    Ok(())
}

/// Appends a JSON string, with the escapes that Python uses.
pub(crate) fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            control if control < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::Map;

    #[test]
    fn floats_are_those_of_python() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001234, "1.234e-05"),
            (1e-7, "1e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (-1.5e300, "-1.5e+300"),
            (123_456_789.125, "123456789.125"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(float(value), expected);
        }
    }

    #[test]
    fn json_is_that_of_python() {
        let data: Data = Map::from([
            ("source", Data::from("loop")),
            ("é\"\\\n\u{1}\u{7f}", Data::from_iter([Data::Nil, true.into(), (1i64 << 62).into(), 1.0.into()])),
            ("parents", Map::new().into()),
        ])
        .into();
        assert_eq!(
            to_text(&data).unwrap(),
            "{\"source\": \"loop\", \"é\\\"\\\\\\n\\u0001\u{7f}\": [null, true, 4611686018427387904, 1.0], \"parents\": {}}"
        );
        let keys: Data = Map::from([(Data::from(1), 1), (Data::Nil, 2), (Data::from(true), 3)]).into();
        assert_eq!(to_text(&keys).unwrap(), r#"{"1": 1, "null": 2, "true": 3}"#);
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        assert!(to_text(&Data::from(b"x".as_slice())).is_err());
        let nested = |depth: usize| (0..depth).fold(Data::Nil, |inner, _| Data::List(vec![inner]));
        assert!(to_text(&nested(1000)).is_ok());
        assert!(to_text(&nested(1001)).unwrap_err().to_string().contains("1000 levels"));
    }
}
