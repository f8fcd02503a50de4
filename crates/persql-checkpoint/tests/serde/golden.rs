//! The serializer against what Python's own wrote: `tests/vectors/langgraph.json`, made by the script beside it.

use crate::vectors::{VECTORS, each_ext, unhex};
use persql_checkpoint::serde::{MAX_DECODE_DEPTH, MAX_ENCODE_DEPTH, Object};
use persql_checkpoint::{Checkpoint, Data, ErrorKind, Serializer};

#[test]
fn what_python_wrote_is_read_and_written_again_byte_for_byte() {
    let serializer = Serializer::new();
    for case in &VECTORS.cases {
        let read = serializer.loads_typed(&case.tag, &case.bytes).unwrap();
        let (tag, bytes) = serializer.dumps_typed(&read).unwrap();
        assert_eq!((tag, &bytes), (case.tag.as_str(), &case.bytes), "{}", case.name);
    }
}

#[test]
fn a_value_from_its_description_has_the_bytes_that_python_wrote() {
    let serializer = Serializer::new();
    for case in &VECTORS.cases {
        let (tag, bytes) = serializer.dumps_typed(&case.value).unwrap();
        assert_eq!((tag, &bytes), (case.tag.as_str(), &case.bytes), "{}", case.name);
    }
}

#[test]
fn every_object_is_understood_and_written_again_byte_for_byte() {
    let mut codes = [0; 8];
    for case in &VECTORS.cases {
        each_ext(&case.value, &mut |data| {
            let object = Object::of(data).unwrap().unwrap();
            assert_eq!(&Data::from(object.to_ext().unwrap()), data, "{}", case.name);
            codes[usize::try_from(data.as_ext().unwrap().code).unwrap()] += 1;
        });
    }
    assert!(codes.iter().all(|count| *count > 0), "the vectors have every extension: {codes:?}");
}

#[test]
fn rows_of_other_writers_are_read() {
    for case in &VECTORS.read_only {
        let read = Serializer::new().loads_typed(&case.tag, &case.bytes).unwrap();
        // By their texts, since NaN is not equal to itself.
        assert_eq!(format!("{read:?}"), format!("{:?}", case.value), "{}", case.name);
    }
}

#[test]
fn what_python_refuses_is_refused() {
    for bytes in &VECTORS.refused {
        let error = Serializer::new().loads_typed("msgpack", bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{bytes:x?}");
    }
}

#[test]
fn the_depths_are_pythons() {
    let depths = &VECTORS.depths;
    assert_eq!((depths.read, depths.written), (MAX_DECODE_DEPTH, MAX_ENCODE_DEPTH));
}

#[test]
fn every_checkpoint_is_read_and_written_again_byte_for_byte() {
    let mut seen = Vec::new();
    for case in &VECTORS.cases {
        if case.name.starts_with("checkpoint ") || case.name.starts_with("version ") {
            let checkpoint = Serializer::new().loads_checkpoint(&case.tag, &case.bytes).unwrap();
            seen.push(checkpoint.v);
            // The scripts' own old checkpoints have their keys in another order.
            let again = Checkpoint::from_data(checkpoint.clone().into_data()).unwrap();
            assert_eq!(again, checkpoint);
            if case.name.starts_with("checkpoint ") {
                assert_eq!(checkpoint.into_data().to_msgpack().unwrap(), case.bytes, "{}", case.name);
            }
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [1, 2, 3, 4]);
}

#[cfg(feature = "aes")]
#[test]
fn what_python_encrypted_is_read_and_a_changed_byte_is_noticed() {
    for case in &VECTORS.encrypted {
        let serializer = Serializer::aes(unhex(&case.key)).unwrap();
        assert_eq!(serializer.loads_typed(&case.tag, &case.bytes).unwrap(), case.value, "{}", case.name);
        for position in 0..case.bytes.len() {
            let mut bytes = case.bytes.clone();
            bytes[position] ^= 0x80;
            assert_eq!(serializer.loads_typed(&case.tag, &bytes).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        // Written again it has another nonce, the same length, and the same value.
        let (tag, bytes) = serializer.dumps_typed(&case.value).unwrap();
        assert_eq!((tag, bytes.len()), (case.tag.as_str(), case.bytes.len()));
        assert_eq!(serializer.loads_typed(tag, &bytes).unwrap(), case.value);
    }
}

#[cfg(not(feature = "aes"))]
#[test]
fn what_python_encrypted_takes_the_feature() {
    for case in &VECTORS.encrypted {
        let error = Serializer::new().loads_typed(&case.tag, &case.bytes).unwrap_err();
        assert_eq!((error.kind(), unhex(&case.key).len() % 8), (ErrorKind::Unsupported, 0), "{}", case.name);
        assert!(!case.value.is_nil() || case.tag == "null+aes");
    }
}
