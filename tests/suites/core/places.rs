//! Where databases are, when they come to be, and who shares them.

use std::path::Path;

use persql_conformance::{Any, Case, Options, Outcome, World, cases, local};
use persql_core::{Database, Durability, ErrorKind, PerSql, blocking};

use crate::expect::{Failure, insert, kinds, refused, stored};

pub(crate) fn cases() -> Vec<Case> {
    let everywhere = cases![
        reads_create_nothing,
        the_first_write_creates_the_database,
        databases_of_other_names_are_others,
        names_that_are_paths_are_refused,
        a_directory_has_a_file_for_each_database,
        an_url_of_another_scheme_is_refused_with_those_accepted,
        a_builder_without_a_place_is_refused,
        memory_is_private_to_its_client,
        data_outlives_the_client,
        a_database_that_was_removed_begins_anew_with_the_next_client,
        full_durability_writes_as_well,
        a_file_of_another_program_is_used_as_it_is,
        reading_leaves_a_foreign_file_as_it_is,
    ];
    let here = local(
        "the path is that of a file of the client, which a server has none of",
        cases![
            one_file_is_shared_whatever_the_name,
            a_path_with_hostile_characters_is_only_a_path,
            an_url_names_a_local_database
        ],
    );
    [everywhere, here].concat()
}

/// All files beneath a directory that exists or not.
fn files(directory: &Path) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let Ok(entries) = std::fs::read_dir(directory) else { continue };
        for entry in entries {
            let path = entry?.path();
            // Where a server keeps its tokens.
            if path.ends_with(".persql-server") {
                continue;
            }
            found.push(path.display().to_string());
            open.push(path);
        }
    }
    Ok(found)
}

fn reads_create_nothing(world: &World) -> Outcome {
    let directory = world.directory();
    let db = world.client_at(&directory, Options::default())?.db("acme/a")?;
    for sql in [
        "SELECT * FROM t",
        "-- c\n VALUES (1)",
        "WITH n(a) AS (SELECT replace('insert', 'i', 'u')) SELECT a FROM n",
        "WITH \"delete\"(a) AS (VALUES (')')) SELECT 'update' FROM \"delete\"",
        "EXPLAIN DELETE FROM t",
        "PRAGMA table_info(t)",
    ] {
        assert_eq!(kinds(db.query(sql, ()))?.0, ErrorKind::NotFound, "{sql}");
    }
    assert!(db.tables().is_err() && db.describe().is_err());
    assert_eq!(files(&directory)?, [""; 0]);
    Ok(())
}

fn the_first_write_creates_the_database(world: &World) -> Outcome {
    for (number, sql) in ["CREATE TABLE t(a)", "/* read? no */ CREATE TABLE t(a)", "create view t as select 1 as a"]
        .into_iter()
        .enumerate()
    {
        let db = world.db_named(&format!("acme/first{number}"))?;
        db.query(sql, ())?;
        assert!(stored(&db)?.len() < 2);
    }
    let db = world.db_named("acme/with")?;
    let with = "WITH n(a) AS (SELECT 1) INSERT INTO nowhere SELECT a FROM n";
    assert_eq!(kinds(db.query(with, ()))?.0, ErrorKind::Sql);
    Ok(())
}

fn databases_of_other_names_are_others(world: &World) -> Outcome {
    let names = ["acme/a", "acme/b", "other/a", "acme/a.b", "acme/A"];
    for (number, name) in names.into_iter().enumerate() {
        let db = world.db_named(name)?;
        assert_eq!(kinds(db.tables())?.0, ErrorKind::NotFound, "{name}");
        db.batch([format!("CREATE TABLE t AS SELECT {number} AS a")])?;
    }
    for (number, name) in names.into_iter().enumerate() {
        assert_eq!(stored(&world.db_named(name)?)?, [i64::try_from(number)?], "{name}");
    }
    Ok(())
}

fn names_that_are_paths_are_refused(world: &World) -> Outcome {
    for name in [
        "", "/", "a", "a/", "/a", "a/b/c", "../a", "a/..", "a/../b", "./a", "a/.", "a/.b", "a\\b/c", "a/b\\c", "a/b\0",
        "a//b", "~/a", "C:/a", "a/b:c", "a /b", "ä/b", "a/😀", "a/%2e%2e", "a/b\n", "-a/b", "a/-b", "_a/b",
    ] {
        let error = refused(world.db_named(name))?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}");
        assert!(error.to_string().contains("namespace/database"), "{error}");
    }
    let longest = format!("{}/{}", "a".repeat(100), "b".repeat(100));
    world.db_named(&longest)?.query("CREATE TABLE t(a)", ())?;
    assert!(world.db_named(&format!("{longest}b")).is_err());
    Ok(())
}

fn a_directory_has_a_file_for_each_database(world: &World) -> Outcome {
    if !world.mode().is_on_disk() {
        return Ok(());
    }
    let directory = world.directory().join("deep/er");
    let client = world.client_at(&directory, Options::default())?;
    client.db("acme/a.db")?.query("CREATE TABLE t(a)", ())?;
    assert!(directory.join("acme/a.db.db").is_file());
    // A directory may look like a file.
    let looks = world.directory().join("looks.db");
    std::fs::create_dir_all(&looks)?;
    world.client_at(&looks, Options::default())?.db("acme/a")?.query("CREATE TABLE t(a)", ())?;
    assert!(looks.join("acme/a.db").is_file());
    Ok(())
}

fn one_file_is_shared_whatever_the_name(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    for ending in ["db", "sqlite", "sqlite3", "DB"] {
        let path = world.directory().join(format!("one.{ending}"));
        let client = world.client_at(&path, Options::default())?;
        client.db("acme/a")?.batch(["CREATE TABLE t(a)", "INSERT INTO t VALUES (1)"])?;
        assert_eq!(stored(&client.db("other/b")?)?, [1]);
        assert_eq!(stored(&Any::blocking(blocking::Database::local(&path)?))?, [1]);
        assert!(path.is_file());
    }
    Ok(())
}

fn a_path_with_hostile_characters_is_only_a_path(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    for name in ["file:x?mode=memory.db", "a'b\"c.db", "é 😀.db", "%41#.db", "-x.db"] {
        let path = world.directory().join(name);
        let db = world.db_at(&path, Options::default())?;
        db.batch(["CREATE TABLE t(a)", "INSERT INTO t VALUES (1)"])?;
        assert!(path.is_file(), "{name}");
        assert_eq!(stored(&db)?, [1]);
    }
    for bad in ["", "a\0b.db"] {
        assert_eq!(refused(PerSql::local(bad))?.kind(), ErrorKind::InvalidInput);
        assert_eq!(refused(blocking::Database::local(bad))?.kind(), ErrorKind::InvalidInput);
    }
    Ok(())
}

fn open(world: &World, url: &str) -> persql_core::Result<Any> {
    if world.mode().is_async() {
        Database::from_url(url).map(Any::asynchronous)
    } else {
        blocking::Database::from_url(url).map(Any::blocking)
    }
}

fn an_url_names_a_local_database(world: &World) -> Outcome {
    if !world.mode().is_file() {
        for url in ["sqlite::memory:", "sqlite://:memory:"] {
            let db = open(world, url)?;
            db.query("CREATE TABLE t(a)", ())?;
            assert_eq!(stored(&db)?, [0; 0]);
        }
        return Ok(());
    }
    std::fs::create_dir_all(world.directory())?;
    for (number, form) in ["sqlite:", "sqlite://"].into_iter().enumerate() {
        // Any ending is a file here.
        let path = world.directory().join(format!("chat{number}.data"));
        let url = format!("{form}{}", path.display());
        open(world, &url)?.batch(["CREATE TABLE t(a)", "INSERT INTO t VALUES (1)"])?;
        assert!(path.is_file(), "{url}");
        assert_eq!(stored(&open(world, &url)?)?, [1]);
    }
    Ok(())
}

fn an_url_of_another_scheme_is_refused_with_those_accepted(world: &World) -> Outcome {
    for url in ["postgresql://user:s3cret@host/db", "sqlite3:x.db", "file:x.db", "mysql://x", "chat.db", "", ":", "a/b"]
    {
        let error = refused(open(world, url))?;
        let text = format!("{error:?}");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
        assert!(text.contains("persql://") && text.contains("sqlite:"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
    for url in ["sqlite:", "sqlite://", "sqlite:x.db?mode=ro", "persql://", "persql://acme", "persql://acme/../x"] {
        assert_eq!(refused(open(world, url))?.kind(), ErrorKind::InvalidInput, "{url}");
    }
    Ok(())
}

fn a_builder_without_a_place_is_refused(_: &World) -> Outcome {
    let error = refused(PerSql::builder().build())?;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(refused(blocking::PerSql::builder().build())?.to_string().contains("local"));
    Ok(())
}

fn memory_is_private_to_its_client(world: &World) -> Outcome {
    let open = || world.client_at(world.directory(), Options::default());
    let (one, two) = (open()?, open()?);
    one.db("acme/a")?.query("CREATE TABLE t(a)", ())?;
    if world.mode().is_on_disk() {
        assert_eq!(two.db("acme/a")?.tables()?.len(), 1);
    } else {
        assert_eq!(kinds(two.db("acme/a")?.tables())?.0, ErrorKind::NotFound);
    }
    assert_eq!(one.db("acme/a")?.tables()?.len(), 1);
    Ok(())
}

fn data_outlives_the_client(world: &World) -> Outcome {
    if !world.mode().is_on_disk() {
        return Ok(());
    }
    let directory = world.directory();
    for number in 0..4 {
        let client = world.client_at(&directory, Options::default())?;
        let db = client.db("acme/a")?;
        db.query("CREATE TABLE IF NOT EXISTS t(a)", ())?;
        db.transaction([insert(number)])?;
        assert_eq!(stored(&db)?, (0..=number).collect::<Vec<_>>());
        client.close();
        drop((client, db));
        world.stop_server(&directory);
    }
    Ok(())
}

fn a_database_that_was_removed_begins_anew_with_the_next_client(world: &World) -> Outcome {
    if !world.mode().is_on_disk() {
        return Ok(());
    }
    let directory = world.directory();
    for _ in 0..2 {
        let client = world.client_at(&directory, Options::default())?;
        let db = client.db("acme/a")?;
        assert_eq!(kinds(db.tables())?.0, ErrorKind::NotFound);
        db.query("CREATE TABLE t(a)", ())?;
        client.close();
        drop((client, db));
        world.stop_server(&directory);
        std::fs::remove_dir_all(&directory)?;
    }
    Ok(())
}

fn full_durability_writes_as_well(world: &World) -> Outcome {
    let options = Options { durability: Durability::Full, ..Options::default() };
    let db = world.db_at(world.directory().join("full.db"), options)?;
    db.query("CREATE TABLE t(a)", ())?;
    db.transaction((0..3).map(insert))?;
    assert_eq!(stored(&db)?, [0, 1, 2]);
    Ok(())
}

fn a_file_of_another_program_is_used_as_it_is(world: &World) -> Outcome {
    let Some(file) = world.file() else { return Ok(()) };
    std::fs::create_dir_all(file.parent().ok_or("no directory")?)?;
    let foreign = rusqlite::Connection::open(&file)?;
    foreign.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)")?;
    let db = world.db()?;
    assert_eq!(stored(&db)?, [1]);
    db.query("INSERT INTO t VALUES (2)", ())?;
    foreign.execute_batch("INSERT INTO t VALUES (3)")?;
    assert_eq!(stored(&db)?, [1, 2, 3]);
    assert_eq!(foreign.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))?, 3);
    Ok(())
}

fn reading_leaves_a_foreign_file_as_it_is(world: &World) -> Outcome {
    let Some(path) = world.file() else { return Ok(()) };
    std::fs::create_dir_all(path.parent().ok_or("no directory")?)?;
    let foreign = rusqlite::Connection::open(&path)?;
    foreign.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)")?;
    let before = std::fs::metadata(&path)?.modified()?;
    let db = world.db()?;
    assert_eq!((stored(&db)?, db.tables()?.len()), (vec![1], 1));
    let mode: String = foreign.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    assert_eq!((mode.as_str(), std::fs::metadata(&path)?.modified()?), ("delete", before));
    Ok(())
}
