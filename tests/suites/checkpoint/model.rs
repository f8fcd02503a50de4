//! Random calls on the saver and on a plain model of it: both must agree after each.

use std::collections::BTreeMap;

use persql_checkpoint::{Config, Data, ListOptions, Metadata, PerSqlSaver, PruneStrategy};
use persql_conformance::{Case, Outcome, World, cases};
use proptest::{
    prelude::*,
    test_runner::{Config as Runs, TestRunner},
};

use crate::support::{Saver, checkpoint, id, write};

pub(crate) fn cases() -> Vec<Case> {
    cases![the_saver_does_what_the_model_does]
}

/// A call; threads, namespaces, checkpoints and tasks are few, so that they meet.
#[derive(Clone, Debug)]
enum Call {
    Put { thread: u8, ns: u8, number: u64, parent: u64, tag: u8 },
    Writes { thread: u8, ns: u8, number: u64, task: u8, path: u8, channels: Vec<u8> },
    DeleteThread(u8),
    DeleteRun(u8),
    Copy(u8, u8),
    Prune(u8, usize),
}

fn call() -> impl Strategy<Value = Call> {
    let (thread, ns, number) = (0..3u8, 0..2u8, 1..8u64);
    prop_oneof![
        6 => (thread.clone(), ns.clone(), number.clone(), 0..8u64, 0..3u8)
            .prop_map(|(thread, ns, number, parent, tag)| Call::Put { thread, ns, number, parent, tag }),
        6 => (thread.clone(), ns, number, 0..2u8, 0..2u8, prop::collection::vec(0..4u8, 0..4))
            .prop_map(|(thread, ns, number, task, path, channels)| Call::Writes { thread, ns, number, task, path, channels }),
        1 => thread.clone().prop_map(Call::DeleteThread),
        1 => (0..3u8).prop_map(Call::DeleteRun),
        1 => (thread.clone(), thread.clone()).prop_map(|(from, to)| Call::Copy(from, to)),
        1 => (thread, 1..3usize).prop_map(|(thread, keep)| Call::Prune(thread, keep)),
    ]
}

type Key = (String, String, String);
type OfTasks = BTreeMap<(String, i64), (String, String, u64)>;

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    /// Parent and tag.
    checkpoints: BTreeMap<Key, (Option<String>, u8)>,
    /// By task and position: path, channel, value.
    writes: BTreeMap<Key, OfTasks>,
}

const CHANNELS: [(&str, Option<i64>); 4] =
    [("a", None), ("b", None), ("__error__", Some(-1)), ("__resume__", Some(-4))];

fn thread_of(thread: u8) -> String {
    format!("t'{thread}")
}

fn ns_of(ns: u8) -> String {
    if ns == 0 { String::new() } else { "child:1".to_owned() }
}

impl Model {
    fn forget(&mut self, gone: impl Fn(&Key, u8) -> bool) {
        let keys: Vec<Key> =
            self.checkpoints.iter().filter(|(key, (_, tag))| gone(key, *tag)).map(|(key, _)| key.clone()).collect();
        for key in &keys {
            self.checkpoints.remove(key);
            self.writes.remove(key);
        }
        for (key, (parent, _)) in &mut self.checkpoints {
            let lost = |parent: &String| keys.contains(&(key.0.clone(), key.1.clone(), parent.clone()));
            if parent.as_ref().is_some_and(lost) {
                *parent = None;
            }
        }
    }

    /// Does the same in both; `serial` makes values differ.
    fn apply(&mut self, call: &Call, serial: u64, saver: &Saver) -> Outcome {
        match call {
            Call::Put { thread, ns, number, parent, tag } => {
                let key = (thread_of(*thread), ns_of(*ns), id(*number));
                let mut config =
                    Config::new(key.0.as_str()).namespace(key.1.as_str()).with("run_id", format!("r{tag}"));
                config.checkpoint_id = (*parent > 0).then(|| id(*parent));
                saver.put(&config, &checkpoint(*number), &Metadata::new("loop", 0))?;
                let parent = config.checkpoint_id;
                self.checkpoints.entry(key).and_modify(|(_, old)| *old = *tag).or_insert((parent, *tag));
            }
            Call::Writes { thread, ns, number, task, path, channels } => {
                let key = (thread_of(*thread), ns_of(*ns), id(*number));
                let config = Config::new(key.0.as_str()).namespace(key.1.as_str()).checkpoint(key.2.as_str());
                let (task, path) = (format!("task{task}"), format!("~{path}"));
                let channels: Vec<_> = channels.iter().map(|channel| CHANNELS[usize::from(*channel)]).collect();
                let writes: Vec<_> = channels.iter().map(|(channel, _)| write(channel, serial)).collect();
                saver.put_writes(&config, &writes, &task, &path)?;
                for (position, (channel, special)) in (0..).zip(channels) {
                    let value = (path.clone(), channel.to_owned(), serial);
                    let own =
                        self.writes.entry(key.clone()).or_default().entry((task.clone(), special.unwrap_or(position)));
                    match special {
                        Some(_) => *own.or_default() = value,
                        None => drop(own.or_insert(value)),
                    }
                }
            }
            Call::DeleteThread(thread) => {
                let thread = thread_of(*thread);
                saver.delete_thread(&thread)?;
                self.checkpoints.retain(|key, _| key.0 != thread);
                self.writes.retain(|key, _| key.0 != thread);
            }
            Call::DeleteRun(tag) => {
                saver.delete_for_runs(&[format!("r{tag}")])?;
                self.forget(|_, own| own == *tag);
            }
            Call::Copy(from, to) => {
                let (from, to) = (thread_of(*from), thread_of(*to));
                let taken = self.checkpoints.keys().chain(self.writes.keys()).any(|key| key.0 == to);
                let copied = saver.copy_thread(&from, &to);
                assert_eq!(copied.is_ok(), from != to && !taken, "{copied:?}");
                if copied.is_ok() {
                    let renamed = |key: &Key| (to.clone(), key.1.clone(), key.2.clone());
                    let checkpoints: Vec<_> = self
                        .checkpoints
                        .iter()
                        .filter(|(key, _)| key.0 == from)
                        .map(|(key, value)| (renamed(key), value.clone()))
                        .collect();
                    let writes: Vec<_> = self
                        .writes
                        .iter()
                        .filter(|(key, _)| key.0 == from)
                        .map(|(key, value)| (renamed(key), value.clone()))
                        .collect();
                    self.checkpoints.extend(checkpoints);
                    self.writes.extend(writes);
                }
            }
            Call::Prune(thread, keep) => {
                let thread = thread_of(*thread);
                saver.prune(&[&thread], PruneStrategy::KeepNewest(*keep))?;
                let mut kept = Vec::new();
                for ns in [ns_of(0), ns_of(1)] {
                    let own = self.checkpoints.keys().filter(|key| key.0 == thread && key.1 == ns);
                    kept.extend(own.rev().take(*keep).cloned());
                }
                self.forget(|key, _| key.0 == thread && !kept.contains(key));
            }
        }
        Ok(())
    }

    fn check(&self, saver: &Saver) -> Outcome {
        let tuples = saver.list(None, ListOptions::default())?;
        assert_eq!(tuples.len(), self.checkpoints.len());
        for tuple in &tuples {
            let name = |config: &Config| {
                (
                    config.thread_id.clone(),
                    config.checkpoint_ns.clone().unwrap_or_default(),
                    config.checkpoint_id.clone().unwrap_or_default(),
                )
            };
            let key = name(&tuple.config);
            let (parent, tag) = self.checkpoints.get(&key).ok_or("not in the model")?;
            assert_eq!(tuple.parent_config.as_ref().map(|config| name(config).2), *parent, "{key:?}");
            assert_eq!(tuple.metadata.run_id(), Some(format!("r{tag}").as_str()));
            let mut expected: Vec<_> = self
                .writes
                .get(&key)
                .into_iter()
                .flatten()
                .map(|((task, idx), (path, channel, value))| (path, task, idx, channel, value))
                .collect();
            expected.sort();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(_, task, _, channel, value)| (task.clone(), channel.clone(), Data::from(*value)))
                .collect();
            let found: Vec<_> = tuple
                .pending_writes
                .iter()
                .map(|write| (write.task_id.clone(), write.channel.clone(), write.value.clone()))
                .collect();
            assert_eq!(found, expected, "{key:?}");
            assert_eq!(saver.get_tuple(&tuple.config)?.as_ref(), Some(tuple));
        }
        for thread in 0..3 {
            for ns in 0..2 {
                let config = Config::new(thread_of(thread)).namespace(ns_of(ns));
                let latest = self.checkpoints.keys().rfind(|key| key.0 == thread_of(thread) && key.1 == ns_of(ns));
                assert_eq!(saver.get(&config)?.map(|found| found.id), latest.map(|key| key.2.clone()));
            }
        }
        Ok(())
    }
}

fn the_saver_does_what_the_model_does(world: &World) -> Outcome {
    let saver = PerSqlSaver::new(world.db()?);
    let other = PerSqlSaver::new(world.other_db()?);
    let cases = if world.mode().is_cheap() { 64 } else { 24 };
    let mut runner = TestRunner::new(Runs { cases, failure_persistence: None, ..Runs::default() });
    let run = |calls: Vec<Call>| -> Outcome {
        for thread in 0..3 {
            saver.delete_thread(&thread_of(thread))?;
        }
        let mut model = Model::default();
        for (serial, call) in (0..).zip(&calls) {
            model.apply(call, serial, if serial % 2 == 0 { &saver } else { &other })?;
        }
        model.check(&saver)?;
        model.check(&other)
    };
    runner
        .run(&prop::collection::vec(call(), 0..25), |calls| {
            run(calls).map_err(|error| TestCaseError::fail(format!("{error:?}")))
        })
        .map_err(|error| error.to_string().into())
}
