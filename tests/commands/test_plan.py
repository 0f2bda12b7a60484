from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.commands.plan import plan
from ctgitops.core.environment.environment import BackupPolicy, ExportPolicy
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.core.view.preview import NotPlanned, Preview
from ctgitops.core.view.verdict import exit_status
from ctgitops.errors import LedgerError, UsageError
from ctgitops.report.json import plan_json
from ctgitops.report.markdown import plans_markdown
from ctgitops.report.text import plans_text
from tests.core.performance.test_traffic import samples
from tests.fakes import PRODUCTION, STAGING, Diary, DiaryDatabase, chained, entry, migration, request, workspace
from tests.report.test_json import valid

ONE = migration("001_one", "1.0.0")
TWO = migration("002_two", "1.1.0")
WORK = workspace(ONE, TWO)
BOTH = (request(WORK, STAGING), request(WORK, PRODUCTION))


def test_a_plan_for_each_environment_in_the_order_asked() -> None:
    diary = Diary({"staging": chained(entry(ONE))})
    staging, production = plan(BOTH, databases=diary, code=diary)
    assert isinstance(staging, Preview)
    assert isinstance(production, Preview)
    assert [step.number for step in staging.plan.steps] == [2]
    assert [step.number for step in production.plan.steps] == [1, 2]
    assert [reason.what for reason in production.reasons] == ["staging does not have 002_two yet"]
    assert exit_status((staging, production)) == 0


def test_nothing_is_locked_or_written() -> None:
    diary = Diary()
    plan(BOTH, databases=diary, code=diary)
    reads = {"read staging", "read production", "snapshot staging", "snapshot production"}
    assert set(diary.lines) == reads
    assert diary.ledgers == {}


def test_an_environment_that_cannot_be_read_does_not_cost_the_other() -> None:
    diary = Diary(unreachable={"production": LedgerError("password authentication failed")})
    staging, production = plan(BOTH, databases=diary, code=diary)
    assert isinstance(staging, Preview)
    assert isinstance(production, NotPlanned)
    assert production.error.what == "password authentication failed"
    assert exit_status((staging, production)) == 4


def test_a_missing_secret_is_a_matter_of_usage() -> None:
    diary = Diary(unreachable={"staging": UsageError("STAGING_DATABASE_URL is not set")})
    assert exit_status(plan(BOTH[:1], databases=diary, code=diary)) == 2


def test_a_blocked_plan_asks_no_gate() -> None:
    work = workspace(ONE, migration("003_three", "1.1.0"))
    (result,) = plan((request(work, PRODUCTION),), databases=Diary(), code=Diary())
    assert isinstance(result, Preview)
    assert result.plan.blocked
    assert result.reasons == ()
    assert exit_status((result,)) == 3


def test_code_is_searched_once_and_only_for_what_goes() -> None:
    diary = Diary()
    plan(BOTH, databases=diary, code=diary)
    assert not any("search" in line for line in diary.lines)
    work = workspace(ONE, migration("002_two", "1.1.0", sql="alter table t1 drop column old_name;"))
    results = plan((request(work, STAGING), request(work, PRODUCTION)), databases=diary, code=diary)
    assert [line for line in diary.lines if "search" in line] == ["search code for column t1.old_name is dropped"]
    for result in results:
        assert isinstance(result, Preview)
        assert "app/projects.ts:12" in next(p.what for p in result.plan.problems if p.code == "mentioned-in-code")
        assert not result.plan.blocked


def test_a_schema_that_cannot_be_read_is_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: DiaryDatabase) -> Snapshot:
        raise LedgerError("permission denied for schema sales", hint="grant usage")

    monkeypatch.setattr(DiaryDatabase, "snapshot", refused)
    (result,) = plan(BOTH[:1], databases=Diary(), code=Diary())
    assert isinstance(result, Preview)
    (problem,) = [p for p in result.plan.problems if p.code == "schema-unread"]
    assert "permission denied for schema sales" in problem.what
    assert not problem.blocks


def test_a_pooler_that_apply_refuses_blocks_the_plan_too() -> None:
    """Seen to fail with a plan that named the apply which was then refused."""
    diary = Diary(pooler=UsageError("the URL leads to a connection pooler", hint="use the server's own URL"))
    (result,) = plan((request(workspace(ONE)),), databases=diary, code=diary)
    assert isinstance(result, Preview)
    assert [(each.code, each.blocks) for each in result.plan.problems] == [("pooler", True)]
    assert exit_status((result,)) == 2


def test_a_table_that_the_backup_cannot_export_is_a_warning() -> None:
    export = ExportPolicy(("public.projets",))
    environment = replace(STAGING, backup=BackupPolicy("s3://b", export=export), path="environments/staging.yaml")
    diary = Diary({}, not_exportable=("public.projets does not exist",))
    (preview,) = plan((request(workspace(migration("001_one")), environment),), databases=diary, code=diary)
    assert isinstance(preview, Preview)
    [problem] = [each for each in preview.plan.problems if each.code == "export-table"]
    assert problem.what == "the backup before this plan would fail, because public.projets does not exist"
    assert not problem.blocks


def test_a_plan_says_how_busy_its_tables_are_when_samples_exist() -> None:
    orders = SchemaObject("table", "public.orders")
    diary = Diary(schemas={"staging": Snapshot((orders,))})
    work = workspace(migration("001_one", sql="alter table orders add column paid_at timestamptz;\n"))
    (result,) = plan((request(work, STAGING),), databases=diary, code=diary)
    assert isinstance(result, Preview)
    assert result.busy == ()
    diary.traffic = samples(7, lambda at: 36_000 if at.hour == 14 else 36)
    (result,) = plan((request(work, STAGING),), databases=diary, code=diary)
    assert isinstance(result, Preview)
    said = "public.orders: busiest at 14:00, 20.0 a second; quietest at 00:00, 0.0 a second (7 days of samples, UTC)"
    assert said in plans_text((result,))
    assert said in plans_markdown((result,))
    (orders_use,) = valid("plan", plan_json(result))["busy_tables"]
    assert (orders_use["name"], orders_use["busiest"], orders_use["days"]) == ("public.orders", 14, 7)
