//! What answers without a model: it finds what you told about yourself in the stored history.

use serde_json::Value;

use crate::text_of;

const WHAT_I_AM: &str = "(I am the built-in responder of this example, not a language model. I only look things up in \
    the stored conversation; set OPENAI_API_KEY to talk to a model.)";

/// The answer to the last message, from all messages before it.
pub(crate) fn answer(history: &[Value]) -> String {
    let said: Vec<String> = history.iter().filter(|item| item["role"] == "user").filter_map(text_of).collect();
    let Some((last, earlier)) = said.split_last() else { return WHAT_I_AM.to_owned() };
    let answer = if let Some(thing) = asked_about(last) {
        match earlier
            .iter()
            .rev()
            .find_map(|text| told(text).filter(|(told, _)| *told == thing).map(|(_, value)| value))
        {
            Some(value) => format!("Your {thing} is {value}: you told me so."),
            None => format!("You have not told me your {thing} yet."),
        }
    } else if let Some((thing, value)) = told(last) {
        format!("I will remember that your {thing} is {value}.")
    } else if let Some(text) = last.contains('?').then(|| closest(last, earlier)).flatten() {
        format!("You said: \"{text}\"")
    } else {
        match earlier.last() {
            Some(before) => format!("Noted. Before that you said: \"{before}\""),
            None => "Noted. This is the first thing that you say to me.".to_owned(),
        }
    };
    format!("{answer} I know {} of your earlier messages. {WHAT_I_AM}", earlier.len())
}

/// `my name is Ada` tells the name.
fn told(text: &str) -> Option<(String, String)> {
    let lower = text.to_lowercase();
    if lower.contains('?') {
        return None;
    }
    let start =
        lower.find("my ").filter(|at| *at == 0 || lower.get(..*at).is_some_and(|before| before.ends_with(' ')))?;
    // Lower case may change the length of a text, so the original is cut only where it stayed the same.
    let original = if lower.len() == text.len() { text } else { &lower };
    let (thing, _) = lower.get(start + 3..)?.split_once(" is ")?;
    let value = original.get(start + 3 + thing.len() + 4..)?.trim().trim_end_matches(['.', '!']);
    (!thing.is_empty() && !value.is_empty()).then(|| (thing.trim().to_owned(), value.to_owned()))
}

/// The latest of the messages that shares most words with the question; short words say nothing.
fn closest<'a>(question: &str, earlier: &'a [String]) -> Option<&'a String> {
    let words = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3).map(str::to_owned).collect()
    };
    let asked = words(question);
    let shared = |text: &&String| words(text).iter().filter(|word| asked.contains(word)).count();
    earlier.iter().filter(|text| !text.contains('?')).max_by_key(shared).filter(|text| shared(text) > 0)
}

/// `what is my name?` asks for the name, and so does `who am I?`.
fn asked_about(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let question = lower.trim().trim_end_matches(['?', '.', '!', ' ']);
    if question == "who am i" {
        return Some("name".to_owned());
    }
    let is_question =
        lower.contains('?') || ["what", "do you", "tell me"].iter().any(|word| question.starts_with(word));
    let (_, thing) = question.rsplit_once("my ")?;
    (is_question && !thing.is_empty()).then(|| thing.trim().trim_end_matches(" is").to_owned())
}
