//! Records of agents and messages: how their JSON is read, and how it is written anew without losing what is not ours.

use std::{
    fmt::{self, Display},
    sync::Arc,
};

use persql_core::{
    Error, ErrorKind, Plan, Result, Row, Rows, SqlErrorKind, Statement, Value, ValueRef, limits::ROW_BYTES,
};

use crate::{
    SessionAgent, SessionMessage,
    members::{Members, string},
    message::TIMES_BYTES,
    texts::{RecordTexts, Texts},
};

/// The fields of a stored record, and what it is called in errors.
pub(crate) struct Fields<'a> {
    members: Members<'a>,
    name: &'a dyn Display,
}

impl<'a> Fields<'a> {
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the text is not a JSON object.
    pub(crate) fn of(text: &'a str, name: &'a dyn Display) -> Result<Self> {
        let members = Members::scan(text)
            .map_err(|error| Error::new(ErrorKind::Corrupt, format!("Invalid JSON in {name}: {error}")))?
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("{name} is stored as JSON that is no object")))?;
        Ok(Self { members, name })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.members.get(key)
    }

    pub(crate) fn required(&self, key: &'static str) -> Result<&'a str> {
        self.get(key).ok_or_else(|| self.wrong(key, "is missing"))
    }

    pub(crate) fn required_string(&self, key: &'static str) -> Result<String> {
        string(self.required(key)?).ok_or_else(|| self.wrong(key, "is not a string"))
    }

    pub(crate) fn required_integer(&self, key: &'static str) -> Result<i64> {
        self.required(key)?.parse().map_err(|_| self.wrong(key, "is not an integer of 64 bits"))
    }

    /// A string that may be missing or null.
    pub(crate) fn string(&self, key: &'static str) -> Result<Option<String>> {
        match self.get(key) {
            None | Some("null") => Ok(None),
            Some(text) => string(text).map(Some).ok_or_else(|| self.wrong(key, "is not a string")),
        }
    }

    fn wrong(&self, key: &str, what: &str) -> Error {
        Error::new(ErrorKind::Corrupt, format!("{} cannot be read: its `{key}` {what}", self.name))
    }
}

/// The JSON text of a row, in this column.
pub(crate) fn text_of<'a>(row: &Row<'a>, column: usize, name: &dyn Display) -> Result<&'a str> {
    let text = match row.get::<ValueRef<'_>>(column)? {
        ValueRef::Text(text) => Some(text),
        // Python reads JSON from bytes as well.
        ValueRef::Blob(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    text.ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("Invalid JSON in {name}: it is not text")))
}

/// Reads the only row of an answer, if there is one.
pub(crate) fn only<T>(
    rows: &Rows,
    name: &dyn Display,
    read: impl FnOnce(&Fields<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let Some(row) = rows.first() else { return Ok(None) };
    read(&Fields::of(text_of(&row, 0, name)?, name)?).map(Some)
}

/// Refuses a record that a row cannot hold.
pub(crate) fn check_size(bytes: usize, name: &dyn Display) -> Result<()> {
    let row = bytes + TIMES_BYTES;
    if row > ROW_BYTES {
        return Err(Error::invalid(format!(
            "{name} is too large: the limit of a row is {ROW_BYTES} bytes, and this takes {row}"
        )));
    }
    Ok(())
}

/// A record that is to be written anew. It must be there; when it was made, and what it holds that is not ours, stays.
#[derive(Clone, Debug)]
pub(crate) struct Rewrite {
    session_id: Arc<str>,
    agent_id: Arc<str>,
    message_id: Option<i64>,
    head: String,
    updated_at: Option<String>,
    name: String,
    /// The framework's text for a record that is not there.
    absent: String,
}

/// How often a row that others keep changing is read again.
const ATTEMPTS: usize = 8;

impl Rewrite {
    pub(crate) fn agent(session_id: &Arc<str>, agent: &SessionAgent) -> Result<Self> {
        agent.check()?;
        let (head, id) = (agent.head()?, &agent.agent_id);
        let name = agent_name(session_id, id);
        check_size(head.len() + session_id.len() + id.len(), &name)?;
        Ok(Self {
            session_id: Arc::clone(session_id),
            agent_id: id.as_str().into(),
            message_id: None,
            head,
            updated_at: agent.updated_at.clone(),
            absent: format!("Agent {id} in session {session_id} does not exist"),
            name,
        })
    }

    pub(crate) fn message(session_id: &Arc<str>, agent_id: &Arc<str>, message: &SessionMessage) -> Result<Self> {
        message.check()?;
        let (head, id) = (message.head(), message.message_id);
        let name = MessageName { session_id, agent_id, message_id: id }.to_string();
        check_size(head.len() + session_id.len() + agent_id.len(), &name)?;
        Ok(Self {
            session_id: Arc::clone(session_id),
            agent_id: Arc::clone(agent_id),
            message_id: Some(id),
            head,
            updated_at: message.updated_at.clone(),
            absent: format!("Message {id} does not exist"),
            name,
        })
    }

    fn texts<'t>(&self, texts: &'t Texts) -> &'t RecordTexts {
        if self.message_id.is_some() { &texts.message } else { &texts.agent }
    }

    fn known(&self) -> &'static [&'static str] {
        if self.message_id.is_some() { &SessionMessage::FIELDS } else { &SessionAgent::FIELDS }
    }

    fn key(&self) -> [Value; 3] {
        [self.session_id.as_ref().into(), self.agent_id.as_ref().into(), self.message_id.into()]
    }

    fn params<const N: usize>(&self, more: [Value; N]) -> Vec<Value> {
        self.key().into_iter().chain(more).collect()
    }

    pub(crate) fn absent(&self) -> Error {
        Error::new(ErrorKind::NotFound, self.absent.clone())
    }

    /// For a row that holds nothing but what we know.
    fn plain(&self, texts: &Texts) -> [Statement; 2] {
        let texts = self.texts(texts);
        [
            Statement::new(texts.guard_plain.clone(), self.params([])),
            Statement::new(
                texts.rewrite_plain.clone(),
                self.params([self.head.as_str().into(), self.updated_at.clone().into()]),
            ),
        ]
    }

    /// For a row that held `stored` when it was read, and must still hold it.
    fn same(&self, texts: &Texts, stored: &str) -> Result<[Statement; 2]> {
        let fields = Fields::of(stored, &self.name)?;
        let created_at = fields.get("created_at").unwrap_or("null");
        let head = format!("{}{created_at},\"updated_at\":", self.head);
        let tail = fields.members.without(self.known()) + "}";
        let ids = self.session_id.len() + self.agent_id.len();
        check_size(head.len() + tail.len() + ids, &self.name)?;
        let texts = self.texts(texts);
        Ok([
            Statement::new(texts.guard_same.clone(), self.params([stored.into()])),
            Statement::new(
                texts.rewrite_same.clone(),
                self.params([head.into(), self.updated_at.clone().into(), tail.into()]),
            ),
        ])
    }
}

/// Writes records anew together with other statements: all of it takes effect, or nothing.
///
/// One request where the rows hold nothing but what we know. Where one does not, it is read, and written if it is still
/// what was read.
pub(crate) fn rewrite(texts: &Arc<Texts>, others: Vec<Statement>, rewrites: Vec<Rewrite>) -> Plan<()> {
    let texts = Arc::clone(texts);
    let batch: Vec<Statement> =
        others.iter().cloned().chain(rewrites.iter().flat_map(|rewrite| rewrite.plain(&texts))).collect();
    Plan::write(batch).or_else(move |error| {
        if is_guard(&error) { rewrite_read(texts, others, rewrites, ATTEMPTS) } else { Plan::err(error) }
    })
}

fn rewrite_read(texts: Arc<Texts>, others: Vec<Statement>, rewrites: Vec<Rewrite>, attempts: usize) -> Plan<()> {
    if attempts == 0 {
        return Plan::err(Error::new(ErrorKind::Conflict, "others keep changing this record"));
    }
    let statements = read_all(Arc::clone(&texts), rewrites.clone().into(), Vec::new());
    statements.and_then(move |statements| {
        let batch: Vec<Statement> = others.iter().cloned().chain(statements).collect();
        Plan::write(batch).or_else(move |error| {
            if is_guard(&error) { rewrite_read(texts, others, rewrites, attempts - 1) } else { Plan::err(error) }
        })
    })
}

/// Reads each row and says how to write it anew.
fn read_all(
    texts: Arc<Texts>,
    mut rewrites: std::collections::VecDeque<Rewrite>,
    mut statements: Vec<Statement>,
) -> Plan<Vec<Statement>> {
    let Some(rewrite) = rewrites.pop_front() else { return Plan::ok(statements) };
    let read = Statement::new(rewrite.texts(&texts).read.clone(), rewrite.params([]));
    Plan::read(read).and_then(move |rows| {
        let Some(row) = rows.first() else { return Plan::err(rewrite.absent()) };
        match text_of(&row, 0, &rewrite.name).and_then(|stored| rewrite.same(&texts, stored)) {
            Ok(two) => {
                statements.extend(two);
                read_all(texts, rewrites, statements)
            }
            Err(error) => Plan::err(error),
        }
    })
}

/// Whether a guard statement stopped the batch.
pub(crate) fn is_guard(error: &Error) -> bool {
    error.sql_kind() == Some(SqlErrorKind::NotNullViolation)
}

/// Whether a row with the same key is there already.
pub(crate) fn is_taken(error: &Error) -> bool {
    error.sql_kind() == Some(SqlErrorKind::UniqueViolation)
}

pub(crate) fn agent_name(session_id: &str, agent_id: &str) -> String {
    format!("agent {agent_id} in session {session_id}")
}

/// What a message is called in errors: put together only for one.
pub(crate) struct MessageName<'a> {
    pub(crate) session_id: &'a str,
    pub(crate) agent_id: &'a str,
    pub(crate) message_id: i64,
}

impl Display for MessageName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session_id, agent_id, message_id } = self;
        write!(f, "message {message_id} of agent {agent_id} in session {session_id}")
    }
}
