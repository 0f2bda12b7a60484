from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.problem import Problem
from ctgitops.core.trial.code_reference import DeployOrder, order_of
from tests.fakes import STAGING, migration, workspace


@pytest.mark.parametrize(
    ("sql", "order"),
    [
        (["create table one ()"], DeployOrder.SCHEMA_FIRST),
        (["alter table one add column a int"], DeployOrder.SCHEMA_FIRST),
        (["create view v as select 1"], DeployOrder.SCHEMA_FIRST),
        (["drop table one"], DeployOrder.CODE_FIRST),
        (["alter table one drop column a"], DeployOrder.CODE_FIRST),
        (["alter table one rename column a to b"], DeployOrder.SPLIT),
        (["create table two ()", "drop table one"], DeployOrder.SPLIT),
        (["create table two ()", "alter table one alter column a set not null"], None),
        (["create table two ()", "revoke select on one from app"], None),
        (["create index on one (a)"], None),
        (["update one set a = 1"], None),
        (["this is no SQL"], None),
        ([], None),
    ],
)
def test_which_goes_first(sql: list[str], order: DeployOrder | None) -> None:
    migrations = [migration(f"{n:03}_m", f"1.{n}.0", sql=text) for n, text in enumerate(sql, start=1)]
    assert order_of([make_plan(workspace(*migrations), STAGING, Ledger())]) is order


def test_what_was_not_tried_or_is_declared_as_breaking_is_not_called_an_addition() -> None:
    adds = migration("001_m", "1.0.0", sql="create table one ()")
    made = make_plan(workspace(adds), STAGING, Ledger())
    assert order_of([made]) is DeployOrder.SCHEMA_FIRST
    for code in ("not-tried", "breaking-undeclared"):
        assert order_of([replace(made, problems=(Problem(code, "it", blocks=False),))]) is None
    breaking = migration("001_m", "1.0.0", sql="create table one ()", Breaking_Changes="Yes")
    assert order_of([make_plan(workspace(breaking), STAGING, Ledger())]) is None
