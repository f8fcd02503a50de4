//! What each operation sends, and how its answer is read. No I/O.

pub(crate) mod manager;
pub(crate) mod record;
pub(crate) mod storage;

use std::{sync::Arc, time::Duration};

use persql_core::{Error, ErrorKind, Pack, PageSize, Plan, Result, Statement, Value, pack};

use crate::{
    AgentInfo, JsonText, ListSessions, MultiAgentState, Page, Session, SessionAgent, SessionInfo, SessionMessage, id,
    plan::record::{Fields, MessageName, Rewrite, agent_name, check_size, is_guard, is_taken, only, rewrite, text_of},
    texts::Texts,
};

/// Turns checks that failed into a plan that sends nothing.
pub(crate) fn checked<T: Send + 'static>(plan: Result<Plan<T>>) -> Plan<T> {
    plan.unwrap_or_else(Plan::err)
}

/// Refuses ids that the framework refuses.
pub(crate) fn check_ids(session_id: &str, agent_id: &str) -> Result<()> {
    id::check_session(session_id)?;
    id::check_agent(agent_id)
}

fn session_params(session: &Session) -> Result<Vec<Value>> {
    session.check()?;
    let (head, times) = (session.head()?, session.times());
    check_size(head.len() + session.session_id.len(), &"the session")?;
    Ok(vec![session.session_id.as_str().into(), head.into(), times.created_at.into(), times.updated_at.into()])
}

pub(crate) fn create_session(texts: &Arc<Texts>, session: &Session) -> Result<Plan<Session>> {
    let create = Statement::new(texts.create_session.clone(), session_params(session)?);
    let mut session = session.clone();
    Ok(Plan::write_returning(create).creating(&texts.schema).then(move |outcome| match outcome {
        Ok(rows) => Plan::result(rows.first().map_or(Ok(()), |row| {
            session.created_at = row.get(0)?;
            session.updated_at = row.get(1)?;
            Ok(())
        }))
        .map(move |()| session),
        Err(error) if is_taken(&error) => {
            let text = format!("Session {} already exists", session.session_id);
            Plan::err(Error::new(ErrorKind::Conflict, text).with_source(error))
        }
        Err(error) => Plan::err(error),
    }))
}

pub(crate) fn read_session(texts: &Arc<Texts>, session_id: &str) -> Result<Plan<Option<Session>>> {
    id::check_session(session_id)?;
    let name = format!("session {session_id}");
    let read = Statement::new(texts.read_session.clone(), [session_id]);
    Ok(Plan::read(read).or_absent(&texts.schema).try_map(move |rows| only(&rows, &name, Session::from_fields)))
}

pub(crate) fn delete_session(texts: &Arc<Texts>, session_id: &str) -> Result<Plan<()>> {
    id::check_session(session_id)?;
    let absent = format!("Session {session_id} does not exist");
    let statements = std::iter::once(&texts.guard_session).chain(&texts.delete_of_session);
    let batch: Vec<Statement> = statements.map(|sql| Statement::new(sql.clone(), [session_id])).collect();
    Ok(strict(Plan::write(batch), texts, absent))
}

/// Says in the framework's words that what a write needs is not there.
fn strict(plan: Plan<()>, texts: &Arc<Texts>, absent: String) -> Plan<()> {
    let schema = texts.schema.clone();
    plan.or_else(move |error| {
        Plan::err(if is_guard(&error) || schema.is_missing(&error) {
            Error::new(ErrorKind::NotFound, absent)
        } else {
            error
        })
    })
}

fn agent_params(session_id: &str, agent: &SessionAgent) -> Result<Vec<Value>> {
    id::check_session(session_id)?;
    agent.check()?;
    let (head, times) = (agent.head()?, agent.times());
    check_size(head.len() + session_id.len() + agent.agent_id.len(), &agent_name(session_id, &agent.agent_id))?;
    let (created, updated) = (times.created_at.into(), times.updated_at.into());
    Ok(vec![session_id.into(), agent.agent_id.as_str().into(), head.into(), created, updated])
}

pub(crate) fn create_agent(texts: &Arc<Texts>, session_id: &str, agent: &SessionAgent) -> Result<Plan<()>> {
    let create = Statement::new(texts.create_agent.clone(), agent_params(session_id, agent)?);
    Ok(Plan::write([create]).creating(&texts.schema))
}

pub(crate) fn read_agent(texts: &Arc<Texts>, session_id: &str, agent_id: &str) -> Result<Plan<Option<SessionAgent>>> {
    check_ids(session_id, agent_id)?;
    let name = agent_name(session_id, agent_id);
    let read = Statement::new(texts.agent.read.clone(), vec![session_id.into(), agent_id.into(), Value::Null]);
    Ok(Plan::read(read).or_absent(&texts.schema).try_map(move |rows| only(&rows, &name, SessionAgent::from_fields)))
}

pub(crate) fn update_agent(texts: &Arc<Texts>, session_id: &str, agent: &SessionAgent) -> Result<Plan<()>> {
    id::check_session(session_id)?;
    update(texts, Rewrite::agent(&session_id.into(), agent)?)
}

fn update(texts: &Arc<Texts>, record: Rewrite) -> Result<Plan<()>> {
    let schema = texts.schema.clone();
    let absent = record.absent();
    Ok(rewrite(texts, Vec::new(), vec![record])
        .or_else(move |error| Plan::err(if schema.is_missing(&error) { absent } else { error })))
}

pub(crate) fn create_message(
    texts: &Arc<Texts>,
    session_id: &str,
    agent_id: &str,
    message: &SessionMessage,
) -> Result<Plan<()>> {
    check_ids(session_id, agent_id)?;
    message.check()?;
    let (head, times) = (message.head(), message.times());
    let name = MessageName { session_id, agent_id, message_id: message.message_id };
    check_size(head.len() + session_id.len() + agent_id.len(), &name)?;
    let params: Vec<Value> = vec![
        session_id.into(),
        agent_id.into(),
        message.message_id.into(),
        head.into(),
        times.created_at.into(),
        times.updated_at.into(),
    ];
    Ok(Plan::write([Statement::new(texts.create_message.clone(), params)]).creating(&texts.schema))
}

pub(crate) fn read_message(
    texts: &Arc<Texts>,
    session_id: &str,
    agent_id: &str,
    message_id: i64,
) -> Result<Plan<Option<SessionMessage>>> {
    check_ids(session_id, agent_id)?;
    let name = MessageName { session_id, agent_id, message_id }.to_string();
    let read = Statement::new(texts.message.read.clone(), (session_id, agent_id, message_id));
    Ok(Plan::read(read).or_absent(&texts.schema).try_map(move |rows| only(&rows, &name, SessionMessage::from_fields)))
}

pub(crate) fn update_message(
    texts: &Arc<Texts>,
    session_id: &str,
    agent_id: &str,
    message: &SessionMessage,
) -> Result<Plan<()>> {
    check_ids(session_id, agent_id)?;
    update(texts, Rewrite::message(&session_id.into(), &agent_id.into(), message)?)
}

pub(crate) fn list_messages(
    texts: &Arc<Texts>,
    session_id: &str,
    agent_id: &str,
    page: Page,
) -> Result<Plan<Vec<SessionMessage>>> {
    check_ids(session_id, agent_id)?;
    let list = List::new(texts, session_id, agent_id, page);
    Ok(list.next(i64::MIN, page.offset, PageSize::default(), Vec::new()))
}

/// A listing of an agent's messages, page by page.
#[derive(Clone, Debug)]
struct List {
    texts: Arc<Texts>,
    session_id: Arc<str>,
    agent_id: Arc<str>,
    limit: usize,
}

impl List {
    fn new(texts: &Arc<Texts>, session_id: &str, agent_id: &str, page: Page) -> Self {
        let limit = page.limit.unwrap_or(usize::MAX);
        Self { texts: Arc::clone(texts), session_id: session_id.into(), agent_id: agent_id.into(), limit }
    }

    /// Reads on behind this message id, and behind so many messages more.
    fn next(
        self,
        after: i64,
        offset: usize,
        size: PageSize,
        mut found: Vec<SessionMessage>,
    ) -> Plan<Vec<SessionMessage>> {
        let missing = self.limit.saturating_sub(found.len());
        if missing == 0 {
            return Plan::ok(found);
        }
        let params = (self.session_id.as_ref(), self.agent_id.as_ref(), after, offset, PageSize::ROWS);
        let page = Statement::new(self.texts.list_messages.clone(), params);
        size.read(missing, page, &self.texts.schema).and_then(move |page| {
            let mut last = after;
            let read: Result<()> = page.rows.iter().try_for_each(|row| {
                last = row.get(0)?;
                found.push(self.read(last, text_of(&row, 1, &"a message")?)?);
                Ok(())
            });
            match read {
                Err(error) => Plan::err(error),
                Ok(()) if page.is_full() => self.next(last, 0, page.next, found),
                Ok(()) => Plan::ok(found),
            }
        })
    }

    fn read(&self, message_id: i64, text: &str) -> Result<SessionMessage> {
        let name = MessageName { session_id: &self.session_id, agent_id: &self.agent_id, message_id };
        SessionMessage::from_fields(&Fields::of(text, &name)?)
    }
}

/// Statements that add messages behind each other, from this id on, and fail if one of the ids is taken.
fn append(
    texts: &Texts,
    session_id: &str,
    agent_id: &str,
    first_id: i64,
    messages: &[JsonText],
) -> Result<Vec<Statement>> {
    let mut heads = Vec::with_capacity(messages.len());
    for (position, text) in messages.iter().enumerate() {
        let message_id = first_id.saturating_add(to_i64(position));
        let text = text.clone().expect_object("a message").map_err(|error| error.context("item", position))?;
        let head = SessionMessage::from_text(message_id, text).head();
        check_size(head.len() + session_id.len() + agent_id.len(), &"a message")
            .map_err(|error| error.context("item", position))?;
        heads.push(head);
    }
    if heads.len() <= FEW {
        return Ok(insert_few(texts, session_id, agent_id, first_id, heads).into_iter().collect());
    }
    let mut next = first_id;
    let statements = pack(heads).into_iter().map(|pack| {
        let (statement, count) = match pack {
            Pack::One(head) => (insert_few(texts, session_id, agent_id, next, vec![head]), 1),
            Pack::Many { array, count } => {
                (Some(Statement::new(texts.insert_many.clone(), (session_id, agent_id, next, array))), count)
            }
        };
        next = next.saturating_add(to_i64(count));
        statement
    });
    Ok(statements.flatten().collect())
}

/// So many texts have a parameter each: SQLite need not take them out of an array.
const FEW: usize = 8;

fn insert_few(texts: &Texts, session_id: &str, agent_id: &str, first_id: i64, heads: Vec<String>) -> Option<Statement> {
    (!heads.is_empty()).then(|| {
        let mut params: Vec<Value> = vec![session_id.into(), agent_id.into(), first_id.into()];
        params.extend(heads.into_iter().map(Value::from));
        params.resize(3 + FEW, Value::Null);
        Statement::new(texts.insert_few.clone(), params)
    })
}

fn multi_agent_params(session_id: &str, state: &MultiAgentState) -> Result<[Value; 3]> {
    id::check_session(session_id)?;
    let text = state.text().as_str();
    check_size(text.len() + session_id.len() + state.id().len(), &"a multi-agent state")?;
    Ok([session_id.into(), state.id().into(), text.into()])
}

pub(crate) fn create_multi_agent(texts: &Arc<Texts>, session_id: &str, state: &MultiAgentState) -> Result<Plan<()>> {
    let create = Statement::new(texts.create_multi_agent.clone(), multi_agent_params(session_id, state)?);
    Ok(Plan::write([create]).creating(&texts.schema))
}

pub(crate) fn read_multi_agent(
    texts: &Arc<Texts>,
    session_id: &str,
    multi_agent_id: &str,
) -> Result<Plan<Option<MultiAgentState>>> {
    check_ids(session_id, multi_agent_id)?;
    let name = format!("multi-agent state {multi_agent_id} in session {session_id}");
    let read = Statement::new(texts.read_multi_agent.clone(), [session_id, multi_agent_id]);
    Ok(Plan::read(read).or_absent(&texts.schema).try_map(move |rows| {
        let Some(row) = rows.first() else { return Ok(None) };
        let text = text_of(&row, 0, &name)?;
        Fields::of(text, &name)?.required_string("id")?;
        MultiAgentState::new(JsonText::stored(text))
            .map(Some)
            .map_err(|error| Error::new(ErrorKind::Corrupt, format!("{name} cannot be read: {error}")))
    }))
}

pub(crate) fn update_multi_agent(texts: &Arc<Texts>, session_id: &str, state: &MultiAgentState) -> Result<Plan<()>> {
    let params = multi_agent_params(session_id, state)?;
    let absent = format!("MultiAgent state {} in session {session_id} does not exist", state.id());
    let guard = Statement::new(texts.guard_multi_agent.clone(), [session_id, state.id()]);
    let update = Statement::new(texts.update_multi_agent.clone(), params);
    Ok(strict(Plan::write([guard, update]), texts, absent))
}

/// The sessions, by id.
pub(crate) fn list_sessions(texts: &Texts, options: ListSessions) -> Plan<Vec<SessionInfo>> {
    options.read(&texts.list_sessions, &texts.schema, SessionInfo::from_row)
}

pub(crate) fn count_sessions(texts: &Arc<Texts>) -> Plan<u64> {
    let count = Statement::from(texts.count_sessions.clone());
    Plan::read(count).or_absent(&texts.schema).try_map(|rows| rows.first().map_or(Ok(0), |row| row.get(0)))
}

pub(crate) fn list_agents(texts: &Arc<Texts>, session_id: &str) -> Result<Plan<Vec<AgentInfo>>> {
    id::check_session(session_id)?;
    Ok(agents_after(Arc::clone(texts), session_id.into(), Vec::new()))
}

/// Agents of one answer.
const LISTED_AT_ONCE: usize = 1_000;

fn agents_after(texts: Arc<Texts>, session_id: Arc<str>, mut found: Vec<AgentInfo>) -> Plan<Vec<AgentInfo>> {
    let after: Value = found.last().map(|agent| agent.agent_id.as_str()).into();
    let params: Vec<Value> = vec![session_id.as_ref().into(), after, LISTED_AT_ONCE.into()];
    Plan::read(Statement::new(texts.list_agents.clone(), params)).or_absent(&texts.schema).and_then(move |rows| {
        let page: Result<Vec<AgentInfo>> = rows.iter().map(|row| AgentInfo::from_row(&row)).collect();
        match page {
            Err(error) => Plan::err(error),
            Ok(page) => {
                found.extend(page);
                if rows.len() < LISTED_AT_ONCE { Plan::ok(found) } else { agents_after(texts, session_id, found) }
            }
        }
    })
}

/// Deletes the sessions in which nothing changed for this long, and counts them.
pub(crate) fn delete_inactive(texts: &Texts, for_longer_than: Duration) -> Plan<u64> {
    persql_core::delete_inactive(&texts.inactive_sessions, &texts.delete_inactive, &texts.schema, for_longer_than)
}

fn to_i64(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
