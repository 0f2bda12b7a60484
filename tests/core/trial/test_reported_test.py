"""Reports of tests that unmerged code wrote."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.trial.reported_test import LONGEST_NAME, LONGEST_OUTPUT, MOST_TESTS, reported_tests

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["tests", "error", "what", "name", "passed"]), inner)
    ),
)


@given(st.text() | JSON.map(json.dumps))
def test_no_report_raises_or_passes_without_a_passed_test(text: str) -> None:
    found = reported_tests(text)
    assert found.unknown or found.tests
    assert not (found.passed and not found.tests)


def test_a_report_is_limited() -> None:
    test = {"name": "n" * 1000, "passed": True, "exit_status": 0, "result": "r" * 1000, "output": "o" * 100_000}
    document = {"environment": "staging", "migrations": [], "tests": [{**test, "output": ""}] * 100}
    found = reported_tests(json.dumps(document))
    assert (len(found.tests), found.passed) == (MOST_TESTS, False)
    assert "50 of" in found.unknown
    assert "too large" in reported_tests(json.dumps({**document, "tests": [test] * 1000})).unknown
    small = reported_tests(json.dumps({**document, "tests": [test]}))
    assert (len(small.tests[0].name), len(small.tests[0].output), small.passed) == (LONGEST_NAME, LONGEST_OUTPUT, True)


def test_a_test_passes_only_with_exit_status_0() -> None:
    test = {"name": "n", "passed": True, "exit_status": 1, "result": "", "output": ""}
    assert not reported_tests(json.dumps({"environment": "", "migrations": [], "tests": [test]})).passed
