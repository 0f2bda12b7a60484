"""Which files lint judges, how severe a finding is in each environment, and its form in JSON and SARIF."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from ctgitops.commands.check import exit_status, lint
from ctgitops.commands.plan import plan
from ctgitops.core.environment.policy import Policy
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.ledger.resumption import Resumption
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.core.view.preview import Preview
from ctgitops.core.view.verdict import exit_status as plan_status
from ctgitops.core.workspace.finding import Severity
from ctgitops.lint.file_selection import lint_plan
from ctgitops.report.json import check_json, plan_json
from ctgitops.report.sarif import check_sarif
from ctgitops.report.text import check_text, plans_text
from ctgitops.report.workflow_commands import check_github
from tests.fakes import STAGING, Diary, chained, entry, migration, request, workspace
from tests.report.test_json import valid

TODAY = date(2026, 11, 25)
ONE = migration("001_one", "1.0.0", sql="create table t (id bigint primary key, n int);\n")
TWO = migration("002_two", "1.1.0", sql="create index t_n on t (n);\n")
THREE = migration("003_three", "2.0.0", sql="alter table t drop column n;\n", Breaking_Changes="Yes")
WORK = workspace(ONE, TWO, THREE)


def test_a_rewrite_that_needs_a_migration_of_its_own_is_in_the_document_and_on_the_page() -> None:
    one = migration("001_one", "1.0.0", sql="create table t (id bigint, n int);\n")
    two = migration("002_two", "1.0.1", sql="alter table t add constraint c check (n > 0);\n")
    work = workspace(one, two)
    found = lint(work, TODAY)
    assert (
        valid("check", check_json(work, (), found))["findings"][0]["fix"]["then"]["sql"]
        == "ALTER TABLE t VALIDATE CONSTRAINT c;"
    )
    assert "-- in the added migration: validate c" in check_text(work, (), found)


def rules(preview: object) -> list[str]:
    assert isinstance(preview, Preview)
    return [finding.rule for step in preview.plan.steps for finding in step.findings]


def test_check_judges_each_file_as_if_those_before_it_were_applied_long_ago() -> None:
    found = lint(WORK, TODAY)
    assert [finding.rule for finding in found] == ["blocking-index", "drop-column"]
    assert exit_status((), found) == 1
    assert exit_status((), found[1:]) == 0
    assert len(valid("check", check_json(WORK, (), found))["findings"]) == 2


def test_history_and_files_that_nobody_changed_are_left_alone() -> None:
    known = replace(WORK, policy=Policy(lint_after=2))
    assert [finding.rule for finding in lint(known, TODAY)] == ["drop-column"]
    assert [finding.rule for finding in lint(WORK, TODAY, {TWO.path})] == ["blocking-index"]


def test_a_plan_judges_what_is_pending_and_what_it_makes_itself_is_harmless() -> None:
    diary = Diary({"staging": chained(entry(ONE))})
    (result,) = plan((request(WORK),), databases=diary, code=diary)
    assert rules(result) == ["blocking-index", "drop-column"]
    assert plan_status((result,)) == 1
    assert "error[blocking-index]: blocks writes to `t` while" in plans_text((result,))
    found = valid("plan", plan_json(result))["steps"][0]["findings"]
    assert [(each["lock"], each["blocks_writes"]) for each in found] == [("SHARE", True)]
    (result,) = plan((request(WORK),), databases=Diary(), code=diary)
    assert rules(result) == []


def test_the_environment_says_how_bad_it_is_and_then_the_policy() -> None:
    diary = Diary({"staging": chained(entry(ONE))})
    policy = Policy(lint={"blocking-index": "warning", "drop-column": "off"})
    gentle = replace(WORK, policy=policy)
    (result,) = plan((request(gentle),), databases=diary, code=diary)
    assert (rules(result), plan_status((result,))) == (["blocking-index"], 0)
    strict = replace(STAGING, lint={"drop-column": "error"})
    (result,) = plan((request(gentle, strict),), databases=diary, code=diary)
    assert (rules(result), plan_status((result,))) == (["blocking-index", "drop-column"], 1)


def test_findings_change_no_fingerprint() -> None:
    diary = Diary({"staging": chained(entry(ONE))})
    (result,) = plan((request(WORK),), databases=diary, code=diary)
    (quiet,) = plan(
        (request(replace(WORK, policy=Policy(lint={"blocking-index": "off", "drop-column": "off"}))),),
        databases=diary,
        code=diary,
    )
    assert isinstance(result, Preview)
    assert isinstance(quiet, Preview)
    assert result.plan.fingerprint == quiet.plan.fingerprint


def test_code_scanning_is_told_rule_level_and_lines() -> None:
    run = json.loads(check_sarif((), lint(WORK, TODAY), "database/"))["runs"][0]
    result = run["results"][0]
    assert (result["ruleId"], result["level"]) == ("blocking-index", "error")
    where = result["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "database/migrations/002_two.sql"
    assert where["region"]["startLine"] == TWO.up.sql[: TWO.up.sql.index("create")].count("\n") + 1
    assert {each["ruleId"] for each in run["results"]} <= {rule["id"] for rule in run["tool"]["driver"]["rules"]}


def test_remarks_on_lines_cannot_be_broken_out_of() -> None:
    evil = migration("002_evil", "1.1.0", sql='create index i on "t\n::error::x" (n);\n')
    page = check_github((), lint(workspace(ONE, evil), TODAY))
    assert len(page.splitlines()) == 1
    assert page.startswith("::error file=migrations/002_evil.sql,line=")


def test_an_allowance_is_used_if_another_environment_has_the_table() -> None:
    """Seen to fail with `remove the allowance`, after which staging, which has the table, refuses the plan."""
    one = migration("001_one", "1.0.0", sql="create table t (id int);\n")
    two = migration("002_two", "1.1.0", sql="-- ctgitops: allow blocking-index (small)\ncreate index on t (id);\n")
    three = migration("003_three", "1.2.0", sql="-- ctgitops: allow drop-table (x)\ncreate view v as select 1 as a;\n")
    work = workspace(one, two, three)
    plan = lint_plan(make_plan(work, STAGING, Ledger()), work, STAGING, TODAY)
    assert [[each.rule for each in step.findings] for step in plan.steps] == [[], [], ["unused-allowance"]]


def test_a_plan_only_warns_about_history_that_the_environment_lacks() -> None:
    """Seen to fail with `error`: a release that brought such a file to the next environment was refused."""
    for after, severity in ((2, Severity.WARNING), (1, Severity.ERROR)):
        work = replace(workspace(ONE, TWO), policy=Policy(lint_after=after))
        (step,) = lint_plan(make_plan(work, STAGING, chained(entry(ONE))), work, STAGING, TODAY).steps
        assert [(each.rule, each.severity) for each in step.findings] == [("blocking-index", severity)]


STEPWISE = migration(
    "004_stepwise",
    "2.1.0",
    sql="-- ctgitops: no transaction\ncreate table u (n int);\ncreate index on t (n);\ncreate index on u (n);\n",
)


@pytest.mark.parametrize(("done", "found"), [(0, ["blocking-index"]), (1, ["blocking-index"]), (2, []), (9, [])])
def test_a_migration_that_stopped_halfway_is_linted_from_its_next_statement(done: int, found: list[str]) -> None:
    """Seen to fail with a finding for the index on the table that the migration itself has created."""
    work = workspace(ONE, STEPWISE)
    plan = make_plan(work, STAGING, chained(entry(ONE)))
    live = Snapshot.of(SchemaObject("table", f"public.{name}") for name in ("t", *(["u"] if done else [])))
    begun = replace(plan, steps=(replace(plan.steps[0], resumption=Resumption(done=done)),))
    (step,) = lint_plan(begun, work, STAGING, TODAY, live).steps
    assert [each.rule for each in step.findings if each.severity is Severity.ERROR] == found
