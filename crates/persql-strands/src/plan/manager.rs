//! What the manager's operations send: each group of the framework's calls in one request.

use std::sync::Arc;

use persql_core::{Error, ErrorKind, PageSize, Plan, Result, Rows, Statement};

use crate::{
    JsonText, MultiAgentState, Page, Restored, Session, SessionAgent, SessionMessage, Tracked,
    conversation::Conversation,
    plan::{
        List, agent_params, append, check_ids, multi_agent_params, read_multi_agent,
        record::{Fields, MessageName, Rewrite, agent_name, is_taken, rewrite, text_of},
        session_params,
    },
    texts::Texts,
    tool_use::repair_tool_use_text,
    tracked::tracking_id,
};

/// A session as the manager's plans know it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) texts: Arc<Texts>,
    pub(crate) session_id: Arc<str>,
}

/// How often a race for a new agent is tried again: whoever loses finds the winner's agent.
const ATTEMPTS: usize = 3;

/// Restores an agent, or creates it with these messages.
pub(crate) fn initialize(place: &Place, agent: &SessionAgent, messages: Vec<JsonText>) -> Result<Plan<Restored>> {
    // What cannot be stored is refused before anything is asked.
    create_batch(place, agent, 0, &messages)?;
    Ok(restore_or_create(place.clone(), agent.clone(), messages, ATTEMPTS))
}

fn restore_or_create(place: Place, agent: SessionAgent, messages: Vec<JsonText>, attempts: usize) -> Plan<Restored> {
    let params = (place.session_id.as_ref(), agent.agent_id.as_str(), PageSize::ROWS);
    let read = Statement::new(place.texts.restore.clone(), params);
    PageSize::default().read(usize::MAX, read, &place.texts.schema).and_then(move |page| {
        match Found::of(&place, &agent.agent_id, &page.rows) {
            Err(error) => Plan::err(error),
            Ok(found) if found.agent.is_some() => restore(place, &agent, found, page.wanted, page.next),
            Ok(found) => create(place, agent, messages, found.newest_id, attempts),
        }
    })
}

/// What the one statement of a restore found.
#[derive(Debug, Default)]
struct Found {
    session: bool,
    /// The agent, and the offset that SQLite saw in its record.
    agent: Option<(SessionAgent, usize)>,
    newest_id: Option<i64>,
    messages: Vec<SessionMessage>,
}

impl Found {
    fn of(place: &Place, agent_id: &str, rows: &Rows) -> Result<Self> {
        let mut found = Self::default();
        for row in rows.iter() {
            let number: Option<i64> = row.get(1)?;
            match row.get::<&str>(0)? {
                "session" => found.session = true,
                "agent" => {
                    let name = agent_name(&place.session_id, agent_id);
                    let agent = SessionAgent::from_fields(&Fields::of(text_of(&row, 2, &name)?, &name)?)?;
                    found.agent = Some((agent, number.and_then(|n| n.try_into().ok()).unwrap_or(0)));
                }
                "newest" => found.newest_id = number,
                _ => {
                    let message_id = number.unwrap_or_default();
                    let name = MessageName { session_id: &place.session_id, agent_id, message_id };
                    let text = text_of(&row, 2, &name)?;
                    found.messages.push(SessionMessage::from_fields(&Fields::of(text, &name)?)?);
                }
            }
        }
        // They come in this order, but SQL does not promise it for a UNION ALL.
        found.messages.sort_by_key(|message| message.message_id);
        Ok(found)
    }
}

fn restore(place: Place, own: &SessionAgent, found: Found, wanted: usize, size: PageSize) -> Plan<Restored> {
    let Found { session, agent, newest_id, messages } = found;
    let Some((agent, offset)) = agent else {
        return Plan::err(Error::new(ErrorKind::Corrupt, "a restore without an agent"));
    };
    let conversation = Conversation::of(&agent.conversation_manager_state);
    if let Err(error) = conversation.check_restored_by(&Conversation::of(&own.conversation_manager_state)) {
        return Plan::err(error);
    }
    let list = List::new(&place.texts, &place.session_id, &agent.agent_id, Page::default());
    let messages = if offset != conversation.removed {
        // SQLite could not read the record as Python does (a `NaN` in it).
        list.next(i64::MIN, conversation.removed, PageSize::default(), Vec::new())
    } else if messages.len() < wanted {
        Plan::ok(messages)
    } else {
        let after = messages.last().map_or(i64::MIN, |message| message.message_id);
        list.next(after, 0, size, messages)
    };
    let ensured = if session { Plan::ok(()) } else { ensure_session(&place) };
    ensured.and_then(move |()| messages).map(move |messages| {
        let mut tracked = Tracked::new(&agent.agent_id);
        for message in &messages {
            tracked.saw(message.message_id, message.shown());
        }
        tracked.newest_id = tracked.newest_id.max(newest_id);
        tracked.synced = Some(agent.clone());
        let shown = messages.iter().map(|message| message.shown().clone());
        let messages = repair_tool_use_text(conversation.prefix.into_iter().chain(shown).collect());
        Restored { tracked, agent, messages, is_new: false }
    })
}

/// An agent that somebody stored without a session gets one.
fn ensure_session(place: &Place) -> Plan<()> {
    match session_params(&Session::new(place.session_id.as_ref())) {
        Ok(params) => Plan::write([Statement::new(place.texts.ensure_session.clone(), params)]),
        Err(error) => Plan::err(error),
    }
}

fn create_batch(place: &Place, agent: &SessionAgent, first_id: i64, messages: &[JsonText]) -> Result<Vec<Statement>> {
    let (texts, session_id) = (&place.texts, &place.session_id);
    let mut batch = vec![
        Statement::new(texts.ensure_session.clone(), session_params(&Session::new(session_id.as_ref()))?),
        Statement::new(texts.insert_agent.clone(), agent_params(session_id, agent)?),
    ];
    batch.extend(append(texts, session_id, &agent.agent_id, first_id, messages)?);
    Ok(batch)
}

fn create(
    place: Place,
    agent: SessionAgent,
    messages: Vec<JsonText>,
    newest_id: Option<i64>,
    attempts: usize,
) -> Plan<Restored> {
    let mut tracked = Tracked::new(&agent.agent_id);
    tracked.newest_id = newest_id;
    let first_id = tracked.next_message_id();
    let batch = match create_batch(&place, &agent, first_id, &messages) {
        Ok(batch) => batch,
        Err(error) => return Plan::err(error),
    };
    Plan::write(batch).creating(&place.texts.schema).then(move |outcome| match outcome {
        Ok(()) => {
            for (message, id) in messages.iter().zip(first_id..) {
                tracked.saw(id, message);
            }
            tracked.synced = Some(agent.clone());
            Plan::ok(Restored { tracked, agent, messages, is_new: true })
        }
        Err(error) if is_taken(&error) && attempts > 0 => restore_or_create(place, agent, messages, attempts - 1),
        Err(error) => Plan::err(error),
    })
}

/// Adds messages, and the agent's state where it has changed.
pub(crate) fn append_messages(
    place: &Place,
    tracked: &Tracked,
    messages: Vec<JsonText>,
    agent: Option<&SessionAgent>,
) -> Result<Plan<Tracked>> {
    check_ids(&place.session_id, &tracked.agent_id)?;
    let first_id = tracked.next_message_id();
    let statements = append(&place.texts, &place.session_id, &tracked.agent_id, first_id, &messages)?;
    let changed = changed(place, tracked, agent)?;
    let mut next = tracked.clone();
    for (message, id) in messages.iter().zip(first_id..) {
        next.saw(id, message);
    }
    if let Some((_, agent)) = &changed {
        next.synced = Some((*agent).clone());
    }
    if statements.is_empty() && changed.is_none() {
        return Ok(Plan::ok(next));
    }
    let state: Vec<Rewrite> = changed.into_iter().map(|(state, _)| state).collect();
    let written = if state.is_empty() {
        Plan::write(statements).creating(&place.texts.schema)
    } else {
        strict(place, statements, state.clone())
    };
    let place = place.clone();
    Ok(written.then(move |outcome| match outcome {
        Ok(()) => Plan::ok(next),
        Err(error) if is_taken(&error) => find_applied(&place, &next.agent_id, first_id, messages, error)
            // The state of this attempt may be newer than that of the one before.
            .and_then(move |()| if state.is_empty() { Plan::ok(()) } else { strict(&place, Vec::new(), state) })
            .map(move |()| next),
        Err(error) => Plan::err(error),
    }))
}

/// How the agent is to be written, if it is not what is stored already.
fn changed<'a>(
    place: &Place,
    tracked: &Tracked,
    agent: Option<&'a SessionAgent>,
) -> Result<Option<(Rewrite, &'a SessionAgent)>> {
    let Some(agent) = agent else { return Ok(None) };
    if *agent.agent_id != *tracked.agent_id {
        return Err(Error::invalid(format!(
            "agent {} was given where agent {} is tracked",
            agent.agent_id, tracked.agent_id
        )));
    }
    if tracked.synced.as_ref().is_some_and(|synced| synced.has_states_of(agent)) {
        return Ok(None);
    }
    // A time that was read is not one to write: the change has its own.
    let agent_now = SessionAgent { updated_at: None, ..agent.clone() };
    Ok(Some((Rewrite::agent(&place.session_id, &agent_now)?, agent)))
}

/// A batch with records that must be there.
fn strict(place: &Place, others: Vec<Statement>, rewrites: Vec<Rewrite>) -> Plan<()> {
    let schema = place.texts.schema.clone();
    let absent = rewrites.first().map(Rewrite::absent);
    rewrite(&place.texts, others, rewrites).or_else(move |error| {
        Plan::err(match absent {
            Some(absent) if schema.is_missing(&error) => absent,
            _ => error,
        })
    })
}

/// The ids are taken. By these very messages, if an answer was lost and the caller has tried again: then all is well.
/// Only a message with a `tracking_id` can be told from another that says the same.
fn find_applied(place: &Place, agent_id: &Arc<str>, first_id: i64, messages: Vec<JsonText>, error: Error) -> Plan<()> {
    let text = format!("Message {first_id} already exists in agent {agent_id} in session {}", place.session_id);
    let taken = Error::new(ErrorKind::Conflict, text).with_source(error);
    if !messages.iter().all(|message| tracking_id(message).is_some()) {
        return Plan::err(taken);
    }
    let page = Page::default().with_limit(messages.len());
    let list = List::new(&place.texts, &place.session_id, agent_id, page);
    list.next(first_id.saturating_sub(1), 0, PageSize::default(), Vec::new()).and_then(move |stored| {
        let ours = stored.len() == messages.len()
            && stored.iter().zip(&messages).all(|(stored, message)| stored.message == *message);
        if ours { Plan::ok(()) } else { Plan::err(taken) }
    })
}

/// Writes the agent's state where it has changed.
pub(crate) fn sync_agent(place: &Place, tracked: &Tracked, agent: &SessionAgent) -> Result<Plan<Tracked>> {
    append_messages(place, tracked, Vec::new(), Some(agent))
}

/// Puts another message in place of the latest, in every record that holds it.
pub(crate) fn redact_latest_message(place: &Place, tracked: &Tracked, message: JsonText) -> Result<Plan<Tracked>> {
    check_ids(&place.session_id, &tracked.agent_id)?;
    let message = message.expect_object("a message")?;
    let Some(latest) = &tracked.latest else {
        return Err(Error::new(ErrorKind::NotFound, "No message to redact."));
    };
    let rewrites: Result<Vec<Rewrite>> = latest
        .ids
        .iter()
        .map(|id| {
            let mut redacted = SessionMessage::from_text(*id, message.clone());
            redacted.redact_message = Some(message.clone());
            Rewrite::message(&place.session_id, &tracked.agent_id, &redacted)
        })
        .collect();
    let mut next = tracked.clone();
    if let Some(latest) = &mut next.latest {
        latest.message = message;
    }
    Ok(strict(place, Vec::new(), rewrites?).map(move |()| next))
}

/// Gives the stored state of a graph or swarm, or stores this one.
pub(crate) fn initialize_multi_agent(place: &Place, state: &MultiAgentState) -> Result<Plan<Option<MultiAgentState>>> {
    let mut batch = vec![Statement::new(
        place.texts.ensure_session.clone(),
        session_params(&Session::new(place.session_id.as_ref()))?,
    )];
    let params = multi_agent_params(&place.session_id, state)?;
    batch.push(Statement::new(place.texts.insert_multi_agent.clone(), params));
    let place = place.clone();
    Ok(read_multi_agent(&place.texts, &place.session_id, state.id())?.and_then(move |found| match found {
        Some(found) => Plan::ok(Some(found)),
        None => Plan::write(batch).creating(&place.texts.schema).map(|()| None),
    }))
}
