//! The memory of an answer that was dropped, for the next one on the same thread.
//!
//! An answer keeps its text in one block. When it is asked for a block of more than 1 kB, glibc's `malloc` first merges
//! all its small blocks that are free, and cuts them up again for what the rows are decoded into. A block that is there
//! already spares it that: reading 20 rows takes a quarter less.

use std::cell::Cell as Slot;

use super::Cell;

/// More than this goes back to the allocator: a thread should not keep much that it may never need again.
const MOST_BYTES: usize = 128 << 10;

/// Empty buffers with room in them.
#[derive(Default)]
pub(super) struct Spare {
    /// The names of the last answer: the next one mostly has the same.
    pub(super) columns: Vec<String>,
    pub(super) cells: Vec<Cell>,
    pub(super) text: String,
}

thread_local! {
    static SPARE: Slot<Spare> = const { Slot::new(Spare { columns: Vec::new(), cells: Vec::new(), text: String::new() }) };
}

impl Spare {
    /// What the last answer left here, if there was one.
    pub(super) fn take() -> Self {
        // A thread that is about to end has none any more.
        SPARE.try_with(Slot::take).unwrap_or_default()
    }

    /// Leaves the buffers here for the next answer.
    pub(super) fn keep(mut self) {
        let names: usize = self.columns.iter().map(String::capacity).sum();
        let bytes = names + self.text.capacity() + self.cells.capacity() * size_of::<Cell>();
        if (1..=MOST_BYTES).contains(&bytes) {
            self.cells.clear();
            self.text.clear();
            // See `take`.
            let _gone = SPARE.try_with(|spare| spare.set(self));
        }
    }
}
