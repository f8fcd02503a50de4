//! The texts of `sql` with a repository's table names in them.

use std::{
    fmt::Display,
    sync::{Arc, LazyLock},
};

use persql_core::{Error, Ident, Result, Schema, Sql};

use crate::{SessionAgent, SessionMessage, sql};

/// The texts for records of one kind, all with `?1` session, `?2` agent and `?3` message id.
#[derive(Debug)]
pub(crate) struct RecordTexts {
    pub(crate) read: Sql,
    pub(crate) guard_plain: Sql,
    pub(crate) rewrite_plain: Sql,
    pub(crate) guard_same: Sql,
    pub(crate) rewrite_same: Sql,
}

/// All texts with this repository's table names in them, rendered once.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) schema: Schema,
    pub(crate) storage_schema: Schema,
    pub(crate) agent: RecordTexts,
    pub(crate) message: RecordTexts,
    pub(crate) create_session: Sql,
    pub(crate) ensure_session: Sql,
    pub(crate) read_session: Sql,
    pub(crate) guard_session: Sql,
    /// Messages, agents, multi-agent states and sessions.
    pub(crate) delete_of_session: [Sql; 4],
    pub(crate) create_agent: Sql,
    pub(crate) insert_agent: Sql,
    pub(crate) create_message: Sql,
    pub(crate) insert_few: Sql,
    pub(crate) insert_many: Sql,
    pub(crate) list_messages: Sql,
    pub(crate) restore: Sql,
    pub(crate) create_multi_agent: Sql,
    pub(crate) insert_multi_agent: Sql,
    pub(crate) read_multi_agent: Sql,
    pub(crate) guard_multi_agent: Sql,
    pub(crate) update_multi_agent: Sql,
    pub(crate) list_sessions: Sql,
    pub(crate) count_sessions: Sql,
    pub(crate) list_agents: Sql,
    pub(crate) inactive_sessions: Sql,
    /// Messages, agents, multi-agent states and sessions.
    pub(crate) delete_inactive: [Sql; 4],
    pub(crate) read_value: Sql,
    pub(crate) delete_value: Sql,
    pub(crate) write_part: Sql,
    pub(crate) list_keys: Sql,
    pub(crate) list_values: Sql,
    pub(crate) delete_keys: Sql,
}

/// The names that stand in the texts.
struct Names {
    sessions: Ident,
    agents: Ident,
    messages: Ident,
    multi_agents: Ident,
    storage: Ident,
}

impl Texts {
    /// What the names of PerSQL's own package start with.
    pub(crate) const PREFIX: &str = "strands_";

    /// The texts for the usual names, rendered once for the process.
    pub(crate) fn default_names() -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<Texts>> = LazyLock::new(|| {
            let names = Names {
                sessions: Ident::from_static("strands_sessions"),
                agents: Ident::from_static("strands_agents"),
                messages: Ident::from_static("strands_messages"),
                multi_agents: Ident::from_static("strands_multi_agents"),
                storage: Ident::from_static("strands_storage"),
            };
            Arc::new(Texts::render(&names, true))
        });
        Arc::clone(&DEFAULT)
    }

    pub(crate) fn new(prefix: &str, create_tables: bool) -> Result<Arc<Self>> {
        let name = |table: &str| {
            Ident::new(&format!("{prefix}{table}"))
                .map_err(|error: Error| error.context("table_prefix", format_args!("{prefix:?}")))
        };
        let names = Names {
            sessions: name("sessions")?,
            agents: name("agents")?,
            messages: name("messages")?,
            multi_agents: name("multi_agents")?,
            storage: name("storage")?,
        };
        Ok(Arc::new(Self::render(&names, create_tables)))
    }

    fn render(names: &Names, create_tables: bool) -> Self {
        let render = |template: &str| names.render(template, &[]);
        let record = |template: &str, head: &str, [created, updated]: [&str; 2]| {
            let time = |given: &str| names.render(sql::TIME, &[("given", given)]).to_string();
            names.record(template, head, [&time(created), &time(updated)])
        };
        let inactive = |seconds: &str| names.render(sql::INACTIVE, &[("seconds", seconds)]).to_string();
        let of_each = |template: &str| {
            let inactive = inactive("?2");
            [&names.messages, &names.agents, &names.multi_agents, &names.sessions]
                .map(|table| names.render(template, &[("table", &table.to_string()), ("inactive", &inactive)]))
        };
        let removed = [("removed", sql::REMOVED)];
        let schema = Schema::new(
            [&names.sessions, &names.agents, &names.messages, &names.multi_agents].map(Ident::clone),
            [sql::CREATE_SESSIONS, sql::CREATE_AGENTS, sql::CREATE_MESSAGES, sql::CREATE_MULTI_AGENTS].map(render),
        );
        let storage_schema = Schema::new([names.storage.clone()], [render(sql::CREATE_STORAGE)]);
        Self {
            schema: schema.on_demand(create_tables),
            storage_schema: storage_schema.on_demand(create_tables),
            agent: RecordTexts::new(names, &names.agents, sql::AGENT_RECORD, &SessionAgent::FIELDS),
            message: RecordTexts::new(names, &names.messages, sql::MESSAGE_RECORD, &SessionMessage::FIELDS),
            create_session: record(sql::CREATE_SESSION, "?2", ["?3", "?4"]),
            ensure_session: record(sql::ENSURE_SESSION, "?2", ["?3", "?4"]),
            read_session: render(sql::READ_SESSION),
            guard_session: render(sql::GUARD_SESSION),
            delete_of_session: of_each(sql::DELETE_OF_SESSION),
            create_agent: record(sql::CREATE_AGENT, "?3", ["?4", "?5"]),
            insert_agent: record(sql::INSERT_AGENT, "?3", ["?4", "?5"]),
            create_message: record(sql::CREATE_MESSAGE, "?4", ["?5", "?6"]),
            insert_few: names.record(sql::INSERT_FEW, "head", ["now", "now"]),
            insert_many: names.record(sql::INSERT_MANY, "item.value", [sql::NOW, sql::NOW]),
            list_messages: render(sql::LIST_MESSAGES),
            restore: names.render(sql::RESTORE, &removed),
            create_multi_agent: render(sql::CREATE_MULTI_AGENT),
            insert_multi_agent: render(sql::INSERT_MULTI_AGENT),
            read_multi_agent: render(sql::READ_MULTI_AGENT),
            guard_multi_agent: render(sql::GUARD_MULTI_AGENT),
            update_multi_agent: render(sql::UPDATE_MULTI_AGENT),
            list_sessions: render(sql::LIST_SESSIONS),
            count_sessions: render(sql::COUNT_SESSIONS),
            list_agents: render(sql::LIST_AGENTS),
            inactive_sessions: names.render(sql::INACTIVE_SESSIONS, &[("inactive", &inactive("?1"))]),
            delete_inactive: of_each(sql::DELETE_INACTIVE),
            read_value: render(sql::READ_VALUE),
            delete_value: render(sql::DELETE_VALUE),
            write_part: render(sql::WRITE_PART),
            list_keys: render(sql::LIST_KEYS),
            list_values: render(sql::LIST_VALUES),
            delete_keys: render(sql::DELETE_KEYS),
        }
    }
}

impl RecordTexts {
    fn new(names: &Names, table: &Ident, record: &str, fields: &[&str]) -> Self {
        let fields: Vec<String> = fields.iter().map(|field| format!("'{field}'")).collect();
        let plain = names.render(sql::PLAIN, &[("fields", &fields.join(", "))]).to_string();
        let table = table.to_string();
        let render =
            |template: &str| names.render(template, &[("table", &table), ("record", record), ("plain", &plain)]);
        Self {
            read: render(sql::READ_RECORD),
            guard_plain: render(sql::GUARD_PLAIN),
            rewrite_plain: render(sql::REWRITE_PLAIN),
            guard_same: render(sql::GUARD_SAME),
            rewrite_same: render(sql::REWRITE_SAME),
        }
    }
}

impl Names {
    /// Puts table names, the present time and these texts into a template.
    fn render(&self, template: &str, more: &[(&str, &str)]) -> Sql {
        let mut names: Vec<(&str, &dyn Display)> = vec![
            ("sessions", &self.sessions),
            ("agents", &self.agents),
            ("messages", &self.messages),
            ("multi_agents", &self.multi_agents),
            ("storage", &self.storage),
            ("now", &sql::NOW),
        ];
        names.extend(more.iter().map(|(name, text)| (*name, text as &dyn Display)));
        Sql::render(template, &names)
    }

    /// The same for a text that makes a record of what stands before its times, and the times.
    fn record(&self, template: &str, head: &str, [created, updated]: [&str; 2]) -> Sql {
        let data = self.render(sql::DATA, &[("head", head), ("created", created), ("updated", updated)]).to_string();
        self.render(template, &[("data", &data)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left() {
        let texts = format!("{:?}", Texts::default_names());
        for (at, _) in texts.match_indices('{') {
            let after = texts.get(at + 1..).unwrap_or_default();
            assert!(!after.starts_with(|c: char| c.is_ascii_lowercase()), "{}", after.get(..30).unwrap_or(after));
        }
    }

    #[test]
    fn a_prefix_is_checked() {
        assert!(Texts::new("a\"b; ", true).is_ok());
        for bad in ["sqlite_", "_persql_", "a\0", &"x".repeat(130)] {
            assert!(Texts::new(bad, true).unwrap_err().to_string().contains("table_prefix"), "{bad:?}");
        }
    }
}
