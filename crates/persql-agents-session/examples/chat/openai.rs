//! Asks a model through OpenAI's Responses API, or through a server that speaks it.

use serde_json::{Value, json};

use crate::Failure;

/// The items that the model answers with, as the Agents SDK would store them.
pub(crate) fn answer(key: &str, history: &[Value]) -> Result<Vec<Value>, Failure> {
    let base = setting("OPENAI_BASE_URL", "https://api.openai.com/v1");
    let model = setting("OPENAI_MODEL", "gpt-4.1-mini");
    let request = json!({"model": model, "input": history, "store": false});
    let mut response = ureq::post(format!("{}/responses", base.trim_end_matches('/')))
        .config()
        .http_status_as_error(false)
        .build()
        .header("Authorization", format!("Bearer {key}"))
        .header("Content-Type", "application/json")
        .send(serde_json::to_vec(&request)?)?;
    let body: Value = serde_json::from_slice(&response.body_mut().read_to_vec()?)?;
    if !response.status().is_success() {
        let message = body.pointer("/error/message").and_then(Value::as_str).unwrap_or("no message");
        return Err(format!("the model's server answered {}: {message}", response.status()).into());
    }
    match body.get("output").and_then(Value::as_array) {
        Some(output) if !output.is_empty() => Ok(output.clone()),
        _ => Err("the model's server answered without any output".into()),
    }
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}
