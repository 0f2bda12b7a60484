"""The project's own tests in a pull request: the plan exports the schema, a later job comments the results."""

from __future__ import annotations

import json

import pytest

from ctgitops.action import project_tests
from ctgitops.errors import CtgitopsError, LedgerError, MustWaitError
from tests.github.test_event import payload_of
from tests.report.test_hostile import EVIL, harmless
from tests.stories.house import House
from tests.test_action import Step, step
from tests.test_action_forge import Scene, scene

__all__ = ["scene", "step"]
OPENED = "pull_request.opened"


def report(house: House, *tests: tuple[str, bool], unmatched: tuple[str, ...] = ()) -> str:
    """A report with the names of its tests, and whether they passed."""
    rows = [
        {"name": name, "passed": passed, "exit_status": 0 if passed else 3, "result": name, "output": name}
        for name, passed in tests
    ]
    document = {
        "version": 1,
        "environment": "staging",
        "migrations": ["002_two"],
        "tests": rows,
        "unmatched": unmatched,
    }
    house.write("results/tests.json", json.dumps(document))
    return "results/tests.json"


def test_results_are_a_comment_of_their_own(scene: Scene) -> None:
    file = report(scene.house, ("pgTAP", True), ("Node", False))
    assert scene.run("pull_request", payload_of(OPENED), command="tests", tests=file) == 1
    body = scene.forge.comments[-1].body
    assert "1 of 2 tests failed on a copy" in body
    assert "| pgTAP | ✅ passed" in body
    assert "| Node | ⛔ failed" in body
    assert f"Commit <code>{payload_of(OPENED)['pull_request']['head']['sha'][:7]}</code>: " in body
    assert scene.forge.comments[-1].key == "tests"
    assert scene.run("pull_request", payload_of(OPENED), command="tests", tests=report(scene.house, ("a", True))) == 0


def test_without_results_nothing_is_green(scene: Scene) -> None:
    assert scene.run("pull_request", payload_of(OPENED), command="tests", tests="results/tests.json") == 1
    assert "has written no results" in scene.forge.comments[-1].body
    assert scene.run("pull_request", payload_of(OPENED), command="tests") == 2
    secret = scene.house.write("secret", "the text of another file")
    scene.house.root.joinpath("link.json").symlink_to(secret)
    assert scene.run("pull_request", payload_of(OPENED), command="tests", tests="link.json") == 1
    assert "has written no results" in scene.forge.comments[-1].body


def test_a_report_without_a_test_of_the_policy_is_not_green(scene: Scene) -> None:
    scene.house.policy("header: optional\ntests: [{name: a, run: 'true'}, {name: b, run: 'true'}]\n")
    one, two = report(scene.house, ("a", True)), (("b", True), ("a", True))
    assert scene.run("pull_request", payload_of(OPENED), command="tests", tests=one) == 1
    assert "the report has no result of the test b" in scene.forge.comments[-1].body
    assert scene.run("pull_request", payload_of(OPENED), command="tests", tests=report(scene.house, *two)) == 0


@pytest.mark.parametrize(("error", "status"), [(LedgerError, 1), (MustWaitError, 0)])
def test_a_plan_whose_schema_cannot_be_exported_replaces_earlier_results(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, error: type[CtgitopsError], status: int
) -> None:
    """MustWaitError is that of a manifest which is not merged yet. The plan then reads no database either."""

    def refused(*_: object, **__: object) -> None:
        raise error("pg_dump cannot read the schema")

    monkeypatch.setattr(project_tests, "schema", refused)
    assert scene.run("pull_request", payload_of(OPENED)) == 0
    scene.house.policy("header: optional\ntests: [{name: a, run: 'true'}]\n")
    assert scene.run("pull_request", payload_of(OPENED)) == status
    (body,) = [comment.body for comment in scene.forge.comments if comment.key == "tests"]
    assert "Tests on a copy: not known" in body
    assert "the tests and benchmarks of the project cannot run, because pg_dump cannot read" in body


@pytest.mark.parametrize("text", EVIL)
def test_no_result_becomes_markup(scene: Scene, text: str) -> None:
    file = report(scene.house, (text, False), (text, True), unmatched=(text,))
    assert scene.run("pull_request", payload_of(OPENED), command="tests", tests=file) == 1
    harmless(scene.forge.comments[-1].body)


def test_the_comment_says_how_the_copy_differs(scene: Scene) -> None:
    file = report(scene.house, ("a", True), unmatched=("cannot parse the schema",))
    assert scene.run("pull_request", payload_of(OPENED), command="tests", tests=file) == 0
    assert "\n⚠️ Not matched: cannot parse the schema\n" in scene.forge.comments[-1].body


def test_half_a_character_in_a_result_is_shown(scene: Scene) -> None:
    """JSON can contain one half of a surrogate pair, which UTF-8 cannot."""
    file = report(scene.house, ("a\ud800", False))
    assert "\\ud800" in scene.house.root.joinpath(file).read_text()
    assert scene.run("pull_request", payload_of(OPENED), command="tests", tests=file) == 1
    assert "| a\N{REPLACEMENT CHARACTER} | ⛔ failed" in scene.forge.comments[-1].body


BENCHMARKS = "header: optional\nbenchmark: [{name: orders, sql: select 1, severity: error}]\n"


def benchmarks(house: House, verdict: str, *names: str) -> str:
    """A report of benchmarks without figures."""
    more: dict[str, object] = {"verdict": verdict, "figures": None, "plans": []}
    rows = [{"name": name, "what": name, **more} for name in names]
    document = {"environment": "staging", "migrations": ["002_two"], "unmatched": [], "benchmarks": rows}
    house.write("results/benchmark.json", json.dumps(document))
    return "results/benchmark.json"


def test_benchmarks_are_in_the_comment_with_the_tests(scene: Scene) -> None:
    scene.house.policy(f"{BENCHMARKS}tests: [{{name: a, run: 'true'}}]\n")
    given = {"command": "tests", "tests": report(scene.house, ("a", True))}
    for verdict, status in (("unchanged", 0), ("slower", 1), ("unknown", 1)):
        file = benchmarks(scene.house, verdict, "orders")
        assert scene.run("pull_request", payload_of(OPENED), **given, benchmark=file) == status
        assert "1 test passed on a copy" in scene.forge.comments[-1].body
        assert "| orders | " in scene.forge.comments[-1].body
    assert scene.run("pull_request", payload_of(OPENED), **given) == 1
    assert "the job of the benchmarks has written no results" in scene.forge.comments[-1].body
    scene.house.policy(BENCHMARKS)  # a policy without tests
    file = benchmarks(scene.house, "unchanged", "orders")
    assert scene.run("pull_request", payload_of(OPENED), **given, benchmark=file) == 0
    assert "### ✅ Benchmarks on copies: 1 benchmark, none slower" in scene.forge.comments[-1].body


@pytest.mark.parametrize("text", EVIL)
def test_no_benchmark_becomes_markup(scene: Scene, text: str) -> None:
    scene.house.policy(BENCHMARKS)
    given = {"command": "tests", "tests": "none", "benchmark": benchmarks(scene.house, "broken", "orders", text)}
    assert scene.run("pull_request", payload_of(OPENED), **given) == 1
    harmless(scene.forge.comments[-1].body)


@pytest.mark.slow
def test_a_plan_exports_a_schema_for_each_environment_if_the_policy_has_tests(step: Step) -> None:
    assert step.run("pull_request", payload_of(OPENED)).status == 0
    assert step.outputs["schemas"] == ""
    step.house.policy("header: optional\ntests: [{name: a, run: 'true'}]\n")
    assert step.run("pull_request", payload_of(OPENED)).status == 0
    files = step.outputs["schemas"].split("\n")
    assert "ctgitops-schema-staging.json" in files
    run = step.house.run("try", "--env", "staging", "--from", "ctgitops-schema-staging.json", "--tests")
    assert (run.status, "a: passed" in run.out) == (0, True), run.said
