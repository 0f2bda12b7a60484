"""The first plan of an adopted repository is short, however long its history is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.environment.policy import Policy
from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.trial.trial import Trial
from ctgitops.core.view.preview import Preview
from ctgitops.lint.file_selection import lint_plan
from ctgitops.report.markdown import plans_markdown
from ctgitops.report.text import plans_text
from tests.fakes import STAGING, chained, entry, migration, workspace
from tests.lint.examples import TODAY

CREATED = f"create table t1 (id int, {', '.join(f'c{n} int' for n in range(2, 151))});\n"
HISTORY = [
    migration(f"{n:03}_step_{n}", sql=CREATED if n == 1 else f"alter table t1 drop column c{n};\n", down=None)
    for n in range(1, 151)
]
NEW = migration("151_new", sql="create index on t1 (id);\n", down=None)
WORK = workspace(*HISTORY, NEW, policy=Policy(lint_after=150))
TABLES = tuple(Added(SchemaObject("table", f"public.t{n}")) for n in range(1, 151))


@pytest.fixture(scope="module")
def first() -> Preview:
    plan = lint_plan(make_plan(WORK, STAGING, Ledger()), WORK, STAGING, TODAY)
    return Preview(STAGING, plan, proof=Trial(server="16.4", changes=TABLES, tried=tuple(s.name for s in plan.steps)))


def test_the_history_is_one_row_one_warning_and_no_finding(first: Preview) -> None:
    text = plans_text((first,))
    assert len(text.splitlines()) < 50
    assert "150 migrations of the history: 001_step_1 … 150_step_150" in text
    assert text.count("warning[irreversible]") == 1
    assert text.count("drop-column") == 0
    assert "+   table: 150" in text
    assert "151_new" in text


def test_the_comment_has_the_same_row_and_only_the_new_sql(first: Preview) -> None:
    page = plans_markdown((first,), Origin())
    assert len(page.splitlines()) < 100
    assert "<b>150 migrations of the history</b><br><code>001_step_1</code>" in page
    assert "create index on t1" in page
    assert "drop column c17" not in page


def test_an_environment_that_has_some_of_it_sees_the_rest_with_findings() -> None:
    plan = make_plan(WORK, STAGING, chained(entry(HISTORY[0])))
    assert (plan.history, len(plan.steps)) == (frozenset(), 150)
    findings = [each.rule for step in lint_plan(plan, WORK, STAGING, TODAY).steps for each in step.findings]
    assert findings.count("drop-column") == 149


def test_the_history_is_not_part_of_the_fingerprint() -> None:
    plan = make_plan(WORK, STAGING, Ledger())
    assert len(plan.history) == 150
    assert plan.fingerprint == replace(plan, history=frozenset()).fingerprint
