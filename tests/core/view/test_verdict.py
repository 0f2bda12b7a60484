"""One verdict: what a page says, marks and ends with comes from one state, and what was not tried is never sound."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.plan.plan import Plan, Step, make_plan
from ctgitops.core.problem import Problem
from ctgitops.core.trial.gap import NO_ROWS, Stop, remedy_of
from ctgitops.core.trial.trial import NOT_WANTED, RollbackTrial, Skipped, Trial
from ctgitops.core.view.preview import FailOn, NotPlanned, PlanResult, Preview
from ctgitops.core.view.verdict import PlanState, exit_status, verdict_of, worst_state
from ctgitops.core.workspace.finding import Finding, Severity
from ctgitops.errors import LedgerError, Place
from ctgitops.report.json import plan_json
from ctgitops.report.markdown import plans_markdown
from ctgitops.report.text import plans_text
from ctgitops.report.verdict import MARKS
from tests.fakes import PRODUCTION, STAGING, chained, migration, workspace

ONE, TWO = migration("001_one", "1.0.0"), migration("002_two", "1.1.0")
NAMES = ("001_one", "002_two")
PLAN = make_plan(workspace(ONE, TWO), STAGING, chained())
ALL_RUN = Trial("17.6", tried=NAMES)
UNSEEN = NotPlanned(PRODUCTION, LedgerError("no", hint="start it"))
STOPPED = Trial("17.6", tried=NAMES[:1], untried="no", stop=Stop(NO_ROWS, remedy_of(NO_ROWS), Place(TWO.path, 3)))


def found(severity: Severity) -> Plan:
    finding = Finding("blocking-index", severity, "blocks writes", Place(ONE.path, 12))
    return replace(PLAN, steps=(replace(PLAN.steps[0], findings=(finding,)), *PLAN.steps[1:]))


def preview(proof: Trial | None = ALL_RUN, plan: Plan = PLAN, *problems: Problem) -> Preview:
    return Preview(STAGING, replace(plan, problems=problems), proof=proof)


def pages(result: PlanResult) -> tuple[str, str]:
    return plans_text((result,)), plans_markdown((result,))


PROOFS = st.sampled_from(
    [
        None,
        ALL_RUN,
        NOT_WANTED,
        STOPPED,
        Trial(untried="no server", stop=Stop("no server", "install one")),
        replace(ALL_RUN, skipped=(Skipped("001_one", "app", Place(ONE.path, 12)),)),
        replace(ALL_RUN, ways=(RollbackTrial(PLAN.steps[0], untried="no time"),)),
    ]
)
PROBLEMS = st.lists(
    st.builds(
        Problem,
        st.sampled_from(["irreversible", "not-looked", "rows-not-looked-at", "schema-unread", "fails"]),
        st.just("what"),
        st.sampled_from([None, Place(ONE.path, 12), Place(TWO.path, 12)]),
        blocks=st.booleans(),
    ),
    max_size=2,
)
PLANS = st.sampled_from([PLAN, found(Severity.WARNING), found(Severity.ERROR), found(Severity.NOTICE)])
PREVIEWS = st.builds(lambda proof, plan, problems: preview(proof, plan, *problems), PROOFS, PLANS, PROBLEMS)
LOOKS = st.one_of(PREVIEWS, st.just(UNSEEN))


@given(PREVIEWS)
def test_what_was_not_tried_is_never_sound(result: Preview) -> None:
    whole = result.proof is not None and set(result.proof.tried) == set(NAMES) and not result.proof.skipped
    verdict = verdict_of(result)
    if not whole:
        assert verdict.state >= PlanState.UNKNOWN
        assert plans_markdown((result,))[4] != MARKS[PlanState.SOUND]
        assert "no blocking" not in plans_text((result,)).lower()
    assert verdict.state >= max(verdict.steps.values())


@given(st.lists(LOOKS, max_size=3))
def test_the_worst_wins_and_only_what_nothing_stops_ends_with_0(results: list[PlanResult]) -> None:
    all_of_them = tuple(results)
    states = [verdict_of(result).state for result in results]
    assert worst_state(all_of_them) == max(states, default=PlanState.SOUND)
    assert (exit_status(all_of_them) == 0) == (not any(state.stops for state in states))
    if exit_status(all_of_them, FailOn.WARNING) == 0:
        assert worst_state(all_of_them) <= PlanState.WARNING
        assert not any(isinstance(result, Preview) and result.plan.remarks for result in results)
    assert (exit_status(all_of_them, FailOn.NEVER) == 0) == (PlanState.UNREADABLE not in states)


@given(LOOKS)
def test_every_page_shows_the_same_verdict(result: PlanResult) -> None:
    verdict = verdict_of(result)
    text, page = pages(result)
    assert page.startswith(f"### {MARKS[verdict.state]} ")
    assert bool(re.search("Merg(e to apply|ing applies) it to", page)) == ("next: " in text and not verdict.state.stops)
    assert ("`ctgitops apply" in text) == (not verdict.state.stops)
    data = json.loads(plan_json(result))
    assert data.get("state", "unreadable") == verdict.state.word
    assert data.get("exit_status", verdict.exit_status) == verdict.exit_status
    if verdict.state is PlanState.UNKNOWN:
        for first in (text.splitlines()[0], page.splitlines()[0]):
            assert "NOT " in first
        assert "review the unknown parts by hand" in text
        assert "First review the unknown parts by hand." in page
    if verdict.state is PlanState.HELD_BACK:
        assert "HELD BACK by 1 finding of severity error" in text.splitlines()[0]
        assert "Held back by 1 finding of severity error" in page.splitlines()[0]


@given(PREVIEWS)
def test_a_row_is_never_better_than_its_step(result: Preview) -> None:
    rows = [line for line in plans_markdown((result,)).splitlines() if line.startswith("| ") and "_" in line[:20]]
    for step, row in zip(result.plan.steps, rows, strict=True):
        assert row.startswith(f"| {MARKS[verdict_of(result).steps[step.number]]} |")


def test_from_the_statement_that_stopped_the_trial_on_nothing_is_claimed() -> None:
    text, page = pages(preview(STOPPED))
    told = "not known from line 3 on, because the copy has the schema but no rows; to try it: write the statement so"
    assert f"  002_two  {told}" in text
    assert told in page
    assert "1 migration NOT TRIED" in text.splitlines()[0]


def test_steps_after_it_are_not_known_either() -> None:
    stop = Stop(NO_ROWS, remedy_of(NO_ROWS), Place(ONE.path, 12))
    result = preview(Trial("17.6", untried="no", stop=stop))
    assert verdict_of(result).steps == {1: PlanState.UNKNOWN, 2: PlanState.UNKNOWN}
    assert f"002_two  not known, because the trial stopped at {ONE.path}:12" in plans_text((result,))


@pytest.mark.parametrize("proof", [None, NOT_WANTED])
def test_a_plan_without_a_trial_says_so_once(proof: Trial | None) -> None:
    text, _ = pages(preview(proof))
    assert "2 migrations NOT TRIED" in text.splitlines()[0]
    assert text.count("not known, because") == 1
    assert "  001_one and 002_two  not known, because" in text


def test_a_blocked_plan_with_nothing_pending_does_not_say_that_there_is_nothing_to_do() -> None:
    empty = Preview(STAGING, replace(PLAN, steps=(), problems=(Problem("edited", "a file was changed"),)))
    page = plans_markdown((empty,))
    assert page.startswith("### ⛔ Blocked: 1 problem")
    assert "Nothing to do" not in page


def test_steps_have_the_states_of_their_own_problems() -> None:
    def of(step: Step) -> Problem:
        return Problem("rename", "what", Place(step.script.path, 12), blocks=False)

    assert verdict_of(preview(ALL_RUN, PLAN, of(PLAN.steps[0]))).steps == {1: PlanState.WARNING, 2: PlanState.SOUND}
