"""The plans of several environments together: their reasons to wait, and the problems that only all of them show."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from ctgitops.core.environment.environment import Environment, Trigger
from ctgitops.core.gate.data_loss import CountedLoss, Loss
from ctgitops.core.gate.gate import Reason
from ctgitops.core.ledger.identity import Identity, Site
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.problem import Problem
from ctgitops.core.view.preview import (
    NotPlanned,
    Occasion,
    PlanResult,
    Preview,
    with_one_keeper,
    with_problems,
    with_shared_database_problems,
)
from ctgitops.errors import LedgerError, Place
from ctgitops.sql.data_loss import Destroyed, DestructionKind
from tests.fakes import STAGING, chained, entry, migration, workspace

ONE, TWO, SAME = migration("001_one"), migration("002_two"), migration("002_same")
HERE, CLONE = Site(7001, 16384, "app"), Site(7001, 16999, "app")
A, B, C = (replace(STAGING, name=name, url_secret=f"{name}_URL", path=f"{name}.yaml") for name in "abc")
UNREAD = NotPlanned(C, LedgerError("not readable"))
WARNING = Problem("a-warning", "a warning", blocks=False)


def preview(environment: Environment, ledger: Ledger) -> Preview:
    return Preview(environment, make_plan(workspace(ONE), environment, ledger))


def at(environment: Environment, site: Site | None) -> Preview:
    return preview(environment, Ledger(identity=Identity(site) if site else None))


def problems(results: tuple[PlanResult, ...]) -> dict[str, list[str]]:
    """By environment, what its problems say."""
    return {r.environment.name: [p.what for p in r.plan.problems] for r in results if isinstance(r, Preview)}


def test_each_of_the_environments_with_one_database_names_every_other() -> None:
    for order in permutations((at(A, HERE), at(B, HERE), at(C, HERE))):
        results = with_shared_database_problems(order)
        assert [result.environment for result in results] == [result.environment for result in order]
        for result in results:
            assert isinstance(result, Preview)
            others = {"a", "b", "c"} - {result.environment.name}
            shared = [p for p in result.plan.problems if p.code == "shared-database"]
            assert len(shared) == 2
            for other in others:
                (problem,) = (p for p in shared if f" and {other} are the same database" in p.what)
                assert problem.what.startswith(result.environment.name)
                assert f"{result.environment.name}_URL and {other}_URL" in problem.what
                assert problem.place == Place(f"{result.environment.name}.yaml")
                assert problem.blocks


def test_different_or_unknown_databases_are_not_shared() -> None:
    results = (at(A, HERE), at(B, CLONE), UNREAD)
    assert with_shared_database_problems(results) == results
    unknown = (at(A, None), at(B, None))
    assert with_shared_database_problems(unknown) == unknown
    hidden = (at(A, Site(None, 5, "app")), at(B, Site(None, 5, "app")))
    assert with_shared_database_problems(hidden) == hidden


def test_a_shared_database_stands_beside_the_plans_own_problems_and_before_its_warnings() -> None:
    one = at(A, HERE)
    one = replace(one, plan=replace(one.plan, problems=(WARNING,)))
    result = with_shared_database_problems((one, at(B, HERE), UNREAD))
    assert isinstance(result[0], Preview)
    assert [p.code for p in result[0].plan.problems] == ["shared-database", "a-warning"]
    assert result[2] is UNREAD


def test_problems_from_outside_are_added_to_every_plan_and_do_not_change_its_fingerprint() -> None:
    blocking = Problem("other", "blocks")
    results = (at(A, HERE), at(B, CLONE), UNREAD)
    assert with_problems(results, ()) is results
    added = with_problems(with_problems(results, (WARNING,)), (blocking, WARNING))
    assert problems(added) == {"a": ["blocks", "a warning"], "b": ["blocks", "a warning"]}
    assert added[2] is UNREAD
    for before, after in zip(results[:2], added[:2], strict=True):
        assert isinstance(before, Preview)
        assert isinstance(after, Preview)
        assert before.plan.fingerprint == after.plan.fingerprint


def test_the_file_that_any_environment_applied_keeps_its_number_in_every_plan() -> None:
    work = workspace(ONE, TWO, SAME)
    ledgers = {A: chained(entry(ONE)), B: chained(entry(ONE), entry(SAME))}
    results = tuple(Preview(each, make_plan(work, each, ledger)) for each, ledger in ledgers.items())
    orders: tuple[tuple[PlanResult, ...], ...] = (results, results[::-1], (*results, UNREAD))
    for order in orders:
        told = with_one_keeper(order, work)
        for result in told:
            if isinstance(result, Preview):
                (problem,) = (p for p in result.plan.problems if p.code == "duplicate-number")
                assert problem.place == Place("migrations/002_two.sql")
                assert "002_same" in problem.what
                assert "applied in b" in problem.what
        assert told[2:] == order[2:]


def test_other_problems_stay_where_one_file_keeps_its_number() -> None:
    work = workspace(ONE, TWO, SAME)
    result = Preview(A, make_plan(work, A, chained(entry(ONE))))
    result = replace(result, plan=replace(result.plan, problems=(*result.plan.problems, WARNING)))
    (told,) = with_one_keeper((result,), work)
    assert isinstance(told, Preview)
    assert set(told.plan.problems) == set(result.plan.problems)
    assert told.plan.problems[-1] == WARNING


def test_without_a_contested_number_nothing_is_decided_again() -> None:
    results = (at(A, HERE),)
    assert with_one_keeper(results, workspace(ONE, TWO)) is results


def test_a_merge_comes_before_the_waits_of_the_manifest_and_an_approval_before_those_that_need_only_time() -> None:
    after, bake = Reason("after", "not there yet", expected=True), Reason("bake", "too young", expected=True)
    window, health = Reason("window", "closed", expected=True), Reason("health", "not well")
    waits = replace(at(A, HERE), reasons=(after, bake, window, health))
    assert waits.refusals == (health,)
    for occasion in (Occasion.RUN, Occasion.PUSH, Occasion.RELEASE):
        assert replace(waits, occasion=occasion).refusals == (after, health)


def test_an_event_triggers_the_environments_that_apply_on_it() -> None:
    assert {each: each.triggers for each in Occasion} == {
        Occasion.NONE: None,
        Occasion.RUN: None,
        Occasion.APPLY: None,
        Occasion.PUSH: Trigger.PUSH,
        Occasion.RELEASE: Trigger.RELEASE,
    }


def test_a_plan_destroys_what_has_rows_or_was_not_counted() -> None:
    def lost(name: str, rows: int | None) -> CountedLoss:
        return CountedLoss(Loss(name, Destroyed(DestructionKind.TABLE, "t"), Place("a.sql")), rows)

    result = replace(at(A, HERE), losses=(lost("001_one", 0), lost("002_two", 3), lost("003_three", None)))
    assert result.destroys == {"002_two", "003_three"}


def test_what_is_pending_and_how_an_unread_environment_ends() -> None:
    result = at(A, HERE)
    assert result.pending == {step.identity for step in result.plan.steps} != set()
    assert UNREAD.exit_status == LedgerError("").exit_status == 4
