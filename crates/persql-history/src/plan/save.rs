//! Saving messages behind a history that others save to as well.

use persql_core::{
    Error, ErrorKind, Operation, Pack, Plan, Recorded, Result, Rows, Sql, Statement, Value, limits, pack, pack_rows,
};

use super::{Place, is_guard, read::read_tail};
use crate::{
    Dedup, Message, Saved, Tail,
    dedup::already_stored,
    identity::{Identity, marks},
    options::Options,
    sql::FEW,
    tail::Known,
};

/// How often a save reads the end of the history again because somebody else was faster.
const ROUNDS: usize = 16;

/// A save that is under way.
struct Save {
    place: Place,
    messages: Vec<Message>,
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
    let (dedup, max_messages) = (options.dedup, options.max_messages);
    let save = Save { place, messages, dedup, max_messages, operation };
    match dedup {
        Dedup::Off => save_all(save),
        _ => save_new(save, tail.clone()),
    }
}

/// Saves everything, whatever is stored.
fn save_all(save: Save) -> Plan<Saved> {
    let batch = save.batch(0, None);
    save.write_batch(batch).map(move |written| match written {
        Written::Done(_) => save.saved(save.messages.len()),
        Written::Before(stored) => save.saved(stored),
    })
}

/// Saves behind an end that is known, or else in one statement that sees whether all is new, or behind an end that is read.
fn save_new(save: Save, tail: Tail) -> Plan<Saved> {
    let is_known = tail.known.as_ref().is_some_and(|known| known.reaches(save.messages.len()));
    let others = if is_known { None } else { save.append_others() };
    match others {
        Some(append) => save.write_one(append, save.messages.len()).then(|outcome| match outcome {
            Err(error) if is_guard(&error) => read_again(save, ROUNDS),
            outcome => Plan::result(outcome.map(|written| save.written(written, 0, Known::nothing()))),
        }),
        None => attempt(save, tail, ROUNDS),
    }
}

/// Finds what is new behind the end that is known, and writes it if that still is the end.
fn attempt(save: Save, tail: Tail, rounds: usize) -> Plan<Saved> {
    let found = tail.known.and_then(|known| Some((save.already_stored(&known)?, known)));
    let Some((first, known)) = found else {
        return read_tail(&save.place, save.messages.len()).and_then(move |tail| attempt(save, tail, rounds));
    };
    if first == save.messages.len() && save.operation.is_none() {
        return Plan::ok(Saved { stored: 0, tail: Tail { place: save.place, known: Some(known) } });
    }
    save.write(first, &known).then(move |outcome| match outcome {
        // The history no longer ends as it did.
        Err(error) if is_guard(&error) => read_again(save, rounds),
        outcome => Plan::result(outcome.map(|written| save.written(written, first, known))),
    })
}

fn read_again(save: Save, rounds: usize) -> Plan<Saved> {
    let Some(rounds) = rounds.checked_sub(1) else {
        let text = "others kept saving to the session in between: nothing was stored";
        return Plan::err(Error::new(ErrorKind::Conflict, text));
    };
    let tail = Tail::unknown(save.place.clone());
    attempt(save, tail, rounds)
}

impl Save {
    /// How many of the messages are stored already, if enough is known to say.
    fn already_stored(&self, known: &Known) -> Option<usize> {
        let newest = known.newest(self.messages.len())?;
        if newest.is_empty() {
            return Some(0);
        }
        let incoming: Vec<Identity<'_>> = self.messages.iter().map(Identity::of).collect();
        Some(already_stored(&newest, &incoming, self.dedup))
    }

    /// What a save is told of a write of the messages from `first` on.
    fn written(mut self, written: Written, first: usize, known: Known) -> Saved {
        match written {
            Written::Done(ids) => {
                let new = self.messages.split_off(first);
                let stored = new.len();
                let known = ids.map(|(first_id, last_id)| known.followed_by(new, first_id, last_id));
                Saved { stored, tail: Tail { place: self.place, known } }
            }
            Written::Before(stored) => self.saved(stored),
        }
    }

    /// What is known afterwards if the answer did not say.
    fn saved(&self, stored: usize) -> Saved {
        Saved { stored, tail: Tail::unknown(self.place.clone()) }
    }

    /// Writes the messages from `first` on, if the history still ends as it is known to.
    fn write(&self, first: usize, known: &Known) -> Plan<Written> {
        match self.append(first, known) {
            Some(append) => self.write_one(append, self.messages.len() - first),
            None => {
                let guard = Statement::new(
                    self.place.texts.guard_newest.clone(),
                    (self.place.id(), known.last_id, known.first_id),
                );
                self.write_batch(self.batch(first, Some(guard)))
            }
        }
    }

    /// One statement with its own guard; `None` if one cannot do it.
    fn append(&self, first: usize, known: &Known) -> Option<Statement> {
        if !self.is_alone() {
            return None;
        }
        let new = self.messages.get(first..)?;
        let guard = [known.last_id.into(), known.first_id.into()];
        if new.len() <= FEW {
            return self.append_few(&self.place.texts.append_few, &guard, new);
        }
        let mut packs = pack(new.iter().map(Message::as_json));
        let Some(Pack::Many { array, .. }) = packs.pop().filter(|_| packs.is_empty()) else { return None };
        let [last_id, first_id] = guard;
        Some(Statement::new(self.place.texts.append_many.clone(), (self.place.id(), last_id, first_id, array)))
    }

    /// Inserts all messages if the newest that is stored is surely none of them: then none of them is stored by the rule.
    /// `None` if that is not likely to be seen at once. A long list is likely to be a transcript; and if the last message
    /// has no mark, so probably has the one that is stored.
    fn append_others(&self) -> Option<Statement> {
        if self.messages.len() > FEW || !self.is_alone() {
            return None;
        }
        let marks = marks(&self.messages)?;
        self.append_few(&self.place.texts.append_others, &[marks.into()], &self.messages)
    }

    fn append_few(&self, texts: &[Sql], guard: &[Value], new: &[Message]) -> Option<Statement> {
        let text = texts.get(new.len().checked_sub(1)?)?;
        let mut params: Vec<Value> = Vec::with_capacity(1 + guard.len() + new.len());
        params.push(self.place.id().into());
        params.extend_from_slice(guard);
        params.extend(new.iter().map(|message| message.as_json().into()));
        Some(Statement::new(text.clone(), params))
    }

    /// Whether nothing is to be done but to insert.
    fn is_alone(&self) -> bool {
        self.operation.is_none() && self.max_messages.is_none()
    }

    fn write_one(&self, append: Statement, new: usize) -> Plan<Written> {
        Plan::write_returning(append).creating(&self.place.texts.schema).map(move |rows| Written::Done(ids(&rows, new)))
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
        match &self.operation {
            None => Plan::write(batch).creating(&self.place.texts.schema).map(|()| Written::Done(None)),
            Some(operation) => operation.apply(batch, &self.place.texts.schema).try_map(|recorded| {
                Ok(match recorded {
                    None => Written::Done(None),
                    Some(recorded) => Written::Before(stored_before(&recorded)?),
                })
            }),
        }
    }
}

/// The ids of the first and the last of so many new rows, which one statement numbers one after the other; `None` if the
/// answer does not say.
fn ids(rows: &Rows, new: usize) -> Option<(i64, i64)> {
    let last = rows.last_insert_rowid().filter(|_| rows.changes() == u64::try_from(new).ok())?;
    Some((last.checked_sub(i64::try_from(new).ok()?)? + 1, last))
}

fn stored_before(recorded: &Recorded) -> Result<usize> {
    let stored = recorded.result.as_deref().and_then(|result| result.parse().ok());
    stored.ok_or_else(|| Error::new(ErrorKind::Corrupt, "the record of an operation does not say what was stored"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{sql::Texts, tail::Older};
    use persql_core::{Answer, Step};

    /// Saves two messages behind a known end; the answer says this of itself.
    fn known_after(changes: Option<u64>, last_insert_rowid: Option<i64>) -> Option<(Option<i64>, Option<i64>)> {
        let older = Older::Messages(Arc::default());
        let known = Known { last_id: None, first_id: None, older, added: Vec::new(), complete: true };
        let tail = Tail { place: Place::new(&Texts::default_names(), None), known: Some(known) };
        let messages = [Message::user("x"), Message::user("y")];
        let Step::Send(request, then) = save(&tail, &messages, &Options::default(), None).into_step() else {
            panic!("nothing is sent")
        };
        let mut rows = Rows::default();
        rows.set_changes(changes, last_insert_rowid);
        let Step::Done(saved) = then.resume(request, Ok(Answer::Sets(vec![rows]))).into_step() else {
            panic!("more is sent")
        };
        let saved = saved.unwrap();
        assert_eq!(saved.stored(), 2);
        saved.tail.known.map(|known| (known.first_id, known.last_id))
    }

    #[test]
    fn the_end_is_known_if_the_answer_says_what_was_inserted() {
        assert_eq!(known_after(Some(2), Some(8)), Some((Some(7), Some(8))));
        // A server may say neither, and a trigger of somebody's may have left a row out.
        for (changes, last_insert_rowid) in [(None, Some(8)), (Some(2), None), (Some(1), Some(8)), (None, None)] {
            assert!(known_after(changes, last_insert_rowid).is_none());
        }
    }
}
