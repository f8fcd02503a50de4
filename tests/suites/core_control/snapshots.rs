//! Snapshots.

use persql_conformance::{Case, Outcome, World, cases, local};
use persql_core::{ErrorKind, Snapshots, SqlErrorKind};

use super::clients::{HOUR, Timed, kind, notes};

pub(crate) fn cases() -> Vec<Case> {
    local(
        "the HTTP API has no snapshots: `everywhere` holds what it says instead",
        cases![
            a_snapshot_brings_back_what_was,
            snapshots_are_listed_oldest_first,
            a_snapshot_that_is_not_there_is_not_found,
            a_snapshot_belongs_to_its_database,
            a_restore_brings_back_the_tables_too,
            a_restore_is_seen_by_every_handle,
            a_database_that_is_not_there_has_no_snapshots,
            hostile_labels_and_ids_are_refused,
            a_lost_file_is_restored,
            a_snapshot_taken_while_others_write_is_whole,
            one_file_keeps_snapshots_and_branches_beside_it
        ],
    )
}

fn a_snapshot_brings_back_what_was(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let snapshots = Snapshots::new(db.clone());
    let (requests, made) = db.counting(|| snapshots.create("before 'the' \u{1f980}"));
    let made = made?;
    assert_eq!((requests, made.label.as_str(), made.created_at), (1, "before 'the' \u{1f980}", timed.time()));
    assert!(made.bytes >= 4_096);
    for _ in 0..2 {
        db.query("DELETE FROM note", ())?;
        snapshots.restore(&made.id)?;
        assert_eq!(notes(&db)?, ["first"]);
        db.query("INSERT INTO note VALUES ('again')", ())?;
    }
    assert_eq!(snapshots.list()?, [made]);
    Ok(())
}

fn snapshots_are_listed_oldest_first(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let snapshots = Snapshots::new(timed.with_note()?);
    assert!(snapshots.list()?.is_empty());
    for label in ["b", "a", "", "a"] {
        snapshots.create(label)?;
        timed.pass(HOUR);
    }
    let labels: Vec<String> = snapshots.list()?.into_iter().map(|kept| kept.label).collect();
    assert_eq!(labels, ["b", "a", "", "a"]);
    Ok(())
}

fn a_snapshot_that_is_not_there_is_not_found(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let snapshots = Snapshots::new(db.clone());
    assert_eq!(kind(snapshots.restore("none")), Some(ErrorKind::NotFound));
    let made = snapshots.create("x")?;
    snapshots.delete(&made.id)?;
    assert_eq!(kind(snapshots.delete(&made.id)), Some(ErrorKind::NotFound));
    assert_eq!(kind(snapshots.restore(&made.id)), Some(ErrorKind::NotFound));
    assert_eq!(notes(&db)?, ["first"]);
    Ok(())
}

fn a_snapshot_belongs_to_its_database(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let made = Snapshots::new(timed.with_note()?).create("x")?;
    let other = timed.client.db("acme/other")?;
    other.query("CREATE TABLE t(a)", ())?;
    let others = Snapshots::new(other.clone());
    assert!(others.list()?.is_empty());
    assert_eq!(kind(others.restore(&made.id)), Some(ErrorKind::NotFound));
    assert_eq!(kind(others.delete(&made.id)), Some(ErrorKind::NotFound));
    assert_eq!(other.tables()?.len(), 1);
    Ok(())
}

fn a_restore_brings_back_the_tables_too(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let snapshots = Snapshots::new(db.clone());
    let before = db.describe()?;
    let made = snapshots.create("x")?;
    db.transaction(["DROP TABLE note", "CREATE TABLE other(a, b)", "CREATE TABLE more(a)"])?;
    snapshots.restore(&made.id)?;
    assert_eq!(db.describe()?, before);
    assert_eq!(notes(&db)?, ["first"]);
    Ok(())
}

fn a_restore_is_seen_by_every_handle(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let other = if world.mode().is_file() { Timed::new(world)?.db()? } else { timed.db()? };
    let made = Snapshots::new(db.clone()).create("x")?;
    other.query("INSERT INTO note VALUES ('second')", ())?;
    assert_eq!(notes(&other)?, ["first", "second"]);
    Snapshots::new(db).restore(&made.id)?;
    assert_eq!(notes(&other)?, ["first"]);
    other.query("INSERT INTO note VALUES ('third')", ())?;
    assert_eq!(notes(&other)?, ["first", "third"]);
    Ok(())
}

fn a_database_that_is_not_there_has_no_snapshots(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let error = Snapshots::new(timed.db()?).create("x").err().ok_or("made")?;
    assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::NotFound, Some(SqlErrorKind::UnknownDatabase)));
    Ok(())
}

fn hostile_labels_and_ids_are_refused(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let snapshots = Snapshots::new(timed.with_note()?);
    for bad in ["a\0b", &"x".repeat(201)] {
        assert_eq!(kind(snapshots.create(bad)), Some(ErrorKind::InvalidInput));
    }
    for bad in ["", "../catalog", "a/b", "a\0", &"x".repeat(65)] {
        assert_eq!(kind(snapshots.restore(bad)), Some(ErrorKind::InvalidInput), "{bad:?}");
        assert_eq!(kind(snapshots.delete(bad)), Some(ErrorKind::InvalidInput), "{bad:?}");
    }
    assert!(snapshots.list()?.is_empty());
    Ok(())
}

fn a_snapshot_taken_while_others_write_is_whole(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.db()?;
    db.query("CREATE TABLE note(text TEXT)", ())?;
    let snapshots = Snapshots::new(db.clone());
    let pair = ["INSERT INTO note VALUES ('one')", "INSERT INTO note VALUES ('two')"];
    let (made, written) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| (0..100).try_for_each(|_| db.transaction(pair).map(drop)));
        let made: persql_core::Result<Vec<_>> = (0..5).map(|_| snapshots.create("")).collect();
        (made, writer.join())
    });
    written.map_err(|_| "the writer panicked")??;
    assert_eq!(notes(&db)?.len(), 200);
    let mut last = 0;
    for snapshot in made? {
        snapshots.restore(&snapshot.id)?;
        let found = notes(&db)?.len();
        assert!(found.is_multiple_of(2) && found >= last, "{found} rows after {last}");
        last = found;
    }
    Ok(())
}

fn a_lost_file_is_restored(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let snapshots = Snapshots::new(db.clone());
    let made = snapshots.create("x")?;
    if world.mode().is_file() {
        std::fs::remove_file(world.directory().join("acme/agent-state.db"))?;
        // The first to come is told; after that it is a database that is not there.
        assert_eq!(kind(notes(&db)), Some(ErrorKind::NotFound));
    }
    snapshots.restore(&made.id)?;
    let rows = notes(&db).or_else(|_| notes(&db))?;
    assert_eq!(rows, ["first"]);
    Ok(())
}

fn one_file_keeps_snapshots_and_branches_beside_it(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    let path = world.directory().join("chat.db");
    let timed = Timed::at(world, &path, |builder| builder, |builder| builder)?;
    let db = timed.with_note()?;
    let made = Snapshots::new(db.clone()).create("x")?;
    let branch = persql_core::Branches::new(db.clone()).claim(persql_core::Claim::of("b").with_data(true))?.database;
    branch.query("INSERT INTO note VALUES ('branch')", ())?;
    db.query("DELETE FROM note", ())?;
    Snapshots::new(db.clone()).restore(&made.id)?;
    assert_eq!(notes(&db)?, ["first"]);
    assert_eq!(notes(&branch)?, ["first", "branch"]);
    assert!(world.directory().join("chat.db.persql").is_dir());
    let databases = persql_core::Databases::new(db);
    assert_eq!(kind(databases.list()), Some(ErrorKind::Unsupported));
    assert_eq!(kind(databases.create("x", None)), Some(ErrorKind::Unsupported));
    assert_eq!(kind(databases.delete("main")), Some(ErrorKind::Unsupported));
    Ok(())
}
