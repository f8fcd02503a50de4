//! What the cases of a checkpointer share.

use persql_checkpoint::{
    Checkpoint, CheckpointTuple, Config, Data, Layout, ListOptions, Metadata, PerSqlSaver, Serializer,
    serde::{Ext, Map},
};
use persql_conformance::{Any, Outcome, World};

pub(crate) type Saver = PerSqlSaver<Any>;

/// An id that says its number; ids of greater numbers are newer.
pub(crate) fn id(number: u64) -> String {
    format!("1f0c6a00-0000-6000-8000-{number:012}")
}

/// A checkpoint with one value.
pub(crate) fn checkpoint(number: u64) -> Checkpoint {
    let mut checkpoint = Checkpoint::new(id(number), "2026-11-21T06:00:00+00:00");
    checkpoint.channel_values.insert("n", number);
    checkpoint.channel_versions.insert("n", format!("{number:032}.0.5"));
    checkpoint
}

/// A config that names a checkpoint of the thread's outermost graph.
pub(crate) fn at(thread: &str, number: u64) -> Config {
    Config::new(thread).namespace("").checkpoint(id(number))
}

/// Stores a chain of checkpoints with these numbers, each the parent of the next.
pub(crate) fn chain(saver: &Saver, thread: &str, numbers: impl IntoIterator<Item = u64>) -> Outcome {
    let mut config = Config::new(thread);
    for number in numbers {
        let step = i64::try_from(number)?;
        config = saver.put(&config, &checkpoint(number), &Metadata::new("loop", step))?;
    }
    Ok(())
}

/// One write to a channel.
pub(crate) fn write(channel: &str, value: impl Into<Data>) -> (String, Data) {
    (channel.to_owned(), value.into())
}

/// The numbers of checkpoints, as they come.
pub(crate) fn numbers(tuples: &[CheckpointTuple]) -> Vec<u64> {
    tuples.iter().filter_map(|tuple| tuple.checkpoint.id[24..].parse().ok()).collect()
}

/// The numbers of a thread's checkpoints, newest first.
pub(crate) fn stored(saver: &Saver, thread: &str) -> Result<Vec<u64>, Box<dyn std::error::Error>> {
    Ok(numbers(&saver.list(Some(&Config::new(thread)), ListOptions::default())?))
}

/// A value of a delta channel.
pub(crate) fn snapshot(items: &[&str]) -> Data {
    let value = Data::from_iter(items.iter().copied());
    Data::Ext(Ext::new(7, value.to_msgpack().unwrap_or_default()))
}

/// Runs a case in each layout that the mode has, each in a database of its own.
pub(crate) fn each_layout(world: &World, case: fn(&Saver, &Any) -> Outcome) -> Outcome {
    let official = (!world.mode().is_remote()).then_some((Layout::SqliteSaver, "acme/sqlite-saver"));
    for (layout, name) in [(Layout::PerSql, "acme/per-sql")].into_iter().chain(official) {
        let db = world.db_named(name)?;
        let saver = PerSqlSaver::builder(db.clone()).layout(layout).build()?;
        case(&saver, &db).map_err(|error| format!("{layout:?}: {error:?}"))?;
    }
    Ok(())
}

/// What Python made: see the script beside it.
pub(crate) fn vectors() -> Result<Data, Box<dyn std::error::Error>> {
    let text = include_bytes!("../../vectors/langgraph_saver.json");
    Ok(Serializer::new().loads_typed("json", text)?)
}

/// A member of an object in the vectors.
pub(crate) fn member<'a>(data: &'a Data, key: &str) -> &'a Data {
    data.get(key).unwrap_or(&Data::Nil)
}

/// The items of a list in the vectors.
pub(crate) fn items(data: &Data) -> &[Data] {
    data.as_list().unwrap_or_default()
}

/// The text of a string in the vectors, or an empty one.
pub(crate) fn text(data: &Data) -> &str {
    data.as_str().unwrap_or_default()
}

/// The pairs of an object in the vectors.
pub(crate) fn map(data: &Data) -> Map {
    data.as_map().cloned().unwrap_or_default()
}

/// Bytes from hexadecimal text.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Makes a call of the vectors.
pub(crate) fn put_writes(saver: &Saver, config: &Config, call: &Data) -> Outcome {
    let write = |pair: &Data| -> Result<_, Box<dyn std::error::Error>> {
        let [channel, value] = items(pair) else { return Err("no pair".into()) };
        Ok((text(channel).to_owned(), unpack(value)?))
    };
    let writes: Vec<_> = items(member(call, "writes")).iter().map(write).collect::<Result<_, _>>()?;
    Ok(saver.put_writes(config, &writes, text(member(call, "task")), text(member(call, "path")))?)
}

/// A value that stands in the vectors as its tag and bytes.
pub(crate) fn unpack(data: &Data) -> Result<Data, Box<dyn std::error::Error>> {
    let [tag, bytes] = items(data) else { return Err("no tag and bytes".into()) };
    Ok(Serializer::new().loads_typed(text(tag), &unhex(text(bytes)))?)
}
