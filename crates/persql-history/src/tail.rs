//! What a caller knows of the end of a history.

use std::{fmt, sync::Arc};

use crate::{Message, identity::Identity, plan::Place};

/// What is known of the end of a session's history, so that the next save need not ask.
///
/// From [`History::tail`](crate::History::tail) and [`Saved::tail`](crate::Saved::tail), for
/// [`save_messages_after`](crate::PerSqlHistoryProvider::save_messages_after). It is knowledge and no lock: if somebody
/// else saved since, the save finds out and reads the end again.
#[derive(Clone)]
pub struct Tail {
    pub(crate) place: Place,
    pub(crate) known: Option<Known>,
}

/// The end of a history at some moment.
#[derive(Clone)]
pub(crate) struct Known {
    /// The id of the newest row, if there is one. Ids are never used again, so the same id means the same end.
    pub(crate) last_id: Option<i64>,
    /// The id of the oldest row that is known, if there is one. Somebody may delete old rows and leave the newest.
    pub(crate) first_id: Option<i64>,
    pub(crate) older: Older,
    /// What was saved behind that.
    pub(crate) added: Vec<Message>,
    /// Whether nothing is older than what is known.
    pub(crate) complete: bool,
}

#[derive(Clone)]
pub(crate) enum Older {
    Messages(Arc<[Message]>),
    /// Without those that cannot be read.
    Rows(Arc<[Option<Message>]>),
}

/// Messages that a chain of saves remembers: each save copies them, so they must not grow with the history.
const LONGEST_CHAIN: usize = 256;

impl Tail {
    /// A tail of which nothing is known.
    pub(crate) fn unknown(place: Place) -> Self {
        Self { place, known: None }
    }

    /// The session that this is the end of.
    pub fn session_id(&self) -> &str {
        &self.place.session_id
    }
}

impl Older {
    fn len(&self) -> usize {
        match self {
            Older::Messages(messages) => messages.len(),
            Older::Rows(rows) => rows.len(),
        }
    }
}

impl Known {
    /// Nothing yet.
    pub(crate) fn nothing() -> Self {
        let older = Older::Rows(Arc::default());
        Self { last_id: None, first_id: None, older, added: Vec::new(), complete: false }
    }

    /// Whether the newest `n` messages are known, or all if they are fewer.
    pub(crate) fn reaches(&self, n: usize) -> bool {
        self.complete || self.older.len() + self.added.len() >= n
    }

    /// What tells the newest `n` messages from others, oldest first, or all if they are fewer; `None` if not so many
    /// are known.
    pub(crate) fn newest(&self, n: usize) -> Option<Vec<Identity<'_>>> {
        if !self.reaches(n) {
            return None;
        }
        let added = self.added.get(self.added.len().saturating_sub(n)..).unwrap_or_default();
        let rest = self.older.len().saturating_sub(n - added.len());
        let mut newest: Vec<Identity<'_>> = match &self.older {
            Older::Messages(messages) => messages.iter().skip(rest).map(Identity::of).collect(),
            Older::Rows(rows) => rows.iter().skip(rest).map(Identity::of_row).collect(),
        };
        newest.extend(added.iter().map(Identity::of));
        Some(newest)
    }

    /// The same end with these messages behind it.
    pub(crate) fn followed_by(self, saved: Vec<Message>, first_id: i64, last_id: i64) -> Self {
        if self.added.len() + saved.len() > LONGEST_CHAIN {
            // Forget what was before: a save that needs more will read it.
            let (first_id, last_id) = (Some(first_id), Some(last_id));
            return Self { last_id, first_id, added: saved, ..Self::nothing() };
        }
        let mut added = self.added;
        added.extend(saved);
        Self { last_id: Some(last_id), first_id: self.first_id.or(Some(first_id)), added, ..self }
    }
}

impl fmt::Debug for Tail {
    /// Without the messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last_id = self.known.as_ref().map(|known| known.last_id);
        f.debug_struct("Tail")
            .field("session_id", &self.session_id())
            .field("last_id", &last_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dedup;

    #[test]
    fn a_chain_of_saves_remembers_no_more_than_its_newest_part() {
        let older = Older::Messages([Message::user("old")].into());
        let mut known = Known { last_id: Some(1), first_id: Some(1), older, added: Vec::new(), complete: true };
        for n in 0..1_000_i64 {
            known = known.followed_by(vec![Message::user("x"), Message::user("y")], 2 * n + 2, 2 * n + 3);
            assert!((2..=LONGEST_CHAIN).contains(&known.added.len()));
        }
        assert_eq!((known.last_id, known.newest(2).map(|newest| newest.len())), (Some(2_001), Some(2)));
        assert!(known.newest(1_000).is_none());
    }

    #[test]
    fn the_newest_are_taken_from_the_end() {
        let message = |n: usize| Message::user("x").with_message_id(&n.to_string());
        let known = |older: usize, added: usize, complete| Known {
            last_id: None,
            first_id: None,
            older: Older::Messages((0..older).map(message).collect()),
            added: (older..older + added).map(message).collect(),
            complete,
        };
        for (older, added, n, found) in
            [(5, 3, 2, 2), (5, 3, 3, 3), (5, 3, 6, 6), (5, 0, 2, 2), (0, 3, 2, 2), (5, 3, 8, 8)]
        {
            let known = known(older, added, false);
            let newest = known.newest(n).unwrap();
            let wanted: Vec<Message> = (older + added - n..older + added).map(message).collect();
            let wanted: Vec<Identity<'_>> = wanted.iter().map(Identity::of).collect();
            let same = newest.iter().zip(&wanted).filter(|(one, other)| one.is_same(other, Dedup::ByIdOnly)).count();
            assert_eq!((newest.len(), same), (found, found));
        }
        assert!(known(5, 3, false).newest(9).is_none());
        assert_eq!(known(5, 3, true).newest(9).unwrap().len(), 8);
        // Whatever the mode, a message is only like itself here.
        let known = known(2, 0, true);
        let newest = known.newest(2).unwrap();
        assert_eq!(crate::dedup::already_stored(&newest, &newest, Dedup::ByIdOnly), 2);
    }
}
