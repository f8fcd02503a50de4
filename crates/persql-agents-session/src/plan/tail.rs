//! Reading the newest items, and putting others in their place if they are still what they were.

use persql_core::{Error, ErrorKind, Pack, PageSize, Plan, Result, Statement, pack};

use super::{Place, append, is_guard, read::each};
use crate::tail::Tail;

/// Reads the newest `n` rows, to be replaced later.
pub(crate) fn tail(place: &Place, n: usize) -> Plan<Tail> {
    tail_before(place.clone(), i64::MAX, n, PageSize::default(), Vec::new())
}

fn tail_before(
    place: Place,
    before: i64,
    n: usize,
    size: PageSize,
    mut newest_first: Vec<(i64, String)>,
) -> Plan<Tail> {
    // One more, to know whether anything is older.
    let missing = n.saturating_sub(newest_first.len()).saturating_add(1);
    let page = Statement::new(place.texts.items_before.clone(), (place.id(), before, PageSize::ROWS));
    size.read(missing, page, &place.texts.schema).and_then(move |page| {
        let mut complete = true;
        let read = each(&page.rows, |stored| {
            if newest_first.len() == n {
                complete = false;
                return Ok(());
            }
            let text = stored.valid_text().ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, "a row of the tail is not JSON").context("row", stored.id)
            })?;
            newest_first.push((stored.id, text.to_owned()));
            Ok(())
        });
        match read {
            Err(error) => Plan::err(error),
            Ok(Some(last)) if complete && page.is_full() => tail_before(place, last, n, page.next, newest_first),
            Ok(_) => {
                newest_first.reverse();
                Plan::ok(Tail { rows: newest_first, complete })
            }
        }
    })
}

/// Puts texts in place of the tail's items from a position on, if these are still the newest and unchanged.
pub(crate) fn replace_tail(place: &Place, tail: &Tail, from: usize, texts: Vec<String>) -> Plan<()> {
    match replacement(place, tail, from, texts) {
        Ok(batch) => conflict_if_guarded(Plan::write(batch).creating(&place.texts.schema)),
        Err(error) => Plan::err(error),
    }
}

/// The same, once for this operation id.
pub(crate) fn replace_tail_once(place: &Place, id: &str, tail: &Tail, from: usize, texts: Vec<String>) -> Plan<()> {
    let position = from.to_string();
    let content = ["replace", &position].into_iter().chain(tail.texts()).chain(texts.iter().map(String::as_str));
    match place.operation(id, content).and_then(|operation| Ok((operation, replacement(place, tail, from, texts)?))) {
        Ok((operation, batch)) => {
            let batch = std::iter::once(operation.record(None)).chain(batch);
            conflict_if_guarded(operation.apply(batch, &place.texts.schema).map(|_| ()))
        }
        Err(error) => Plan::err(error),
    }
}

fn conflict_if_guarded(written: Plan<()>) -> Plan<()> {
    written.or_else(|error| {
        Plan::err(if is_guard(&error) {
            Error::new(ErrorKind::Conflict, "the newest items are not what they were: read the tail again")
                .with_source(error)
        } else {
            error
        })
    })
}

fn replacement(place: &Place, tail: &Tail, from: usize, texts: Vec<String>) -> Result<Vec<Statement>> {
    let replaced = tail.from(from).ok_or_else(|| {
        Error::invalid(format!("the tail has {} items, and was to be replaced from item {from}", tail.len()))
    })?;
    // Behind the last item when nothing is replaced: then the guard says that nothing was added since.
    let first = replaced.first().map_or_else(|| tail.last_id().saturating_add(1), |(id, _)| *id);
    let sql = &place.texts;
    let mut batch = vec![Statement::new(sql.guard_tail_length.clone(), (place.id(), first, replaced.len()))];
    batch.extend(pack(replaced.iter().map(|(id, text)| format!("{id}:{text}"))).into_iter().map(|pack| match pack {
        Pack::Many { array, .. } => Statement::new(sql.guard_tail_items.clone(), (place.id(), array)),
        Pack::One(wanted) => {
            let (id, text) = wanted.split_once(':').unwrap_or_default();
            Statement::new(sql.guard_tail_item.clone(), (place.id(), id, text))
        }
    }));
    batch.push(Statement::new(sql.delete_from.clone(), (place.id(), first)));
    batch.extend(append(place, texts));
    Ok(batch)
}
