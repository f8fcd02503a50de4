//! Ids and times of checkpoints, and versions of channels, as Python makes them.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use persql_core::{Error, Result, timestamp::isoformat};

use crate::{json, serde::Data};

/// Intervals of 100 ns between the epoch of UUIDs, 1582-10-15, and that of Unix.
const UUID_EPOCH: u64 = 0x01B2_1DD2_1381_4000;

/// The newest time that an id was made for. Ids must rise within a process even when its clock does not, since the
/// latest checkpoint is the one with the greatest id: that takes one number that outlives the call, and no more.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A new checkpoint id: a UUID of version 6, greater than every id that this process made before.
///
/// `step` is the clock sequence, as LangGraph has it: -2 for an empty checkpoint, -1 for the input, then 0 and up.
/// Between processes the order is that of their clocks.
///
/// # Examples
/// ```
/// use persql_checkpoint::new_checkpoint_id;
///
/// let (first, second) = (new_checkpoint_id(-1), new_checkpoint_id(0));
/// assert!(first < second);
/// assert_eq!((&first[14..15], &first[19..23], &second[19..23]), ("6", "bfff", "8000"));
/// ```
pub fn new_checkpoint_id(step: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() / 100;
    let now = u64::try_from(now).unwrap_or(0).saturating_add(UUID_EPOCH);
    let next = |last: u64| now.max(last.saturating_add(1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
    uuid6(next(last.unwrap_or_else(|last| last)), step, random())
}

fn uuid6(time: u64, step: i64, node: u64) -> String {
    let (high, middle, low) = (time >> 28 & 0xffff_ffff, time >> 12 & 0xffff, time & 0xfff);
    let sequence = step & 0x3fff | 0x8000;
    format!("{high:08x}-{middle:04x}-6{low:03x}-{sequence:04x}-{:012x}", node & 0xffff_ffff_ffff)
}

/// The time now, in UTC, as Python's `isoformat` writes it: what a checkpoint's `ts` is.
///
/// # Examples
/// ```
/// use persql_checkpoint::{Checkpoint, new_checkpoint_id, timestamp};
///
/// let checkpoint = Checkpoint::new(new_checkpoint_id(-1), timestamp());
/// assert!(checkpoint.ts.ends_with("+00:00"));
/// ```
pub fn timestamp() -> String {
    isoformat(SystemTime::now())
}

/// The time in a checkpoint id; `None` if it is no UUID of version 6.
///
/// # Examples
/// ```
/// use persql_checkpoint::checkpoint_time;
///
/// let time = checkpoint_time("1ef4f797-8335-6428-8001-8a1503f9b875").unwrap();
/// assert_eq!(time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_722_456_859);
/// assert_eq!(checkpoint_time("thread-1"), None);
/// ```
pub fn checkpoint_time(checkpoint_id: &str) -> Option<SystemTime> {
    let parts: Vec<&str> = checkpoint_id.split('-').collect();
    let [high, middle, low, sequence, node] = parts.as_slice() else { return None };
    if [high.len(), middle.len(), low.len(), sequence.len(), node.len()] != [8, 4, 4, 4, 12] {
        return None;
    }
    let low = low.strip_prefix('6')?;
    let time = u64::from_str_radix(&format!("{high}{middle}{low}"), 16).ok()?;
    let since = time.checked_sub(UUID_EPOCH)?;
    UNIX_EPOCH.checked_add(Duration::from_nanos(since.checked_mul(100)?))
}

/// The version that follows a channel's version: a counter of 32 digits, a point and a random part, as Python's savers
/// write it. `None` is the version before the first.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the current version is no number and does not begin
/// with one.
///
/// # Examples
/// ```
/// use persql_checkpoint::next_version;
///
/// # fn main() -> persql_checkpoint::Result<()> {
/// assert!(next_version(None)?.starts_with("00000000000000000000000000000001.0."));
/// assert!(next_version(Some(&"00000000000000000000000000000009.0.5".into()))?.contains("10.0."));
/// assert!(next_version(Some(&41.into()))?.contains("42.0."));
/// # Ok(()) }
/// ```
pub fn next_version(current: Option<&Data>) -> Result<String> {
    let counter = match current {
        None | Some(Data::Nil) => Some(0),
        Some(Data::Int(counter)) => Some(*counter),
        #[allow(clippy::cast_possible_truncation, reason = "a version that is a float counts by its whole part")]
        Some(Data::Float(counter)) if counter.is_finite() => Some(*counter as i128),
        Some(Data::Str(text)) => text.split('.').next().and_then(|counter| counter.parse().ok()),
        Some(_) => None,
    };
    let next = counter.and_then(|counter: i128| counter.checked_add(1)).filter(|next| *next >= 0);
    let Some(next) = next else {
        return Err(Error::invalid("a channel's version is not a number and does not begin with one"));
    };
    Ok(format!("{next:032}.{}", fraction(random())))
}

/// A number from 0 to 1 of 53 random bits, padded to 16 characters.
fn fraction(random: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    let fraction = (random >> 11) as f64 / (1u64 << 53) as f64;
    format!("{:0>16}", json::float(fraction))
}

/// 64 random bits, for which the standard library's hasher is enough: they only have to differ.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_from_many_threads_and_carry_the_step() {
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let ids: Vec<String> = (0..2_000).map(new_checkpoint_id).collect();
                        assert!(ids.is_sorted_by(|a, b| a < b));
                        ids
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let mut times: Vec<&str> = ids.iter().map(|id| &id[..18]).collect();
        times.sort_unstable();
        times.dedup();
        assert_eq!(times.len(), 8_000, "no two ids have the same time");
        for (step, sequence) in [(-2, "bffe"), (-1, "bfff"), (0, "8000"), (5, "8005"), (0x4001, "8001")] {
            assert_eq!(&new_checkpoint_id(step)[19..23], sequence);
        }
    }

    /// From `tests/vectors/langgraph_saver.json`, which Python made.
    #[test]
    fn an_id_is_that_of_python() {
        for (nanoseconds, node, step, expected) in [
            (1_722_456_859_804_150_100, 151_822_865_643_637, 1, "1ef4f797-8335-639d-8001-8a1503f9b875"),
            (1_795_240_000_000_000_000, 1, -1, "1f1e56ee-c5ee-6000-bfff-000000000001"),
            (1_795_240_000_000_000_100, (1 << 48) - 1, -2, "1f1e56ee-c5ee-6001-bffe-ffffffffffff"),
            (0, 0, 0, "1b21dd21-3814-6000-8000-000000000000"),
            (1_795_240_123_456_789_000, 5, 16_385, "1f1e56f3-5f4e-62d2-8001-000000000005"),
        ] {
            assert_eq!(uuid6(nanoseconds / 100 + UUID_EPOCH, step, node), expected);
            let time = checkpoint_time(expected).unwrap().duration_since(UNIX_EPOCH).unwrap();
            assert_eq!(u64::try_from(time.as_nanos()).unwrap(), nanoseconds / 100 * 100);
        }
        for id in ["", "x", "1ef4f797-8335-439d-8001-8a1503f9b875", "00000000-0000-6000-8000-000000000000"] {
            assert_eq!(checkpoint_time(id), None, "{id}");
        }
    }

    #[test]
    fn a_version_has_16_characters_behind_the_point() {
        assert_eq!(fraction(1 << 63), "00000000000000.5");
        assert_eq!(fraction(0), "00000000000000.0");
        for _ in 0..100 {
            let version = next_version(Some(&"7".into())).unwrap();
            assert!(version.len() >= 49 && version.starts_with("00000000000000000000000000000008."), "{version}");
            assert!(version[33..].parse::<f64>().unwrap() < 1.0, "{version}");
        }
        for bad in [Data::from("x.1"), "".into(), true.into(), f64::NAN.into(), Data::Int(i128::MAX), (-2).into()] {
            assert!(next_version(Some(&bad)).is_err(), "{bad:?}");
        }
    }
}
