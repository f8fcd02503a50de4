//! What is stored: about 495 bytes an item, in the four shapes of an agent's turn.

use serde_json::{Value, json};

/// A question, a tool call, its output and an answer.
pub(crate) fn turn(number: usize) -> [Value; 4] {
    let call = format!("call_{number:024}");
    [
        json!({ "role": "user", "content": text(number, 440) }),
        json!({
            "type": "function_call", "id": format!("fc_{number:024}"), "call_id": call, "name": "search_documents",
            "arguments": json!({ "query": text(number + 1, 270), "limit": 10 }).to_string(), "status": "completed",
        }),
        json!({ "type": "function_call_output", "call_id": call, "output": text(number + 2, 390) }),
        json!({
            "type": "message", "id": format!("msg_{number:024}"), "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": text(number + 3, 310), "annotations": [], "logprobs": [] }],
        }),
    ]
}

/// Words that compress and parse about like English.
pub(crate) fn text(seed: usize, bytes: usize) -> String {
    const WORDS: [&str; 24] = [
        "the",
        "agent",
        "remembers",
        "what",
        "was",
        "said",
        "before",
        "and",
        "a",
        "customer",
        "asked",
        "for",
        "their",
        "last",
        "order",
        "which",
        "arrived",
        "late",
        "so",
        "refund",
        "it",
        "“today”",
        "then",
        "tell\nthem",
    ];
    let mut text = String::with_capacity(bytes + 16);
    let mut state = seed.wrapping_mul(0x9E37_79B9).wrapping_add(1);
    while text.len() < bytes {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7FFF_FFFF;
        text.push_str(WORDS.get((state >> 8) % WORDS.len()).copied().unwrap_or_default());
        text.push(' ');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_as_large_as_it_is_said_to_be() {
        let bytes: usize = (0..100).flat_map(turn).map(|item| item.to_string().len()).sum();
        assert!((470..520).contains(&(bytes / 400)), "{}", bytes / 400);
    }
}
