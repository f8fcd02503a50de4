//! What holds for the serializer whatever the bytes are. Shared by the fuzz target and by the tests.

use persql_checkpoint::serde::{Interrupt, Message, Object, Send, from_data, to_data};
use persql_checkpoint::{Checkpoint, Data, Error, Serializer};
use serde::de::IgnoredAny;

/// Reads the bytes in every way. The first byte chooses the tag.
pub(crate) fn check(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let tag = if choice % 4 == 0 { "json" } else { "msgpack" };
    let serializer = Serializer::new();
    match serializer.loads_typed(tag, bytes) {
        Ok(data) => {
            assert!(memory(&data) <= 33 * bytes.len() + 64, "memory is bounded by the input");
            check_bytes(&data);
            check_types(&data);
            check_objects(&data, 0);
        }
        Err(error) => check_error(&error),
    }
    if let Err(error) = serializer.loads_checkpoint(tag, bytes) {
        check_error(&error);
    }
}

/// What can be written is read again as the same.
fn check_bytes(data: &Data) {
    match data.to_msgpack() {
        Ok(bytes) => {
            let again = Data::from_msgpack(&bytes).and_then(|again| again.to_msgpack());
            assert!(again.is_ok_and(|again| again == bytes), "written, read and written again");
        }
        Err(error) => check_error(&error),
    }
}

/// Types are made of it, or refuse it; a `Data` gets all of it.
fn check_types(data: &Data) {
    let same = from_data::<Data>(data).and_then(|read| Ok((to_data(&read)?.to_msgpack(), data.to_msgpack())));
    match same {
        Ok((Ok(one), Ok(other))) => assert!(one == other, "a Data keeps everything"),
        Ok(_) => {}
        Err(error) => check_error(&error),
    }
    let errors = [
        from_data::<serde_json::Value>(data).err(),
        from_data::<IgnoredAny>(data).err(),
        from_data::<Vec<Message>>(data).err(),
        from_data::<Option<Send>>(data).err(),
        from_data::<Interrupt>(data).err(),
        from_data::<(String, i64, f64, Vec<u8>)>(data).err(),
        Checkpoint::from_data(data.clone()).err(),
    ];
    errors.iter().flatten().for_each(check_error);
    drop(serde_json::to_string(data));
}

/// Objects that are understood are written again as the same object.
fn check_objects(data: &Data, depth: usize) {
    if depth > 64 {
        return;
    }
    match Object::of(data) {
        Ok(Some(object)) => match object.to_ext() {
            Ok(ext) => assert!(Object::from_ext(&ext).is_ok_and(|again| again.is_some()), "an object stays an object"),
            Err(error) => check_error(&error),
        },
        Ok(None) => {}
        Err(error) => check_error(&error),
    }
    match data {
        Data::List(items) => items.iter().for_each(|item| check_objects(item, depth + 1)),
        Data::Map(map) => map.values().for_each(|value| check_objects(value, depth + 1)),
        _ => {}
    }
}

/// An error is a short line.
fn check_error(error: &Error) {
    let text = format!("{error} {error:?}");
    assert!(text.len() < 3000 && !text.contains('\n'), "{text}");
}

/// The bytes of memory behind a value.
fn memory(data: &Data) -> usize {
    let slot = size_of::<Data>();
    match data {
        Data::Str(text) => text.capacity(),
        Data::Bytes(bytes) => bytes.capacity(),
        Data::Ext(ext) => ext.data.capacity(),
        Data::List(items) => slot * items.len() + items.iter().map(memory).sum::<usize>(),
        Data::Map(map) => map.iter().map(|(key, value)| 2 * slot + memory(key) + memory(value)).sum(),
        _ => 0,
    }
}
