//! Many checkpoints, newest first.

use std::cmp::Reverse;

use persql_core::{Plan, Result, Rows, Sql, Statement, Value};

use super::{
    Store,
    read::{Page, check_config},
    sends,
};
use crate::{
    CheckpointTuple, Config, ListOptions,
    filter::{self, SqlFilter},
    row::Key,
};

/// Checkpoints of one page, at most. Bytes end a page before that.
const PAGE: usize = 256;

struct Listing {
    store: Store,
    config: Option<Config>,
    options: ListOptions,
    sql_filter: SqlFilter,
    /// The last of the page before.
    after: Option<Key>,
    found: Vec<CheckpointTuple>,
}

/// The checkpoints that match, newest first.
pub(crate) fn list(store: &Store, config: Option<&Config>, options: ListOptions) -> Plan<Vec<CheckpointTuple>> {
    if let Err(error) = config.map_or(Ok(()), check_config) {
        return Plan::err(error);
    }
    let sql_filter = filter::for_sql(&options.filter);
    let listing =
        Listing { store: store.clone(), config: config.cloned(), options, sql_filter, after: None, found: Vec::new() };
    next_page(listing)
}

fn next_page(mut listing: Listing) -> Plan<Vec<CheckpointTuple>> {
    let missing = listing.missing();
    if missing == 0 {
        return Plan::ok(listing.found);
    }
    // What Rust has to sort out may leave nothing of a small page.
    let wanted = if listing.sql_filter.is_complete { missing.min(PAGE) } else { PAGE };
    listing.store.read(listing.statement(wanted)).and_then(move |rows| match listing.take(&rows) {
        Ok((page, more)) => sends::migrate(&listing.store, page).and_then(move |page| {
            listing.found.extend(page);
            if more { next_page(listing) } else { Plan::ok(listing.found) }
        }),
        Err(error) => Plan::err(error),
    })
}

impl Listing {
    fn missing(&self) -> usize {
        self.options.limit.unwrap_or(usize::MAX).saturating_sub(self.found.len())
    }

    fn statement(&self, wanted: usize) -> Statement {
        let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
        let after = self.after.as_ref();
        let mut before = self.options.before.as_deref();
        let scope: &Sql = match &self.config {
            None => &self.store.texts.list_all,
            Some(config) if config.checkpoint_ns.is_none() => &self.store.texts.list_thread,
            Some(_) => {
                // In one namespace an id says it all, and the index takes it.
                let ids = [before, after.map(|key| key.id.as_str())];
                before = ids.into_iter().flatten().min();
                &self.store.texts.list_ns
            }
        };
        let config = self.config.as_ref();
        Statement::new(
            scope.clone(),
            vec![
                text(config.map(|config| config.thread_id.as_str())),
                text(config.and_then(|config| config.checkpoint_ns.as_deref())),
                text(config.and_then(Config::id)),
                text(before),
                text(after.map(|key| key.id.as_str())),
                text(after.map(|key| key.thread_id.as_str()).or(Some(""))),
                text(after.map(|key| key.ns.as_str()).or(Some(""))),
                wanted.into(),
                text(self.sql_filter.pairs.as_deref()),
            ],
        )
    }

    /// What matches of a page, and whether there may be more.
    fn take(&mut self, rows: &Rows) -> Result<(Vec<CheckpointTuple>, bool)> {
        let mut page = Page::read(rows, self.store.texts.layout)?;
        page.found.sort_by_key(|(row, _)| Reverse((row.key.id, row.key.thread_id, row.key.ns)));
        let more = page.available > page.found.len();
        self.after = page.found.last().map(|(row, _)| row.key.to_key());
        let missing = self.missing();
        let mut taken = Vec::new();
        for (row, writes) in page.found {
            if taken.len() == missing {
                return Ok((taken, false));
            }
            if self.options.filter.is_empty() || filter::matches(&self.options.filter, &row.metadata()?) {
                taken.push(CheckpointTuple::read(&row, writes, &self.store.serializer)?);
            }
        }
        Ok((taken, more && self.after.is_some()))
    }
}
