//! The repair of histories in which a tool's use and its result do not match.

use std::collections::{HashMap, HashSet};

use persql_core::{Result, json};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    json_text::JsonText,
    members::{Members, string},
};

/// Gives a history that a model accepts: results without their tool use are dropped, missing results are filled in
/// with an error result ("Tool was interrupted."). A tool use at the very end stays as it is.
///
/// A process that dies between a tool's use and its result leaves such a history. The rules are those of
/// `_fix_broken_tool_use` (strands-agents 1.62), but for the `tracking_id` of a message that is put in, which is the
/// agent's to give. [`PerSqlSessionManager::initialize`](crate::PerSqlSessionManager::initialize) repairs what it
/// restores; what is stored stays.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if a message cannot be written as JSON,
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the type cannot hold the repaired one.
///
/// # Examples
/// ```
/// use serde_json::json;
///
/// # fn main() -> persql_strands::Result<()> {
/// let broken = vec![
///     json!({"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "ls", "input": {}}}]}),
///     json!({"role": "user", "content": [{"text": "Are you there?"}]}),
/// ];
/// let repaired = persql_strands::repair_tool_use(broken)?;
/// assert_eq!(repaired.len(), 3);
/// assert_eq!(repaired[1]["content"][0]["toolResult"]["status"], "error");
/// # Ok(()) }
/// ```
pub fn repair_tool_use<M: Serialize + DeserializeOwned + Send>(messages: Vec<M>) -> Result<Vec<M>> {
    let texts: Result<Vec<JsonText>> = messages.iter().map(JsonText::encode).collect();
    let texts = texts?;
    let repaired = repair_tool_use_text(texts.clone());
    if repaired == texts {
        return Ok(messages);
    }
    repaired.iter().map(JsonText::decode).collect()
}

/// The same for messages as text. Those that need no repair stay byte for byte what they are.
pub fn repair_tool_use_text(messages: Vec<JsonText>) -> Vec<JsonText> {
    let mut messages: Vec<Message> = messages.into_iter().map(Message::of).collect();
    drop_orphaned_results(&mut messages);
    fill_missing_results(&mut messages);
    messages.into_iter().map(Message::into_text).collect()
}

/// A message as far as the repair must know it.
struct Message {
    text: JsonText,
    is_user: bool,
    blocks: Vec<Block>,
    changed: bool,
}

#[derive(Clone)]
struct Block {
    text: JsonText,
    tool: Tool,
}

#[derive(Clone, PartialEq)]
enum Tool {
    Use(String),
    Result(String),
    None,
}

impl Message {
    fn of(text: JsonText) -> Self {
        let members = Members::of(text.as_str()).unwrap_or_default();
        let is_user = members.get("role").and_then(string).as_deref() == Some("user");
        let blocks = members.get("content").into_iter().flat_map(json::elements).map(Block::of).collect();
        Self { is_user, blocks, changed: false, text }
    }

    fn into_text(self) -> JsonText {
        if !self.changed {
            return self.text;
        }
        let blocks: Vec<&str> = self.blocks.iter().map(|block| block.text.as_str()).collect();
        let content = format!("[{}]", blocks.join(","));
        JsonText::stored(&Members::of(self.text.as_str()).unwrap_or_default().with("content", &content))
    }

    fn uses(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter_map(|block| match &block.tool {
            Tool::Use(id) => Some(id.as_str()),
            _ => None,
        })
    }

    fn has_use(&self) -> bool {
        self.uses().next().is_some()
    }

    fn set(&mut self, blocks: Vec<Block>) {
        self.blocks = blocks;
        self.changed = true;
    }
}

impl Block {
    fn of(text: &str) -> Self {
        let members = Members::of(text).unwrap_or_default();
        let id = |key: &str| {
            let tool = Members::of(members.get(key)?)?;
            Some(tool.get("toolUseId").and_then(string).unwrap_or_default())
        };
        let tool = match (id("toolResult"), id("toolUse")) {
            (Some(id), _) => Tool::Result(id),
            (None, Some(id)) => Tool::Use(id),
            (None, None) => Tool::None,
        };
        Self { text: JsonText::stored(text), tool }
    }

    fn is_result(&self) -> bool {
        matches!(self.tool, Tool::Result(_))
    }

    /// What stands for the result of a tool that never gave one.
    fn interrupted(id: &str) -> Self {
        let quoted = JsonText::encode(id).unwrap_or_default();
        let text = format!(
            r#"{{"toolResult":{{"toolUseId":{},"status":"error","content":[{{"text":"Tool was interrupted."}}]}}}}"#,
            quoted.as_str()
        );
        Self { text: JsonText::stored(&text), tool: Tool::Result(id.to_owned()) }
    }
}

/// From the end, so that a message which goes does not move those still to come.
fn drop_orphaned_results(messages: &mut Vec<Message>) {
    for index in (0..messages.len()).rev() {
        let follows_use = index.checked_sub(1).and_then(|before| messages.get(before)).is_some_and(Message::has_use);
        let Some(message) = messages.get_mut(index) else { continue };
        if !message.is_user || follows_use || !message.blocks.iter().any(Block::is_result) {
            continue;
        }
        let rest: Vec<Block> = message.blocks.iter().filter(|block| !block.is_result()).cloned().collect();
        if rest.is_empty() {
            messages.remove(index);
        } else {
            message.set(rest);
        }
    }
}

/// From the end, so that a message which is put in does not move those still to come.
fn fill_missing_results(messages: &mut Vec<Message>) {
    for index in (0..messages.len().saturating_sub(1)).rev() {
        let uses: Vec<String> = messages.get(index).into_iter().flat_map(Message::uses).map(str::to_owned).collect();
        let Some(next) = messages.get_mut(index + 1).filter(|_| !uses.is_empty()) else { continue };
        let mut results: HashMap<String, Block> = HashMap::new();
        let mut others = Vec::new();
        for block in &next.blocks {
            match &block.tool {
                Tool::Result(id) => {
                    results.insert(id.clone(), block.clone());
                }
                _ => others.push(block.clone()),
            }
        }
        if results.keys().collect::<HashSet<_>>() == uses.iter().collect::<HashSet<_>>() {
            continue;
        }
        let filled = uses.iter().map(|id| results.get(id).cloned().unwrap_or_else(|| Block::interrupted(id)));
        if results.is_empty() && !others.is_empty() {
            let blocks = filled.collect();
            let text = JsonText::stored(r#"{"role":"user","content":[]}"#);
            messages.insert(index + 1, Message { text, is_user: true, blocks, changed: true });
        } else {
            let blocks = filled.chain(others).collect();
            next.set(blocks);
        }
    }
}
