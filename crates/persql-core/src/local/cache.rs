//! The databases that are open: as many as the system has descriptors for, the latest used.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex},
};

use super::{Store, checkpoint::LeftLogs};
use crate::{DatabaseName, database::lock};

/// Where the system does not say how many descriptors a process may have.
const USUAL_DESCRIPTORS: usize = 256;

/// A connection has a descriptor for the file, one for its log, and shares one for the log's index.
const DESCRIPTORS: usize = 3;

/// More would save no time worth the memory: 200 kB each.
const MOST: usize = 512;

/// The stores of a client by name.
///
/// A store that somebody uses is never closed: whoever got one holds a clone of it, and clones are made under the lock.
#[derive(Debug)]
pub(super) struct Cache {
    slots: Mutex<Slots>,
    most: usize,
    left: Arc<LeftLogs>,
}

#[derive(Debug, Default)]
struct Slots {
    stores: HashMap<DatabaseName, Slot>,
    turn: u64,
}

#[derive(Debug)]
struct Slot {
    store: Store,
    used: u64,
}

impl Cache {
    /// Keeps `most` connections open while nobody uses them; without a number, what the system can spare.
    pub(super) fn new(most: Option<usize>, left: Arc<LeftLogs>) -> Self {
        Self { slots: Mutex::default(), most: most.unwrap_or_else(affordable), left }
    }

    /// The store of this name. If there is none, `make` makes it, and others are closed to make room.
    pub(super) fn get(&self, name: &DatabaseName, make: impl FnOnce() -> Store) -> Store {
        let mut slots = lock(&self.slots);
        slots.turn += 1;
        let turn = slots.turn;
        if let Some(slot) = slots.stores.get_mut(name) {
            slot.used = turn;
            return slot.store.clone();
        }
        let evicted = slots.make_room(self.most);
        let store = make();
        slots.stores.insert(name.clone(), Slot { store: store.clone(), used: turn });
        drop(slots);
        // To close files takes time, and nobody needs to wait for it under the lock.
        evicted.into_iter().for_each(|store| self.retire(store));
        store
    }

    /// All stores.
    pub(super) fn names(&self) -> Vec<(DatabaseName, Store)> {
        lock(&self.slots).stores.iter().map(|(name, slot)| (name.clone(), slot.store.clone())).collect()
    }

    /// Forgets a store; it closes when its last operation ends.
    pub(super) fn forget(&self, name: &DatabaseName) -> Option<Store> {
        lock(&self.slots).stores.remove(name).map(|slot| slot.store)
    }

    /// Forgets the store of a branch.
    pub(super) fn forget_copy(&self, copy: &str) {
        let mut slots = lock(&self.slots);
        let name = slots.stores.keys().find(|name| name.as_branch() == Some(copy)).cloned();
        let store = name.and_then(|name| slots.stores.remove(&name));
        drop(slots);
        drop(store);
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        let stores = std::mem::take(&mut lock(&self.slots).stores);
        drop(stores);
    }

    /// Closes a store and leaves its log to be emptied in the background.
    fn retire(&self, store: Store) {
        let Store::File(store) = store else { return };
        let log = store.log();
        if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0) {
            store.keep_log();
            let path = store.path().to_owned();
            drop(store);
            self.left.add(path);
        }
    }
}

impl Slots {
    /// Takes out the stores that were not used for longest, until a new one fits. Those in use stay.
    fn make_room(&mut self, most: usize) -> Vec<Store> {
        let mut open: usize = self.stores.values().map(|slot| slot.store.connections()).sum();
        let mut evicted = Vec::new();
        // A new store opens two connections: one that reads, one that writes.
        while open + 2 > most {
            let idle = self.stores.iter().filter(|(_, slot)| slot.store.is_idle());
            let Some(oldest) = idle.min_by_key(|(_, slot)| slot.used).map(|(name, _)| name.clone()) else { break };
            let Some(slot) = self.stores.remove(&oldest) else { break };
            open = open.saturating_sub(slot.store.connections());
            evicted.push(slot.store);
        }
        evicted
    }
}

/// Half of the descriptors that this process may have; the other half is the program's.
fn affordable() -> usize {
    (descriptors().unwrap_or(USUAL_DESCRIPTORS) / 2 / DESCRIPTORS).min(MOST)
}

/// The limit of this process, where the system shows it in a file.
fn descriptors() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?;
    if soft == "unlimited" { Some(usize::MAX) } else { soft.parse().ok() }
}
