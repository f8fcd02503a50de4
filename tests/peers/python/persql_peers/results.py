"""Tells the command how each test went: a line of outcome, tab, name. Also a plugin of pytest that does so."""

import os
from typing import Any, TextIO

import pytest


def open_results() -> TextIO:
    """The file that the command asked for."""
    return open(os.environ["PERSQL_PEERS_RESULTS"], "a", encoding="utf-8", buffering=1)


def tell(results: TextIO, outcome: str, name: str) -> None:
    """One test: `passed`, `failed` or `skipped`; or `collected`, before it runs."""
    results.write(f"{outcome}\t{name.encode('unicode_escape').decode()}\n")


class Plugin:
    """Tells what was collected, then how each test ended: a failure to set up or to tear down is one of the test."""

    def __init__(self) -> None:
        self.results = open_results()
        self.worst: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        # Some that are not applicable wait for what never comes.
        listed = set(os.environ.get("PERSQL_PEERS_NOT_APPLICABLE", "").splitlines())
        for item in items:
            if listed & {item.nodeid, item.nodeid.split("[")[0]}:
                item.add_marker(pytest.mark.timeout(5))

    def pytest_collection_finish(self, session: Any) -> None:
        for item in session.items:
            tell(self.results, "collected", item.nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        worst = self.worst.get(report.nodeid, "passed")
        if report.failed or (report.skipped and worst == "passed"):
            worst = report.outcome
        self.worst[report.nodeid] = worst
        if report.when == "teardown":
            tell(self.results, worst, report.nodeid)


def pytest_configure(config: Any) -> None:
    config.pluginmanager.register(Plugin())
