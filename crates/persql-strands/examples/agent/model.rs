//! A model of a few lines, with one tool and one guardrail.

use serde_json::{Value, json};

/// What stands for a text with a PIN in it.
pub(crate) fn guardrail(text: &str) -> Option<String> {
    let is_pin = |word: &str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let safe: Vec<&str> = text.split(' ').map(|word| if is_pin(word) { "[redacted]" } else { word }).collect();
    let safe = safe.join(" ");
    (safe != text).then_some(safe)
}

/// The next message of the assistant: words, or the use of a tool.
pub(crate) fn answer(messages: &[Value]) -> Value {
    let Some(last) = messages.last() else { return say("Hello.") };
    if let Some(result) = last.pointer("/content/0/toolResult/content/0/text").and_then(Value::as_str) {
        return say(&format!("That makes {result}."));
    }
    let text = text_of(last).unwrap_or_default();
    let numbers: Vec<i64> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
    if text.starts_with("add") && !numbers.is_empty() {
        let id = format!("add-{}", messages.len());
        let tool = json!({"toolUseId": id, "name": "add", "input": {"numbers": numbers}});
        return json!({"role": "assistant", "content": [{"toolUse": tool}]});
    }
    match name_in(messages) {
        Some(name) => say(&format!("You said {text:?}, {name}.")),
        None => say(&format!("You said {text:?}.")),
    }
}

/// What the tools give that a message uses; `None` if it uses none.
pub(crate) fn run_tools(message: &Value) -> Option<Value> {
    let used = message.pointer("/content/0/toolUse")?;
    let numbers = used.pointer("/input/numbers")?.as_array()?;
    let sum: i64 = numbers.iter().filter_map(Value::as_i64).sum();
    let result =
        json!({"toolUseId": used.get("toolUseId"), "status": "success", "content": [{"text": sum.to_string()}]});
    Some(json!({"role": "user", "content": [{"toolResult": result}]}))
}

/// The name that the user told, if the window still shows it.
fn name_in(messages: &[Value]) -> Option<&str> {
    let texts = messages.iter().rev().filter(|message| message.get("role").is_some_and(|role| role == "user"));
    texts.filter_map(|message| text_of(message)?.strip_prefix("my name is ")).next()
}

fn say(text: &str) -> Value {
    json!({"role": "assistant", "content": [{"text": text}]})
}

/// The text of a message that begins with one.
pub(crate) fn text_of(message: &Value) -> Option<&str> {
    message.pointer("/content/0/text")?.as_str()
}
