//! What a statement may take of the machine. Alone in its process, whose memory is what is measured.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the world serves other tests too")]

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use world::World;

/// The most memory that this process ever had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
}

/// SQLite's JSON functions collect without a bound, and begin again when there is no more memory.
#[test]
fn what_sqlite_collects_has_a_bound() {
    let most = 32 << 20;
    let world = World::with(|mut limits| {
        (limits.sqlite_bytes, limits.run) = (most, Duration::from_secs(4));
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    let before = peak();
    for function in ["json_group_array(hex(zeroblob(900000)))", "json_group_object(a, hex(zeroblob(900000)))"] {
        let endless = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n)";
        let status = world.query(&format!("{endless} SELECT length({function}) FROM n")).status;
        assert!(matches!(status, 408 | 413 | 503), "{function}: {status}");
    }
    assert!(peak() - before < 2 * most, "{} bytes", peak() - before);
    world.query("SELECT 1").data();
}
