//! What requests cost.

use std::time::Duration;

/// What a request cost. The same for every result set of one batch.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Meta {
    /// Rows that the engine read for it; in local mode, the rows returned.
    pub rows_read: u64,
    /// Rows that the engine wrote for it, index entries included at the hosted service; in local mode, the rows changed.
    pub rows_written: u64,
    /// Time in the engine.
    pub duration: Duration,
    /// Statements that ran.
    pub statement_count: u32,
    /// The price in US dollars; `None` in local mode.
    pub cost_usd: Option<f64>,
}

impl Meta {
    /// Adds another request's cost to this sum.
    pub fn add(&mut self, other: &Meta) {
        self.rows_read += other.rows_read;
        self.rows_written += other.rows_written;
        self.duration += other.duration;
        self.statement_count += other.statement_count;
        if let Some(cost) = other.cost_usd {
            *self.cost_usd.get_or_insert(0.0) += cost;
        }
    }
}
