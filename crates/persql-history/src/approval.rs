//! Requests for a human's approval, and the answers to them, as far as they still wait for something.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::{Content, Message, canonical::is_truthy, slice};

/// The messages without the approval requests and responses that are settled, and without messages that have no
/// contents then: what the framework shows a model (agent-framework-core 1.23, `before_run`).
pub(crate) fn without_settled(messages: Vec<Message>) -> Vec<Message> {
    let contents: Vec<Vec<Content>> = messages.iter().map(Message::contents).collect();
    let waiting = waiting(&contents);
    let mut place = 0;
    let shown = messages.into_iter().zip(contents).filter_map(|(message, contents)| {
        let all = contents.len();
        let kept: Vec<Content> = contents
            .into_iter()
            .filter(|content| {
                place += 1;
                !is_control(content) || waiting.contains(&(place - 1))
            })
            .collect();
        match kept.len() {
            0 => None,
            some if some == all => Some(message),
            _ => Some(message.with_contents(&kept)),
        }
    });
    shown.collect()
}

const REQUEST: &str = "function_approval_request";
const RESPONSE: &str = "function_approval_response";

fn is_control(content: &Content) -> bool {
    // Most contents are none, and this tells it without reading them.
    content.as_json().contains("_approval_re") && [REQUEST, RESPONSE].contains(&content.kind().as_str())
}

/// A content by its place among all contents of all messages.
type Place = usize;

/// The controls that still wait, by place.
fn waiting(messages: &[Vec<Content>]) -> HashSet<Place> {
    if !messages.iter().flatten().any(is_control) {
        return HashSet::new();
    }
    let mut book = Book::default();
    for (place, content) in messages.iter().flatten().enumerate() {
        match content.kind().as_str() {
            REQUEST => book.request(place, content),
            RESPONSE => book.response(place, content),
            kind => book.other(kind, content),
        }
    }
    book.requests.into_values().chain(book.responses.into_values()).collect()
}

/// A response by its id, and the request that it answers, if that is known.
type Response = (String, Option<(String, Place)>);

/// What is open while contents come in their order.
#[derive(Default)]
struct Book {
    /// Requests that nothing has answered, by id.
    requests: HashMap<String, Place>,
    /// The latest request of each id, open or not.
    latest: HashMap<String, Place>,
    /// Ids of requests, by the id of the call that they ask about, in order.
    requests_of_call: HashMap<String, VecDeque<String>>,
    /// Ids of requests, by the id of the very call's occurrence.
    request_of_occurrence: HashMap<String, String>,
    /// Requests that a result has closed.
    closed: HashSet<Place>,
    /// Responses for calls of local tools that have not been carried out, by id.
    responses: HashMap<String, Place>,
    /// Ids of such responses and the request that each answers, by the id of the call, in order.
    responses_of_call: HashMap<String, VecDeque<Response>>,
}

impl Book {
    fn request(&mut self, place: Place, content: &Content) {
        let Some((id, call)) = content.string("id").zip(call_of(content)) else { return };
        let Some(call_id) = call.string("call_id") else { return };
        let occurrence = call.string("id");
        if !self.requests.contains_key(&id) {
            self.requests.insert(id.clone(), place);
            self.latest.insert(id.clone(), place);
            self.requests_of_call.entry(call_id).or_default().push_back(id.clone());
            if let Some(occurrence) = &occurrence {
                self.request_of_occurrence.insert(occurrence.clone(), id.clone());
            }
        }
        // Who asks again does not act on the earlier answer.
        self.responses.remove(&id);
        let properties = content.json("additional_properties").unwrap_or_default();
        let replaces = slice::member(properties, "_replacement_approval_request") == Some("true");
        if let Some(occurrence) = occurrence.filter(|_| replaces) {
            self.responses.remove(&occurrence);
        }
    }

    fn response(&mut self, place: Place, content: &Content) {
        let Some(id) = content.string("id") else { return };
        let request_id = self.request_of_occurrence.get(&id).unwrap_or(&id).clone();
        let request = self.latest.get(&request_id).copied();
        self.requests.remove(&request_id);
        if request.is_some_and(|request| self.closed.contains(&request)) {
            return;
        }
        let Some(call) = call_of(content) else { return };
        let Some(call_id) = call.string("call_id") else { return };
        if !is_hosted(&call) && !self.responses.contains_key(&id) {
            self.responses.insert(id.clone(), place);
            let request = request.map(|request| (request_id, request));
            self.responses_of_call.entry(call_id).or_default().push_back((id, request));
        }
    }

    fn other(&mut self, kind: &str, content: &Content) {
        let asks = || content.json("user_input_request").is_some_and(is_truthy);
        if kind != "function_result" && !asks() {
            return;
        }
        let Some(call_id) = content.string("call_id") else { return };
        // The earliest response that has not been carried out, and if there is none, the earliest open request.
        while let Some((id, request)) = self.responses_of_call.get_mut(&call_id).and_then(VecDeque::pop_front) {
            if self.responses.remove(&id).is_some() {
                if let Some((request_id, request)) = request {
                    self.closed.insert(request);
                    self.requests.remove(&request_id);
                }
                return;
            }
        }
        while let Some(id) = self.requests_of_call.get_mut(&call_id).and_then(VecDeque::pop_front) {
            if let Some(request) = self.requests.remove(&id) {
                self.closed.insert(request);
                return;
            }
        }
    }
}

fn call_of(content: &Content) -> Option<Content> {
    content.json("function_call").filter(|call| call.starts_with('{')).and_then(Content::from_element)
}

/// Whether the service runs the tool itself.
fn is_hosted(call: &Content) -> bool {
    match call.json("hosted") {
        Some(hosted) => hosted == "true",
        None => {
            let properties = call.json("additional_properties").unwrap_or_default();
            slice::member(properties, "server_label").is_some_and(is_truthy)
        }
    }
}
