//! How items hang together: whose turn begins, and which output belongs to which call.

use std::{collections::HashSet, fmt};

use persql_core::json;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

/// The SDK's call types, each with the type of its output; paired by `call_id` (openai-agents 0.24,
/// `run_internal/items.py`).
const CALLS: [(&str, &str); 8] = [
    ("program", "program_output"),
    ("function_call", "function_call_output"),
    ("custom_tool_call", "custom_tool_call_output"),
    ("shell_call", "shell_call_output"),
    ("apply_patch_call", "apply_patch_call_output"),
    ("computer_call", "computer_call_output"),
    ("local_shell_call", "local_shell_call_output"),
    ("tool_search_call", "tool_search_output"),
];

/// What of an item says how it hangs together with others: each a string, or nothing of our concern.
#[derive(Debug, Default)]
pub(crate) struct Head {
    role: Option<String>,
    kind: Option<String>,
    call_id: Option<String>,
}

impl Head {
    /// The head of an item; one that is no object has an empty head.
    pub(crate) fn of(text: &str) -> Self {
        json::decode(text).or_else(|_| json::decode(&with_null_for_nan(text))).unwrap_or_default()
    }

    pub(crate) fn is_user(&self) -> bool {
        self.role.as_deref() == Some("user")
    }

    pub(crate) fn is_reasoning(&self) -> bool {
        self.kind.as_deref() == Some("reasoning")
    }

    pub(crate) fn is_call(&self) -> bool {
        self.call().is_some()
    }

    /// The call that this item is, as its output names it.
    fn call(&self) -> Option<Pair> {
        let (kind, id) = (self.kind.as_deref()?, self.call_id.as_deref()?);
        CALLS.iter().find(|(call, _)| *call == kind).map(|(_, output)| (*output, id.to_owned()))
    }

    /// The call that this item is the output of.
    fn output(&self) -> Option<Pair> {
        let (kind, id) = (self.kind.as_deref()?, self.call_id.as_deref()?);
        CALLS.iter().find(|(_, output)| *output == kind).map(|(_, output)| (*output, id.to_owned()))
    }
}

/// By hand, since a derived one refuses a key that stands twice, of which Python takes the last.
impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Head;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head, A::Error> {
                let mut head = Head::default();
                while let Some(key) = map.next_key::<String>()? {
                    let part = match key.as_str() {
                        "role" => &mut head.role,
                        "type" => &mut head.kind,
                        "call_id" => &mut head.call_id,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *part = map.next_value::<Value>()?.as_str().map(str::to_owned);
                }
                Ok(head)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// The text with `null` for the numbers that Python reads and serde does not.
fn with_null_for_nan(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_string = false;
    for piece in text.split_inclusive('"') {
        if in_string {
            out.push_str(piece);
            let escapes = piece.strip_suffix('"').unwrap_or(piece).bytes().rev().take_while(|byte| *byte == b'\\');
            in_string = escapes.count() % 2 == 1;
        } else {
            out.push_str(&piece.replace("NaN", "null").replace("-Infinity", "null").replace("Infinity", "null"));
            in_string = true;
        }
    }
    out
}

/// The type of an output, and the id of its call.
type Pair = (&'static str, String);

/// Outputs whose calls have not been seen, while items come from newest to oldest.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls(HashSet<Pair>);

impl OpenCalls {
    /// Takes note of an item.
    pub(crate) fn see(&mut self, head: &Head) {
        self.0.extend(head.output());
        if let Some(call) = head.call() {
            self.0.remove(&call);
        }
    }

    /// Whether the item is a call whose output was seen.
    pub(crate) fn wait_for(&self, head: &Head) -> bool {
        head.call().is_some_and(|call| self.0.contains(&call))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_waits_for_the_call_of_its_kind_and_id() {
        let mut open = OpenCalls::default();
        open.see(&Head::of(r#"{"type":"function_call_output","call_id":"a","output":"x"}"#));
        for other in [r#"{"type":"shell_call","call_id":"a"}"#, r#"{"type":"function_call","call_id":"b"}"#] {
            assert!(!open.wait_for(&Head::of(other)));
            open.see(&Head::of(other));
        }
        let call = Head::of(r#"{"type":"function_call","call_id":"a"}"#);
        assert!(open.wait_for(&call) && call.is_call());
        open.see(&call);
        assert!(open.is_empty());
    }

    #[test]
    fn what_is_no_object_has_an_empty_head() {
        for text in ["3", "null", "[1]", r#"{"role": 3, "type": null}"#] {
            let head = Head::of(text);
            assert!(!head.is_user() && head.call().is_none() && head.output().is_none(), "{text}");
        }
    }

    #[test]
    fn what_only_python_reads_does_not_hide_the_head() {
        for text in [
            r#"{"a": "\" NaN \\", "x": NaN, "role": "user"}"#,
            r#"{"x": [-Infinity, Infinity], "role": "user"}"#,
            r#"{"x": "\ud800", "role": "user", "y": 1e999}"#,
            r#"{"role": "system", "role": "user"}"#,
        ] {
            assert!(Head::of(text).is_user(), "{text}");
        }
    }
}
