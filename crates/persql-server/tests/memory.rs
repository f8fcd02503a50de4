//! What a statement may take of the machine. Alone in its process, whose memory is what is measured.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the world serves other tests too")]

#[path = "support/world.rs"]
mod world;

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use world::World;

/// One test at a time: the memory is that of the process.
static ALONE: Mutex<()> = Mutex::new(());

/// Begins to measure the most memory anew.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// The most memory that this process had since, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
}

/// SQLite's JSON functions collect without a bound, and begin again when there is no more memory.
#[test]
fn what_sqlite_collects_has_a_bound() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let most = 32 << 20;
    let world = World::with(|mut limits| {
        (limits.sqlite_bytes, limits.run) = (most, Duration::from_secs(4));
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    forget_peak();
    let before = peak();
    for function in ["json_group_array(hex(zeroblob(900000)))", "json_group_object(a, hex(zeroblob(900000)))"] {
        let endless = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n)";
        let status = world.query(&format!("{endless} SELECT length({function}) FROM n")).status;
        assert!(matches!(status, 408 | 413 | 503), "{function}: {status}");
    }
    assert!(peak() - before < 2 * most, "{} bytes", peak() - before);
    world.query("SELECT 1").data();
}

#[test]
fn a_body_of_a_gigabyte_is_refused_and_not_kept() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let world = World::new();
    world.query("SELECT 1");
    let head = |length: &str| {
        let token = &world.admin;
        format!("POST /v1/db/acme/agent/query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{length}\r\n\r\n")
    };
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    // With its length, which is refused unread; and without, which is read to the limit of 64 MiB and no further.
    let (announced, unannounced) = ("content-length: 1073741824", "transfer-encoding: chunked");
    for (length, part, most) in [(announced, &chunk[7..0x10007], 16 << 20), (unannounced, &chunk[..], 192 << 20)] {
        forget_peak();
        let before = peak();
        let mut stream = TcpStream::connect(world.server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(head(length).as_bytes()).unwrap();
        let sent = (0..1 << 14).take_while(|_| stream.write_all(part.as_bytes()).is_ok()).count();
        assert!(sent < 1 << 13, "{sent} parts of 64 KiB were taken");
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
        assert!(peak() - before < most, "{length}: {} bytes", peak() - before);
    }
    assert_eq!(world.query("SELECT 1").status, 404);
}
