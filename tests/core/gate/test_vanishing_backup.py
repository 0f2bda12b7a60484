"""A backup in a folder of a GitHub-hosted runner is deleted with the runner, and no page shows it as kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ctgitops.core.environment.environment import BackupMaker, BackupPolicy
from ctgitops.core.gate.gate import with_warnings
from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.core.trial.trial import Trial
from ctgitops.core.view.preview import Preview
from ctgitops.core.view.verdict import PlanState, verdict_of
from ctgitops.core.view.way_back import BackupNote
from ctgitops.report.backup_lines import backup_lines
from ctgitops.report.markdown import outcome_markdown, plans_markdown
from tests.fakes import STAGING, migration, receipt, request, workspace
from tests.report.cases import APPLIED

HOSTED = Origin(disk_is_deleted=True)
WORK = workspace(migration("001_first"))
FOLDER = BackupPolicy("backups/staging")


def planned(backup: BackupPolicy | None, origin: Origin = HOSTED) -> Plan:
    environment = replace(STAGING, backup=backup, path="environments/staging.yaml")
    return with_warnings(make_plan(WORK, environment, Ledger()), request(WORK, environment, origin=origin))


def test_the_plan_says_so_and_is_not_sound() -> None:
    plan = planned(FOLDER)
    [problem] = [each for each in plan.problems if each.code == "backup-vanishes"]
    assert not problem.blocks
    assert "s3://" in problem.hint
    preview = Preview(STAGING, plan, proof=Trial("17.6", tried=("001_first",)))
    verdict = verdict_of(preview)
    assert verdict.state is PlanState.UNKNOWN
    assert "backup-vanishes" in {each.topic for each in verdict.unknown}
    assert "THE BACKUP IS DELETED WITH THE RUNNER" in plans_markdown((preview,))


@pytest.mark.parametrize(
    ("backup", "origin"),
    [
        (FOLDER, Origin()),
        (None, HOSTED),
        (BackupPolicy("s3://bucket/staging"), HOSTED),
        (BackupPolicy("", by=BackupMaker.COMMAND), HOSTED),
    ],
)
def test_a_backup_that_stays_is_no_problem(backup: BackupPolicy | None, origin: Origin) -> None:
    assert planned(backup, origin).problems == make_plan(WORK, replace(STAGING, backup=backup), Ledger()).problems


def test_the_outcome_the_ledger_and_the_comment_say_so() -> None:
    vanishing = replace(receipt("production"), vanishes=True)
    outcome = replace(APPLIED, receipt=vanishing)
    assert "THIS BACKUP IS DELETED WITH THE RUNNER" in outcome_markdown(outcome)
    assert "THIS BACKUP IS DELETED WITH THE RUNNER" in "\n".join(backup_lines(outcome))
    assert outcome_markdown(outcome).startswith("### 🟠")
    assert outcome_markdown(APPLIED).startswith("### ✅")
    assert json.loads(vanishing.summary())["vanishes"] is True
    note = BackupNote.of(vanishing.summary())
    assert note is not None
    assert note.vanishes
    assert "vanishes" not in json.loads(receipt("production").summary())
