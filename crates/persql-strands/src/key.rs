//! The framework's rules for the keys of a storage.

use persql_core::{Error, Result};

/// Longest key. An index holds it.
const MOST_BYTES: usize = 4_096;

/// A key as it is stored: no slash at its ends, none behind another (`_normalize_key` of strands-agents 1.62).
pub(crate) fn normalize(key: &str) -> Result<String> {
    check("key", key)?;
    let normalized = segments(key).collect::<Vec<_>>().join("/");
    if normalized.is_empty() {
        return Err(Error::invalid("Storage key must not be empty"));
    }
    Ok(normalized)
}

/// A prefix as it is compared with keys: an end slash counts, and nothing at all matches every key
/// (`_normalize_prefix`).
pub(crate) fn normalize_prefix(prefix: &str) -> Result<String> {
    check("prefix", prefix)?;
    let mut normalized = segments(prefix).collect::<Vec<_>>().join("/");
    if prefix.ends_with('/') && !normalized.is_empty() {
        normalized.push('/');
    }
    Ok(normalized)
}

fn segments(key: &str) -> impl Iterator<Item = &str> {
    key.split('/').filter(|segment| !segment.is_empty())
}

fn check(what: &'static str, key: &str) -> Result<()> {
    if key.contains('\\') {
        return Err(Error::invalid(format!("Invalid storage {what} '{key}': backslashes are not allowed")));
    }
    if key.split('/').any(|segment| segment == "..") {
        return Err(Error::invalid(format!("Invalid storage {what} '{key}': '..' path segments are not allowed")));
    }
    if key.len() > MOST_BYTES {
        let length = key.len();
        return Err(Error::invalid(format!("a storage {what} has at most {MOST_BYTES} bytes, and this has {length}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_collapsed_and_escapes_refused() {
        assert_eq!(normalize("//a///b/").unwrap(), "a/b");
        assert_eq!(normalize("a/.../b").unwrap(), "a/.../b");
        assert_eq!(normalize_prefix("//a//b//").unwrap(), "a/b/");
        assert_eq!(normalize_prefix("/").unwrap(), "");
        for (bad, text) in [
            ("", "Storage key must not be empty"),
            ("//", "Storage key must not be empty"),
            ("a/../b", "Invalid storage key 'a/../b': '..' path segments are not allowed"),
            ("a\\b", "Invalid storage key 'a\\b': backslashes are not allowed"),
        ] {
            assert_eq!(normalize(bad).unwrap_err().to_string(), text);
        }
        assert!(normalize(&"x".repeat(4_097)).is_err());
    }
}
