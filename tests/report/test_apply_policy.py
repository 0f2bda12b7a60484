"""Every page of a plan shows its apply policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import jsonschema

from ctgitops.core.environment.apply_policy import ApplyPolicy, Health, OnFailure, TransactionScope
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.run.outcome import Done, Outcome, Status
from ctgitops.report.json import outcome_json, plan_json
from ctgitops.report.markdown import outcome_markdown, plans_markdown
from ctgitops.report.outcome_text import outcome_text
from ctgitops.report.text import plans_text
from ctgitops.sql.script import Script
from tests.fakes import STAGING, as_json, migration, workspace
from tests.report.cases import NOTHING, READY, result
from tests.report.test_json import schema

HEALTH = Health(Script("select '<b>@everyone</b>' = ''", "e.yaml"), timedelta(minutes=5), timedelta(seconds=10))
MANNER = ApplyPolicy(TransactionScope.ALL, OnFailure.ROLLBACK, HEALTH)
ENVIRONMENT = replace(STAGING, apply_policy=MANNER)
SAID = (
    "all in one transaction",
    "if the run fails, the migrations that it applied are rolled back",
    "health query checked for 5 min after the last migration",
)
LOOK = result(workspace(migration("001_one")), ENVIRONMENT, Ledger())


def test_a_plan_says_it_in_text_and_in_the_comment() -> None:
    """Seen to fail with the line left out of either page."""
    for page in (plans_text((LOOK,)), plans_markdown((LOOK,))):
        assert [words for words in SAID if words not in page] == []
        assert "everyone" not in page
    assert "001_one    -        one for all" in plans_text((LOOK,))


def test_where_no_manifest_says_anything_no_page_does() -> None:
    for page in (plans_text(READY), plans_markdown(READY), plans_markdown(NOTHING)):
        assert [words for words in SAID if words in page] == []


def test_the_json_says_it_in_the_published_shape() -> None:
    told = as_json(plan_json(LOOK))
    jsonschema.Draft202012Validator(schema("plan")).validate(told)
    assert (told["transaction"], told["on_failure"]) == ("all", "rollback")
    assert told["health"] == {"within_seconds": 300.0, "every_seconds": 10.0}


def test_an_apply_says_that_it_was_watched_and_nothing_else_does() -> None:
    outcome = Outcome(LOOK.plan, Status.APPLIED, (Done("001_one", 3),))
    jsonschema.Draft202012Validator(schema("outcome")).validate(as_json(outcome_json(outcome)))
    for status, is_said in ((Status.APPLIED, True), (Status.WAITING, False)):
        shown = replace(outcome, status=status)
        for page in (outcome_text(shown), outcome_markdown(shown)):
            assert ("the health query stayed true for 5 min" in page) is is_said
