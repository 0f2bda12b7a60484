"""An analysis that fails is a finding with its place; the other analyses, statements and files go on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import NoReturn

import pytest

from ctgitops.commands.check import check, exit_status, lint
from ctgitops.commands.plan import plan
from ctgitops.core.environment.policy import Policy
from ctgitops.core.gate.data_loss import CountedLoss, losses, unaccepted
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.plan.rollback import last_entries, make_rollback
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.core.trial.violation import risks_of
from ctgitops.core.view.preview import Preview
from ctgitops.core.view.verdict import exit_status as plan_status
from ctgitops.lint import run
from ctgitops.lint.catalog import Catalog
from ctgitops.lint.registry import rules_for
from ctgitops.lint.rules import rename
from ctgitops.report.json import check_json
from ctgitops.report.markdown import check_markdown, plans_markdown
from ctgitops.report.outcome_text import outcome_verdict
from ctgitops.report.text import check_text, plans_text
from ctgitops.sql import data_loss as sql_losses
from ctgitops.sql import locks, parse, plpgsql, redact
from ctgitops.sql.nodes import Node
from ctgitops.sql.password_search import Search
from tests.fakes import STAGING, Diary, chained, entry, migration, request, workspace

FIRST = migration("001_one", sql="create table t1 (id bigint);\n")
SECOND = migration("002_two", sql="select 1;\ncreate index on t1 (id);\nalter table t1 rename to t2;\n")
WORK = workspace(FIRST, SECOND)
TODAY = date(2026, 11, 29)


def fails(*_: object) -> NoReturn:
    """An analysis with a bug whose message quotes what it read."""
    raise RecursionError("password 'hunter2'")


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks of CREATE INDEX cannot be read."""
    monkeypatch.setitem(locks._JUDGES, "IndexStmt", fails)


@pytest.mark.usefixtures("no_locks")
def test_check_names_the_statement_and_goes_on() -> None:
    problems, findings = check(WORK), lint(WORK, TODAY)
    (problem,) = [each for each in problems if each.code == "not-analysed"]
    assert (problem.place.path, problem.place.line) == ("migrations/002_two.sql", 2) if problem.place else False
    assert "the locks (RecursionError at" in problem.what
    assert not problem.blocks
    assert exit_status(problems, ()) == 1
    assert {each.rule for each in findings} == {"blocking-index", "rename", "not-analysed"}
    assert exit_status((), tuple(f for f in findings if f.rule == "not-analysed")) == 1


@pytest.mark.usefixtures("no_locks")
def test_every_page_says_it_in_its_first_words_and_quotes_no_message() -> None:
    problems, findings = check(WORK), lint(WORK, TODAY)
    (result,) = plan((request(WORK, STAGING),), databases=Diary(), code=Diary())
    assert isinstance(result, Preview)
    assert plan_status((result,)) == 1
    applied = Outcome(result.plan, Status.APPLIED)
    assert outcome_verdict(applied).endswith("1 statement not analysed")
    text, markdown = check_text(WORK, problems, findings), check_markdown(WORK, problems, findings)
    assert text.splitlines()[-1].endswith("1 statement not analysed")
    assert "1 statement not analysed" in markdown.splitlines()[0]
    assert "1 statement not analysed" in plans_text((result,)).splitlines()[0]
    assert "1 statement not analysed" in "\n".join(plans_markdown((result,)).splitlines()[:3])
    data = json.loads(check_json(WORK, problems, findings))
    assert "not-analysed" in {each["code"] for each in data["problems"]}
    assert "not-analysed" in {each["rule"] for each in data["findings"]}
    assert "hunter2" not in text + markdown + json.dumps(data)


def test_a_rule_that_fails_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def active(_: object, kind: str) -> tuple[object, ...]:
        return tuple(replace(r, check=fails) if r.id == "rename" else r for r in rules_for(kind) if r.severity != "off")

    assert rename.RULE.id == "rename"
    monkeypatch.setattr(run.Linter, "_active", active)
    found = {each.rule: each for each in lint(WORK, TODAY)}
    assert set(found) == {"blocking-index", "not-analysed"}
    assert found["not-analysed"].place.line == 3
    assert "rule rename (RecursionError at" in found["not-analysed"].what


@pytest.mark.parametrize(
    "sql",
    [
        "do $$ begin drop table t1; end $$;",
        "create function f() returns void language plpgsql as $$ begin drop table t1; end $$; select f();",
    ],
)
def test_a_block_whose_tree_cannot_be_read_is_more_than_a_notice(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    monkeypatch.setattr(plpgsql, "parse_body", fails)
    found = lint(workspace(FIRST, migration("002_two", sql=sql)), TODAY)
    assert {(each.rule, each.severity) for each in found} == {("not-analysed", "error")}


def test_its_severity_is_the_policys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "apply", fails)
    findings = lint(replace(WORK, policy=Policy(lint={"not-analysed": "warning"})), TODAY)
    found = tuple(each for each in findings if each.rule == "not-analysed")
    assert found
    assert exit_status((), found) == 0


def test_a_history_whose_effect_is_unknown_is_not_taken_for_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    linter = run.Linter(Catalog(complete=True))
    linter.fold(FIRST.up)
    assert linter.catalog.complete
    monkeypatch.setattr(run, "apply", fails)
    linter.fold(FIRST.up)
    assert not linter.catalog.complete


@pytest.mark.parametrize("broken", ["why_not_in_transaction", "transaction_control"])
def test_it_blocks_where_it_is_unknown_how_a_statement_runs(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    real = getattr(parse, broken)
    monkeypatch.setattr(parse, broken, lambda kind, node: fails() if kind == "IndexStmt" else real(kind, node))
    work = workspace(migration("001_one", sql="create index on t (id);\nselect 1;\n"))
    found = check(work)
    assert [(p.code, p.blocks, p.place and p.place.line) for p in found] == [("not-analysed", True, 1)]
    assert exit_status(found) == 3
    assert make_plan(work, STAGING, Ledger()).blocked


@pytest.mark.parametrize("error", [RecursionError, MemoryError, UnicodeDecodeError("utf-8", b"", 0, 1, ""), KeyError])
def test_a_file_whose_tree_cannot_be_read_leaves_the_others(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    real = parse.parse_tree

    def parse_tree(sql: str) -> Node:
        if "create index" in sql:
            raise error
        return real(sql)

    monkeypatch.setattr(parse, "parse_tree", parse_tree)
    work = workspace(
        replace(FIRST), migration("002_two", sql="create index on t1 (id);\n"), migration("003_x", sql="SELEC")
    )
    found = [(p.code, p.blocks, p.place.path if p.place else "") for p in check(work)]
    assert found == [
        ("not-analysed", True, "migrations/002_two.sql"),
        ("syntax-error", True, "migrations/003_x.sql"),
    ]
    assert lint(work, TODAY) == ()


def test_lost_data_that_is_unknown_must_be_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    one = migration("001_one", down="drop index a;")
    ledger = chained(entry(one))
    monkeypatch.setitem(sql_losses._JUDGES, "DropStmt", fails)
    back = make_rollback(STAGING, ledger, last_entries(ledger, 1))
    found = tuple(CountedLoss(loss, None) for loss in losses(back, ledger))
    (reason,) = unaccepted(back, found, ledger, frozenset())
    assert "a statement that was not analysed" in reason.what


def test_demands_that_are_unknown_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from ctgitops.core.trial import violation

    monkeypatch.setattr(violation, "demands", fails)
    risks = risks_of(make_plan(WORK, STAGING, Ledger()))
    assert len(risks) == 4
    assert all("not analysed" in risk.demand.unseen for risk in risks)


def test_text_that_redaction_fails_on_is_hidden_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "create role a\n\n  password 'hunter2'; -- no. 1"
    monkeypatch.setattr(Search, "redacted", fails)
    redact._searched.cache_clear()
    assert redact.redact(sql) == "***\n\n***"
    assert redact.holds_secret(sql)
    assert redact.is_redacted(sql)
    assert "hunter2" not in redact.redact_message("at: password 'hunter2'; -- no. 1", redact.secrets_in(sql))
    redact._searched.cache_clear()
