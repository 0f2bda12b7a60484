"""Which of the pending migrations a database has already, as far as the names of tables tell it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.existing_schema import FEW, MISSING, Nearest, likely_steps, tables_there, with_baseline_hint
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
from tests.fakes import STAGING, migration, workspace

FILES = (
    migration("001_one", sql="create table one (a int);"),
    migration("002_rows", sql="insert into one values (1);"),
    migration("003_two", sql='create table if not exists public."Two.x" (a int);'),
    migration("004_three", sql="create table app.three (a int); create table app.four (a int);"),
)


@pytest.mark.parametrize(
    ("tables", "path", "last"),
    [
        (["public.one"], "", "001_one"),
        (["public.one", 'public."Two.x"'], "", "003_two"),
        (["public.one", 'public."Two.x"', "app.three"], "", "003_two"),
        (["public.one", 'public."Two.x"', "app.three", "app.four"], "", "004_three"),
        (["app.one"], '"$user", app', "001_one"),
        (["app.one"], "", ""),
        (['public."Two.x"', "app.three", "app.four"], "", ""),
        ([], "", ""),
    ],
)
def test_the_first_steps_are_there_as_long_as_their_tables_are(tables: list[str], path: str, last: str) -> None:
    live = Snapshot.of((SchemaObject("table", name) for name in tables), SnapshotSource("15.1", "postgres", path))
    found = tables_there(make_plan(workspace(*FILES), STAGING, Ledger()).steps, live)
    assert (found[-1].name if found else "") == last


@given(st.integers(1, 3 * FEW), st.data())
def test_of_a_long_history_the_steps_around_the_last_existing_table_are_compared(
    number: int, data: st.DataObject
) -> None:
    """The database has the files up to `at`, perhaps without some tables. Each second file creates a table."""
    files = [migration(f"{n:03}_x", sql=f"create table t{n} ()" if n % 2 else "select 1") for n in range(1, number + 1)]
    at = data.draw(st.integers(0, number))
    dropped = data.draw(st.sets(st.integers(1, max(at, 1)), max_size=MISSING - 1))
    tables = [f"public.t{n}" for n in range(1, at + 1, 2) if n not in dropped]
    live = Snapshot.of((SchemaObject("table", name) for name in tables), SnapshotSource("15.1", "postgres", ""))
    likely = likely_steps(make_plan(workspace(*files), STAGING, Ledger()).steps, live)
    assert at - 1 in likely or not tables
    assert len(likely) <= max(FEW, 2 * (2 * MISSING + 1))


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        (0, "already matches the files up to 001_one"),
        (None, "already has the tables of the files up to 001_one"),
        (1, "001_one, with 1 difference"),
        (2, "001_one, with 2 differences"),
    ],
)
def test_the_proposal_says_what_is_known(differences: int | None, said: str) -> None:
    plan = make_plan(workspace(*FILES), STAGING, Ledger())
    problem = with_baseline_hint(plan, "staging", Nearest(1, "001_one", differences, ("002_rows",))).problems[-1]
    assert said in problem.what
    assert "`ctgitops baseline --env staging --at 1` " in problem.hint
    assert "does not show whether 002_rows ran" in problem.hint
    assert not problem.blocks
