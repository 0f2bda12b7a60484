"""Properties of impact: locks, what they block, and for how long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.impact.impact import (
    READS,
    WRITES,
    Held,
    RelationWork,
    StatementImpact,
    StepImpact,
    Work,
    strongest,
    what_it_blocks,
)
from ctgitops.sql.locks import LockMode

MODES = st.sampled_from(LockMode)
LOCKS = st.lists(st.builds(Held, st.sampled_from(["public.a", "public.b", 'public."C"']), MODES), max_size=8)
BLOCKED = ["", "schema changes", "writes", "reads and writes"]


@given(MODES, MODES)
def test_conflicts_are_mutual(one: LockMode, other: LockMode) -> None:
    assert (other in one.conflicts) == (one in other.conflicts)


@given(MODES, MODES)
def test_a_stronger_lock_blocks_all_that_a_weaker_one_blocks(one: LockMode, other: LockMode) -> None:
    weak, strong = sorted((one, other))
    assert BLOCKED.index(what_it_blocks(weak)) <= BLOCKED.index(what_it_blocks(strong))
    assert (READS in weak.conflicts) <= (READS in strong.conflicts)
    assert (WRITES in weak.conflicts) <= (WRITES in strong.conflicts)


@given(LOCKS, LOCKS, LOCKS)
def test_the_strongest_locks_are_a_join(one: list[Held], two: list[Held], three: list[Held]) -> None:
    def join(a: list[Held], b: list[Held]) -> list[Held]:
        return list(strongest([*a, *b]))

    assert join(one, one) == join(one, [])
    assert join(one, two) == join(two, one)
    assert join(join(one, two), three) == join(one, join(two, three))


@given(LOCKS)
def test_no_lock_is_stronger_than_the_strongest_of_its_relation(locks: list[Held]) -> None:
    best = {held.relation: held.mode for held in strongest(locks)}
    assert best == {r: max(h.mode for h in locks if h.relation == r) for r in {h.relation for h in locks}}


def held(relation: str, mode: LockMode, **more: object) -> Held:
    return Held(relation, mode, **more)  # type: ignore[arg-type]


T_SHARE = held("public.t", LockMode.SHARE)
BUILD = RelationWork(Work.INDEX, "public.t", "t_a")


def test_work_blocks_only_under_a_lock_that_keeps_writers_out_of_that_very_table() -> None:
    assert StatementImpact(1, held=(T_SHARE,), worked=(BUILD,)).blocks_writes_while_it_works
    for harmless in (
        StatementImpact(1, held=(held("public.t", LockMode.SHARE_UPDATE_EXCLUSIVE),), worked=(BUILD,)),
        StatementImpact(1, held=(held("public.u", LockMode.SHARE),), worked=(BUILD,)),
        StatementImpact(1, held=(T_SHARE,)),
        StatementImpact(1, held=(T_SHARE,), worked=(BUILD,), concurrent=True),
    ):
        assert not harmless.blocks_writes_while_it_works


def test_a_lock_on_an_index_keeps_writers_out_of_its_table() -> None:
    index = held("public.t_a", LockMode.ACCESS_EXCLUSIVE, kind="index", of="public.t")
    assert StatementImpact(1, held=(index,), worked=(BUILD,)).blocking == (BUILD,)


def test_a_window_lasts_from_the_statement_that_takes_the_lock_until_the_commit() -> None:
    statements = (
        StatementImpact(3),
        StatementImpact(5, taken=(T_SHARE,)),
        StatementImpact(9, worked=(RelationWork(Work.SCAN, "public.u"),)),
    )
    (window,) = StepImpact(statements).windows
    assert (window.line, window.during, window.worked_on) == (5, statements[1:], ("public.u",))
    (alone,) = StepImpact(statements, transactional=False).windows
    assert (alone.line, alone.during, alone.worked_on) == (5, statements[1:2], ())


def test_what_the_plan_made_itself_has_no_window() -> None:
    fresh = held("public.t", LockMode.ACCESS_EXCLUSIVE, fresh=True)
    weak = held("public.u", LockMode.ROW_EXCLUSIVE)
    assert StepImpact((StatementImpact(1, taken=(fresh, weak)),)).windows == ()
