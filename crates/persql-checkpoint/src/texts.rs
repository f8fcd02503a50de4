//! The texts of `sql` with a saver's table names in them.

use std::{fmt::Display, sync::Arc};

use persql_core::{Error, Ident, Result, Schema, Sql};

use crate::{Layout, sql};

/// All texts with a saver's table names in them, rendered once.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) layout: Layout,
    pub(crate) checkpoints: Ident,
    pub(crate) writes: Ident,
    pub(crate) schema: Schema,
    pub(crate) add_task_path: Sql,
    pub(crate) get_latest: Sql,
    pub(crate) get_by_id: Sql,
    pub(crate) list_ns: Sql,
    pub(crate) list_thread: Sql,
    pub(crate) list_all: Sql,
    pub(crate) guard_layout: Sql,
    pub(crate) guard_parent: Sql,
    pub(crate) put: Sql,
    pub(crate) keep_write: Sql,
    pub(crate) keep_writes: Sql,
    pub(crate) replace_write: Sql,
    pub(crate) replace_writes: Sql,
    pub(crate) delete_threads: Sql,
    pub(crate) delete_threads_writes: Sql,
    pub(crate) chain: Sql,
    pub(crate) sends: Sql,
    pub(crate) shapes: Sql,
    pub(crate) guard_shapes: Sql,
    pub(crate) keys: Sql,
    pub(crate) of_runs: Sql,
    pub(crate) children: Sql,
    pub(crate) delete_writes: Sql,
    pub(crate) delete_checkpoints: Sql,
    pub(crate) forget_parents: Sql,
    pub(crate) guard_empty: Sql,
    pub(crate) guard_exists: Sql,
    pub(crate) copy_checkpoints: Sql,
    pub(crate) copy_writes: Sql,
    pub(crate) copy_checkpoints_to: Sql,
    pub(crate) copy_writes_to: Sql,
    pub(crate) threads: Sql,
    pub(crate) inactive: Sql,
    pub(crate) delete_inactive: Sql,
    pub(crate) delete_inactive_writes: Sql,
    pub(crate) export_checkpoints: Sql,
    pub(crate) export_writes: Sql,
    pub(crate) import_checkpoint: Sql,
}

impl Texts {
    pub(crate) fn new(layout: Layout, checkpoints: &str, writes: &str, create_tables: bool) -> Result<Arc<Self>> {
        if checkpoints.eq_ignore_ascii_case(writes) {
            return Err(Error::invalid("checkpoints and writes cannot be in one table").context("table", writes));
        }
        Ok(Arc::new(Self::render(layout, Ident::new(checkpoints)?, Ident::new(writes)?, create_tables)))
    }

    /// The texts for the layout's own names.
    pub(crate) fn of(layout: Layout) -> Arc<Self> {
        let (checkpoints, writes) = layout.tables();
        Arc::new(Self::render(layout, Ident::from_static(checkpoints), Ident::from_static(writes), true))
    }

    fn render(layout: Layout, checkpoints: Ident, writes: Ident, create_tables: bool) -> Self {
        let (bytes, packed_value, foreign, task_path, fallback) = match layout {
            Layout::PerSql => ("TEXT", sql::PACKED_TEXT, sql::IS_OFFICIAL, sql::OWN_PATH, ""),
            Layout::SqliteSaver => ("BLOB", sql::PACKED_BYTES, sql::IS_PERSQL, sql::OFFICIAL_PATH, sql::FALLBACK),
        };
        let rows: [(&str, &dyn Display); 3] = [
            ("checkpoint_row", &sql::CHECKPOINT_ROW),
            ("write_row", &sql::WRITE_ROW),
            ("is_foreign", &sql::IS_FOREIGN),
        ];
        let of_layout: [(&str, &dyn Display); 6] = [
            ("bytes", &bytes),
            ("packed_value", &packed_value),
            ("foreign", &foreign),
            ("task_path", &task_path),
            ("fallback", &fallback),
            ("depth", &"NULL"),
        ];
        let tables: [(&str, &dyn Display); 2] = [("checkpoints", &checkpoints), ("writes", &writes)];
        // Fragments hold others and the tables' names. These come last and once: they may look like a fragment.
        let render_with = |template: &str, fragments: &[(&str, &dyn Display)]| {
            let text = [fragments, &rows, fragments, &of_layout]
                .iter()
                .fold(Sql::from(template.to_owned()), |text, names| Sql::render(&text, names));
            Sql::render(&text, &tables)
        };
        let render = |template: &str| render_with(template, &[("rows", &sql::ROWS_OF_PAGE)]);
        let list = |scope: &str| render_with(sql::LIST, &[("rows", &sql::ROWS_OF_PAGE), ("scope", &scope)]);
        let write = |template: &str, on_conflict: &str| render_with(template, &[("on_conflict", &on_conflict)]);
        let aged = |template: &str| render_with(template, &[("horizon", &sql::HORIZON), ("is_uuid6", &sql::IS_UUID6)]);
        Self {
            layout,
            schema: Schema::new(
                [checkpoints.clone(), writes.clone()],
                [sql::CREATE_CHECKPOINTS, sql::CREATE_WRITES].map(render),
            )
            .on_demand(create_tables),
            add_task_path: render(sql::ADD_TASK_PATH),
            get_latest: render(sql::GET_LATEST),
            get_by_id: render(sql::GET_BY_ID),
            list_ns: list(sql::SCOPE_NS),
            list_thread: list(sql::SCOPE_THREAD),
            list_all: list(sql::SCOPE_ALL),
            guard_layout: render(sql::GUARD_LAYOUT),
            guard_parent: render(sql::GUARD_PARENT),
            put: render(sql::PUT),
            keep_write: write(sql::PUT_WRITE, sql::KEEP),
            keep_writes: write(sql::PUT_WRITES, sql::KEEP),
            replace_write: write(sql::PUT_WRITE, sql::REPLACE),
            replace_writes: write(sql::PUT_WRITES, sql::REPLACE),
            delete_threads: render(sql::DELETE_THREADS),
            delete_threads_writes: render(sql::DELETE_THREADS_WRITES),
            chain: render_with(sql::CHAIN, &[("depth", &"page.depth")]),
            sends: render(sql::SENDS),
            shapes: render(sql::SHAPES),
            guard_shapes: render(sql::GUARD_SHAPES),
            keys: render(sql::KEYS),
            of_runs: render(sql::OF_RUNS),
            children: render(sql::CHILDREN),
            delete_writes: render(sql::DELETE_WRITES),
            delete_checkpoints: render(sql::DELETE_CHECKPOINTS),
            forget_parents: render(sql::FORGET_PARENTS),
            guard_empty: render(sql::GUARD_EMPTY),
            guard_exists: render(sql::GUARD_EXISTS),
            copy_checkpoints: render(sql::COPY_CHECKPOINTS),
            copy_writes: render(sql::COPY_WRITES),
            copy_checkpoints_to: render(sql::COPY_CHECKPOINTS_TO),
            copy_writes_to: render(sql::COPY_WRITES_TO),
            threads: render(sql::THREADS),
            inactive: aged(sql::INACTIVE),
            delete_inactive: aged(sql::DELETE_INACTIVE),
            delete_inactive_writes: aged(sql::DELETE_INACTIVE_WRITES),
            export_checkpoints: render(sql::EXPORT_CHECKPOINTS),
            export_writes: render(sql::EXPORT_WRITES),
            import_checkpoint: render(sql::IMPORT_CHECKPOINT),
            checkpoints,
            writes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_may_be_named_as_a_placeholder() {
        for layout in [Layout::PerSql, Layout::SqliteSaver] {
            let texts = Texts::new(layout, "{writes}", "{depth}", true).unwrap();
            assert!(texts.get_latest.contains(r#"FROM "{writes}" AS c"#), "{:?}", texts.get_latest);
            assert!(texts.get_latest.contains(r#"FROM "{depth}" AS w"#), "{:?}", texts.get_latest);
        }
    }
}
