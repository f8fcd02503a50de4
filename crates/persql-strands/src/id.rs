//! The framework's rules for ids.

use persql_core::{Error, Result};

/// Longest id. An index holds it, and every row repeats it.
const MOST_BYTES: usize = 1_024;

/// Refuses what the framework refuses in a session id, with its text.
pub(crate) fn check_session(id: &str) -> Result<()> {
    check("session_id", id)
}

/// Refuses what the framework refuses in an agent id, with its text. It holds the ids of graphs and swarms to the same
/// rule, under the same name.
pub(crate) fn check_agent(id: &str) -> Result<()> {
    check("agent_id", id)
}

/// A table needs no such rule. A session that keeps to it can move to the framework's files and back.
fn check(name: &'static str, id: &str) -> Result<()> {
    if id.contains('/') {
        return Err(Error::invalid(format!("{name}={id} | id cannot contain path separators")));
    }
    if id.len() > MOST_BYTES {
        let length = id.len();
        return Err(
            Error::invalid(format!("an id has at most {MOST_BYTES} bytes, and this has {length}")).context("id", name)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_is_refused_and_nothing_else() {
        for good in ["", ".", "..", "a b", "'; DROP TABLE x", "\u{0}", "😀", "a\\b", &"x".repeat(1_024)] {
            assert!(check_session(good).is_ok(), "{good:?}");
        }
        for bad in ["/", "a/b", "../x", "a/"] {
            let text = format!("agent_id={bad} | id cannot contain path separators");
            assert_eq!(check_agent(bad).unwrap_err().to_string(), text);
        }
        assert!(check_session(&"x".repeat(1_025)).is_err());
    }
}
