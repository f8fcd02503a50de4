//! Strands: its repository, and its storage. Records cross as their fields, in the order of the framework's
//! dataclasses; what is JSON in a field crosses as its text.

use persql_strands::{
    JsonText, MultiAgentState, Page, PerSqlSessionRepository, PerSqlStorage, SearchResult, SessionAgent, SessionMessage,
};
use pyo3::{Bound, IntoPyObjectExt as _, PyAny, PyResult, Python, pyclass, pymethods, types::PyBytes};

use crate::{
    database::Database,
    error::raise,
    handle::{Peer, answer, nothing},
};

type Session = (String, String, Option<String>, Option<String>);
type Agent = (String, String, String, String, Option<String>, Option<String>);
type Message = (String, i64, Option<String>, Option<String>, Option<String>);

/// A session repository.
#[pyclass(frozen)]
pub(crate) struct Repository(PerSqlSessionRepository<Peer>);

#[pymethods]
impl Repository {
    #[new]
    #[pyo3(signature = (database, *, asynchronous))]
    fn new(database: &Database, asynchronous: bool) -> Self {
        Self(PerSqlSessionRepository::new(database.peer(asynchronous)))
    }

    fn create_session<'py>(&self, py: Python<'py>, session: Session) -> PyResult<Bound<'py, PyAny>> {
        let session = session_from_python(session);
        answer(py, || self.0.create_session(&session), |py, session| session_to_python(session).into_bound_py_any(py))
    }

    fn read_session<'py>(&self, py: Python<'py>, session_id: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(
            py,
            || self.0.read_session(session_id),
            |py, session| session.map(session_to_python).into_bound_py_any(py),
        )
    }

    fn delete_session<'py>(&self, py: Python<'py>, session_id: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.delete_session(session_id), nothing)
    }

    fn create_agent<'py>(&self, py: Python<'py>, session_id: &str, agent: Agent) -> PyResult<Bound<'py, PyAny>> {
        let agent = agent_from_python(agent)?;
        answer(py, || self.0.create_agent(session_id, &agent), nothing)
    }

    fn read_agent<'py>(&self, py: Python<'py>, session_id: &str, agent_id: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(
            py,
            || self.0.read_agent(session_id, agent_id),
            |py, agent| agent.map(agent_to_python).into_bound_py_any(py),
        )
    }

    fn update_agent<'py>(&self, py: Python<'py>, session_id: &str, agent: Agent) -> PyResult<Bound<'py, PyAny>> {
        let agent = agent_from_python(agent)?;
        answer(py, || self.0.update_agent(session_id, &agent), nothing)
    }

    fn create_message<'py>(
        &self,
        py: Python<'py>,
        session_id: &str,
        agent_id: &str,
        message: Message,
    ) -> PyResult<Bound<'py, PyAny>> {
        let message = message_from_python(message)?;
        answer(py, || self.0.create_message(session_id, agent_id, &message), nothing)
    }

    fn read_message<'py>(
        &self,
        py: Python<'py>,
        session_id: &str,
        agent_id: &str,
        message_id: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        answer(
            py,
            || self.0.read_message(session_id, agent_id, message_id),
            |py, message| message.map(message_to_python).into_bound_py_any(py),
        )
    }

    fn update_message<'py>(
        &self,
        py: Python<'py>,
        session_id: &str,
        agent_id: &str,
        message: Message,
    ) -> PyResult<Bound<'py, PyAny>> {
        let message = message_from_python(message)?;
        answer(py, || self.0.update_message(session_id, agent_id, &message), nothing)
    }

    fn list_messages<'py>(
        &self,
        py: Python<'py>,
        session_id: &str,
        agent_id: &str,
        limit: Option<usize>,
        offset: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut page = Page::default().with_offset(offset);
        page.limit = limit;
        answer(
            py,
            || self.0.list_messages(session_id, agent_id, page),
            |py, messages| messages.into_iter().map(message_to_python).collect::<Vec<_>>().into_bound_py_any(py),
        )
    }

    fn create_multi_agent<'py>(&self, py: Python<'py>, session_id: &str, state: &str) -> PyResult<Bound<'py, PyAny>> {
        let state = state_from_python(state)?;
        answer(py, || self.0.create_multi_agent(session_id, &state), nothing)
    }

    fn read_multi_agent<'py>(
        &self,
        py: Python<'py>,
        session_id: &str,
        multi_agent_id: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        answer(
            py,
            || self.0.read_multi_agent(session_id, multi_agent_id),
            |py, state| state.map(|state| state.text().as_str().to_owned()).into_bound_py_any(py),
        )
    }

    fn update_multi_agent<'py>(&self, py: Python<'py>, session_id: &str, state: &str) -> PyResult<Bound<'py, PyAny>> {
        let state = state_from_python(state)?;
        answer(py, || self.0.update_multi_agent(session_id, &state), nothing)
    }
}

fn json(text: &str) -> PyResult<JsonText> {
    JsonText::new(text).map_err(raise)
}

fn session_from_python((session_id, session_type, created_at, updated_at): Session) -> persql_strands::Session {
    let mut session = persql_strands::Session::new(session_id);
    (session.session_type, session.created_at, session.updated_at) = (session_type, created_at, updated_at);
    session
}

fn session_to_python(session: persql_strands::Session) -> Session {
    (session.session_id, session.session_type, session.created_at, session.updated_at)
}

fn agent_from_python(
    (agent_id, state, conversation_manager_state, internal_state, created_at, updated_at): Agent,
) -> PyResult<SessionAgent> {
    let mut agent = SessionAgent::new(agent_id);
    agent.state = json(&state)?;
    agent.conversation_manager_state = json(&conversation_manager_state)?;
    agent.internal_state = json(&internal_state)?;
    (agent.created_at, agent.updated_at) = (created_at, updated_at);
    Ok(agent)
}

fn agent_to_python(agent: SessionAgent) -> Agent {
    let [state, conversation_manager_state, internal_state] =
        [agent.state, agent.conversation_manager_state, agent.internal_state].map(|text| text.as_str().to_owned());
    (agent.agent_id, state, conversation_manager_state, internal_state, agent.created_at, agent.updated_at)
}

fn message_from_python(
    (message, message_id, redact_message, created_at, updated_at): Message,
) -> PyResult<SessionMessage> {
    let mut message = SessionMessage::from_text(message_id, json(&message)?);
    message.redact_message = redact_message.as_deref().map(json).transpose()?;
    (message.created_at, message.updated_at) = (created_at, updated_at);
    Ok(message)
}

fn message_to_python(message: SessionMessage) -> Message {
    let text = |text: JsonText| text.as_str().to_owned();
    let redact_message = message.redact_message.map(text);
    (text(message.message), message.message_id, redact_message, message.created_at, message.updated_at)
}

fn state_from_python(text: &str) -> PyResult<MultiAgentState> {
    MultiAgentState::new(json(text)?).map_err(raise)
}

/// Bytes under keys.
#[pyclass(frozen)]
pub(crate) struct Storage(PerSqlStorage<Peer>);

#[pymethods]
impl Storage {
    #[new]
    #[pyo3(signature = (database, *, asynchronous))]
    fn new(database: &Database, asynchronous: bool) -> Self {
        Self(PerSqlStorage::new(database.peer(asynchronous)))
    }

    fn namespace(&self, prefix: &str) -> PyResult<Self> {
        self.0.namespace(prefix).map(Self).map_err(raise)
    }

    fn write<'py>(&self, py: Python<'py>, key: &str, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.write(key, data), nothing)
    }

    fn read<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.read(key), |py, data| data.map(|data| PyBytes::new(py, &data)).into_bound_py_any(py))
    }

    fn delete<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.delete(key), nothing)
    }

    fn delete_all<'py>(&self, py: Python<'py>, prefix: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.delete_all(prefix), nothing)
    }

    fn list<'py>(&self, py: Python<'py>, prefix: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.list(prefix), |py, keys| keys.into_bound_py_any(py))
    }

    fn search<'py>(&self, py: Python<'py>, question: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(
            py,
            || self.0.search(question),
            |py, results| {
                let result = |found: SearchResult| (found.key, found.score, PyBytes::new(py, &found.data));
                results.into_iter().map(result).collect::<Vec<_>>().into_bound_py_any(py)
            },
        )
    }
}
