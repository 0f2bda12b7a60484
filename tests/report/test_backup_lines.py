"""What pages say of a backup of a part, of one by a provider, and before a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ctgitops.core.backup.listing import BackupListing
from ctgitops.core.backup.stored_backup import StoredBackup
from ctgitops.core.environment.backup_extent import BackupExtent
from ctgitops.core.environment.environment import BackupMaker, BackupPolicy, BackupScope
from ctgitops.core.view.preview import Preview
from ctgitops.report.backups import list_text
from ctgitops.report.markdown import outcome_markdown, plans_markdown
from ctgitops.report.outcome_text import outcome_text
from ctgitops.report.text import plans_text
from tests.fakes import receipt
from tests.report.cases import APPLIED, READY

PART = replace(
    receipt(),
    scope="affected",
    rows={"public.notes": 50},
    without_rows=998,
    without_definition=900,
    foreign_keys_left_out={"16400": "notes_project_fkey on public.notes"},
)
BY_COMMAND = replace(
    receipt(), id="snap-1", by="command", restore_by="restore snap-1", proof="it is available", rows={}, files={}
)


def test_an_outcome_says_what_a_part_has_and_lacks() -> None:
    outcome = replace(APPLIED, receipt=PART)
    for page in (outcome_text(outcome), outcome_markdown(outcome)):
        assert "all definitions except of 900 tables that the backup does not need, and the rows of 1 table" in page
        assert "the rows of 998 other tables, and large objects" in page
        assert "notes_project_fkey" in page
    whole = replace(PART, scope="database", why_all="a DO block runs dynamic SQL")
    assert "the whole database, because a DO block runs dynamic SQL" in outcome_text(replace(APPLIED, receipt=whole))


def test_an_outcome_does_not_claim_that_a_provider_s_backup_was_restored() -> None:
    outcome = replace(APPLIED, receipt=BY_COMMAND)
    for page in (outcome_text(outcome), outcome_markdown(outcome)):
        assert "taken by command, not restored by ctgitops; verification: it is available" in page
        assert "restored once" not in page
        assert "restore snap-1" in page


def test_a_plan_says_what_will_be_saved() -> None:
    preview = READY[1]
    assert isinstance(preview, Preview)
    part = replace(preview, extent=BackupExtent(BackupScope.AFFECTED, ("public.notes",)))
    for page in (plans_text((part,)), plans_markdown((part,))):
        assert "the definitions that a restore needs, and the rows of the ledger and of 1 table" in page
        assert "the rows of all other tables, most of their definitions, and large objects" in page
        assert "the whole database" not in page
    unknown = replace(preview, extent=BackupExtent(why_all="the plan was not tried"))
    for page in (plans_text((unknown,)), plans_markdown((unknown,))):
        assert "the whole database, because the plan was not tried" in page
    provider = BackupPolicy("", by=BackupMaker.COMMAND, command=("x",))
    provided = replace(preview, environment=replace(preview.environment, backup=provider))
    page = plans_markdown((provided,))
    assert "takes and verifies a backup, which ctgitops does not restore" in page
    assert "restored once" not in page


def test_the_list_marks_a_partial_backup() -> None:
    """Seen to fail: a partial backup looked like any other, and docs/recovery.md says to restore the newest one."""
    now = datetime(2026, 11, 30, tzinfo=UTC)
    whole = StoredBackup("a", "to/a", taken_at=now, tables=3, rows=5)
    listing = BackupListing("staging", "to", now, (whole, replace(whole, id="b", whole=False)))
    page = list_text((listing,))
    assert page.count("PARTIAL: only of 3 tables") == 1
