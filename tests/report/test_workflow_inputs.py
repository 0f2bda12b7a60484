"""Hints for readers on GitHub name the inputs of a workflow run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.environment.environment import Environment
from ctgitops.core.gate.gate import PLAN_AGAIN
from ctgitops.core.ledger.identity import Identity, Site
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.problem import Problem
from ctgitops.core.view.preview import Preview
from ctgitops.core.workspace.duplicates import Applied, AppliedIn
from ctgitops.core.workspace.workspace import Workspace
from ctgitops.postgres.transaction.step_failure import CORRECT, CORRECT_ROWS
from ctgitops.report.workflow_inputs import NEW_PULL_REQUEST, results_with_inputs, with_inputs


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (
            f"the database has changed: {PLAN_AGAIN}",
            "the database has changed: re-run all jobs of this workflow run, then review and approve the new plan",
        ),
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
        ("run the command again: it resumes from there", "re-run the job: it resumes from there"),
        ("correct the rows, then run the same command again", "correct the rows, then re-run the job"),
        (CORRECT_ROWS, "correct the rows, then re-run the job; or correct the file"),
        (CORRECT, f"correct the file {NEW_PULL_REQUEST}"),
        ("`ctgitops verify --deep` counts them", "`ctgitops verify --deep` counts them"),
        ("`ctgitops unlock --env a --end-at-work`", "`ctgitops unlock --env a --end-at-work`"),
        ('`ctgitops repair --reason "open`', '`ctgitops repair --reason "open`'),
        ("`ctgitops apply --env`", "`ctgitops apply --env`"),
    ],
)
def test_a_command_that_the_action_can_run_becomes_inputs(hint: str, told: str | None) -> None:
    told = told or "the workflow with `command: rollback`, `environment: a`, `to: 1`, `dry-run: true`"
    assert with_inputs(hint, lambda _, steps: {2: "001_one"}[steps]) == told


def test_a_number_of_steps_is_no_input_if_the_ledger_is_not_known() -> None:
    def unknown(_environment: str, _steps: int) -> str:
        raise ValueError

    for keeps in (None, unknown):
        assert with_inputs("`ctgitops rollback --env a --steps 2`", keeps) == "`ctgitops rollback --env a --steps 2`"


def test_steps_in_a_plan_s_problems_are_inputs_according_to_the_ledger_of_their_environment() -> None:
    here = Environment("a", "A_DATABASE_URL")
    hint = "first `ctgitops rollback --env {} --steps {}`"
    asked = (("a", 1), ("a", 2), ("a", 3), ("b", 1))
    plan = replace(
        make_plan(Workspace(()), here, Ledger(())),
        problems=tuple(Problem("duplicate-number", "x", hint=hint.format(*each)) for each in asked),
        files=Applied({"001_one": AppliedIn("a", 2), "003_late": AppliedIn("a", 1)}),
        applied=((1, "x"), (3, "y")),
    )

    def told(identity: Identity | None) -> list[str]:
        (result,) = results_with_inputs((Preview(here, replace(plan, identity=identity)),))
        assert isinstance(result, Preview)
        return [problem.hint for problem in result.plan.problems]

    one, everything, *others = told(Identity(Site(1, 1, "a")))
    assert one == "first the workflow with `command: rollback`, `environment: a`, `to: 001_one`"
    assert everything == "first the workflow with `command: rollback`, `environment: a`, `to: 0`"
    assert others == [problem.hint for problem in plan.problems[2:]]
    assert told(None) == [one, *(problem.hint for problem in plan.problems[1:])]
