//! Who a client is to its server.

#[cfg(feature = "local")]
use crate::DatabaseName;
use crate::{Control, Controlled, Plan, Role, plan::unexpected};

/// Who the token of a client is: [`PerSql::me`](crate::PerSql::me).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Me {
    /// The namespace that the client's databases are in. In local mode it is `local`.
    pub namespace: String,
    /// The server's own name for the namespace, if it has one.
    pub namespace_id: Option<String>,
    /// What the token allows; `None` if the server calls it by a name that is not known here.
    pub role: Option<Role>,
}

impl Me {
    /// Who a client of local databases is: nobody else is there.
    #[cfg(feature = "local")]
    pub(crate) fn local() -> Self {
        Self { namespace: DatabaseName::LOCAL.to_owned(), namespace_id: None, role: Some(Role::Admin) }
    }
}

/// Asks who the client is.
pub(crate) fn me() -> Plan<Me> {
    Plan::control(Control::Me).try_map(|answer| match answer {
        Controlled::Me(me) => Ok(me),
        _ => Err(unexpected()),
    })
}
