//! What a program does with `persql-checkpoint`.

use persql_checkpoint::{Checkpoint, Config, Data, ListOptions, Metadata, PerSqlSaver, PruneStrategy, Result};
use persql_conformance::{Any, faults::Random};

/// Graphs that run in a few threads: checkpoints with their writes, and now and then a copy or a prune. Gives what each
/// call gave.
pub(crate) fn work(db: &Any, random: &mut Random, operations: u64) -> Result<Vec<String>> {
    let saver = PerSqlSaver::new(db.clone());
    let mut told = Vec::new();
    for number in 0..operations {
        let thread = random.one_of(&["ada", "bob", "it's \"eve\""]);
        let config = Config::new(thread);
        told.push(match random.below(20) {
            0..9 => {
                let parent = saver.get_tuple(&config)?.map_or(config, |tuple| tuple.config);
                let step = i64::try_from(number).unwrap_or(i64::MAX);
                format!("{:?}", saver.put(&parent, &checkpoint(number), &Metadata::new("loop", step))?)
            }
            9..15 => {
                let Some(tuple) = saver.get_tuple(&config)? else { continue };
                format!("{:?}", saver.put_writes(&tuple.config, &writes(number), &format!("task {number}"), "")?)
            }
            15 => format!("{:?}", saver.get_tuple(&config)?.map(|tuple| tuple.pending_writes.len())),
            16 | 17 => format!("{:?}", saver.list(Some(&config), ListOptions::default().limit(3))?.len()),
            18 => format!("{:?}", saver.prune(&[thread], PruneStrategy::KeepNewest(5))?),
            _ => {
                saver.delete_thread("copy")?;
                format!("{:?}", saver.copy_thread(thread, "copy")?)
            }
        });
    }
    Ok(told)
}

/// A checkpoint of this number; those of greater numbers are newer.
pub(crate) fn checkpoint(number: u64) -> Checkpoint {
    let mut checkpoint = Checkpoint::new(format!("1f0c6a00-0000-6000-8000-{number:012}"), "2026-11-21T06:00:00+00:00");
    checkpoint.channel_values.insert("n", number);
    checkpoint.channel_versions.insert("n", format!("{number:032}.0.5"));
    checkpoint
}

pub(crate) fn writes(number: u64) -> Vec<(String, Data)> {
    vec![("a".to_owned(), number.into()), ("__error__".to_owned(), number.into())]
}
