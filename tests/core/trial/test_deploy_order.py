from __future__ import annotations

import pytest

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.trial.deploy_order import Order, order_of
from tests.fakes import STAGING, migration, workspace


@pytest.mark.parametrize(
    ("sql", "order"),
    [
        (["create table one ()"], Order.SCHEMA_FIRST),
        (["alter table one add column a int"], Order.SCHEMA_FIRST),
        (["create view v as select 1"], Order.SCHEMA_FIRST),
        (["drop table one"], Order.CODE_FIRST),
        (["alter table one drop column a"], Order.CODE_FIRST),
        (["alter table one rename column a to b"], Order.SPLIT),
        (["create table two ()", "drop table one"], Order.SPLIT),
        (["create index on one (a)"], None),
        (["update one set a = 1"], None),
        (["this is no SQL"], None),
        ([], None),
    ],
)
def test_which_goes_first(sql: list[str], order: Order | None) -> None:
    migrations = [migration(f"{n:03}_m", f"1.{n}.0", sql=text) for n, text in enumerate(sql, start=1)]
    assert order_of([make_plan(workspace(*migrations), STAGING, Ledger())]) is order
