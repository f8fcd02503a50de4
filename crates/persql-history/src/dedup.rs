//! Which of the messages to be saved are stored already.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    Message,
    canonical::{canonical, is_truthy, object},
    content::Content,
    slice,
};

/// How a save treats messages that are stored already: those who call an agent often send the transcript again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dedup {
    /// The framework's own rule (`filter_new_messages` of agent-framework-core 1.23). Messages are the same if they have
    /// the same id, or no id and the same role and contents. If the stored history stands in what is to be saved, what
    /// follows it is new; if what is to be saved begins with the end of the history, the rest is new. One stored
    /// user message without an id is taken for a repetition, not for a replay.
    ///
    /// The known cost of the rule: an exchange without ids that really happens twice in a row is stored once.
    #[default]
    Upstream,
    /// The same rule, but a message without an id is like no other. Nothing is lost, and a replay without ids is stored
    /// again.
    ByIdOnly,
    /// Everything is stored. Saving is then one request whatever happens.
    Off,
}

/// What tells a message from others.
#[derive(Clone, Debug)]
pub(crate) struct Identity<'a> {
    /// `None` if the row cannot be read: it is like no other.
    key: Option<Key<'a>>,
    is_user: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key<'a> {
    Id(Cow<'a, str>),
    Content(Cow<'a, str>),
}

impl<'a> Identity<'a> {
    pub(crate) fn of(message: &'a Message) -> Self {
        let key = match message.id() {
            // Python compares ids as strings, whatever they were.
            Some(id) => Key::Id(match slice::string(id) {
                Some(plain @ Cow::Borrowed(_)) => plain,
                _ => unquoted(canonical(id)).into(),
            }),
            None => {
                let contents = message.contents();
                let contents: Vec<String> =
                    contents.iter().map(|content| normal_content(content.as_json(), 0)).collect();
                Key::Content(format!("{}:{}", message.role(), contents.join(",")).into())
            }
        };
        Self { key: Some(key), is_user: message.role() == "user" }
    }

    /// Of a row that is no message.
    pub(crate) fn unreadable() -> Self {
        Self { key: None, is_user: false }
    }

    /// The same, in the memory of this one.
    pub(crate) fn borrow(&self) -> Identity<'_> {
        let key = self.key.as_ref().map(|key| match key {
            Key::Id(id) => Key::Id(Cow::Borrowed(id)),
            Key::Content(content) => Key::Content(Cow::Borrowed(content)),
        });
        Identity { key, is_user: self.is_user }
    }

    /// The same, in memory of its own.
    pub(crate) fn into_owned(self) -> Identity<'static> {
        let key = self.key.map(|key| match key {
            Key::Id(id) => Key::Id(id.into_owned().into()),
            Key::Content(content) => Key::Content(content.into_owned().into()),
        });
        Identity { key, is_user: self.is_user }
    }

    fn has_id(&self) -> bool {
        matches!(self.key, Some(Key::Id(_)))
    }

    fn is_same(&self, other: &Identity<'_>, dedup: Dedup) -> bool {
        match dedup {
            Dedup::Upstream => self.key.is_some() && self.key == other.key,
            Dedup::ByIdOnly => self.has_id() && self.key == other.key,
            Dedup::Off => false,
        }
    }
}

/// How many of the incoming messages are stored already: always the first ones.
///
/// `stored` is the end of the history, as long as `incoming` if the history is that long. More is never looked at: a
/// longer history stands in no shorter message list, and its overlap with one is no longer than that.
pub(crate) fn already_stored(stored: &[Identity<'_>], incoming: &[Identity<'_>], dedup: Dedup) -> usize {
    let Some(last) = stored.last() else { return 0 };
    // Without an id, a user who says the same again is more likely than a replay of one message.
    let repeats = last.is_user && !last.has_id();
    let same = |some: &[Identity<'_>], others: &[Identity<'_>]| {
        some.len() == others.len() && some.iter().zip(others).all(|(one, other)| one.is_same(other, dedup))
    };
    let whole = incoming.windows(stored.len()).position(|window| same(window, stored));
    if let Some(at) = whole.filter(|at| !(*at == 0 && stored.len() == 1 && repeats)) {
        return at + stored.len();
    }
    let most = stored.len().min(incoming.len());
    (1..=most)
        .rev()
        .filter(|overlap| !(*overlap == 1 && repeats))
        .find(|overlap| {
            let (suffix, prefix) = (stored.get(stored.len() - overlap..), incoming.get(..*overlap));
            suffix.zip(prefix).is_some_and(|(suffix, prefix)| same(suffix, prefix))
        })
        .unwrap_or(0)
}

fn unquoted(text: String) -> String {
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(inner) => inner.to_owned(),
        None => text,
    }
}

/// Contents within contents are looked at so deep; there are two levels in practice.
const DEEPEST: usize = 16;

/// A content as the framework would write it again after reading it, in canonical form.
fn normal_content(text: &str, depth: usize) -> String {
    let mut fields: BTreeMap<String, &str> = BTreeMap::new();
    for (key, value) in slice::members(text) {
        fields.insert(canonical(key), value);
    }
    fields.retain(|_, value| *value != "null");
    let kind = fields.get("\"type\"").copied().and_then(slice::string).unwrap_or_default().into_owned();
    fields.remove("\"raw_representation\"");
    if !(matches!(kind.as_str(), "function_call" | "computer_tool_call")
        && fields.get("\"informational_only\"").is_some_and(|value| is_truthy(value)))
    {
        fields.remove("\"informational_only\"");
    }
    let mut default = |key: &str, value| {
        fields.entry(key.to_owned()).or_insert(value);
    };
    default("\"additional_properties\"", "{}");
    match kind.as_str() {
        "text" => default("\"text\"", "\"\""),
        "function_call" => {
            // How calls of a service's own tools were marked before there was a field for it.
            let properties = fields.get("\"additional_properties\"").copied().unwrap_or_default();
            let label = slice::member(properties, "server_label").filter(|label| is_truthy(label));
            fields.entry("\"hosted\"".to_owned()).or_insert(if label.is_some() { "true" } else { "false" });
            if let Some(label) = label {
                fields.entry("\"server_name\"".to_owned()).or_insert(label);
            }
        }
        "function_approval_response" if !matches!(fields.get("\"approved\""), Some(&("true" | "false"))) => {
            fields.insert("\"approved\"".to_owned(), "false");
        }
        _ => {}
    }
    let fields = fields.into_iter().map(|(key, value)| {
        let value = match key.as_str() {
            // The framework stores that there was an exception, and not which.
            "\"exception\"" => "\"FunctionInvocationError\"".to_owned(),
            "\"function_call\"" | "\"screenshot\"" => normal_value(value, depth),
            "\"inputs\"" | "\"outputs\"" | "\"items\"" if value.starts_with('[') => {
                let elements: Vec<String> = slice::elements(value).map(|value| normal_value(value, depth)).collect();
                format!("[{}]", elements.join(","))
            }
            _ => canonical(value),
        };
        (key, value)
    });
    object(&fields.collect())
}

fn normal_value(value: &str, depth: usize) -> String {
    match Content::from_element(value) {
        Some(content) if value.starts_with('{') && depth < DEEPEST => normal_content(content.as_json(), depth + 1),
        _ => canonical(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identities(texts: &[&str]) -> Vec<Identity<'static>> {
        texts
            .iter()
            .map(|text| {
                let message =
                    Message::new(if text.starts_with('u') { "user" } else { "assistant" }, [Content::text(text)]);
                Identity::of(&if text.ends_with('#') { message.with_message_id(text) } else { message }).into_owned()
            })
            .collect()
    }

    #[test]
    fn a_row_that_cannot_be_read_is_like_no_other() {
        let (stored, incoming) = ([Identity::unreadable()], [Identity::unreadable(), Identity::unreadable()]);
        assert_eq!(already_stored(&stored, &incoming, Dedup::Upstream), 0);
    }

    #[test]
    fn the_modes_differ_where_there_are_no_ids() {
        let (stored, incoming) = (identities(&["u1", "a1"]), identities(&["u1", "a1", "u2"]));
        let found =
            [Dedup::Upstream, Dedup::ByIdOnly, Dedup::Off].map(|dedup| already_stored(&stored, &incoming, dedup));
        assert_eq!(found, [2, 0, 0]);
        let (stored, incoming) = (identities(&["u1#", "a1#"]), identities(&["u1#", "a1#", "u2"]));
        let found =
            [Dedup::Upstream, Dedup::ByIdOnly, Dedup::Off].map(|dedup| already_stored(&stored, &incoming, dedup));
        assert_eq!(found, [2, 2, 0]);
    }

    #[test]
    fn the_end_of_the_history_is_enough() {
        let letters = identities(&["u1", "a1", "u1#", "a1#"]);
        let mut seed = 7_usize;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..5_000 {
            let mut some = || -> Vec<Identity<'_>> { (0..next(7)).map(|_| letters[next(4)].clone()).collect() };
            let (stored, incoming) = (some(), some());
            let end = &stored[stored.len() - stored.len().min(incoming.len())..];
            for dedup in [Dedup::Upstream, Dedup::ByIdOnly] {
                assert_eq!(already_stored(end, &incoming, dedup), already_stored(&stored, &incoming, dedup));
            }
        }
    }
}
