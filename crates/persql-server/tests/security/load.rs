//! Much of everything at once.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{ENDLESS, LATE, world::World};

/// How many descriptors this process may still take, all but.
fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    soft.unwrap_or(1_024_usize).saturating_sub(500)
}

#[test]
fn queries_without_an_end_hold_up_nobody_of_another_namespace() {
    let run = Duration::from_secs(6);
    let world = World::with(|mut limits| {
        limits.run = run;
        limits
    });
    world.query("CREATE TABLE t(a)").data();
    let bystander = world.bystander();
    let started = Instant::now();
    thread::scope(|scope| {
        for number in 0..100 {
            let sql = match number % 3 {
                0 => format!("{ENDLESS} INSERT INTO t SELECT a FROM n"),
                _ => format!("{ENDLESS} SELECT max(a) FROM n"),
            };
            let world = &world;
            scope.spawn(move || assert!(matches!(world.query(&sql).status, 408 | 503)));
        }
        thread::sleep(run / 4); // tidy: allow-sleep nobody says when all queries have begun
        bystander.is_answered_within(run / 3);
        assert!(started.elapsed() < run, "the attack was over");
    });
    world.query("INSERT INTO t VALUES (1)").data();
}

#[test]
fn idle_connections_by_the_thousand_keep_nobody_out() {
    let most = 100;
    let world = World::with(|mut limits| {
        limits.connections = most;
        limits
    });
    let bystander = world.bystander();
    // Twenty times what the server keeps: more would only be more of the same.
    let wanted = descriptors().min(20 * most);
    let mut idle = Vec::new();
    for number in 0..wanted {
        idle.push(TcpStream::connect(world.server.address()).unwrap());
        if number % 500 == 0 {
            bystander.is_answered_within(LATE / 2);
        }
    }
    bystander.is_answered_within(LATE / 2);
    // Those that are over were closed.
    let is_open = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let mut stream = stream;
        matches!(stream.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    let started = Instant::now();
    while idle.iter().filter(|stream| is_open(stream)).count() > most {
        assert!(started.elapsed() < LATE, "too many are open");
        thread::sleep(Duration::from_millis(20)); // tidy: allow-sleep the server closes when it comes to it
    }
}

#[test]
fn answers_that_nobody_takes_are_not_kept() {
    let world = World::with(|mut limits| {
        (limits.head, limits.idle) = (Duration::from_secs(2), Duration::from_secs(1));
        limits
    });
    let bystander = world.bystander();
    world.query("CREATE TABLE t(a)").data();
    let body = json!({"sql": format!("{ENDLESS} SELECT hex(zeroblob(500000)) FROM n LIMIT 30")}).to_string();
    let head = format!(
        "POST /v1/db/acme/agent/query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        world.admin,
        body.len()
    );
    let mut streams: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(world.server.address()).unwrap()).collect();
    for stream in &mut streams {
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    }
    bystander.is_answered_within(LATE / 2);
    for stream in &mut streams {
        stream.set_read_timeout(Some(LATE)).unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    thread::sleep(Duration::from_secs(4)); // tidy: allow-sleep longer than an answer may go untaken
    for mut stream in streams {
        let mut taken = Vec::new();
        drop(stream.read_to_end(&mut taken));
        // What the system had in its buffers, and then the end of the connection.
        assert!(taken.len() < 30_000_000, "{}", taken.len());
    }
    bystander.is_answered_within(LATE / 2);
}

#[test]
fn many_who_pipeline_are_answered_in_order_and_one_after_the_other() {
    let world = World::new();
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    let requests = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n".repeat(500)
        + "GET /none HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut writer = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || writer.write_all(requests.as_bytes()));
        stream.set_read_timeout(Some(LATE)).unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
        assert_eq!((statuses.len(), statuses[499], statuses[500]), (501, "200", "404"));
    });
}
