//! What adapters' lists of sessions have in common: which to list, reading the list in pages, and deleting what nobody
//! uses.

use std::time::Duration;

use crate::{Pack, PageSize, Plan, Result, Row, Schema, Sql, Statement, pack};

/// Sessions that one pass deletes.
const INACTIVE_AT_ONCE: usize = 1_000;

/// Which sessions to list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListSessions {
    /// Only ids that begin with this.
    pub prefix: Option<String>,
    /// Only ids that come after this: the last of the page before.
    pub after: Option<String>,
    /// At most so many; 100 unless said otherwise.
    pub limit: usize,
}

impl Default for ListSessions {
    fn default() -> Self {
        Self { prefix: None, after: None, limit: 100 }
    }
}

impl ListSessions {
    /// Only ids that begin with this.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Only ids that come after this: the last of the page before.
    #[must_use]
    pub fn with_after(mut self, session_id: impl Into<String>) -> Self {
        self.after = Some(session_id.into());
        self
    }

    /// At most so many.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Reads the list page by page: one request, unless more than 256 are asked for. No tables are an empty list.
    ///
    /// `page` gives rows whose first column is the id, in its order: `id >= ?1 AND id < coalesce(?2, x'') … LIMIT ?3`.
    /// An empty ?1 and no ?2 are all ids: every blob is greater than any text.
    ///
    /// # Examples
    /// ```
    /// use persql_core::{Handle, ListSessions, Schema, Sql, blocking::Database};
    ///
    /// # fn main() -> persql_core::Result<()> {
    /// let db = Database::local(":memory:")?;
    /// db.transaction(["CREATE TABLE s(id TEXT)", "INSERT INTO s VALUES ('job:1'), ('user:ada'), ('user:bob')"])?;
    ///
    /// let page = Sql::from("SELECT id FROM s WHERE id >= ?1 AND id < coalesce(?2, x'') ORDER BY id LIMIT ?3");
    /// let users = ListSessions::default().with_prefix("user:").with_after("user:ada");
    /// let ids: Vec<String> = db.run(users.read(&page, &Schema::new([], []), |row| row.get(0)))?;
    /// assert_eq!(ids, ["user:bob"]);
    /// # Ok(()) }
    /// ```
    pub fn read<T: Send + 'static>(
        self,
        page: &Sql,
        schema: &Schema,
        from_row: fn(&Row<'_>) -> Result<T>,
    ) -> Plan<Vec<T>> {
        let prefix = self.prefix.unwrap_or_default();
        let until = end_of_prefix(&prefix);
        let from = match self.after.map(next) {
            Some(after) if after > prefix => after,
            _ => prefix,
        };
        let list = List { page: page.clone(), schema: schema.clone(), until, limit: self.limit, from_row };
        if self.limit == 0 { Plan::ok(Vec::new()) } else { list.from(from, PageSize::default(), Vec::new()) }
    }
}

/// A list that is being read.
struct List<T> {
    page: Sql,
    schema: Schema,
    until: Option<String>,
    limit: usize,
    from_row: fn(&Row<'_>) -> Result<T>,
}

impl<T: Send + 'static> List<T> {
    /// Reads pages from an id on.
    fn from(self, id: String, size: PageSize, mut listed: Vec<T>) -> Plan<Vec<T>> {
        let missing = self.limit.saturating_sub(listed.len());
        let page = Statement::new(self.page.clone(), (id, self.until.clone(), PageSize::ROWS));
        size.read(missing, page, &self.schema).and_then(move |page| {
            match page.rows.iter().map(|row| (self.from_row)(&row)).collect::<Result<Vec<T>>>() {
                Ok(found) => listed.extend(found),
                Err(error) => return Plan::err(error),
            }
            let last = page.rows.iter().next_back().map(|row| row.get::<String>(0));
            match last {
                Some(Ok(last)) if page.is_full() && listed.len() < self.limit => {
                    self.from(next(last), page.next, listed)
                }
                Some(Err(error)) => Plan::err(error),
                _ => Plan::ok(listed),
            }
        })
    }
}

/// Deletes the sessions that nobody used for this long, and counts them: two requests for each 1,000, and one if there
/// are none.
///
/// `find` gives the ids of at most ?2 sessions that nothing was added to for ?1 seconds. Each of `delete` is run for
/// those of the JSON array ?1, and must look again whether nothing was added for ?2 seconds: one may have come to life
/// since. Such a session stays, and is counted all the same.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use persql_core::{Handle, Schema, Sql, blocking::Database, delete_inactive};
///
/// # fn main() -> persql_core::Result<()> {
/// let db = Database::local(":memory:")?;
/// db.transaction(["CREATE TABLE s(id TEXT, idle INTEGER)", "INSERT INTO s VALUES ('ada', 7), ('bob', 700)"])?;
///
/// let find = Sql::from("SELECT id FROM s WHERE idle > ?1 LIMIT ?2");
/// let delete = [Sql::from("DELETE FROM s WHERE id IN (SELECT value FROM json_each(?1)) AND idle > ?2")];
/// let plan = delete_inactive(&find, &delete, &Schema::new([], []), Duration::from_secs(60));
/// assert_eq!(db.run(plan)?, 1);
/// # Ok(()) }
/// ```
pub fn delete_inactive(find: &Sql, delete: &[Sql], schema: &Schema, for_longer_than: Duration) -> Plan<u64> {
    let seconds = i64::try_from(for_longer_than.as_secs()).unwrap_or(i64::MAX);
    let inactive = Inactive { find: find.clone(), delete: delete.to_vec(), schema: schema.clone(), seconds };
    inactive.delete(0)
}

/// Sessions that nobody uses.
struct Inactive {
    find: Sql,
    delete: Vec<Sql>,
    schema: Schema,
    seconds: i64,
}

impl Inactive {
    /// Deletes them pass by pass.
    fn delete(self, deleted: u64) -> Plan<u64> {
        let find = Statement::new(self.find.clone(), (self.seconds, INACTIVE_AT_ONCE));
        Plan::read(find).or_absent(&self.schema).and_then(move |rows| {
            let ids: Vec<String> = match rows.iter().map(|row| row.get(0)).collect() {
                Ok(ids) => ids,
                Err(error) => return Plan::err(error),
            };
            let found = ids.len();
            if found == 0 {
                return Plan::ok(deleted);
            }
            // Ids of ours are short, but those of others may be longer, so they are packed like everything else.
            let batch = pack(ids).into_iter().flat_map(|pack| {
                let array = match pack {
                    Pack::Many { array, .. } => array,
                    Pack::One(id) => serde_json::Value::from(vec![id]).to_string(),
                };
                let delete = |sql: &Sql| Statement::new(sql.clone(), (array.as_str(), self.seconds));
                self.delete.iter().map(delete).collect::<Vec<_>>()
            });
            Plan::write(batch).and_then(move |()| {
                let deleted = deleted + found as u64;
                if found < INACTIVE_AT_ONCE { Plan::ok(deleted) } else { self.delete(deleted) }
            })
        })
    }
}

/// The id that comes right after this one.
fn next(mut id: String) -> String {
    id.push('\0');
    id
}

/// The least text that is greater than all that begin with `prefix`; `None` if every text is less.
///
/// SQLite compares text by its bytes, which orders UTF-8 by code points.
///
/// # Examples
/// ```
/// assert_eq!(persql_core::end_of_prefix("user:").as_deref(), Some("user;"));
/// ```
pub fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut id = prefix.to_owned();
    while let Some(last) = id.pop() {
        if let Some(after) = (last..=char::MAX).nth(1) {
            id.push(after);
            return Some(id);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_prefix_lies_between_two_ids() {
        for (prefix, after) in [
            ("user:", "user;"),
            ("a", "b"),
            ("a\u{7f}", "a\u{80}"),
            ("\u{d7ff}", "\u{e000}"),
            ("a\u{d7ff}", "a\u{e000}"),
            ("a\u{10ffff}", "b"),
            ("é", "ê"),
        ] {
            assert_eq!(end_of_prefix(prefix).as_deref(), Some(after));
        }
        for last in ["", "\u{10ffff}", "\u{10ffff}\u{10ffff}"] {
            assert_eq!(end_of_prefix(last), None);
        }
    }
}
