//! What other programs store, in whatever way the mode allows.

use persql_core::Value;

/// How parameter number `position` is written in SQL, and what is bound to it. Over HTTP no bytes can be bound, so they go
/// as hexadecimal digits.
pub fn foreign(position: usize, value: Value) -> (String, Value) {
    match value {
        Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            (format!("unhex(?{position})"), Value::Text(digits))
        }
        value => (format!("?{position}"), value),
    }
}
