//! Saving messages behind a history that others save to as well.

use std::sync::Arc;

use persql_core::{
    Error, ErrorKind, Operation, Pack, Plan, Recorded, Result, Statement, Value, limits, pack, pack_rows,
};

use super::{Place, is_guard, read::read_tail};
use crate::{
    Dedup, Message, Saved, Tail,
    dedup::{Identity, already_stored},
    options::Options,
    tail::Known,
};

/// How often a save reads the end of the history again because somebody else was faster.
const ROUNDS: usize = 16;

/// A save that is under way.
struct Save {
    place: Place,
    messages: Vec<Message>,
    identities: Vec<Identity>,
    dedup: Dedup,
    max_messages: Option<usize>,
    operation: Option<Operation>,
}

/// What became of a write.
enum Written {
    /// It was done. The ids of the first and the last new row, if the answer says them.
    Done(Option<(i64, i64)>),
    /// The same operation had been done before, and stored so many.
    Before(usize),
    /// The history no longer ends as it did.
    Lost,
}

/// The messages as they are stored.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] with the position of the message that is too large, nested too deep or unreadable for the
/// framework.
pub(super) fn encode(messages: &[Message], session_id: &str) -> Result<Vec<Message>> {
    let checked = messages
        .iter()
        .enumerate()
        .map(|(position, message)| check(message, session_id).map_err(|error| error.context("message", position)));
    checked.collect()
}

fn check(message: &Message, session_id: &str) -> Result<Message> {
    let message = message.checked()?.into_owned();
    // The row's other columns and its header.
    let row = message.as_json().len() + session_id.len() + 64;
    if row > limits::ROW_BYTES {
        let limit = limits::ROW_BYTES;
        return Err(Error::invalid(format!(
            "a message is too large: the limit of a row is {limit} bytes, and this takes {row}"
        )));
    }
    Ok(message)
}

/// Saves what is new of the messages behind the history whose end is, or is not, known.
pub(crate) fn save(tail: &Tail, messages: &[Message], options: &Options, operation_id: Option<&str>) -> Plan<Saved> {
    let place = tail.place.clone();
    let prepared = encode(messages, &place.session_id).and_then(|messages| {
        let texts = messages.iter().map(Message::as_json);
        let operation = operation_id.map(|id| place.operation(id, std::iter::once("save").chain(texts))).transpose()?;
        Ok((messages, operation))
    });
    let (messages, operation) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Plan::err(error),
    };
    if messages.is_empty() || options.max_messages == Some(0) {
        return Plan::ok(Saved { stored: 0, tail: tail.clone() });
    }
    let identities = match options.dedup {
        Dedup::Off => Vec::new(),
        _ => messages.iter().map(Identity::of).collect(),
    };
    let (dedup, max_messages) = (options.dedup, options.max_messages);
    let save = Save { place, messages, identities, dedup, max_messages, operation };
    match dedup {
        Dedup::Off => save_all(save),
        _ => attempt(Arc::new(save), tail.clone(), ROUNDS),
    }
}

/// Saves everything, whatever is stored.
fn save_all(save: Save) -> Plan<Saved> {
    let batch = save.batch(0, None);
    save.write_batch(batch).and_then(move |written| match written {
        Written::Done(_) => Plan::ok(save.saved(save.messages.len())),
        Written::Before(stored) => Plan::ok(save.saved(stored)),
        Written::Lost => Plan::err(conflict()),
    })
}

/// Finds what is new behind the end that is known, and writes it if that still is the end.
fn attempt(save: Arc<Save>, tail: Tail, rounds: usize) -> Plan<Saved> {
    let wanted = save.messages.len();
    let found = tail.known.and_then(|known| Some((known.newest(wanted)?, known)));
    let Some((newest, known)) = found else {
        return read_tail(&save.place, wanted).and_then(move |tail| attempt(save, tail, rounds));
    };
    let first = already_stored(&newest, &save.identities, save.dedup);
    if first == wanted && save.operation.is_none() {
        let tail = Tail { place: save.place.clone(), known: Some(known) };
        return Plan::ok(Saved { stored: 0, tail });
    }
    save.write(first, &known).and_then(move |written| match written {
        Written::Done(ids) => {
            let new = save.messages.get(first..).unwrap_or_default();
            let known = ids.map(|(first_id, last_id)| known.followed_by(new, Some(first_id), last_id));
            Plan::ok(Saved { stored: new.len(), tail: Tail { place: save.place.clone(), known } })
        }
        Written::Before(stored) => Plan::ok(save.saved(stored)),
        Written::Lost if rounds == 0 => Plan::err(conflict()),
        Written::Lost => {
            let tail = Tail::unknown(save.place.clone());
            attempt(save, tail, rounds - 1)
        }
    })
}

fn conflict() -> Error {
    Error::new(ErrorKind::Conflict, "others kept saving to the session in between: nothing was stored")
}

impl Save {
    /// What is known afterwards if the answer did not say.
    fn saved(&self, stored: usize) -> Saved {
        Saved { stored, tail: Tail::unknown(self.place.clone()) }
    }

    /// Writes the messages from `first` on, if the history still ends as it is known to.
    fn write(&self, first: usize, known: &Known) -> Plan<Written> {
        let alone = self.operation.is_none() && self.max_messages.is_none();
        match self.append(first, known).filter(|_| alone) {
            Some(append) => self.write_one(append),
            None => {
                let guard = Statement::new(
                    self.place.texts.guard_newest.clone(),
                    (self.place.id(), known.last_id, known.first_id),
                );
                self.write_batch(self.batch(first, Some(guard)))
            }
        }
    }

    /// One statement that inserts nothing if the guard does not hold, and answers with the new rows if it does; `None`
    /// if one cannot hold the messages.
    fn append(&self, first: usize, known: &Known) -> Option<Statement> {
        let new = self.messages.get(first..)?;
        let mut params: Vec<Value> = vec![self.place.id().into(), known.last_id.into(), known.first_id.into()];
        let sql = match self.place.texts.append_few.get(new.len().checked_sub(1)?) {
            Some(few) => {
                params.extend(new.iter().map(|message| message.as_json().into()));
                few
            }
            None => {
                let mut packs = pack(new.iter().map(Message::as_json));
                let Some(Pack::Many { array, .. }) = packs.pop().filter(|_| packs.is_empty()) else { return None };
                params.push(array.into());
                &self.place.texts.append_many
            }
        };
        Some(Statement::new(sql.clone(), params))
    }

    fn write_one(&self, append: Statement) -> Plan<Written> {
        Plan::write_returning(append).creating(&self.place.texts.schema).try_map(|rows| {
            let ids: Result<Vec<i64>> = rows.iter().map(|row| row.get(0)).collect();
            let ids = ids?;
            let ends = ids.iter().min().copied().zip(ids.iter().max().copied());
            Ok(ends.map_or(Written::Lost, |ends| Written::Done(Some(ends))))
        })
    }

    fn batch(&self, first: usize, guard: Option<Statement>) -> Vec<Statement> {
        let texts: Vec<&str> = self.messages.iter().skip(first).map(Message::as_json).collect();
        let new = texts.len();
        let record = self.operation.as_ref().map(|operation| operation.record(Some(&new.to_string())));
        let trim = self.max_messages.filter(|_| new > 0).map(|most| self.place.trim(most));
        record
            .into_iter()
            .chain(guard)
            .chain(pack_rows(texts).into_iter().map(|pack| self.place.insert(pack)))
            .chain(trim)
            .collect()
    }

    fn write_batch(&self, batch: Vec<Statement>) -> Plan<Written> {
        let written = match &self.operation {
            None => Plan::write(batch).creating(&self.place.texts.schema).map(|()| Written::Done(None)),
            Some(operation) => operation.apply(batch, &self.place.texts.schema).try_map(|recorded| {
                Ok(match recorded {
                    None => Written::Done(None),
                    Some(recorded) => Written::Before(stored_before(&recorded)?),
                })
            }),
        };
        written.or_else(|error| if is_guard(&error) { Plan::ok(Written::Lost) } else { Plan::err(error) })
    }
}

fn stored_before(recorded: &Recorded) -> Result<usize> {
    let stored = recorded.result.as_deref().and_then(|result| result.parse().ok());
    stored.ok_or_else(|| Error::new(ErrorKind::Corrupt, "the record of an operation does not say what was stored"))
}
