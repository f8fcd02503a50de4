//! Which suites there are.

use super::modes::Mode;

/// One suite: tests of one framework that run in one process of Python.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suite {
    /// Begins with the framework's name.
    pub(super) name: &'static str,
    /// The file of requirements, and the virtual environment made from it.
    pub(super) framework: &'static str,
    pub(super) tests: Tests,
    pub(super) runner: Runner,
    /// How many tests there are; another number means that some went missing, or that there are new ones to look at.
    pub(super) collected: usize,
    pub(super) runs: Runs,
}

/// Where a suite's tests come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tests {
    /// An installed package.
    Installed,
    /// The source package of this name, in the version that is installed.
    Source(&'static str),
    /// The checkout of this name, in this directory of it.
    Checkout(&'static str, &'static str),
    /// Here: what only we can ask, of both the framework and ours.
    Ours,
}

/// The modes that make a difference to a suite.
#[derive(Debug, Clone, Copy)]
pub(super) enum Runs {
    /// None: it stores nothing.
    Once,
    /// Those of files on this machine.
    Locally,
    Everywhere,
}

/// What runs the tests.
#[derive(Debug, Clone, Copy)]
pub(super) enum Runner {
    /// A module of ours, with its arguments.
    Module(&'static str, &'static [&'static str]),
    /// Pytest with a plugin of ours, on these files.
    Pytest(&'static str, &'static [&'static str]),
    /// Pytest on these files of ours.
    Ours(&'static [&'static str]),
}

pub(super) const SUITES: &[Suite] = &[
    Suite {
        name: "langgraph-checkpointers",
        framework: "langgraph",
        tests: Tests::Installed,
        runner: Runner::Module("persql_peers.langgraph_conformance", &[]),
        collected: 81,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "langgraph-official-layout",
        framework: "langgraph",
        tests: Tests::Installed,
        runner: Runner::Module("persql_peers.langgraph_conformance", &["--layout", "sqlite_saver"]),
        collected: 81,
        runs: Runs::Locally,
    },
    Suite {
        name: "langgraph-delta-channels",
        framework: "langgraph",
        tests: Tests::Checkout("langgraph", "libs/checkpoint-conformance"),
        runner: Runner::Module("persql_peers.langgraph_conformance", &["delta_channel_history"]),
        collected: 8,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "langgraph-rows",
        framework: "langgraph",
        tests: Tests::Ours,
        runner: Runner::Pytest("persql_peers.child", &["persql_peers/rows/test_langgraph.py"]),
        collected: 14,
        runs: Runs::Locally,
    },
    Suite {
        name: "langgraph-serializer",
        framework: "langgraph",
        tests: Tests::Source("langgraph-checkpoint"),
        runner: Runner::Pytest("persql_peers.langgraph_serde", &["tests/test_jsonplus.py", "tests/test_encrypted.py"]),
        collected: 121,
        runs: Runs::Once,
    },
    Suite {
        name: "openai-agents-rows",
        framework: "openai-agents",
        tests: Tests::Ours,
        runner: Runner::Pytest("persql_peers.child", &["persql_peers/rows/test_openai_agents.py"]),
        collected: 14,
        runs: Runs::Locally,
    },
    Suite {
        name: "openai-agents-sessions",
        framework: "openai-agents",
        tests: Tests::Source("openai-agents"),
        runner: Runner::Pytest(
            "persql_peers.openai_agents_suite",
            &[
                "tests/memory/test_session.py",
                "tests/memory/test_session_limit.py",
                "tests/memory/test_session_context_wrapper.py",
                "tests/memory/test_session_persistence_sanitize.py",
                "tests/extensions/memory/test_async_sqlite_session.py",
                "tests/extensions/memory/test_sqlalchemy_session.py",
                "tests/extensions/memory/test_encrypt_session.py",
            ],
        ),
        collected: 267,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "openai-agents-compaction",
        framework: "openai-agents",
        tests: Tests::Source("openai-agents"),
        runner: Runner::Pytest(
            "persql_peers.openai_agents_suite",
            &[
                "tests/memory/test_compaction_model_visibility.py",
                "tests/memory/test_compaction_suffix.py",
                "tests/memory/test_openai_responses_compaction_session.py",
                "tests/memory/test_sqlalchemy_compaction.py",
            ],
        ),
        collected: 251,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "openai-agents-runs",
        framework: "openai-agents",
        tests: Tests::Source("openai-agents"),
        runner: Runner::Pytest(
            "persql_peers.openai_agents_suite",
            &[
                "tests/deferred_session_writes",
                "tests/test_agent_runner.py",
                "tests/test_agent_runner_streamed.py",
                "tests/test_cancel_streaming.py",
                "tests/test_handoff_history_duplication.py",
                "tests/test_invalid_final_output_handler.py",
                "tests/test_max_turns.py",
                "tests/test_native_tool_failure_history.py",
                "tests/test_programmatic_tool_calling.py",
                "tests/test_prompt_cache_key.py",
                "tests/test_run_impl_resume_paths.py",
                "tests/test_run_state_pending_input.py",
                "tests/test_runtime_symmetry_contract.py",
                "tests/test_soft_cancel.py",
                "tests/test_tool_batch_failure_history.py",
                "tests/test_tool_failure_boundaries.py",
            ],
        ),
        collected: 1360,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "strands-rows",
        framework: "strands",
        tests: Tests::Ours,
        runner: Runner::Pytest("persql_peers.child", &["persql_peers/rows/test_strands.py"]),
        collected: 9,
        runs: Runs::Locally,
    },
    Suite {
        name: "agent-framework-rows",
        framework: "agent-framework",
        tests: Tests::Ours,
        runner: Runner::Pytest("persql_peers.child", &["persql_peers/rows/test_agent_framework.py"]),
        collected: 7,
        runs: Runs::Locally,
    },
    Suite {
        name: "strands-repository",
        framework: "strands",
        tests: Tests::Source("strands-agents"),
        runner: Runner::Pytest(
            "persql_peers.strands_suite",
            &[
                "tests/strands/session/test_repository_session_manager.py",
                "tests/strands/session/test_file_session_manager.py",
            ],
        ),
        collected: 91,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "strands-storage",
        framework: "strands",
        tests: Tests::Source("strands-agents"),
        runner: Runner::Pytest(
            "persql_peers.strands_suite",
            &[
                "tests/strands/storage/test_in_memory_storage.py",
                "tests/strands/storage/test_local_file_storage.py",
                "tests/strands/storage/test_storage.py::TestNormalizeKey",
                "tests/strands/storage/test_storage.py::TestNamespacedStorage",
                "tests/strands/storage/test_storage.py::TestStorageProtocol",
                "tests/strands/storage/test_storage.py::TestResolveNamespace",
                "tests/strands/storage/search/test_keyword.py::TestKeywordSearch",
            ],
        ),
        collected: 104,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "strands-snapshots",
        framework: "strands",
        tests: Tests::Source("strands-agents"),
        runner: Runner::Pytest(
            "persql_peers.strands_suite",
            &["tests/strands/session/test_snapshot_session_manager.py"],
        ),
        collected: 117,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "strands-runs",
        framework: "strands",
        tests: Tests::Source("strands-agents"),
        runner: Runner::Pytest(
            "persql_peers.strands_suite",
            &[
                "tests/strands/agent/test_agent.py",
                "tests/strands/agent/test_agent_as_tool.py",
                "tests/strands/agent/test_agent_delegation.py",
                "tests/strands/bidi/agent/test_agent.py",
                "tests/strands/multiagent/test_graph.py",
                "tests/strands/multiagent/test_swarm.py",
                "tests/strands/test_tracking_id_history_invariant.py",
                "-k=session or repository or tracking_id",
            ],
        ),
        collected: 29,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "strands-ours",
        framework: "strands",
        tests: Tests::Ours,
        runner: Runner::Ours(&["persql_peers/strands_records.py", "persql_peers/strands_search.py"]),
        collected: 29,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "agent-framework-providers",
        framework: "agent-framework",
        tests: AGENT_FRAMEWORK,
        runner: Runner::Pytest(
            "persql_peers.agent_framework_suite",
            &[
                "--import-mode=importlib",
                "core/test_sessions.py::TestHistoryProviderBase",
                "core/test_sessions.py::TestInMemoryHistoryProvider",
                "core/test_sessions.py::TestFileHistoryProvider",
                "core/test_sessions.py::test_filter_approval_controls_preserves_only_unresolved_occurrences",
                "core/test_sessions.py::test_filter_approval_controls_deduplicates_pending_request_replay",
                "core/test_sessions.py::test_filter_approval_controls_keeps_response_for_pending_placeholder",
                "core/test_compaction.py::test_in_memory_history_provider_skip_excluded",
                "core/test_compaction.py::test_in_memory_history_provider_default_loads_all",
            ],
        ),
        collected: 39,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "agent-framework-runs",
        framework: "agent-framework",
        tests: AGENT_FRAMEWORK,
        runner: Runner::Pytest(
            "persql_peers.agent_framework_suite",
            &["--import-mode=importlib", "core/test_agents.py", "-k=psc"],
        ),
        collected: 22,
        runs: Runs::Everywhere,
    },
    Suite {
        name: "agent-framework-ours",
        framework: "agent-framework",
        tests: Tests::Ours,
        runner: Runner::Ours(&["persql_peers/agent_framework_records.py", "persql_peers/agent_framework_dedup.py"]),
        collected: 42,
        runs: Runs::Everywhere,
    },
];

/// Its package has no tests. Not the directory above, where the checkout's own `agent_framework` would be found.
const AGENT_FRAMEWORK: Tests = Tests::Checkout("agent-framework", "python/packages/core/tests");

/// What every run of pytest is told. It leaves nothing beside the tests.
const PYTEST: &[&str] =
    &["-m", "pytest", "-q", "--tb=native", "--timeout=60", "-p", "no:cacheprovider", "-p", "persql_peers.results"];

impl Suite {
    /// What Python is given.
    pub(super) fn arguments(&self) -> Vec<&'static str> {
        match self.runner {
            Runner::Module(module, arguments) => [&["-m", module], arguments].concat(),
            Runner::Pytest(plugin, files) => [PYTEST, &["-p", plugin], files].concat(),
            Runner::Ours(files) => [PYTEST, files].concat(),
        }
    }

    /// The modes, of those asked for, that make a difference to this suite.
    pub(super) fn modes(&self, asked: &[&'static Mode]) -> impl Iterator<Item = &'static Mode> {
        let (locally, most) = match self.runs {
            Runs::Once => (false, 1),
            Runs::Locally => (true, usize::MAX),
            Runs::Everywhere => (false, usize::MAX),
        };
        asked.iter().copied().filter(move |mode| !locally || !mode.is_server()).take(most)
    }
}
