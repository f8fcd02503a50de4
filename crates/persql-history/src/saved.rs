//! What a save did.

use crate::Tail;

/// What a save did.
#[derive(Clone, Debug)]
pub struct Saved {
    pub(crate) stored: usize,
    pub(crate) tail: Tail,
}

impl Saved {
    /// How many of the messages were stored; the others had been stored before.
    pub fn stored(&self) -> usize {
        self.stored
    }

    /// The end of the history as it is now, for
    /// [`save_messages_after`](crate::PerSqlHistoryProvider::save_messages_after).
    pub fn tail(&self) -> &Tail {
        &self.tail
    }
}
