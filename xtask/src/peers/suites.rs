//! Which suites there are, and the ways in which each is run.

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
    /// The bridge: ours, on rows that the frameworks' own stores and ours share.
    Rows,
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
        tests: Tests::Rows,
        runner: Runner::Pytest("persql_peers.child", &["test_langgraph.py"]),
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
        tests: Tests::Rows,
        runner: Runner::Pytest("persql_peers.child", &["test_openai_agents.py"]),
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
        tests: Tests::Rows,
        runner: Runner::Pytest("persql_peers.child", &["test_strands.py"]),
        collected: 9,
        runs: Runs::Locally,
    },
    Suite {
        name: "agent-framework-rows",
        framework: "agent-framework",
        tests: Tests::Rows,
        runner: Runner::Pytest("persql_peers.child", &["test_agent_framework.py"]),
        collected: 7,
        runs: Runs::Locally,
    },
];

/// Where the databases are, and how Python waits for us.
#[derive(Debug)]
pub(super) struct Mode {
    pub(super) name: &'static str,
    pub(super) storage: &'static str,
    pub(super) handle: &'static str,
}

pub(super) const MODES: &[Mode] = &[
    Mode { name: "local-blocking", storage: "local", handle: "blocking" },
    Mode { name: "local-async", storage: "local", handle: "async" },
    Mode { name: "server-blocking", storage: "server", handle: "blocking" },
    Mode { name: "server-async", storage: "server", handle: "async" },
];

impl Suite {
    /// What Python is given.
    pub(super) fn arguments(&self) -> Vec<&'static str> {
        match self.runner {
            Runner::Module(module, arguments) => [&["-m", module], arguments].concat(),
            Runner::Pytest(plugin, files) => {
                let pytest = [
                    "-m",
                    "pytest",
                    "-q",
                    "--tb=native",
                    "--timeout=60",
                    "-p",
                    "no:cacheprovider",
                    "-p",
                    "persql_peers.results",
                ];
                [pytest.as_slice(), &["-p", plugin], files].concat()
            }
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

impl Mode {
    pub(super) fn is_server(&self) -> bool {
        self.storage == "server"
    }

    /// Whether words beside a test's name in the list speak of this mode: none speak of all.
    pub(super) fn is_one_of(&self, words: &str) -> bool {
        words.is_empty()
            || words.split(' ').any(|word| word == self.storage || word == self.handle || word == self.name)
    }

    /// What tells Python.
    pub(super) fn environment(&self) -> [(&'static str, &'static str); 2] {
        [("PERSQL_PEERS_STORAGE", self.storage), ("PERSQL_PEERS_HANDLE", self.handle)]
    }
}
