//! Calls without a result, and results without a call: models refuse a history that has them.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::{Content, Message, canonical::is_truthy};

/// Calls that this side answers, each with its answer, paired by `call_id`.
const PAIRS: [(&str, &str); 3] = [
    ("function_call", "function_result"),
    ("shell_tool_call", "shell_tool_result"),
    ("computer_tool_call", "computer_tool_result"),
];

/// The messages without calls that nothing answers and answers to no call, and without messages that have no contents
/// then. A call that one of the `later` messages answers stays.
pub(crate) fn without_orphans(messages: Vec<Message>, later: &[Message]) -> Vec<Message> {
    let contents: Vec<Vec<Content>> = messages.iter().map(Message::contents).collect();
    let orphans = orphans(contents.iter().flatten(), later.iter().flat_map(Message::contents));
    if orphans.is_empty() {
        return messages;
    }
    let mut place = 0;
    let kept = messages.into_iter().zip(contents).filter_map(|(message, contents)| {
        let all = contents.len();
        let kept: Vec<Content> = contents
            .into_iter()
            .filter(|_| {
                place += 1;
                !orphans.contains(&(place - 1))
            })
            .collect();
        match kept.len() {
            some if some == all => Some(message),
            0 => None,
            _ => Some(message.with_contents(&kept)),
        }
    });
    kept.collect()
}

/// The places of the contents that lack their other half.
fn orphans<'a>(contents: impl Iterator<Item = &'a Content>, later: impl Iterator<Item = Content>) -> HashSet<usize> {
    let mut open: HashMap<(usize, String), VecDeque<Option<usize>>> = HashMap::new();
    let mut orphans = HashSet::new();
    for (place, content) in contents.enumerate() {
        match half(content) {
            Some((pair, true, call_id)) => {
                // What a service runs itself it also answers for.
                let ours = ["hosted", "informational_only"];
                let theirs = ours.iter().any(|field| content.json(field).is_some_and(is_truthy));
                open.entry((pair, call_id)).or_default().push_back((!theirs).then_some(place));
            }
            Some((pair, false, call_id)) => match open.get_mut(&(pair, call_id)).and_then(VecDeque::pop_front) {
                Some(_) => {}
                None => drop(orphans.insert(place)),
            },
            None => {}
        }
    }
    for content in later {
        if let Some((pair, false, call_id)) = half(&content) {
            open.get_mut(&(pair, call_id)).and_then(VecDeque::pop_front);
        }
    }
    orphans.extend(open.into_values().flatten().flatten());
    orphans
}

/// Which pair a content belongs to, whether it is the call, and the call's id.
fn half(content: &Content) -> Option<(usize, bool, String)> {
    let kind = content.kind();
    let pair = PAIRS.iter().position(|(call, answer)| kind == *call || kind == *answer)?;
    Some((pair, PAIRS.get(pair)?.0 == kind, content.string("call_id")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> Content {
        Content::function_call(id, "f", "{}")
    }

    fn result(id: &str) -> Content {
        Content::function_result(id, "r")
    }

    #[test]
    fn halves_go_and_pairs_stay() {
        let whole = [Message::new("assistant", [call("1")]), Message::new("tool", [result("1")])];
        assert_eq!(without_orphans(whole.to_vec(), &[]), whole);
        let torn = [
            Message::new("tool", [result("0")]),
            Message::new("assistant", [Content::text("x"), call("1"), call("2")]),
            Message::new("tool", [result("2"), result("2")]),
            Message::new("assistant", []),
        ];
        let kept = [
            Message::new("assistant", [Content::text("x"), call("2")]),
            Message::new("tool", [result("2")]),
            Message::new("assistant", []),
        ];
        assert_eq!(without_orphans(torn.to_vec(), &[]), kept);
    }

    #[test]
    fn a_call_that_the_input_answers_stays() {
        let open = vec![Message::new("assistant", [call("1")])];
        assert_eq!(without_orphans(open.clone(), &[Message::new("tool", [result("1")])]), open);
        assert!(without_orphans(open, &[Message::new("tool", [result("2")])]).is_empty());
    }

    #[test]
    fn what_the_service_runs_itself_stays() {
        let hosted = Content::from_json(r#"{"type":"function_call","call_id":"1","hosted":true}"#).unwrap();
        let open = vec![Message::new("assistant", [hosted])];
        assert_eq!(without_orphans(open.clone(), &[]), open);
    }
}
