//! What each operation sends, and how its answer is read. No I/O.

mod read;
mod replace;
mod save;
mod sessions;

use std::sync::Arc;

use persql_core::{Error, Operation, Pack, Plan, Result, SqlErrorKind, Statement};

use crate::{Message, Run, Saved, Tail, options::Options, sql::Texts};

use read::load;
use save::encode;

pub(crate) use read::get_messages;
pub(crate) use replace::replace;
pub(crate) use save::save;
pub(crate) use sessions::{count_sessions, delete_inactive, list_sessions};

/// A session's history as its plans know it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) texts: Arc<Texts>,
    pub(crate) session_id: Arc<str>,
}

/// Longest session id. An index holds it, and every row repeats it.
const MOST_ID_BYTES: usize = 4_096;

/// The session of callers that name none, as in the framework's own providers.
const NO_SESSION: &str = "default";

impl Place {
    pub(crate) fn new(texts: &Arc<Texts>, session_id: Option<&str>) -> Self {
        let session_id = session_id.filter(|id| !id.is_empty()).unwrap_or(NO_SESSION);
        Self { texts: Arc::clone(texts), session_id: session_id.into() }
    }

    /// Refuses a session id that no row should carry.
    pub(crate) fn check(&self) -> Result<()> {
        let length = self.session_id.len();
        if length > MOST_ID_BYTES {
            return Err(Error::invalid(format!(
                "a session id has at most {MOST_ID_BYTES} bytes, and this has {length}"
            )));
        }
        Ok(())
    }

    pub(crate) fn id(&self) -> &str {
        &self.session_id
    }

    /// An operation of this session with an id of the caller's.
    pub(crate) fn operation<'a>(&self, id: &str, content: impl IntoIterator<Item = &'a str>) -> Result<Operation> {
        Operation::new(&format!("{}{}", self.texts.scope, self.session_id), id, content)
    }

    pub(crate) fn insert(&self, pack: Pack) -> Statement {
        match pack {
            Pack::One(text) => Statement::new(self.texts.insert_message.clone(), (self.id(), text)),
            Pack::Many { array, .. } => Statement::new(self.texts.insert_messages.clone(), (self.id(), array)),
        }
    }

    /// Deletes all but the newest `most` messages; `most` is not 0.
    pub(crate) fn trim(&self, most: usize) -> Statement {
        Statement::new(self.texts.trim.clone(), (self.id(), most - 1))
    }
}

/// What comes before a run: loading, and storing the input if it is to be stored first.
pub(crate) fn before_run(place: &Place, inputs: &[Message], options: &Arc<Options>) -> Plan<Run> {
    let inputs = match encode(inputs, &place.session_id) {
        Ok(inputs) => inputs,
        Err(error) => return Plan::err(error),
    };
    let options = Arc::clone(options);
    let run = if options.load_messages {
        let loaded = Arc::clone(&options);
        load(place, &options).map(move |history| Run::with_history(history, inputs, &loaded))
    } else {
        Plan::ok(Run::new(Tail::unknown(place.clone()), inputs))
    };
    run.and_then(move |run| {
        if options.store_inputs && options.store_inputs_first && !run.inputs().is_empty() {
            save(&run.tail, run.inputs(), &options, None).map(|saved| run.with_stored_inputs(saved.tail))
        } else {
            Plan::ok(run)
        }
    })
}

/// What comes after a run: storing what the flags say.
pub(crate) fn after_run(run: &Run, outputs: &[Message], options: &Options, operation_id: Option<&str>) -> Plan<Saved> {
    save(&run.tail, &run.to_store(outputs, options), options, operation_id)
}

/// Deletes all messages of the session.
pub(crate) fn clear(place: &Place) -> Plan<()> {
    let delete = Statement::new(place.texts.delete_session.clone(), [place.id()]);
    Plan::write([delete]).or_nothing(&place.texts.schema)
}

/// Deletes all but the newest messages of the session.
pub(crate) fn trim(place: &Place, keep: usize) -> Plan<()> {
    match keep {
        0 => clear(place),
        _ => Plan::write([place.trim(keep)]).or_nothing(&place.texts.schema),
    }
}

fn count(statement: Statement, texts: &Texts) -> Plan<u64> {
    Plan::read(statement).or_absent(&texts.schema).try_map(|rows| rows.first().map_or(Ok(0), |row| row.get(0)))
}

/// Whether a guard statement stopped the batch.
fn is_guard(error: &Error) -> bool {
    error.sql_kind() == Some(SqlErrorKind::NotNullViolation)
}

/// How many messages the session has, those that cannot be read included.
pub(crate) fn count_messages(place: &Place) -> Plan<u64> {
    count(Statement::new(place.texts.count_messages.clone(), [place.id()]), &place.texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use persql_core::{Request, Step};

    fn first_request<T>(plan: Plan<T>) -> Option<Request>
    where
        T: Send + 'static,
    {
        match plan.into_step() {
            Step::Send(request, _) => Some(request),
            Step::Done(_) => None,
        }
    }

    #[test]
    fn nothing_to_save_sends_nothing() {
        let tail = Tail::unknown(Place::new(&Texts::default_names(), None));
        assert!(first_request(save(&tail, &[], &Options::default(), None)).is_none());
        let nothing = Options { max_messages: Some(0), ..Options::default() };
        assert!(first_request(save(&tail, &[Message::user("x")], &nothing, None)).is_none());
    }

    #[test]
    fn no_session_is_the_default_one() {
        let texts = Texts::default_names();
        for session in [None, Some(""), Some("default")] {
            assert_eq!(Place::new(&texts, session).id(), "default");
        }
        assert!(Place::new(&texts, Some(&"x".repeat(4_097))).check().is_err());
    }
}
