//! What tells a message from others.

use std::{borrow::Cow, cell::OnceCell, collections::BTreeMap};

use crate::{
    Dedup, Message,
    canonical::{canonical, is_truthy, object},
    content::Content,
    slice,
};

/// What tells a message from others: its id, or else its role and contents.
#[derive(Debug)]
pub(crate) struct Identity<'a> {
    /// `None` for a row that cannot be read: it is like no other.
    message: Option<&'a Message>,
    /// The contents in the form that is compared, once they were needed.
    contents: OnceCell<String>,
}

impl<'a> Identity<'a> {
    pub(crate) fn of(message: &'a Message) -> Self {
        Self { message: Some(message), contents: OnceCell::new() }
    }

    /// Of a row, which may be no message.
    pub(crate) fn of_row(message: &'a Option<Message>) -> Self {
        Self { message: message.as_ref(), contents: OnceCell::new() }
    }

    pub(crate) fn is_user(&self) -> bool {
        self.message.is_some_and(|message| message.role() == "user")
    }

    pub(crate) fn has_id(&self) -> bool {
        self.message.is_some_and(|message| message.id().is_some())
    }

    pub(crate) fn is_same(&self, other: &Identity<'_>, dedup: Dedup) -> bool {
        let (Some(one), Some(another)) = (self.message, other.message) else { return false };
        match (one.id(), another.id()) {
            (Some(id), Some(other)) => dedup != Dedup::Off && (id == other || id_text(id) == id_text(other)),
            (None, None) => {
                dedup == Dedup::Upstream
                    && one.role() == another.role()
                    && (one.contents_as_they_stand() == another.contents_as_they_stand()
                        || (!begin_otherwise(one, another) && self.contents() == other.contents()))
            }
            _ => false,
        }
    }

    /// The contents as the framework would write them again, in canonical form.
    fn contents(&self) -> &str {
        self.contents.get_or_init(|| {
            let contents = self.message.map(Message::contents).unwrap_or_default();
            let contents: Vec<String> = contents.iter().map(|content| normal_content(content.as_json(), 0)).collect();
            contents.join(",")
        })
    }
}

/// What SQL can tell messages by, a line each: an id, or else how the text begins. `None` if a message has something there
/// that SQL may read otherwise than this crate does, or if the last has neither.
pub(crate) fn marks(messages: &[Message]) -> Option<String> {
    let mut marks = String::with_capacity(messages.len() * MARKED);
    marks.push('\n');
    let mut is_marked = false;
    for message in messages {
        let (kind, text) = match message.id() {
            Some(id) => ('i', slice::string(id)?),
            None => ('t', slice::string(message.first_text().unwrap_or(NO_TEXT))?),
        };
        let mark = match &text {
            // It had escapes.
            Cow::Owned(text) if kind == 'i' || text.contains('\0') => return None,
            _ if kind == 'i' => &*text,
            _ => text.char_indices().nth(MARKED).and_then(|(end, _)| text.get(..end)).unwrap_or(&text),
        };
        marks.push(kind);
        marks.push_str(mark);
        marks.push('\n');
        is_marked = !mark.is_empty();
    }
    is_marked.then_some(marks)
}

/// So many characters of a text make its mark.
pub(crate) const MARKED: usize = 64;

/// What a content without a text counts as, for one kind of content cannot be without.
const NO_TEXT: &str = "\"\"";

/// Python compares ids as strings, whatever they were.
fn id_text(id: &str) -> Cow<'_, str> {
    match slice::string(id) {
        Some(plain @ Cow::Borrowed(_)) => plain,
        _ => unquoted(canonical(id)).into(),
    }
}

/// Whether the first contents of two messages surely differ. That spares most messages the canonical form, which costs
/// more than all else in a save.
fn begin_otherwise(one: &Message, another: &Message) -> bool {
    differ(one.first_text(), another.first_text())
        || differ(one.in_first_content("call_id"), another.in_first_content("call_id"))
}

/// Whether two strings, of which a missing one is empty, surely differ.
fn differ(one: Option<&str>, another: Option<&str>) -> bool {
    let [one, another] = [one, another].map(|text| text.unwrap_or(NO_TEXT));
    let same = one.bytes().zip(another.bytes()).take_while(|(one, another)| one == another).count();
    // Behind a backslash, or at one, other bytes may mean the same.
    let is_plain = |text: &str| text.as_bytes().get(..=same).is_some_and(|text| !text.contains(&b'\\'));
    one.starts_with('"') && another.starts_with('"') && is_plain(one) && is_plain(another)
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

    /// Contents in groups: those of one group are the same to the framework, however they are written.
    const CONTENTS: [&[&str]; 12] = [
        &[
            r#"[{"type":"text","text":"u1"}]"#,
            r#"[ {"text" : "\u0075\u0031", "type":"text", "additional_properties":{}} ]"#,
            r#"["u1"]"#,
            r#""u1""#,
            r#"[null, {"type":"text","text":"u1","raw_representation":1}]"#,
            r#"[{"type":"text","text":"x","text":"u1","call_id":null}]"#,
        ],
        &[r#"[{"type":"text","text":"u2"}]"#],
        &[r#"[{"type":"text","text":"u1"},{"type":"text","text":"u2"}]"#, r#"["u1","u2"]"#],
        &[r#"[{"type":"text"}]"#, r#"[{"type":"text","text":null}]"#, r#"[""]"#],
        &["[]", "null", "[null]"],
        &[r#"[{"type":"text","text":5}]"#],
        &[r#"["é/"]"#, r#"["\u00e9\/"]"#],
        &[r#"["é\n1"]"#, r#"["\u00e9\n\u0031"]"#],
        &[r#"["é\n2"]"#],
        &[r#"["\ud83d\ude00"]"#, r#"["😀"]"#],
        &[
            r#"[{"type":"function_call","call_id":"1"}]"#,
            r#"[{"call_id":"\u0031","hosted":false,"type":"function_call"}]"#,
        ],
        &[r#"[{"type":"function_call","call_id":"2"}]"#],
    ];

    #[test]
    fn contents_that_are_the_same_begin_alike() {
        let message =
            |contents: &&str| Message::from_json(&format!(r#"{{"role":"user","contents":{contents}}}"#)).unwrap();
        let groups = CONTENTS.map(|group| group.iter().map(message).collect::<Vec<_>>());
        for (at, group) in groups.iter().enumerate() {
            for (other, others) in groups.iter().enumerate() {
                for (one, another) in group.iter().flat_map(|one| others.iter().map(move |another| (one, another))) {
                    let same = Identity::of(one).is_same(&Identity::of(another), Dedup::Upstream);
                    assert_eq!(same, at == other, "{} and {}", one.as_json(), another.as_json());
                    assert!(!same || !begin_otherwise(one, another));
                }
            }
        }
        // It spares the usual messages the rest.
        let [one, another] = [r#"["The weather is fine."]"#, r#"["Thank you."]"#].map(|contents| message(&contents));
        assert!(begin_otherwise(&one, &another));
    }

    #[test]
    fn a_message_is_marked_by_what_sql_reads_alike() {
        let text = "é".repeat(MARKED + 1);
        let messages = [Message::user("x").with_message_id("m1"), Message::user(""), Message::user(&text)];
        assert_eq!(marks(&messages), Some(format!("\nim1\nt\nt{}\n", "é".repeat(MARKED))));
        for (id, text) in [("", ""), ("a\"", ""), ("a\n", ""), ("", "a\0b")] {
            let message = Message::user(text);
            assert!(marks(&[if id.is_empty() { message } else { message.with_message_id(id) }]).is_none());
        }
        assert!(marks(&[Message::from_json(r#"{"role":"user","contents":["\ud800"]}"#).unwrap()]).is_none());
    }
}
