//! Branches and their leases.

use persql_conformance::{Any, Case, Outcome, World, cases, local};
use persql_core::{BranchEnd, Branches, Claim, ErrorKind, Outcome as Made, Role, SqlErrorKind};

use super::clients::{HOUR, Timed, kind, notes};

pub(crate) fn cases() -> Vec<Case> {
    let everywhere = cases![
        a_branch_has_the_schema_and_no_rows,
        a_branch_has_every_kind_of_thing_that_the_database_has,
        a_lease_ends_with_its_time,
        a_branch_that_is_over_leaves_its_name_free,
        a_role_allows_what_it_says,
        a_write_role_creates_no_tables_on_first_use,
        a_branch_that_is_not_there_is_not_found,
        a_database_that_is_not_there_has_no_branches,
        hostile_names_and_times_are_refused_before_anything_is_sent,
        an_unnamed_claim_makes_a_branch_of_its_own,
        each_call_is_one_request,
        another_client_sees_the_branches,
        a_branch_of_one_database_is_not_one_of_another,
    ];
    let here = local(
        "branches with rows, which the HTTP API does not make: `everywhere` holds the same of those without",
        cases![
            a_branch_with_data_is_a_copy_that_goes_its_own_way,
            a_role_that_reads_sees_the_rows_and_changes_none,
            claiming_again_resets_and_the_old_handle_finds_the_branch_gone,
            a_branch_is_made_from_another
        ],
    );
    [everywhere, here].concat()
}

/// Checks which branches are listed, by name. The HTTP API has no list.
fn check_listed(world: &World, branches: &Branches<Any>, expected: &[&str]) -> Outcome {
    if !world.mode().is_remote() {
        let names: Vec<String> = branches.list()?.into_iter().map(|branch| branch.reference).collect();
        assert_eq!(names, expected);
    }
    Ok(())
}

fn a_branch_has_the_schema_and_no_rows(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let claimed = Branches::new(db.clone()).claim(Claim::of("feature/x"))?;
    assert_eq!(claimed.branch.outcome, Some(Made::Created));
    assert_eq!(claimed.branch.expires_at, Some(timed.time() + HOUR));
    assert_eq!(notes(&claimed.database)?, [""; 0]);
    claimed.database.query("INSERT INTO note VALUES ('branch')", ())?;
    assert_eq!(notes(&claimed.database)?, ["branch"]);
    assert_eq!(notes(&db)?, ["first"]);
    Ok(())
}

fn a_branch_with_data_is_a_copy_that_goes_its_own_way(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let branch = Branches::new(db.clone()).claim(Claim::of("x").with_data(true))?.database;
    db.query("INSERT INTO note VALUES ('later')", ())?;
    branch.query("UPDATE note SET text = 'changed'", ())?;
    assert_eq!(notes(&branch)?, ["changed"]);
    assert_eq!(notes(&db)?, ["first", "later"]);
    Ok(())
}

fn a_role_that_reads_sees_the_rows_and_changes_none(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let claim = Claim::of("r").role(Role::Read).with_data(true);
    let reads = Branches::new(timed.with_note()?).claim(claim)?.database;
    assert_eq!(notes(&reads)?, ["first"]);
    assert_eq!(kind(reads.query("DELETE FROM note RETURNING text", ())), Some(ErrorKind::Denied));
    assert_eq!(notes(&reads)?, ["first"]);
    Ok(())
}

fn a_branch_has_every_kind_of_thing_that_the_database_has(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.db()?;
    db.transaction([
        "CREATE TABLE \"odd \"\"name\"(id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT, b AS (upper(a)) STORED)",
        "CREATE UNIQUE INDEX odd_a ON \"odd \"\"name\"(a)",
        "CREATE VIEW seen AS SELECT a FROM \"odd \"\"name\"",
        "CREATE TABLE log(a TEXT)",
        "CREATE TRIGGER logged AFTER INSERT ON \"odd \"\"name\" BEGIN INSERT INTO log VALUES (new.a); END",
        "CREATE VIRTUAL TABLE words USING fts5(text)",
        "INSERT INTO \"odd \"\"name\"(a) VALUES ('x')",
        "INSERT INTO words VALUES ('hello world')",
    ])?;
    // The HTTP API makes no branches with rows.
    for with_data in [false, true].into_iter().filter(|with_data| !(*with_data && world.mode().is_remote())) {
        let branch = Branches::new(db.clone()).claim(Claim::of("x").with_data(with_data))?.database;
        assert_eq!(branch.describe()?, db.describe()?);
        let found = branch.query("SELECT count(*) AS n FROM words WHERE words MATCH 'hello'", ())?;
        assert_eq!(found.row(0).map(|row| row.get::<i64>("n")).transpose()?, Some(i64::from(with_data)));
        branch.query("INSERT INTO \"odd \"\"name\"(a) VALUES ('y')", ())?;
        assert_eq!(branch.query("SELECT a FROM log WHERE a = 'y'", ())?.len(), 1);
        let again = branch.query("INSERT INTO \"odd \"\"name\"(a) VALUES ('y')", ());
        assert_eq!(again.err().and_then(|error| error.sql_kind()), Some(SqlErrorKind::UniqueViolation));
    }
    Ok(())
}

fn claiming_again_resets_and_the_old_handle_finds_the_branch_gone(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let branches = Branches::new(timed.with_note()?);
    let first = branches.claim(Claim::of("x"))?;
    first.database.query("INSERT INTO note VALUES ('old')", ())?;
    let second = branches.claim(Claim::of("x").with_data(true))?;
    assert_eq!(second.branch.outcome, Some(Made::Reset));
    assert_ne!(second.branch.database_slug, first.branch.database_slug);
    assert_eq!(notes(&second.database)?, ["first"]);
    assert_eq!(kind(notes(&first.database)), Some(ErrorKind::NotFound));
    assert_eq!(kind(first.database.query("CREATE TABLE t(a)", ())), Some(ErrorKind::Denied));
    assert_eq!(kind(first.database.query("INSERT INTO note VALUES ('lost')", ())), Some(ErrorKind::NotFound));
    assert_eq!(branches.list()?.len(), 1);
    Ok(())
}

fn a_lease_ends_with_its_time(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let branches = Branches::new(db.clone());
    let short = branches.claim(Claim::of("short").ttl(HOUR / 60))?.database;
    branches.upsert("stays", None, BranchEnd::Never, false)?;
    branches.upsert("ends", None, BranchEnd::At(timed.time() + HOUR), false)?;
    timed.pass(HOUR / 60);
    assert_eq!(kind(notes(&short)), Some(ErrorKind::Denied));
    check_listed(world, &branches, &["ends", "stays"])?;
    timed.pass(HOUR);
    check_listed(world, &branches, &["stays"])?;
    if !world.mode().is_remote() {
        let databases = persql_core::Databases::new(db);
        assert_eq!((databases.sweep()?, databases.sweep()?), (2, 0));
    }
    check_listed(world, &branches, &["stays"])
}

fn a_branch_that_is_over_leaves_its_name_free(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let branches = Branches::new(timed.with_note()?);
    branches.upsert("stays", None, BranchEnd::Never, false)?;
    branches.upsert("ends", None, BranchEnd::At(timed.time() + HOUR), false)?;
    timed.pass(HOUR);
    assert_eq!(kind(branches.upsert("new", Some("ends"), BranchEnd::Never, false)), Some(ErrorKind::NotFound));
    assert_eq!(branches.upsert("ends", Some("stays"), BranchEnd::Never, false)?.outcome, Some(Made::Created));
    Ok(())
}

fn a_role_allows_what_it_says(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let branches = Branches::new(timed.with_note()?);
    let reads = branches.claim(Claim::of("r").role(Role::Read))?.database;
    assert!(notes(&reads)?.is_empty() && reads.tables()?.len() == 1);
    for sql in [
        "INSERT INTO note VALUES ('x')",
        "WITH x AS (SELECT 1) INSERT INTO note SELECT * FROM x",
        "DELETE FROM note RETURNING text",
        "CREATE TABLE t(a)",
        "DROP TABLE note",
        "/* c */ drop table note",
    ] {
        assert_eq!(kind(reads.query(sql, ())), Some(ErrorKind::Denied), "{sql}");
        assert_eq!(kind(reads.transaction(["SELECT 1", sql])), Some(ErrorKind::Denied), "{sql}");
    }
    assert!(notes(&reads)?.is_empty());

    let writes = branches.claim(Claim::of("w"))?.database;
    writes.query("INSERT INTO note VALUES ('x')", ())?;
    for sql in
        ["CREATE TABLE t(a)", "drop table note", "-- c\nALTER TABLE note ADD COLUMN b", "CREATE INDEX i ON note(text)"]
    {
        assert_eq!(kind(writes.query(sql, ())), Some(ErrorKind::Denied), "{sql}");
        assert_eq!(kind(writes.batch(["SELECT 1", sql])), Some(ErrorKind::Denied), "{sql}");
    }
    assert_eq!(notes(&writes)?, ["x"]);

    let all = branches.claim(Claim::of("a").role(Role::Admin))?.database;
    all.transaction(["CREATE TABLE t(a)", "DROP TABLE note"])?;
    assert_eq!(all.tables()?.len(), 1);
    Ok(())
}

fn a_write_role_creates_no_tables_on_first_use(world: &World) -> Outcome {
    use persql_core::{Handle, Ident, Plan, Schema, Sql, Statement};
    let timed = Timed::new(world)?;
    let branches = Branches::new(timed.with_note()?);
    let schema = Schema::new([Ident::from_static("t")], [Sql::from("CREATE TABLE IF NOT EXISTS t(a)")]);
    let write = || Plan::write([Statement::from("INSERT INTO t VALUES (1)")]).creating(&schema);
    let writes = branches.claim(Claim::of("w"))?.database;
    assert_eq!(kind(writes.run(write())), Some(ErrorKind::Denied));
    let all = branches.claim(Claim::of("a").role(Role::Admin))?.database;
    all.run(write())?;
    Ok(())
}

fn a_branch_is_made_from_another(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let branches = Branches::new(timed.with_note()?);
    let one = branches.claim(Claim::of("one").with_data(true))?.database;
    one.query("INSERT INTO note VALUES ('second')", ())?;
    let two = branches.upsert("two", Some("one"), BranchEnd::Never, true)?;
    assert_eq!((two.outcome, two.expires_at), (Some(Made::Created), None));
    assert_eq!(branches.upsert("two", Some("main"), BranchEnd::Never, true)?.outcome, Some(Made::Reset));
    // From itself: what it was is the source, and is whole until the new one is.
    assert_eq!(branches.upsert("one", Some("one"), BranchEnd::Never, true)?.outcome, Some(Made::Reset));
    assert_eq!(kind(branches.upsert("three", Some("none"), BranchEnd::Never, true)), Some(ErrorKind::NotFound));
    assert_eq!(branches.list()?.len(), 2);
    Ok(())
}

fn a_branch_that_is_not_there_is_not_found(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let branches = Branches::new(timed.with_note()?);
    check_listed(world, &branches, &[])?;
    assert_eq!(kind(branches.delete("x")), Some(ErrorKind::NotFound));
    let handle = branches.claim(Claim::of("x"))?.database;
    branches.delete("x")?;
    assert_eq!(kind(branches.delete("x")), Some(ErrorKind::NotFound));
    assert_eq!(kind(handle.tables()), Some(ErrorKind::NotFound));
    check_listed(world, &branches, &[])
}

fn a_database_that_is_not_there_has_no_branches(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let branches = Branches::new(timed.db()?);
    let error = branches.claim(Claim::of("x")).err().ok_or("claimed")?;
    assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::NotFound, Some(SqlErrorKind::UnknownDatabase)));
    check_listed(world, &branches, &[])
}

fn hostile_names_and_times_are_refused_before_anything_is_sent(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let branches = Branches::new(timed.with_note()?);
    for bad in ["", "/x", "../../etc/passwd", ".", "-x", "a b", "a\0b", "ä", "x'; DROP TABLE note; --", &"x".repeat(65)]
    {
        assert_eq!(kind(branches.claim(Claim::of(bad))), Some(ErrorKind::InvalidInput), "{bad:?}");
        assert_eq!(kind(branches.delete(bad)), Some(ErrorKind::InvalidInput), "{bad:?}");
        assert_eq!(kind(branches.upsert(bad, None, BranchEnd::Never, false)), Some(ErrorKind::InvalidInput), "{bad:?}");
        let from = branches.upsert("x", Some(bad), BranchEnd::Never, false);
        assert_eq!(kind(from), Some(ErrorKind::InvalidInput), "{bad:?}");
    }
    for seconds in [0, 59, 30 * 24 * 3_600 + 1] {
        let ttl = std::time::Duration::from_secs(seconds);
        assert_eq!(kind(branches.claim(Claim::of("x").ttl(ttl))), Some(ErrorKind::InvalidInput), "{seconds}");
    }
    assert_eq!(kind(branches.claim(Claim::of("x").purpose(&"x".repeat(201)))), Some(ErrorKind::InvalidInput));
    check_listed(world, &branches, &[])?;
    // Dots and slashes are a name here, and never a path.
    let odd = branches.claim(Claim::of("a/../../b").purpose("to leave"))?;
    assert!(notes(&odd.database)?.is_empty());
    branches.delete("a/../../b")?;
    Ok(())
}

fn an_unnamed_claim_makes_a_branch_of_its_own(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let branches = Branches::new(timed.with_note()?);
    let (one, two) = (branches.claim(Claim::new())?, branches.claim(Claim::new())?);
    assert_ne!(one.branch.reference, two.branch.reference);
    branches.delete(&one.branch.reference)?;
    assert_eq!(notes(&two.database)?, [""; 0]);
    Ok(())
}

fn each_call_is_one_request(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let db = timed.with_note()?;
    let branches = Branches::new(db.clone());
    let (requests, claimed) = db.counting(|| branches.claim(Claim::of("x")));
    assert_eq!((requests, claimed?.branch.reference.as_str()), (1, "x"));
    if !world.mode().is_remote() {
        assert_eq!(db.counting(|| branches.list().is_ok()), (1, true));
    }
    assert_eq!(db.counting(|| branches.delete("x").is_ok()), (1, true));
    Ok(())
}

fn another_client_sees_the_branches(world: &World) -> Outcome {
    if !world.mode().is_on_disk() {
        return Ok(());
    }
    let (one, other) = (Timed::new(world)?, Timed::new(world)?);
    let here = Branches::new(one.with_note()?);
    let there = Branches::new(other.db()?);
    let handle = here.claim(Claim::of("x"))?.database;
    check_listed(world, &there, &["x"])?;
    assert!(notes(&handle)?.is_empty());
    there.delete("x")?;
    assert_eq!(kind(notes(&handle)), Some(ErrorKind::NotFound));
    check_listed(world, &here, &[])
}

fn a_branch_of_one_database_is_not_one_of_another(world: &World) -> Outcome {
    let timed = Timed::new(world)?;
    let one = Branches::new(timed.with_note()?);
    let db = timed.client.db("acme/other")?;
    db.query("CREATE TABLE t(a)", ())?;
    let two = Branches::new(db);
    one.claim(Claim::of("x"))?;
    check_listed(world, &two, &[])?;
    assert_eq!(kind(two.delete("x")), Some(ErrorKind::NotFound));
    assert_eq!(two.claim(Claim::of("x"))?.branch.outcome, Some(Made::Created));
    Ok(())
}
