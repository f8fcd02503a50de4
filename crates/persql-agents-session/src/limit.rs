//! How much of a history is read.

use serde::{Deserialize, Serialize};

/// How much of a history to read: always the newest part, and always oldest first.
///
/// `usize` and `Option<usize>` become a limit, so `get_items(20)` and `get_items(None)` say what they mean. `None` is
/// the session's default, which is everything unless [`SessionSettings`] say otherwise; 0 is nothing.
///
/// # Examples
/// ```
/// use persql_agents_session::Limit;
///
/// let newest_20: Limit = 20.into();
/// let whole_calls = Limit::items(20).with_whole_calls();
/// let conversation = Limit::turns(3);
/// # let _ = (newest_20, whole_calls, conversation);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub(crate) count: Count,
    pub(crate) whole_calls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// What the session's settings say.
    Default,
    All,
    Items(usize),
    Turns(usize),
}

impl Limit {
    /// Everything, whatever the session's settings say.
    pub fn all() -> Self {
        Count::All.into()
    }

    /// The newest `n` valid items. Rows that are not valid JSON do not count.
    pub fn items(n: usize) -> Self {
        Count::Items(n).into()
    }

    /// The newest `n` turns. A turn begins with each item whose `role` is `user`.
    pub fn turns(n: usize) -> Self {
        Count::Turns(n).into()
    }

    /// Reads further back where the limit would cut a tool call from its output, or from the reasoning right before it,
    /// so that the model is sent neither half.
    ///
    /// Items may then be a few more than the limit, and all that stand between come with them. A call that does not
    /// stand within 1,000 items before the limit is taken to be lost. Calls and outputs are paired as the SDK does it,
    /// by `type` and `call_id`.
    #[must_use]
    pub fn with_whole_calls(mut self) -> Self {
        self.whole_calls = true;
        self
    }
}

impl From<Count> for Limit {
    fn from(count: Count) -> Self {
        Self { count, whole_calls: false }
    }
}

impl From<usize> for Limit {
    fn from(n: usize) -> Self {
        Limit::items(n)
    }
}

impl From<Option<usize>> for Limit {
    fn from(n: Option<usize>) -> Self {
        n.map_or(Count::Default.into(), Limit::items)
    }
}

/// A session's defaults, as the SDK's `SessionSettings`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SessionSettings {
    /// How many items are read when the caller does not say; `None` is all of them.
    #[serde(default)]
    pub limit: Option<usize>,
}

impl SessionSettings {
    /// Settings with this limit.
    pub fn with_limit(limit: impl Into<Option<usize>>) -> Self {
        Self { limit: limit.into() }
    }

    /// These settings, with what `other` sets put over them.
    #[must_use]
    pub fn resolve(self, other: SessionSettings) -> Self {
        Self { limit: other.limit.or(self.limit) }
    }

    /// The limit that a caller's limit means for a session with these settings.
    pub(crate) fn apply(self, asked: Limit) -> Limit {
        let count = match (asked.count, self.limit) {
            (Count::Default, Some(n)) => Count::Items(n),
            (Count::Default, None) => Count::All,
            (count, _) => count,
        };
        Limit { count, ..asked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_says_goes_before_the_settings() {
        let settings = SessionSettings::with_limit(5);
        assert_eq!(settings.apply(None.into()), Limit::items(5));
        assert_eq!(settings.apply(3.into()), Limit::items(3));
        assert_eq!(settings.apply(Limit::all()), Limit::all());
        assert_eq!(SessionSettings::default().apply(None.into()), Limit::all());
    }

    #[test]
    fn settings_are_overlaid_and_unknown_fields_refused() {
        let five = SessionSettings::with_limit(5);
        assert_eq!(five.resolve(SessionSettings::default()), five);
        assert_eq!(five.resolve(SessionSettings::with_limit(7)).limit, Some(7));
        assert!(serde_json::from_str::<SessionSettings>(r#"{"limit": 3}"#).is_ok());
        assert!(serde_json::from_str::<SessionSettings>(r#"{"limits": 3}"#).is_err());
    }
}
