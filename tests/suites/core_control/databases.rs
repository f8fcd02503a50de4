//! Databases as a whole.

use persql_conformance::{Case, Outcome, World, cases, local};
use persql_core::{Branches, Claim, Databases, ErrorKind, Snapshots, SqlErrorKind};

use super::clients::{DAY, Timed, kind, notes};

pub(crate) fn cases() -> Vec<Case> {
    let everywhere = cases![
        a_created_database_is_empty_and_there,
        the_same_name_twice_is_a_conflict,
        a_database_that_a_write_made_is_listed,
        a_deleted_database_is_gone_with_its_branches_and_snapshots,
        a_database_ends_with_its_time,
        a_name_that_is_used_again_does_not_inherit_an_end,
        hostile_names_and_times_are_refused,
        many_create_one_name_and_one_succeeds,
    ];
    let here = [
        local("one client of several namespaces: a token is for one", cases![namespaces_are_apart]),
        local(
            "snapshots and sweeps, which the HTTP API has none of",
            cases![a_deletion_that_was_cut_short_is_undone_or_ended, a_copy_that_was_cut_short_is_swept],
        ),
    ];
    [everywhere, here.concat()].concat()
}

/// Checks how many databases and branches are over. The HTTP API has no sweep: the server does it by itself.
fn check_swept(world: &World, timed: &Timed, expected: u64) -> Outcome {
    if !world.mode().is_remote() {
        assert_eq!((databases(timed)?.sweep()?, databases(timed)?.sweep()?), (expected, 0));
    }
    Ok(())
}

fn databases(timed: &Timed) -> persql_core::Result<Databases<persql_conformance::Any>> {
    Ok(Databases::new(timed.db()?).namespace("acme"))
}

fn slugs(timed: &Timed) -> persql_core::Result<Vec<String>> {
    Ok(databases(timed)?.list()?.into_iter().map(|database| database.slug).collect())
}

fn a_created_database_is_empty_and_there(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    assert!(databases(&timed)?.list()?.is_empty());
    let made = databases(&timed)?.create("agent-1", Some(7))?;
    assert_eq!((made.full_name().as_str(), made.expires_at), ("acme/agent-1", Some(timed.time() + DAY * 7)));
    let db = timed.client.db("acme/agent-1")?;
    assert!(db.tables()?.is_empty());
    db.query("CREATE TABLE t(a)", ())?;
    assert_eq!(databases(&timed)?.list()?, [made]);
    Ok(())
}

fn the_same_name_twice_is_a_conflict(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    databases(&timed)?.create("a", None)?;
    assert_eq!(kind(databases(&timed)?.create("a", Some(1))), Some(ErrorKind::Conflict));
    timed.with_note()?;
    assert_eq!(kind(databases(&timed)?.create("agent-state", Some(1))), Some(ErrorKind::Conflict));
    timed.pass(DAY * 2);
    check_swept(world, &timed, 0)?;
    assert_eq!(slugs(&timed)?, ["a", "agent-state"]);
    Ok(())
}

fn a_database_that_a_write_made_is_listed(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    timed.with_note()?;
    let listed = databases(&timed)?.list()?;
    let [only] = listed.as_slice() else { return Err(format!("{listed:?}").into()) };
    assert_eq!((only.slug.as_str(), only.created_at, only.expires_at), ("agent-state", None, None));
    Ok(())
}

fn a_deleted_database_is_gone_with_its_branches_and_snapshots(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let branch = Branches::new(db.clone()).claim(Claim::of("x"))?.database;
    if !world.mode().is_remote() {
        Snapshots::new(db.clone()).create("x")?;
    }
    databases(&timed)?.delete("agent-state")?;
    let error = notes(&db).err().ok_or("still there")?;
    assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::NotFound, Some(SqlErrorKind::UnknownDatabase)));
    assert_eq!(kind(branch.tables()), Some(ErrorKind::NotFound));
    assert_eq!(kind(databases(&timed)?.delete("agent-state")), Some(ErrorKind::NotFound));
    let again = timed.with_note()?;
    assert_eq!(notes(&again)?, ["first"]);
    assert_eq!(kind(Branches::new(again.clone()).delete("x")), Some(ErrorKind::NotFound));
    if !world.mode().is_remote() {
        assert!(Snapshots::new(again).list()?.is_empty());
    }
    if world.mode().is_on_disk() {
        let copies = std::fs::read_dir(world.directory().join(".persql/copies"))?.count();
        assert_eq!(copies, 0);
    }
    Ok(())
}

fn a_database_ends_with_its_time(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    databases(&timed)?.create("short", Some(1))?;
    databases(&timed)?.create("long", Some(30))?;
    databases(&timed)?.create("stays", None)?;
    let db = timed.client.db("acme/short")?;
    db.query("CREATE TABLE t(a)", ())?;
    timed.pass(DAY);
    assert_eq!(slugs(&timed)?, ["long", "stays"]);
    check_swept(world, &timed, 1)?;
    timed.pass(DAY * 30);
    // Whatever makes something sweeps first.
    databases(&timed)?.create("new", None)?;
    assert_eq!(kind(db.tables()), Some(ErrorKind::NotFound));
    assert_eq!(slugs(&timed)?, ["new", "stays"]);
    check_swept(world, &timed, 0)
}

fn a_name_that_is_used_again_does_not_inherit_an_end(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    databases(&timed)?.create("agent-state", Some(1))?;
    databases(&timed)?.delete("agent-state")?;
    let db = timed.with_note()?;
    timed.pass(DAY * 2);
    check_swept(world, &timed, 0)?;
    assert_eq!(notes(&db)?, ["first"]);
    assert_eq!(slugs(&timed)?, ["agent-state"]);
    Ok(())
}

fn namespaces_are_apart(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let other = Databases::new(timed.db()?).namespace("other");
    databases(&timed)?.create("a", None)?;
    assert!(other.list()?.is_empty());
    other.create("a", None)?;
    other.delete("a")?;
    assert_eq!(slugs(&timed)?, ["a"]);
    let local = Databases::new(timed.db()?).create("b", None)?;
    assert_eq!(local.full_name(), "local/b");
    Ok(())
}

/// The catalogue, as another program may open it, and a killed process have left it.
fn catalog(world: &World) -> rusqlite::Result<rusqlite::Connection> {
    rusqlite::Connection::open(world.directory().join(".persql/catalog.db"))
}

#[cfg(unix)]
fn a_deletion_that_was_cut_short_is_undone_or_ended(world: &World) -> Outcome {
    use std::os::unix::fs::MetadataExt;
    if !world.mode().is_file() {
        return Ok(());
    }
    let timed = Timed::new(world)?;
    let snapshots = Snapshots::new(timed.with_note()?);
    snapshots.create("x")?;
    let path = world.directory().join("acme/agent-state.db");
    let file = std::fs::metadata(&path)?;
    let begin = || {
        let sql = "INSERT INTO deletion VALUES ('acme', 'agent-state', ?1)";
        catalog(world)?.execute(sql, [format!("{}:{}", file.dev(), file.ino())])
    };
    // Killed before the file was removed: nothing has happened.
    begin()?;
    assert_eq!(snapshots.list()?.len(), 1);
    // Killed after: the rest follows.
    begin()?;
    std::fs::remove_file(path)?;
    assert!(snapshots.list()?.is_empty());
    databases(&timed)?.sweep()?;
    assert_eq!(std::fs::read_dir(world.directory().join(".persql/copies"))?.count(), 0);
    Ok(())
}

#[cfg(not(unix))]
fn a_deletion_that_was_cut_short_is_undone_or_ended(_: &World) -> Outcome {
    Ok(())
}

fn a_copy_that_was_cut_short_is_swept(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    let timed = Timed::new(world)?;
    let made = Snapshots::new(timed.with_note()?).create("x")?;
    let copies = world.directory().join(".persql/copies");
    std::fs::copy(copies.join(format!("{}.db", made.id)), copies.join("half.db"))?;
    catalog(world)?.execute("INSERT INTO litter VALUES ('half', ?1)", [1_700_000_000])?;
    // It may still be in the making.
    databases(&timed)?.sweep()?;
    assert!(copies.join("half.db").exists());
    timed.pass(DAY);
    databases(&timed)?.sweep()?;
    assert!(!copies.join("half.db").exists());
    assert_eq!(std::fs::read_dir(copies)?.count(), 1);
    Ok(())
}

fn hostile_names_and_times_are_refused(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    for bad in ["", ".", "..", "../x", "a/b", ".persql", "~a", "a\0b", "a b", "ä", "x' OR 1=1", &"x".repeat(101)] {
        assert_eq!(kind(databases(&timed)?.create(bad, None)), Some(ErrorKind::InvalidInput), "{bad:?}");
        assert_eq!(kind(databases(&timed)?.delete(bad)), Some(ErrorKind::InvalidInput), "{bad:?}");
        let elsewhere = Databases::new(db.clone()).namespace(bad);
        assert_eq!(kind(elsewhere.create("a", None)), Some(ErrorKind::InvalidInput), "{bad:?}");
        assert_eq!(kind(elsewhere.list()), Some(ErrorKind::InvalidInput), "{bad:?}");
    }
    for days in [0, 31, u32::MAX] {
        assert_eq!(kind(databases(&timed)?.create("a", Some(days))), Some(ErrorKind::InvalidInput), "{days}");
    }
    assert_eq!(slugs(&timed)?, ["agent-state"]);
    Ok(())
}

fn many_create_one_name_and_one_succeeds(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let databases = databases(&timed);
                scope.spawn(move || databases?.create("a", Some(1)))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Result<Vec<_>, _>>()
    })
    .map_err(|_| "a thread panicked")?;
    let (good, bad): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 1, "{bad:?}");
    assert!(bad.into_iter().all(|result| kind(result) == Some(ErrorKind::Conflict)));
    timed.pass(DAY);
    check_swept(world, &timed, 1)
}
