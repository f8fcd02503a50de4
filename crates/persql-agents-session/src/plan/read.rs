//! Reading a history, page by page: all of it from the oldest item on, or a window from the newest back.

use persql_core::{PageSize, Plan, Result, Rows, Statement};

use super::Place;
use crate::{
    Limit,
    call::{Head, OpenCalls},
    item::{Decode, Stored},
    limit::Count,
};

/// How far before a limit the call of an output is looked for.
const FURTHEST_CALL: usize = 1_000;

/// Rows read beyond a limit that keeps calls whole, so that one request is enough for most.
const LOOK_BEHIND: usize = 16;

/// The newest items within the limit, oldest first.
pub(crate) fn read_items<T: Send + 'static>(place: &Place, limit: Limit, decode: Decode<T>) -> Plan<Vec<T>> {
    match limit.count {
        Count::All | Count::Default => all_after(place.clone(), i64::MIN, PageSize::default(), Vec::new(), decode),
        _ => read_window(place, limit, decode).map(|window| {
            let mut items = window.newest_first;
            items.reverse();
            items
        }),
    }
}

/// Reads pages from the oldest row on.
fn all_after<T: Send + 'static>(
    place: Place,
    after: i64,
    size: PageSize,
    mut items: Vec<T>,
    decode: Decode<T>,
) -> Plan<Vec<T>> {
    let page = Statement::new(place.texts.items_after.clone(), (place.id(), after, PageSize::ROWS));
    size.read(usize::MAX, page, &place.texts.schema).and_then(move |page| {
        let read = each(&page.rows, |stored| {
            items.extend(decode(stored)?);
            Ok(())
        });
        match read {
            Err(error) => Plan::err(error),
            Ok(Some(last)) if page.is_full() => all_after(place, last, page.next, items, decode),
            Ok(_) => Plan::ok(items),
        }
    })
}

/// Shows every row to `look`; the id of the last.
pub(super) fn each(rows: &Rows, mut look: impl FnMut(&Stored<'_>) -> Result<()>) -> Result<Option<i64>> {
    let mut last = None;
    for row in rows.iter() {
        let stored = Stored::from_row(&row)?;
        look(&stored)?;
        last = Some(stored.id);
    }
    Ok(last)
}

/// The newest part of a history, read backwards.
#[derive(Debug)]
pub(super) struct Window<T> {
    limit: Limit,
    decode: Decode<T>,
    pub(super) newest_first: Vec<T>,
    /// Rows of the window that are not items.
    skipped: usize,
    /// Items, or turns, found so far.
    found: usize,
    /// Whether the limit was reached. If not, the history is no longer than this.
    pub(super) full: bool,
    /// The ids of the newest and the oldest row of the window, items or not.
    pub(super) ends: Option<(i64, i64)>,
    /// Outputs in the window whose calls are not.
    open: OpenCalls,
    /// Whether the window's oldest item is a call, or the reasoning before one.
    begins_with_call: bool,
    /// Items before a full window that are a part of it if a call turns up behind them.
    passed: Vec<(i64, String, Head)>,
}

/// Reads as far back as the limit says.
pub(super) fn read_window<T: Send + 'static>(place: &Place, limit: Limit, decode: Decode<T>) -> Plan<Window<T>> {
    let window = Window {
        limit,
        decode,
        newest_first: Vec::new(),
        skipped: 0,
        found: 0,
        full: matches!(limit.count, Count::Items(0) | Count::Turns(0)),
        ends: None,
        open: OpenCalls::default(),
        begins_with_call: false,
        passed: Vec::new(),
    };
    if window.full {
        return Plan::ok(window);
    }
    window_before(place.clone(), i64::MAX, PageSize::default(), window)
}

/// Reads pages from the newest row back, until the window is complete.
fn window_before<T: Send + 'static>(
    place: Place,
    before: i64,
    size: PageSize,
    mut window: Window<T>,
) -> Plan<Window<T>> {
    let page = Statement::new(place.texts.items_before.clone(), (place.id(), before, PageSize::ROWS));
    size.read(window.wanted(), page, &place.texts.schema).and_then(move |page| {
        match each(&page.rows, |stored| window.take(stored)) {
            Err(error) => Plan::err(error),
            Ok(Some(last)) if page.is_full() && !window.is_complete() => window_before(place, last, page.next, window),
            Ok(_) => Plan::ok(window),
        }
    })
}

impl<T> Window<T> {
    /// Rows that the next page should have.
    fn wanted(&self) -> usize {
        match self.limit.count {
            _ if self.full => FURTHEST_CALL.saturating_sub(self.passed.len()),
            Count::Items(n) => {
                // As many as were in vain, so that a long run of rows that are not JSON takes few pages.
                let rows = n.saturating_sub(self.found).max(self.skipped);
                rows.saturating_add(if self.limit.whole_calls { LOOK_BEHIND } else { 0 })
            }
            _ => usize::MAX,
        }
    }

    /// Whether nothing older can belong to the window.
    fn is_complete(&self) -> bool {
        let may_wait = self.limit.whole_calls && self.passed.len() < FURTHEST_CALL;
        let waits = !self.open.is_empty() || (self.begins_with_call && self.passed.is_empty());
        self.full && !(may_wait && waits)
    }

    fn take(&mut self, stored: &Stored<'_>) -> Result<()> {
        match self.full {
            false => self.fill(stored),
            true if self.is_complete() => Ok(()),
            true => self.look_for_calls(stored),
        }
    }

    fn fill(&mut self, stored: &Stored<'_>) -> Result<()> {
        let by_heads = self.limit.whole_calls || matches!(self.limit.count, Count::Turns(_));
        let head = stored.text().filter(|_| by_heads).map(Head::of).unwrap_or_default();
        if !self.include(stored, &head)? {
            self.skipped += 1;
            return Ok(());
        }
        self.found += usize::from(match self.limit.count {
            Count::Turns(_) => head.is_user(),
            _ => true,
        });
        self.full = matches!(self.limit.count, Count::Items(n) | Count::Turns(n) if self.found >= n);
        Ok(())
    }

    fn look_for_calls(&mut self, stored: &Stored<'_>) -> Result<()> {
        let Some(text) = stored.valid_text() else { return Ok(()) };
        let head = Head::of(text);
        if self.open.wait_for(&head) {
            // All that stands between comes with it, so that the history has no gap.
            for (id, text, head) in std::mem::take(&mut self.passed) {
                self.include(&Stored::new(id, &text), &head)?;
            }
            self.include(stored, &head)?;
        } else if self.begins_with_call && self.passed.is_empty() && head.is_reasoning() {
            self.include(stored, &head)?;
        } else {
            self.passed.push((stored.id, text.to_owned(), head));
        }
        Ok(())
    }

    /// Makes the row the oldest of the window; false if it is not an item.
    fn include(&mut self, stored: &Stored<'_>, head: &Head) -> Result<bool> {
        self.ends = Some((self.ends.map_or(stored.id, |(newest, _)| newest), stored.id));
        let Some(item) = (self.decode)(stored)? else { return Ok(false) };
        self.newest_first.push(item);
        self.open.see(head);
        self.begins_with_call = head.is_call() || (self.begins_with_call && head.is_reasoning());
        Ok(true)
    }
}
