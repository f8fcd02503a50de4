//! Who asks, and for which database.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
};
use persql_core::{Database, DatabaseName, ErrorKind, Handle, Role, server::find_branch};

use crate::{
    app::App,
    failure::Failure,
    tokens::{Grant, is_token},
};

/// Somebody with a token that is good.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) Arc<Grant>);

impl Caller {
    /// Refuses those who may not manage databases and branches.
    pub(crate) fn check_admin(&self) -> Result<(), Failure> {
        self.check_namespace_wide()?;
        match self.0.role {
            Role::Admin => Ok(()),
            _ => Err(Failure::forbidden("this needs a token of the role admin")),
        }
    }

    /// Refuses the tokens of branches.
    pub(crate) fn check_namespace_wide(&self) -> Result<(), Failure> {
        match self.0.branch {
            None => Ok(()),
            Some(_) => Err(Failure::forbidden("the token is for one branch alone")),
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let unknown = |message: &str| Failure::new(StatusCode::UNAUTHORIZED, message);
        let header = parts.headers.get(AUTHORIZATION).ok_or_else(|| unknown("Missing token"))?;
        let token = header.to_str().ok().and_then(|header| {
            let (scheme, token) = header.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        match token.filter(|token| is_token(token)) {
            None => Err(unknown("Invalid token format")),
            Some(token) => app.tokens.find(token, app.now()).await?.map(Caller).ok_or_else(|| unknown("Invalid token")),
        }
    }
}

/// The names in the request's path.
#[derive(Debug)]
pub(crate) struct Named(RawPathParams);

impl Named {
    /// The last of them: what the route is about.
    pub(crate) fn last(&self) -> &str {
        self.0.iter().last().map_or("", |(_, name)| name)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        params.map(Self).map_err(|_| Failure::bad("a name in the path is not UTF-8"))
    }
}

/// A caller, and the database in the request's path.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) caller: Caller,
    /// The database, for somebody of the caller's role.
    pub(crate) db: Database,
    /// The same without a role, for what is done to it as a whole.
    pub(crate) whole: Database,
    is_branch: bool,
}

impl Place {
    /// Refuses those who may not make branches of this database.
    pub(crate) fn check_forkable(&self) -> Result<(), Failure> {
        self.caller.check_admin()?;
        if self.is_branch { Err(Failure::forbidden("a branch has no branches of its own")) } else { Ok(()) }
    }
}

/// What the databases of branches are called: no other database has such a name.
const BRANCH: &str = "br_";

/// What the API calls the database that holds a branch.
pub(crate) fn branch_slug(copy: &str) -> String {
    format!("{BRANCH}{copy}")
}

/// The copy that a name of this form stands for.
pub(crate) fn copy_of(slug: &str) -> Option<&str> {
    slug.strip_prefix(BRANCH).filter(|copy| {
        copy.len() == 32 && copy.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

impl FromRequestParts<Arc<App>> for Place {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Named(params) = Named::from_request_parts(parts, app).await?;
        let param = |name: &str| params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value).to_owned();
        let (namespace, slug) = (param("namespace"), param("database"));
        if namespace != caller.0.namespace {
            return Err(Failure::forbidden("Token namespace mismatch"));
        }
        let name = DatabaseName::parse(&format!("{namespace}/{slug}"))?;
        if caller.0.branch.as_ref().is_some_and(|branch| *branch != slug) {
            return Err(Failure::forbidden("the token is for one branch alone"));
        }
        let copy = copy_of(&slug);
        let whole = match copy {
            None => app.client.database(&name.to_string())?,
            Some(copy) => {
                if caller.0.branch.is_none() {
                    check_branch(app, &namespace, copy).await?;
                }
                app.client.branch(&namespace, copy)?
            }
        };
        let whole = whole.with_timeout(app.limits.run);
        Ok(Self { db: whole.with_role(caller.0.role), whole, is_branch: copy.is_some(), caller })
    }
}

/// Whoever has no token for the branch itself is asked whether it is theirs, and still there.
async fn check_branch(app: &App, namespace: &str, copy: &str) -> Result<(), Failure> {
    let asked = app.client.database(&format!("{namespace}/any"))?;
    let found = asked.run(find_branch(copy)).await?;
    let is_live = found.is_some_and(|branch| branch.expires_at.is_none_or(|end| app.now() < end));
    if is_live {
        return Ok(());
    }
    Err(persql_core::Error::new(ErrorKind::NotFound, "the branch is there no longer, or never was").into())
}

/// The longest that a lease lasts if it is not said.
pub(crate) const LEASE: Duration = Duration::from_secs(3_600);
