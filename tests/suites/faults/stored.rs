//! What is stored, as text that two databases can be compared by.

use std::error::Error;

use persql_conformance::Any;
use persql_core::Value;

/// Every row of every table, times apart.
pub(crate) fn stored(db: &Any) -> Result<Vec<String>, Box<dyn Error>> {
    let mut all = Vec::new();
    for table in db.tables()? {
        let rows = db.query(format!("SELECT * FROM \"{}\"", table.name), ())?;
        let mut lines = Vec::new();
        for row in rows.iter() {
            let cells = (0..rows.columns().len()).map(|column| row.get(column).map(cell));
            let cells = cells.collect::<Result<Vec<String>, _>>()?;
            lines.push(format!("{}: {}", table.name, cells.join(" | ")));
        }
        // Keys are among the columns, so no order is lost.
        lines.sort();
        all.extend(lines);
    }
    Ok(all)
}

fn cell(value: Value) -> String {
    match value {
        Value::Text(text) => without_times(&text),
        other => format!("{other:?}"),
    }
}

/// The text with `TIME` for whatever begins like `2026-11-21 06:00` or `2026-11-21T06:00`.
fn without_times(text: &str) -> String {
    const PATTERN: &[u8] = b"dddd-dd-dd dd:dd";
    let fits = |(byte, pattern): (&u8, &u8)| match pattern {
        b'd' => byte.is_ascii_digit(),
        b' ' => matches!(byte, b' ' | b'T'),
        other => byte == other,
    };
    let mut bytes = text.as_bytes();
    let mut out = Vec::new();
    while let Some((byte, rest)) = bytes.split_first() {
        match bytes.split_at_checked(PATTERN.len()) {
            Some((time, after)) if time.iter().zip(PATTERN).all(fits) => {
                out.extend(b"TIME");
                bytes = after;
                while let Some((b'0'..=b'9' | b':' | b'.' | b'+' | b'Z', rest)) = bytes.split_first() {
                    bytes = rest;
                }
            }
            _ => {
                out.push(*byte);
                bytes = rest;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Fails with the first difference.
pub(crate) fn same(what: &str, found: &[String], expected: &[String]) -> Result<(), Box<dyn Error>> {
    let longest = found.len().max(expected.len());
    match (0..longest).find(|&index| found.get(index) != expected.get(index)) {
        None => Ok(()),
        Some(index) => {
            let (found, expected) = (found.get(index), expected.get(index));
            Err(format!("{what} {index} is {found:?} instead of {expected:?}").into())
        }
    }
}
