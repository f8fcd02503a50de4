//! Deleting what certain runs stored.

use std::collections::{BTreeMap, HashSet};

use persql_core::{Error, ErrorKind, Plan, Result, Statement};

use super::{
    Guard, Store, arrays,
    chain::Graph,
    place,
    prune::{delete, needed_by, shapes},
    try_rows,
};
use crate::{Metadata, row::Key};

/// Rows of one page, at most: metadata is short.
const PAGE: usize = 1_000;
const ATTEMPTS: usize = 5;

/// Deletes the checkpoints of these runs, with their writes, in all threads; refuses where something else needs them.
pub(crate) fn delete_for_runs(store: &Store, run_ids: &[String]) -> Plan<()> {
    let run_ids: HashSet<String> = run_ids.iter().cloned().collect();
    if run_ids.is_empty() {
        return Plan::ok(());
    }
    let array = super::json_array(run_ids.iter().map(String::as_str));
    attempt(Search { store: store.clone(), run_ids, array }, ATTEMPTS)
}

#[derive(Clone)]
struct Search {
    store: Store,
    run_ids: HashSet<String>,
    array: String,
}

type Doomed = BTreeMap<String, Vec<Key>>;

fn attempt(search: Search, attempts: usize) -> Plan<()> {
    find(search.clone(), Key::default(), Doomed::new()).and_then(move |doomed| {
        if doomed.is_empty() {
            return Plan::ok(());
        }
        let store = search.store.clone();
        shapes(&store, doomed.keys().map(String::as_str)).and_then(move |shapes| {
            let threads: Vec<(String, Vec<Key>)> = doomed.into_iter().collect();
            check_threads(store.clone(), threads, 0).and_then(move |threads| {
                delete(&store, &shapes, threads).or_else(move |error| match store.guard_of(&error) {
                    Some(Guard::Shapes) if attempts > 1 => attempt(search, attempts - 1),
                    _ => Plan::err(error),
                })
            })
        })
    })
}

/// Pages through all checkpoints that may be of one of the runs.
fn find(search: Search, after: Key, mut doomed: Doomed) -> Plan<Doomed> {
    let params = (search.array.as_str(), after.thread_id.as_str(), after.ns.as_str(), after.id.as_str(), PAGE);
    let page = Statement::new(search.store.texts.of_runs.clone(), params);
    search.store.read(page).and_then(move |rows| {
        let page = try_rows(&rows, |row| {
            let key = Key { thread_id: row.get(0)?, ns: row.get(1)?, id: row.get(2)? };
            let metadata = match row.get::<persql_core::ValueRef<'_>>(3)? {
                persql_core::ValueRef::Text(text) => Metadata::from_text(Some(text.as_bytes())),
                persql_core::ValueRef::Blob(bytes) => Metadata::from_text(Some(bytes)),
                _ => Ok(Metadata::default()),
            };
            let run_id = metadata.map_err(|error| key.explain(error))?.run_id().map(str::to_owned);
            Ok((key, run_id))
        });
        let page = match page {
            Ok(page) => page,
            Err(error) => return Plan::err(error),
        };
        let last = page.last().map(|(key, _)| key.clone());
        for (key, run_id) in page {
            if run_id.is_some_and(|run_id| search.run_ids.contains(&run_id)) {
                doomed.entry(key.thread_id.clone()).or_default().push(key);
            }
        }
        match last {
            Some(last) if rows.len() >= PAGE => find(search, last, doomed),
            _ => Plan::ok(doomed),
        }
    })
}

/// Looks in each thread for checkpoints that stay and need one that goes.
fn check_threads(store: Store, threads: Vec<(String, Vec<Key>)>, position: usize) -> Plan<Vec<(String, Vec<Key>)>> {
    let Some((thread_id, keys)) = threads.get(position) else { return Plan::ok(threads) };
    let doomed: HashSet<(String, String)> = keys.iter().map(|key| (key.ns.clone(), key.id.clone())).collect();
    let thread_id = thread_id.clone();
    children_of(&store, &thread_id, keys).and_then(move |children| {
        let stay = children.into_iter().filter(|child| !doomed.contains(child)).collect::<Vec<_>>().into_iter();
        check_children(store.clone(), thread_id, stay, doomed)
            .and_then(move |()| check_threads(store, threads, position + 1))
    })
}

fn children_of(store: &Store, thread_id: &str, parents: &[Key]) -> Plan<Vec<(String, String)>> {
    let arrays = arrays(parents.iter().map(place)).into_iter();
    let reads = arrays.map(|array| Statement::new(store.texts.children.clone(), (thread_id, array)));
    store.read_each(reads.collect()).try_map(|answers| {
        let pages = answers.iter().map(|rows| try_rows(rows, |row| Ok((row.get(0)?, row.get(1)?))));
        Ok(pages.collect::<Result<Vec<_>>>()?.concat())
    })
}

fn check_children(
    store: Store,
    thread_id: String,
    mut stay: std::vec::IntoIter<(String, String)>,
    doomed: HashSet<(String, String)>,
) -> Plan<()> {
    let Some((ns, id)) = stay.next() else { return Plan::ok(()) };
    let graph = Graph { store: store.clone(), thread_id: thread_id.clone(), ns: ns.clone() };
    needed_by(graph, &id).and_then(move |needed| {
        if needed.into_iter().any(|ancestor| doomed.contains(&(ns.clone(), ancestor))) {
            let error = Error::new(
                ErrorKind::Conflict,
                "nothing was deleted: a checkpoint of another run rebuilds a delta channel from one of these runs",
            );
            return Plan::err(Key { thread_id, ns, id }.explain(error));
        }
        check_children(store, thread_id, stay, doomed)
    })
}
