//! Every SQL text of the server. They run on the file of tokens; what callers send is not written here.

pub(crate) const CREATE_TOKEN: &str = "\
CREATE TABLE IF NOT EXISTS token (
    hash TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    branch TEXT,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID";

pub(crate) const ADD_TOKEN: &str = "\
INSERT INTO token (hash, namespace, branch, role, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// By primary key.
pub(crate) const FIND_TOKEN: &str = "SELECT namespace, branch, role, expires_at FROM token WHERE hash = ?1";

/// A scan of all tokens, for people.
pub(crate) const LIST_TOKENS: &str = "\
SELECT substr(hash, 1, 16), namespace, branch IS NOT NULL, role, created_at, expires_at FROM token ORDER BY created_at, hash";

/// The range of one id in the primary key.
pub(crate) const REVOKE_TOKEN: &str = "DELETE FROM token WHERE hash >= ?1 AND hash < ?1 || 'g'";

/// A scan of all tokens; only when one is added.
pub(crate) const SWEEP_TOKENS: &str = "DELETE FROM token WHERE expires_at <= ?1";
