from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.view.preview import FailOn
from ctgitops.errors import UsageError
from ctgitops.github.inputs import Command, CommentMode, Inputs, OnWait, names, parse, read_inputs


def test_nothing_given_is_every_default() -> None:
    assert read_inputs({}) == Inputs()
    assert read_inputs({f"INPUT_{name.upper()}": "  " for name in names()}) == Inputs()


def test_names_are_those_that_a_workflow_writes() -> None:
    expected = "command environment root github-token comment fingerprint to dry-run fail-on wait on-wait"
    assert names() == (
        *expected.split(),
        "require-fingerprint",
        "accept-data-loss",
        "again",
        "override",
        "reason",
        "workflow",
        "tests",
        "benchmark",
    )


def test_every_input_is_read_as_the_runner_hands_it_down() -> None:
    given = {
        "INPUT_COMMAND": "apply",
        "INPUT_ENVIRONMENT": "staging",
        "INPUT_ROOT": "database",
        "INPUT_GITHUB-TOKEN": "ghs_token",
        "INPUT_COMMENT": "off",
        "INPUT_FINGERPRINT": "1f2e3d4c5b6a",
        "INPUT_TO": "008",
        "INPUT_DRY-RUN": "true",
        "INPUT_FAIL-ON": "warning",
        "INPUT_WAIT": "12",
        "INPUT_ON-WAIT": "pass",
        "INPUT_REQUIRE-FINGERPRINT": "true",
        "INPUT_ACCEPT-DATA-LOSS": "008_notes, 009",
        "INPUT_AGAIN": "008 009",
        "INPUT_OVERRIDE": "window bake",
        "INPUT_REASON": "the cause is corrected",
        "INPUT_WORKFLOW": "deploy.yml",
        "INPUT_TESTS": "tests.json",
        "INPUT_BENCHMARK": "benchmark.json",
    }
    wanted = Inputs(
        Command.APPLY, "staging", "database", "ghs_token", CommentMode.OFF, "1f2e3d4c5b6a", "008", dry_run=True, wait=12
    )
    wanted = replace(wanted, fail_on=FailOn.WARNING, require_fingerprint=True, accept_data_loss=("008_notes", "009"))
    wanted = replace(
        wanted,
        again=("008", "009"),
        override=("window", "bake"),
        reason="the cause is corrected",
        on_wait=OnWait.PASS,
        workflow="deploy.yml",
        tests="tests.json",
        benchmark="benchmark.json",
    )
    assert read_inputs(given) == wanted
    assert len(given) == len(names())


def test_a_token_is_in_no_repr() -> None:
    assert "ghs_token" not in repr(read_inputs({"INPUT_GITHUB-TOKEN": "ghs_token"}))


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("command", "aply", "did you mean `apply`"),
        ("command", "xyz", "one of auto, plan"),
        ("comment", "on", "one of update, recreate, off"),
        ("dry-run", "yes", "one of false, true"),
        ("fail-on", "warnings", "did you mean `warning`"),
        ("on-wait", "ignore", "one of auto, fail, pass"),
        ("wait", "-1", "expected a whole number of seconds"),
        ("wait", "1e9", "a whole number"),
        ("wait", "²", "a whole number"),
    ],
)
def test_a_wrong_value_names_the_input(name: str, value: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"the input `{name}`") as caught:
        parse({name: value})
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"command": "apply"}, "environment"),
        ({"command": "repair", "again": "3", "reason": "so"}, "environment"),
        ({"command": "repair", "environment": "staging", "reason": "so"}, "again"),
        ({"command": "repair", "environment": "staging", "again": "three", "reason": "so"}, "again"),
        ({"command": "repair", "environment": "staging", "again": "3"}, "reason"),
        ({"command": "rollback", "to": "8"}, "environment"),
        ({"command": "rollback", "environment": "staging"}, "to"),
        ({"command": "rollback", "environment": "staging", "to": "latest"}, "to"),
    ],
)
def test_what_a_command_cannot_do_without(given: dict[str, str], name: str) -> None:
    with pytest.raises(UsageError, match=f"the input `{name}`"):
        parse(given).named()


def test_a_person_fills_in_what_the_workflow_leaves_open() -> None:
    workflow = parse({"environment": "staging"})
    filled = workflow.filled({"command": "apply", "environment": "production", "dry-run": "true", "other": "x"})
    assert filled == Inputs(Command.APPLY, "staging", dry_run=True)


@pytest.mark.parametrize("name", ["root", "github-token", "comment"])
def test_a_person_does_not_choose_what_is_the_workflow_s(name: str) -> None:
    assert Inputs().filled({name: "off"}) == Inputs()
