"""An undeclared breaking change does not block a plan whose file another environment has: that file must not change."""

from __future__ import annotations

import pytest

from ctgitops.commands.apply import apply
from ctgitops.commands.plan import plan
from ctgitops.core.migration.migration import Migration
from ctgitops.core.problem import Problem
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.core.view.preview import Preview
from ctgitops.errors import LedgerError, UsageError
from tests.fakes import PRODUCTION, STAGING, Diary, chained, entry, migration, request, workspace

ONE = migration("001_one", "1.0.0")
DROP = migration("002_two", "1.1.0", sql="drop table t1;\n")
OTHER = migration("002_two", "1.1.0", sql="drop table t1 cascade;\n")
WORK = workspace(ONE, DROP)
HERE, DECLARE = chained(entry(ONE)), "write `Breaking Changes: Yes`"


def undeclared(diary: Diary) -> Problem:
    (result,) = plan((request(WORK, PRODUCTION),), databases=diary, code=diary)
    assert isinstance(result, Preview)
    (problem,) = [problem for problem in result.plan.problems if problem.code == "breaking-undeclared"]
    return problem


@pytest.mark.parametrize(
    ("staging", "blocks", "hint"),
    [
        ((ONE, DROP), False, "this file must not change, because it is applied in staging"),
        ((ONE, OTHER), True, DECLARE),
        ((ONE,), True, DECLARE),
    ],
)
def test_it_only_warns_where_another_environment_has_the_same_text(
    staging: tuple[Migration, ...], blocks: bool, hint: str
) -> None:
    problem = undeclared(Diary({"staging": chained(*map(entry, staging)), "production": HERE}))
    assert problem.blocks is blocks
    assert problem.hint.startswith(hint)


def test_an_environment_that_cannot_be_read_may_have_the_file() -> None:
    problem = undeclared(Diary({"production": HERE}, unreachable={"staging": LedgerError("no connection")}))
    assert problem.blocks
    assert problem.hint.endswith("but do not change the file if it is applied in staging, which could not be read")


def test_apply_agrees_with_the_plan() -> None:
    both = chained(entry(ONE), entry(DROP))
    blocked = Diary({"staging": HERE})
    assert _applied(blocked).status is Status.BLOCKED
    # production has the file, and staging, whose number 002 was rolled back, gets it again
    assert _applied(Diary({"staging": HERE, "production": both})).status is Status.APPLIED


def _applied(diary: Diary) -> Outcome:
    return apply(request(WORK, STAGING), databases=diary, backups=diary, tell=diary.tell)


def test_an_empty_plan_says_that_apply_refuses_the_address() -> None:
    diary = Diary({"staging": chained(entry(ONE))}, pooler=UsageError("a pooler", hint="use the server's own URL"))
    (result,) = plan((request(workspace(ONE), STAGING),), databases=diary, code=diary)
    assert isinstance(result, Preview)
    assert [(each.code, each.blocks) for each in result.plan.problems] == [("pooler", True)]
