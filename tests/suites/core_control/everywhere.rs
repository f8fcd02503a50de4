//! Databases and branches as every mode has them, over HTTP too.

use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_core::{BranchEnd, Branches, Claim, Databases, ErrorKind, Outcome as Made, Role, Snapshots, SqlErrorKind};

use super::clients::{DAY, HOUR, kind, notes};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_client_knows_who_it_is,
        databases_are_made_listed_and_deleted,
        a_database_that_is_made_is_there_before_the_first_write,
        only_the_namespace_of_the_token_is_managed,
        a_branch_has_the_schema_and_goes_its_own_way,
        claiming_again_leaves_the_old_handle_without_a_branch,
        a_branch_of_a_branch_is_made_by_its_database,
        what_is_not_there_is_not_found,
        a_branch_manages_nothing_of_its_own,
        what_has_no_route_says_so_over_http,
        names_and_times_are_checked_before_anything_is_sent,
    ]
}

/// The databases of the namespace that cases use.
fn databases(world: &World) -> persql_core::Result<Databases<Any>> {
    Ok(Databases::new(world.db()?).namespace("acme"))
}

fn with_note(world: &World) -> persql_core::Result<Any> {
    let db = world.db()?;
    db.transaction(["CREATE TABLE note(text TEXT)", "INSERT INTO note VALUES ('first')"])?;
    Ok(db)
}

fn a_client_knows_who_it_is(world: &World) -> Outcome {
    let me = world.client().me()?;
    let namespace = if world.mode().is_remote() { "acme" } else { "local" };
    assert_eq!((me.namespace.as_str(), me.role), (namespace, Some(Role::Admin)));
    Ok(())
}

fn databases_are_made_listed_and_deleted(world: &World) -> Outcome {
    let databases = databases(world)?;
    let slugs = || -> persql_core::Result<Vec<String>> {
        Ok(databases.list()?.into_iter().map(|database| database.slug).collect())
    };
    assert!(databases.list()?.is_empty());
    let made = databases.create("b", Some(7))?;
    assert_eq!(made.full_name(), "acme/b");
    let (created, ends) = (made.created_at.ok_or("no beginning")?, made.expires_at.ok_or("no end")?);
    assert_eq!(ends.duration_since(created)?, DAY * 7);
    assert_eq!(databases.create("a", None)?.expires_at, None);
    with_note(world)?;
    assert_eq!(slugs()?, ["a", "agent-state", "b"]);
    assert_eq!(databases.list()?.get(2), Some(&made));
    assert_eq!(kind(databases.create("a", Some(1))), Some(ErrorKind::Conflict));
    databases.delete("agent-state")?;
    let error = notes(&world.db()?).err().ok_or("still there")?;
    assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::NotFound, Some(SqlErrorKind::UnknownDatabase)));
    assert_eq!(kind(databases.delete("agent-state")), Some(ErrorKind::NotFound));
    assert_eq!(slugs()?, ["a", "b"]);
    Ok(())
}

fn a_database_that_is_made_is_there_before_the_first_write(world: &World) -> Outcome {
    databases(world)?.create("agent-state", None)?;
    let db = world.db()?;
    assert!(db.tables()?.is_empty());
    assert_eq!(db.query("SELECT 1", ())?.len(), 1);
    assert_eq!(notes(&with_note(world)?)?, ["first"]);
    Ok(())
}

fn only_the_namespace_of_the_token_is_managed(world: &World) -> Outcome {
    let (own, other) = (databases(world)?, Databases::new(world.db()?).namespace("other"));
    own.create("a", None)?;
    if world.mode().is_remote() {
        // Without a word of it, it is the token's own.
        assert_eq!(Databases::new(world.db()?).list()?.len(), 1);
        assert_eq!(kind(other.list()), Some(ErrorKind::Denied));
        assert_eq!(kind(other.create("b", None)), Some(ErrorKind::Denied));
        assert_eq!(kind(other.delete("a")), Some(ErrorKind::Denied));
    } else {
        assert!(other.list()?.is_empty());
        assert_eq!(kind(other.delete("a")), Some(ErrorKind::NotFound));
    }
    assert_eq!(own.list()?.len(), 1);
    Ok(())
}

fn a_branch_has_the_schema_and_goes_its_own_way(world: &World) -> Outcome {
    let db = with_note(world)?;
    let branches = Branches::new(db.clone());
    let (requests, claimed) = db.counting(|| branches.claim(Claim::of("feature/x.1").purpose("to try")));
    let claimed = claimed?;
    assert_eq!((requests, claimed.branch.outcome), (1, Some(Made::Created)));
    let left = claimed.branch.expires_at.ok_or("no end")?.duration_since(std::time::SystemTime::now())?;
    assert!(left <= HOUR && left > HOUR / 2, "{left:?}");
    assert!(notes(&claimed.database)?.is_empty());
    claimed.database.query("INSERT INTO note VALUES ('branch')", ())?;
    assert_eq!((notes(&claimed.database)?, notes(&db)?), (vec!["branch".to_owned()], vec!["first".to_owned()]));
    assert_eq!(claimed.database.describe()?, db.describe()?);
    Ok(())
}

fn claiming_again_leaves_the_old_handle_without_a_branch(world: &World) -> Outcome {
    let branches = Branches::new(with_note(world)?);
    let first = branches.claim(Claim::of("x"))?;
    first.database.query("INSERT INTO note VALUES ('old')", ())?;
    let second = branches.claim(Claim::of("x"))?;
    assert_eq!(second.branch.outcome, Some(Made::Reset));
    assert!(notes(&second.database)?.is_empty());
    assert_ne!(second.branch.database_slug, first.branch.database_slug);
    for gone in [notes(&first.database).map(drop), first.database.query("INSERT INTO note VALUES ('x')", ()).map(drop)]
    {
        assert_eq!(kind(gone), Some(ErrorKind::NotFound));
    }
    branches.delete("x")?;
    assert_eq!(kind(second.database.tables()), Some(ErrorKind::NotFound));
    Ok(())
}

fn a_branch_of_a_branch_is_made_by_its_database(world: &World) -> Outcome {
    let branches = Branches::new(with_note(world)?);
    let one = branches.claim(Claim::of("one").role(Role::Admin))?.database;
    one.query("CREATE TABLE more(a)", ())?;
    let end = std::time::SystemTime::now() + HOUR;
    assert_eq!(branches.upsert("two", Some("one"), BranchEnd::At(end), false)?.outcome, Some(Made::Created));
    assert_eq!(branches.upsert("two", None, BranchEnd::Never, false)?.outcome, Some(Made::Reset));
    let none = branches.upsert("three", Some("none"), BranchEnd::Never, false);
    assert_eq!(kind(none), Some(ErrorKind::NotFound));
    branches.delete("two")?;
    assert_eq!(kind(branches.delete("two")), Some(ErrorKind::NotFound));
    Ok(())
}

fn what_is_not_there_is_not_found(world: &World) -> Outcome {
    let branches = Branches::new(world.db()?);
    let error = branches.claim(Claim::of("x")).err().ok_or("claimed")?;
    assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::NotFound, Some(SqlErrorKind::UnknownDatabase)));
    assert!(!error.may_have_applied());
    with_note(world)?;
    assert_eq!(kind(branches.delete("x")), Some(ErrorKind::NotFound));
    assert_eq!(kind(databases(world)?.delete("x")), Some(ErrorKind::NotFound));
    Ok(())
}

fn a_branch_manages_nothing_of_its_own(world: &World) -> Outcome {
    let all = Branches::new(with_note(world)?).claim(Claim::of("x").role(Role::Admin))?.database;
    assert_eq!(kind(Branches::new(all.clone()).claim(Claim::of("y"))), Some(ErrorKind::Denied));
    assert_eq!(kind(Snapshots::new(all.clone()).create("s")), Some(ErrorKind::Denied));
    assert_eq!(kind(Databases::new(all).delete("agent-state")), Some(ErrorKind::Denied));
    Ok(())
}

fn what_has_no_route_says_so_over_http(world: &World) -> Outcome {
    let db = with_note(world)?;
    let (branches, snapshots) = (Branches::new(db.clone()), Snapshots::new(db.clone()));
    let results = [
        branches.claim(Claim::of("x").with_data(true)).map(drop),
        branches.upsert("x", None, BranchEnd::Never, true).map(drop),
        branches.list().map(drop),
        snapshots.create("x").map(drop),
        snapshots.list().map(drop),
        databases(world)?.sweep().map(drop),
    ];
    for result in results {
        if world.mode().is_remote() {
            let error = result.err().ok_or("no route, and no error")?;
            assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Unsupported, false));
        } else {
            result?;
        }
    }
    Ok(())
}

fn names_and_times_are_checked_before_anything_is_sent(world: &World) -> Outcome {
    let branches = Branches::new(world.db()?);
    for bad in ["", "/x", "../../etc/passwd", "-x", "a b", "a\0b", "ä", &"x".repeat(65)] {
        assert_eq!(kind(branches.claim(Claim::of(bad))), Some(ErrorKind::InvalidInput), "{bad:?}");
        assert_eq!(kind(branches.delete(bad)), Some(ErrorKind::InvalidInput), "{bad:?}");
    }
    for seconds in [0, 59, 30 * 24 * 3_600 + 1] {
        let ttl = std::time::Duration::from_secs(seconds);
        assert_eq!(kind(branches.claim(Claim::of("x").ttl(ttl))), Some(ErrorKind::InvalidInput), "{seconds}");
    }
    for bad in ["", "..", "../x", "a/b", "a\0b", "ä", &"x".repeat(101)] {
        assert_eq!(kind(databases(world)?.create(bad, None)), Some(ErrorKind::InvalidInput), "{bad:?}");
        assert_eq!(kind(databases(world)?.delete(bad)), Some(ErrorKind::InvalidInput), "{bad:?}");
    }
    for days in [0, 31] {
        assert_eq!(kind(databases(world)?.create("a", Some(days))), Some(ErrorKind::InvalidInput), "{days}");
    }
    Ok(())
}
