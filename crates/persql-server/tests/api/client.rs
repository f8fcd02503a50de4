//! The server as `persql-core`'s own client sees it.

use persql_core::{Claim, ErrorKind, SqlErrorKind, blocking::PerSql};
use persql_server::Role;

use crate::world::World;

fn client(world: &World, token: &str) -> PerSql {
    PerSql::builder().token(token).api_url(world.server.url()).build().unwrap()
}

#[test]
fn the_client_reads_and_writes() {
    let world = World::new();
    let db = client(&world, &world.admin).database("acme/agent").unwrap();
    assert_eq!(db.tables().unwrap_err().sql_kind(), Some(SqlErrorKind::UnknownDatabase));
    db.query("CREATE TABLE t(a, b)", ()).unwrap();
    db.query("INSERT INTO t VALUES (?1, ?2)", (i64::MAX, "é\0")).unwrap();
    let rows = db.query("SELECT a, b, x'0001' AS c, 9e999 AS d FROM t", ()).unwrap();
    let row = rows.first().unwrap();
    assert_eq!((row.get::<i64>("a").unwrap(), row.get::<&str>("b").unwrap()), (i64::MAX, "é\0"));
    assert_eq!((row.get::<Vec<u8>>("c").unwrap(), row.get::<f64>("d").unwrap()), (vec![0, 1], f64::INFINITY));
    assert_eq!((rows.meta().rows_read, rows.meta().cost_usd), (1, Some(0.0)));
    assert_eq!(db.tables().unwrap()[0].row_count, 1);
    assert_eq!(db.describe().unwrap().tables[0].columns.len(), 2);
}

#[test]
fn the_client_gets_the_errors_that_local_mode_gives() {
    let world = World::new();
    let remote = client(&world, &world.admin).database("acme/agent").unwrap();
    let local =
        PerSql::builder().local(":memory:").strict_limits(true).build().unwrap().database("acme/agent").unwrap();
    let setup =
        ["CREATE TABLE t(a INTEGER PRIMARY KEY, b NOT NULL, c UNIQUE, UNIQUE(a, b))", "INSERT INTO t VALUES (1, 2, 3)"];
    for sql in [
        "SELECT * FROM t",
        "INSERT INTO t VALUES (1, 2, 3)",
        "INSERT INTO t VALUES (2, NULL, 4)",
        "INSERT INTO t VALUES (2, 2, 3)",
        "INSERT INTO t VALUES ('x', 2, 9)",
        "SELECT nothing FROM t",
        "SELECT * FROM nowhere",
        "INSERT INTO t(z) VALUES (1)",
        "nonsense",
        "ATTACH 'a' AS b",
        "SELECT ?1",
        "SELECT zeroblob(3000000)",
        "SELECT load_extension('x')",
    ] {
        let outcomes = [remote.query(sql, ()), local.query(sql, ())]
            .map(|outcome| outcome.map(|rows| rows.len()).map_err(|error| (error.kind(), error.sql().cloned())));
        assert_eq!(outcomes[0], outcomes[1], "{sql}");
        if sql.starts_with("SELECT * FROM t") {
            remote.transaction(setup).unwrap();
            local.transaction(setup).unwrap();
        }
    }
}

#[test]
fn the_client_claims_and_opens_a_branch() {
    let world = World::with_table();
    let db = client(&world, &world.admin).database("acme/agent").unwrap();
    let claimed = db.branches().claim(Claim::of("feature/x")).unwrap();
    claimed.database.query("INSERT INTO t VALUES (1, 'a')", ()).unwrap();
    assert_eq!(claimed.database.query("DROP TABLE t", ()).unwrap_err().kind(), ErrorKind::Denied);
    assert!(db.query("SELECT * FROM t", ()).unwrap().is_empty());
    db.branches().delete("feature/x").unwrap();
    assert_eq!(claimed.database.query("SELECT 1", ()).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_token_without_the_right_is_denied() {
    let world = World::with_table();
    let read = client(&world, &world.token(Role::Read)).database("acme/agent").unwrap();
    assert_eq!(read.query("DELETE FROM t", ()).unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(read.query("SELECT * FROM t", ()).unwrap().len(), 0);
    let other = client(&world, &world.admin).database("other/agent").unwrap();
    assert_eq!(other.query("SELECT 1", ()).unwrap_err().kind(), ErrorKind::Denied);
}
