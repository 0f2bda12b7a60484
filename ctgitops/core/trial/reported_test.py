"""The results of tests as a job without permissions reported them. The job can have reported anything. Pure."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

LARGEST = 10_000_000
"""Maximum length of a report in bytes."""
MOST_TESTS = 50
MOST_NOTES = 10
LONGEST_NAME = 80
LONGEST_RESULT = 200
LONGEST_OUTPUT = 3_000


@dataclass(frozen=True)
class ReportedTest:
    """One test. The texts are shortened, but not escaped."""

    name: str
    passed: bool
    result: str = ""
    output: str = ""


@dataclass(frozen=True)
class ReportedTests:
    """All results of one report."""

    environment: str = ""
    migrations: int = 0
    tests: tuple[ReportedTest, ...] = ()
    unknown: str = ""
    """Why the results are not known. Empty if they are."""
    unmatched: tuple[str, ...] = ()
    """The known differences between the copy and the environment, as text."""

    @property
    def passed(self) -> bool:
        """Whether every test passed. False if the results are not known."""
        return not self.unknown and all(test.passed for test in self.tests)


def reported_tests(text: str, wanted: tuple[str, ...] = ()) -> ReportedTests:
    """The results in a JSON document of `try`. Never raises.

    `wanted` are the names of the tests in the policy. Without a result of each of them, the results are not known.
    """
    if not text:
        return ReportedTests(unknown="the job of the tests has written no results")
    if len(text) > LARGEST:
        return ReportedTests(unknown="the file with the results is too large")
    try:
        document = json.loads(text)
        if (error := document.get("error")) is not None:
            return ReportedTests(unknown=f"no test ran: {str(error['what'])[:LONGEST_RESULT]}")
        tests = tuple(_test(each) for each in document["tests"][:MOST_TESTS])
        unmatched = tuple(str(each)[:LONGEST_RESULT] for each in document.get("unmatched", [])[:MOST_NOTES])
        environment, migrations = str(document["environment"])[:LONGEST_NAME], len(document["migrations"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ReportedTests(unknown="the file with the results is not a document of `ctgitops try`")
    unknown = _incomplete(len(document["tests"]), tests, wanted)
    return ReportedTests(environment, migrations, tests, unknown, unmatched)


def _incomplete(count: int, tests: tuple[ReportedTest, ...], wanted: tuple[str, ...]) -> str:
    """Which results a report with `count` tests lacks. Empty if it lacks none."""
    if count > MOST_TESTS:
        return f"only {MOST_TESTS} of {count} tests of the report were read"
    if not tests:
        return "the report has no tests"
    missing = ", ".join(Counter(wanted) - Counter(test.name for test in tests))
    return f"the report has no result of the test {missing}" if missing else ""


def _test(data: dict[str, Any]) -> ReportedTest:
    passed = data["passed"] is True and data["exit_status"] == 0
    return ReportedTest(
        str(data["name"])[:LONGEST_NAME],
        passed,
        str(data["result"])[:LONGEST_RESULT],
        str(data["output"])[-LONGEST_OUTPUT:],
    )
