"""Hints for readers on GitHub name the inputs of a workflow run."""

from __future__ import annotations

import pytest

from ctgitops.report.workflow_inputs import with_inputs


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (
            'again: `ctgitops repair --again 003 --env staging --reason "…"`; or change its file',
            "again: the workflow with `command: repair`, `again: 003`, `environment: staging`, `reason: …`; "
            "or change its file",
        ),
        (
            "run `ctgitops rollback --env a --to 0 --accept-data-loss x --accept-data-loss y`",
            "start the workflow with `command: rollback`, `environment: a`, `to: 0`, `accept-data-loss: x y`",
        ),
        (
            "to accept the data loss, repeat the command with `--accept-data-loss 002_two`",
            "to accept the data loss, repeat the command with the input `accept-data-loss: 002_two`",
        ),
        ("`ctgitops rollback --env a --to 1 --dry-run`", None),
        (
            "`ctgitops rollback --env a --steps 2` rolls it back",
            "the workflow with `command: rollback`, `environment: a`, `to: 001_one` rolls it back",
        ),
        ("`ctgitops verify --deep` counts them", "`ctgitops verify --deep` counts them"),
        ("`ctgitops unlock --env a --end-at-work`", "`ctgitops unlock --env a --end-at-work`"),
        ('`ctgitops repair --reason "open`', '`ctgitops repair --reason "open`'),
        ("`ctgitops apply --env`", "`ctgitops apply --env`"),
    ],
)
def test_a_command_that_the_action_can_run_becomes_inputs(hint: str, told: str | None) -> None:
    told = told or "the workflow with `command: rollback`, `environment: a`, `to: 1`, `dry-run: true`"
    assert with_inputs(hint, lambda steps: {2: "001_one"}[steps]) == told


def test_a_number_of_steps_is_no_input_if_the_ledger_is_not_known() -> None:
    def unknown(_steps: int) -> str:
        raise ValueError

    for keeps in (None, unknown):
        assert with_inputs("`ctgitops rollback --env a --steps 2`", keeps) == "`ctgitops rollback --env a --steps 2`"
