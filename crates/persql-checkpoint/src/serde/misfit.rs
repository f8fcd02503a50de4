//! What a type and a value have against each other. Holds nothing of the value.

use std::{borrow::Cow, fmt};

use persql_core::{Error, ErrorKind};
use serde::de::{Expected, Unexpected};

/// Why a value does not become a type, or a type no value.
#[derive(Debug)]
pub(super) struct Misfit(Cow<'static, str>);

impl Misfit {
    pub(super) fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }

    /// The error of reading.
    pub(super) fn corrupt(self) -> Error {
        Error::new(ErrorKind::Corrupt, format!("a stored value does not fit the type: {}", self.0))
    }

    /// The error of writing.
    pub(super) fn invalid(self) -> Error {
        Error::invalid(format!("a value cannot be stored: {}", self.0))
    }
}

/// What stands before our own texts while serde carries them: they say nothing of the value, and are kept.
const OURS: &str = "persql-checkpoint: ";

/// Our own error, for serde to carry.
pub(super) fn carried(error: impl fmt::Display) -> String {
    format!("{OURS}{error}")
}

/// The text if it is our own. Other texts may quote the value.
fn ours(text: &str) -> Option<String> {
    text.strip_prefix(OURS).map(str::to_owned)
}

impl From<Error> for Misfit {
    fn from(error: Error) -> Self {
        Self(error.to_string().into())
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misfit {}

impl serde::ser::Error for Misfit {
    fn custom<T: fmt::Display>(text: T) -> Self {
        ours(&text.to_string()).map_or_else(|| Self::new("its own serialization failed"), Self::new)
    }
}

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(text: T) -> Self {
        ours(&text.to_string()).map_or_else(|| Self::new("the type itself refused it"), Self::new)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("{} where {expected} is expected", kind(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("{} that is not {expected}", kind(&found)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("{length} items where {expected} is expected"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("a variant that is none of {}", expected.join(", ")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("a field that is none of {}", expected.join(", ")))
    }
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Unit | Unexpected::Option => "nil",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a map",
        _ => "something else",
    }
}
