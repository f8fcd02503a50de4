//! Asks a model through OpenAI's Responses API, or through a server that speaks it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;

/// The items that the model answers with, as the Agents SDK would store them.
pub(crate) fn answer(key: &str, history: &[Value]) -> Result<Vec<Value>, Failure> {
    let base = setting("OPENAI_BASE_URL", "https://api.openai.com/v1");
    let model = setting("OPENAI_MODEL", "gpt-4.1-mini");
    let request = json!({"model": model, "input": history, "store": false});
    let response = reqwest::blocking::Client::builder()
        .timeout(Duration::from_secs(120))
        .build()?
        .post(format!("{}/responses", base.trim_end_matches('/')))
        .bearer_auth(key)
        .header("Content-Type", "application/json")
        .body(serde_json::to_vec(&request)?)
        .send()?;
    let status = response.status();
    let body: Value = serde_json::from_slice(&response.bytes()?)?;
    if !status.is_success() {
        let message = body.pointer("/error/message").and_then(Value::as_str).unwrap_or("no message");
        return Err(format!("the model's server answered {status}: {message}").into());
    }
    match body.get("output").and_then(Value::as_array) {
        Some(output) if !output.is_empty() => Ok(output.clone()),
        _ => Err("the model's server answered without any output".into()),
    }
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}
