//! Why a text is not JSON, or JSON not the type that was asked for. None of it holds any of the text.

use std::fmt;

use serde_json::error::Category;

use super::MAX_DEPTH;

/// Why a text is not JSON. It holds none of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct JsonError {
    pub(super) reason: &'static str,
    pub(super) offset: usize,
}

impl JsonError {
    /// Where reading stopped, in bytes from the start of the text.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// Why [`decode`](super::decode) could not make a value. It holds none of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON. Python would refuse it too, so the row is corrupt.
    #[error("not valid JSON: {0}")]
    Invalid(JsonError),
    /// Valid JSON, nested deeper than [`MAX_DEPTH`].
    #[error("JSON is nested {depth} levels deep, and {MAX_DEPTH} can be decoded")]
    #[non_exhaustive]
    TooDeep {
        /// How deep it is nested.
        depth: usize,
    },
    /// Valid JSON, which the requested type cannot hold.
    #[error("JSON does not fit the requested type: {0}")]
    Type(Misfit),
}

/// Why valid JSON does not fit a type: all of a [`serde_json::Error`] that cannot quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    category: Category,
    line: usize,
    column: usize,
}

impl Misfit {
    /// [`Category::Data`] if the type wants other data; [`Category::Syntax`] if no Rust type holds
    /// it, such as `NaN`, a lone surrogate in a string, or a number beyond [`f64`].
    #[must_use]
    pub fn category(&self) -> Category {
        self.category
    }

    /// The line, from 1, or 0 if unknown.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in bytes, from 1, or 0 if unknown.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }
}

impl From<&serde_json::Error> for Misfit {
    fn from(error: &serde_json::Error) -> Self {
        Self { category: error.classify(), line: error.line(), column: error.column() }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.category {
            Category::Data => "other data was expected",
            _ => "unsupported number or string",
        })?;
        if self.line > 0 {
            write!(f, " at line {} column {}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// Why [`encode`](super::encode) could not write a value. It holds nothing of the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the value is nested {depth} levels deep, and {MAX_DEPTH} can be stored")]
    #[non_exhaustive]
    TooDeep {
        /// How deep it is nested.
        depth: usize,
    },
    /// JSON has no form for it, such as a map whose keys are not strings, or its
    /// [`Serialize`](serde::Serialize) implementation failed.
    #[error("the value cannot be written as JSON")]
    Unsupported,
}
