//! Requests as they go over the wire.

use serde::{
    Serialize, Serializer,
    ser::{SerializeSeq, SerializeStruct},
};

use super::{Call, Method, Repeat, branches, databases};
use crate::{
    Access, Batch, Control, DatabaseName, Error, ErrorKind, Request, Result, SqlDetail, SqlErrorKind, Statement, Value,
    tokens,
};

/// Writes a request: `/query` for one statement, `/batch` for several.
pub(crate) fn encode(name: &DatabaseName, request: &Request) -> Result<Call> {
    let batch = match request {
        Request::Tables => return Ok(look("tables", name)),
        Request::Describe => return Ok(look("describe", name)),
        Request::Control(control) => return encode_control(name, control),
        Request::Batch(batch) => batch,
    };
    if batch.statements().iter().flat_map(Statement::params).any(|value| matches!(value, Value::Blob(_))) {
        return Err(Error::invalid("the HTTP API carries no bytes: store them as base64 text"));
    }
    // The other side would run it, and without a key.
    if batch.access() == Access::Read && !batch.statements().iter().all(|statement| tokens::reads(statement.sql())) {
        return Err(Error::new(ErrorKind::Denied, "a plan that reads has a statement that writes")
            .with_sql(SqlDetail::new(SqlErrorKind::Readonly)));
    }
    let (operation, body) = match batch.statements() {
        [one] => ("query", to_json(&WireStatement(one))?),
        _ => ("batch", to_json(&WireBatch(batch))?),
    };
    let repeat = match batch.access() {
        Access::Read => Repeat::Reads,
        Access::Raw { transaction: false } if batch.statements().len() > 1 => Repeat::InPart,
        _ => Repeat::Keyed,
    };
    Ok(Call { operation, method: Method::Post, path: path(name, operation), body: Some(body), repeat })
}

/// What is asked about databases as a whole.
fn encode_control(name: &DatabaseName, control: &Control) -> Result<Call> {
    let unsupported = |what: &'static str| Err(Error::new(ErrorKind::Unsupported, what));
    match control {
        #[cfg(feature = "server")]
        Control::FindBranch { .. } => unsupported("only a server asks whose a branch is"),
        Control::Me => {
            let path = "/v1/me".to_owned();
            Ok(Call { operation: "me", method: Method::Get, path, body: None, repeat: Repeat::Reads })
        }
        Control::CreateDatabase { .. } | Control::ListDatabases { .. } | Control::DeleteDatabase { .. } => {
            databases::encode(control)
        }
        Control::ClaimBranch { .. } | Control::UpsertBranch { .. } | Control::DeleteBranch { .. } => {
            branches::encode(name, control)
        }
        Control::ListBranches => unsupported("the HTTP API has no list of branches: claim a branch by its name"),
        Control::SweepDatabases => unsupported("the server deletes what has reached its end by itself"),
        Control::CreateSnapshot { .. }
        | Control::ListSnapshots
        | Control::RestoreSnapshot { .. }
        | Control::DeleteSnapshot { .. } => unsupported("the HTTP API has no snapshots: they are for local databases"),
    }
}

fn path(name: &DatabaseName, operation: &str) -> String {
    format!("/v1/db/{}/{}/{operation}", name.namespace(), name.database())
}

/// A request that only says its name.
fn look(operation: &'static str, name: &DatabaseName) -> Call {
    Call { operation, method: Method::Get, path: path(name, operation), body: None, repeat: Repeat::Reads }
}

pub(super) fn to_json(body: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(body).map_err(|error| Error::invalid("the request cannot be written as JSON").with_source(error))
}

struct WireStatement<'a>(&'a Statement);
struct WireBatch<'a>(&'a Batch);
struct WireValue<'a>(&'a Value);

impl Serialize for WireStatement<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let params: Vec<WireValue<'_>> = self.0.params().iter().map(WireValue).collect();
        let mut fields = serializer.serialize_struct("Statement", 2)?;
        fields.serialize_field("sql", &**self.0.sql())?;
        if params.is_empty() {
            fields.skip_field("params")?;
        } else {
            fields.serialize_field("params", &params)?;
        }
        fields.end()
    }
}

impl Serialize for WireBatch<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let statements: Vec<WireStatement<'_>> = self.0.statements().iter().map(WireStatement).collect();
        let transaction = !matches!(self.0.access(), Access::Raw { transaction: false });
        let mut fields = serializer.serialize_struct("Batch", 2)?;
        fields.serialize_field("statements", &statements)?;
        fields.serialize_field("transaction", &transaction)?;
        fields.end()
    }
}

impl Serialize for WireValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Integer(integer) => serializer.serialize_i64(*integer),
            Value::Real(real) => serializer.serialize_f64(*real),
            Value::Text(text) => serializer.serialize_str(text),
            // Refused before; an empty array is what no engine would bind.
            Value::Blob(_) => serializer.serialize_seq(Some(0))?.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> DatabaseName {
        DatabaseName::parse("acme/agent").unwrap()
    }

    #[test]
    fn one_statement_is_a_query_and_several_are_a_transaction() {
        let one = Batch::write([Statement::new("INSERT INTO t VALUES (?1, ?2)", (1.0, Value::Null))]);
        let call = encode(&name(), &Request::Batch(one)).unwrap();
        assert_eq!((call.path.as_str(), call.repeat), ("/v1/db/acme/agent/query", Repeat::Keyed));
        assert_eq!(call.body.unwrap(), br#"{"sql":"INSERT INTO t VALUES (?1, ?2)","params":[1.0,null]}"#);

        let two = Batch::write([Statement::from("a"), Statement::new("b", [i64::MAX])]);
        let call = encode(&name(), &Request::Batch(two)).unwrap();
        assert_eq!(call.path, "/v1/db/acme/agent/batch");
        assert_eq!(
            call.body.unwrap(),
            br#"{"statements":[{"sql":"a"},{"sql":"b","params":[9223372036854775807]}],"transaction":true}"#
        );
    }

    #[test]
    fn bytes_are_refused_before_anything_is_sent() {
        let blob = Batch::write([Statement::new("INSERT INTO t VALUES (?1)", [vec![1u8]])]);
        assert_eq!(encode(&name(), &Request::Batch(blob)).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn what_has_no_route_says_so() {
        for control in [Control::ListBranches, Control::SweepDatabases, Control::ListSnapshots] {
            let error = encode(&name(), &Request::Control(control)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
    }
}
