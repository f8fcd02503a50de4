//! Who may do what: tokens, of which only hashes are stored.

use std::{
    collections::HashMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use persql_core::{
    Database, DatabaseName, Durability, Error, ErrorKind, FromValue, PerSql, Result, Role, Row, Rows, Value,
};
use sha2::{Digest, Sha256};

use crate::sql;

/// What a token of this server begins with. Others of the API begin with one of [`PREFIXES`].
const LIVE: &str = "psql_live_";
const PREFIXES: [&str; 3] = [LIVE, "psql_test_", "psql_cli_"];

/// How long a token is taken to be what it was when it was last looked up: so long does one work on that another process
/// revoked.
const FRESH: Duration = Duration::from_secs(1);
const MOST_FRESH: usize = 10_000;

/// The tokens of a server: `persql-server token` on the command line. Cheap to clone.
///
/// A token belongs to a namespace and has a role. It is shown once, when it is made.
///
/// # Examples
/// ```
/// use persql_server::{Role, Tokens};
///
/// # fn main() -> persql_server::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// let tokens = Tokens::open(directory.path())?;
/// let token = tokens.create("acme", Role::Write)?;
/// assert!(token.starts_with("psql_live_"));
/// let id = &tokens.list()?[0].id;
/// assert!(tokens.revoke(id)?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Tokens {
    db: Database,
    fresh: Arc<Mutex<Fresh>>,
}

/// The tokens that were looked up a moment ago, by their hashes.
type Fresh = HashMap<String, (Instant, Arc<Grant>)>;

/// A token as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenInfo {
    /// What to revoke it by. It is no secret.
    pub id: String,
    /// The namespace that it belongs to.
    pub namespace: String,
    /// What it allows.
    pub role: Role,
    /// Whether it is for one branch alone.
    pub of_branch: bool,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it ends, if ever.
    pub expires_at: Option<SystemTime>,
}

/// What a token allows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The stored hash: a name for the token that is no secret.
    pub(crate) hash: String,
    pub(crate) namespace: String,
    /// The only database that it is for, if it is for a branch.
    pub(crate) branch: Option<String>,
    pub(crate) role: Role,
    expires_at: Option<SystemTime>,
}

impl Tokens {
    /// The tokens of the server whose databases are in this directory, also while it runs.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(data_dir: &Path) -> Result<Self> {
        let file = data_dir.join(".persql-server").join("tokens.db");
        let client = PerSql::builder().local(file).durability(Durability::Full).build()?;
        let db = client.database("server/tokens")?;
        db.blocking().query(sql::CREATE_TOKEN, ())?;
        Ok(Self { db, fresh: Arc::default() })
    }

    /// Makes a token for everything in this namespace that the role allows, and gives its only copy.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the namespace is not one; those of the file system.
    pub fn create(&self, namespace: &str, role: Role) -> Result<String> {
        self.add(namespace, None, role, None)
    }

    /// Makes a token for one branch until this time.
    pub(crate) fn add(
        &self,
        namespace: &str,
        branch: Option<&str>,
        role: Role,
        end: Option<SystemTime>,
    ) -> Result<String> {
        DatabaseName::parse(&format!("{namespace}/any"))?;
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the system has no randomness to give"))?;
        let token = format!("{LIVE}{}", URL_SAFE_NO_PAD.encode(bytes));
        let now = seconds(SystemTime::now());
        let db = self.db.blocking();
        db.query(sql::SWEEP_TOKENS, [now])?;
        let row: [Value; 6] = [
            hash(&token).into(),
            namespace.into(),
            branch.into(),
            word(role).into(),
            now.into(),
            end.map(seconds).into(),
        ];
        db.query(sql::ADD_TOKEN, row)?;
        Ok(token)
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn list(&self) -> Result<Vec<TokenInfo>> {
        let rows = self.db.blocking().query(sql::LIST_TOKENS, ())?;
        rows.iter()
            .map(|row| {
                Ok(TokenInfo {
                    id: row.get(0)?,
                    namespace: row.get(1)?,
                    of_branch: row.get(2)?,
                    role: role_of(&row, 3)?,
                    created_at: time_of(row.get(4)?),
                    expires_at: row.get::<Option<i64>>(5)?.map(time_of),
                })
            })
            .collect()
    }

    /// Makes a token worthless, named by its id or by itself. False if there is none.
    ///
    /// It is refused from then on by the server in this process, and within a second by one in another.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn revoke(&self, id_or_token: &str) -> Result<bool> {
        let id = if is_token(id_or_token) { hash(id_or_token) } else { id_or_token.to_owned() };
        if id.len() < 16 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(false);
        }
        let revoked = self.db.blocking().query(sql::REVOKE_TOKEN, [id])?.changes() > Some(0);
        self.fresh().clear();
        Ok(revoked)
    }

    /// What this token allows; `None` if it is none, or no longer.
    pub(crate) async fn find(&self, token: &str, now: SystemTime) -> Result<Option<Arc<Grant>>> {
        let hash = hash(token);
        let known = self.fresh().get(&hash).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, grant)| Arc::clone(grant));
        let grant = match known {
            Some(grant) => grant,
            None => {
                let rows = self.db.query(sql::FIND_TOKEN, [hash.as_str()]).await?;
                let Some(grant) = grant(hash.clone(), &rows)? else { return Ok(None) };
                let grant = Arc::new(grant);
                let mut fresh = self.fresh();
                if fresh.len() >= MOST_FRESH {
                    fresh.clear();
                }
                fresh.insert(hash, (Instant::now(), Arc::clone(&grant)));
                grant
            }
        };
        Ok((grant.expires_at.is_none_or(|end| now < end)).then_some(grant))
    }

    fn fresh(&self) -> MutexGuard<'_, Fresh> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// Whether this looks like a token.
pub(crate) fn is_token(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()))
}

fn hash(token: &str) -> String {
    let mut hexadecimal = String::with_capacity(64);
    for byte in Sha256::digest(token.as_bytes()) {
        hexadecimal.extend([byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)));
    }
    hexadecimal
}

fn grant(hash: String, rows: &Rows) -> Result<Option<Grant>> {
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Grant {
        hash,
        namespace: row.get(0)?,
        branch: row.get(1)?,
        role: role_of(&row, 2)?,
        expires_at: row.get::<Option<i64>>(3)?.map(time_of),
    }))
}

/// What the API calls the role of a token.
pub(crate) fn word(role: Role) -> &'static str {
    match role {
        Role::Read => "readonly",
        Role::Write => "readwrite",
        _ => "admin",
    }
}

/// The role that the API calls so, for a token or for a lease.
pub(crate) fn role(word: &str) -> Option<Role> {
    match word {
        "readonly" | "read" => Some(Role::Read),
        "readwrite" | "write" => Some(Role::Write),
        "admin" => Some(Role::Admin),
        _ => None,
    }
}

fn role_of(row: &Row<'_>, column: usize) -> Result<Role> {
    let stored: &str = <&str>::from_value(row.get(column)?).unwrap_or_default();
    role(stored).ok_or_else(|| Error::new(ErrorKind::Corrupt, "a stored token has a role that is none"))
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn time_of(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0))
}
