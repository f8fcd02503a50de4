//! Which metadata a filter matches: SQL narrows the rows down, and this decides.

use crate::{
    Metadata, json,
    serde::{Data, Map},
};

/// Whether every entry of the filter equals the metadata's value under that key, where a missing value is `None`: the
/// rule of LangGraph's `InMemorySaver`.
pub(crate) fn matches(filter: &Map, metadata: &Metadata) -> bool {
    filter.iter().all(|(key, wanted)| {
        let found = key.as_str().and_then(|key| metadata.get(key));
        equal(wanted, found.unwrap_or(&Data::Nil))
    })
}

/// Python's `==`: `True` is 1 is 1.0, NaN equals nothing, dicts do not care for order, and lists do.
pub(crate) fn equal(left: &Data, right: &Data) -> bool {
    match (left, right) {
        (Data::List(left), Data::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Data::Map(left), Data::Map(right)) => {
            let (left, right) = (last_of_each(left), last_of_each(right));
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.iter().any(|(other, found)| equal(key, other) && equal(value, found)))
        }
        (Data::Float(left), Data::Float(right)) => left == right,
        (Data::Float(float), other) | (other, Data::Float(float)) => {
            integer(other).is_some_and(|integer| is_exactly(*float, integer))
        }
        _ => match (integer(left), integer(right)) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
    }
}

/// A boolean is a number in Python.
fn integer(data: &Data) -> Option<i128> {
    match data {
        Data::Bool(truth) => Some((*truth).into()),
        Data::Int(integer) => Some(*integer),
        _ => None,
    }
}

/// Without rounding: 2^53 + 1 is no float.
fn is_exactly(float: f64, integer: i128) -> bool {
    const LIMIT: f64 = 1.7e38;
    #[allow(clippy::cast_possible_truncation, reason = "whole and within the limits of the integer")]
    let whole = (float.fract() == 0.0 && float.abs() < LIMIT).then_some(float as i128);
    whole == Some(integer)
}

/// Where a key stands twice, the last one counts.
fn last_of_each(map: &Map) -> Vec<(&Data, &Data)> {
    let mut pairs: Vec<(&Data, &Data)> = Vec::new();
    for (key, value) in map.iter() {
        match pairs.iter_mut().find(|(known, _)| equal(known, key)) {
            Some(pair) => pair.1 = value,
            None => pairs.push((key, value)),
        }
    }
    pairs
}

/// What SQL is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqlFilter {
    /// A JSON array of pairs, a path and the value that must stand there; `None` if SQL is asked for nothing.
    pub(crate) pairs: Option<String>,
    /// Whether that is the whole filter.
    pub(crate) is_complete: bool,
}

/// Never less than what [`matches`] accepts: what SQL might compare in another way is left out.
pub(crate) fn for_sql(filter: &Map) -> SqlFilter {
    let mut pairs = String::new();
    let mut is_complete = true;
    for (key, wanted) in filter.iter() {
        let key = key.as_str().filter(|key| is_plain(key));
        let (Some(key), Some(value)) = (key, literal(wanted)) else {
            is_complete = false;
            continue;
        };
        pairs.push(if pairs.is_empty() { '[' } else { ',' });
        pairs.push_str(&format!(r#"["$.\"{key}\"",{value}]"#));
    }
    SqlFilter { pairs: (!pairs.is_empty()).then(|| format!("{pairs}]")), is_complete }
}

/// The JSON of a value that SQL compares as Python does.
fn literal(wanted: &Data) -> Option<String> {
    match wanted {
        Data::Nil => Some("null".to_owned()),
        Data::Bool(truth) => Some(u8::from(*truth).to_string()),
        // Beyond 53 bits, an integer and a float that differ may look equal to one side and not to the other.
        Data::Int(integer) if integer.unsigned_abs() < 1 << 53 => Some(integer.to_string()),
        Data::Float(float) if float.is_finite() && float.abs() < 9e15 => Some(json::float(*float)),
        Data::Str(text) if is_plain(text) => Some(format!("\"{text}\"")),
        _ => None,
    }
}

/// Whether a text means the same in every JSON and every JSON path: no escape is needed, and none can stand for it but
/// `\uXXXX`, which SQLite reads too.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\') || byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_as_in_python() {
        for (left, right, expected) in [
            (Data::from(true), Data::from(1), true),
            (1.0.into(), true.into(), true),
            (0.into(), false.into(), true),
            (0.into(), Data::Nil, false),
            (Data::Int((1 << 53) + 1), Data::Float(9_007_199_254_740_992.0), false),
            (Data::Int(1 << 63), Data::Float(9_223_372_036_854_775_808.0), true),
            (f64::NAN.into(), f64::NAN.into(), false),
            (f64::INFINITY.into(), Data::Int(i128::MAX), false),
            ("1".into(), 1.into(), false),
            (Data::from_iter([f64::NAN]), Data::from_iter([f64::NAN]), false),
        ] {
            assert_eq!(equal(&left, &right), expected, "{left:?} {right:?}");
            assert_eq!(equal(&right, &left), expected, "{right:?} {left:?}");
        }
    }

    #[test]
    fn dicts_do_not_care_for_order_and_lists_do() {
        let map = |pairs: [(&str, i32); 2]| Data::from(Map::from(pairs));
        assert!(equal(&map([("a", 1), ("b", 2)]), &map([("b", 2), ("a", 1)])));
        assert!(!equal(&map([("a", 1), ("b", 2)]), &map([("b", 2), ("c", 1)])));
        assert!(equal(&map([("a", 1), ("a", 2)]), &Map::from([("a", 2)]).into()));
        assert!(!equal(&Data::from_iter([1, 2]), &Data::from_iter([2, 1])));
    }

    #[test]
    fn sql_is_asked_only_for_what_it_compares_likewise() {
        let filter = Map::from([
            ("source", Data::from("loop")),
            ("a.b c", true.into()),
            ("none", Data::Nil),
            ("half", 0.5.into()),
            ("quo\"te", 1.into()),
            ("é", 1.into()),
            ("text", "é".into()),
            ("large", Data::Int(1 << 53)),
            ("nan", f64::NAN.into()),
            ("list", Data::from_iter([1])),
        ]);
        let asked = for_sql(&filter);
        assert_eq!(
            asked.pairs.as_deref().unwrap_or_default(),
            r#"[["$.\"source\"","loop"],["$.\"a.b c\"",1],["$.\"none\"",null],["$.\"half\"",0.5]]"#
        );
        assert!(!asked.is_complete);
        assert_eq!(for_sql(&Map::from([("é", 1)])), SqlFilter { pairs: None, is_complete: false });
        assert!(for_sql(&Map::from([("step", 1)])).is_complete);
    }
}
