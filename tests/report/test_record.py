"""The record of a pull request: after the merge, after a failure, after a release, and after it was closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from ctgitops.action.run_end import end_of
from ctgitops.core.gate.gate import Reason, Unreadable
from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.ledger import Entry, Mark
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.problem import Problem
from ctgitops.core.run.outcome import Done, Outcome, Status
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.prediction import PredictionMismatch
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.view.pull_request_record import Cell, Ledgers, MigrationRef, Record, RecordRow, Stage, record_of
from ctgitops.errors import ApplyError, MustWaitError, Place
from ctgitops.report.page import MAX
from ctgitops.report.record import Ended, closed_markdown, record_markdown
from ctgitops.report.record_words import HELD
from ctgitops.report.workflow_inputs import with_inputs, with_inputs_of
from tests.fakes import NOW, PRODUCTION, STAGING, chained, entry, receipt
from tests.report.cases import APPLIED, DROP, HAS_TWO, INDEX, ONE, ORIGIN, TWO, WORK
from tests.report.test_hostile import URL, harmless, hostile, read, skeleton

Golden = Callable[[str, str], None]
WANTED = [MigrationRef(m.number, m.name, m.version) for m in (INDEX, DROP)]
RUN = "https://github.com/constructtrack/database/actions/runs/11830"


def told(which: Entry, **more: object) -> Entry:
    return replace(which, pull_request=42, run_url=RUN, **more)  # type: ignore[arg-type]


BEFORE = (entry(ONE), entry(TWO))
MERGED: Ledgers = {
    "staging": chained(*BEFORE, told(entry(INDEX, at=NOW)), told(entry(DROP, at=NOW))),
    "production": Unreadable("PRODUCTION_DATABASE_URL is not set", 2),
}
RELEASED: Ledgers = {
    **MERGED,
    "production": chained(
        *BEFORE, *(told(entry(m, at=NOW + timedelta(days=1)), receipt=receipt().summary()) for m in (INDEX, DROP))
    ),
}
FAILED: Ledgers = {
    "staging": chained(*BEFORE, told(entry(INDEX, at=NOW)), told(entry(DROP, Mark.FAILED, NOW, "no such column"))),
    "production": MERGED["production"],
}
ON_STAGING = Outcome(
    make_plan(WORK, STAGING, HAS_TWO),
    Status.APPLIED,
    (Done("003_route_index", 61_480), Done("004_drop_legacy_status", 8), Done("seeds/staging/010_people.sql", 16)),
)
EDITED = Problem("edited", "004_drop_legacy_status was edited after it was applied")
ERROR = ApplyError(
    'column "legacy_status" of relation "work_orders" does not exist',
    place=Place("migrations/004_drop_legacy_status.sql", 12, 25),
    sqlstate="42703",
    statement="ALTER TABLE work_orders DROP COLUMN legacy_status;",
    statement_line=12,
    state="004_drop_legacy_status left no trace; 003_route_index is applied",
    hint="correct the file in a new pull request; merging that runs it again",
)
ERROR.blames_file = True
WAITS = replace(ON_STAGING, status=Status.WAITING, done=(), reasons=(Reason("window", "Tue 09:30 UTC is outside"),))


def record(ledgers: Ledgers, ended: Ended | None = None) -> Record:
    ends = {name: end for name, outcome in (ended or {}).items() if (end := end_of(outcome, RUN))}
    return replace(record_of(WANTED, (STAGING, PRODUCTION), ledgers), ends=ends)


def page_of(ledgers: Ledgers, ended: Ended) -> str:
    return record_markdown(record(ledgers, ended), ended, ORIGIN)


def test_after_the_merge(golden: Golden) -> None:
    golden("record-merged.md", page_of(MERGED, {"staging": ON_STAGING}))


def test_after_the_release(golden: Golden) -> None:
    golden("record-released.md", page_of(RELEASED, {"production": APPLIED}))


def test_after_a_failure(golden: Golden) -> None:
    golden("record-failed.md", page_of(FAILED, {"staging": ERROR}))


def test_when_it_has_to_wait(golden: Golden) -> None:
    golden("record-waits.md", page_of({"staging": HAS_TWO}, {"staging": WAITS}))


def test_closed_without_a_merge(golden: Golden) -> None:
    golden("record-closed.md", closed_markdown(ORIGIN))


@pytest.mark.parametrize(
    ("ledgers", "first"),
    [
        (MERGED, "### ✅ Applied to staging · production waits for the next release tagged v&#42;"),
        (RELEASED, "### ✅ Applied to staging and production"),
        (FAILED, "### ⛔ staging FAILED · production waits for the next release tagged v&#42;"),
        ({"staging": HAS_TWO}, "### 🟣 staging waits for the run on merge · production waits"),
        ({"staging": Unreadable("refused")}, "### ⛔ staging CANNOT BE READ · production waits"),
        (
            {"staging": chained(*BEFORE, entry(INDEX, Mark.STARTED))},
            "### ⛔ staging is UNFINISHED · production waits",
        ),
        (
            {"staging": chained(*BEFORE, entry(INDEX), entry(DROP), entry(DROP, Mark.ROLLED_BACK))},
            "### ↩️ Rolled back on staging · production waits",
        ),
    ],
)
def test_the_first_line_tells_where_it_is(ledgers: Ledgers, first: str) -> None:
    assert record_markdown(record(ledgers), {}, ORIGIN).startswith(first)


def test_an_error_says_the_state_of_the_database_and_the_next_thing_to_do() -> None:
    page = page_of(FAILED, {"staging": ERROR})
    alert = page.split("> [!CAUTION]")[1].split("\n\n")[0]
    assert "left no trace" in alert
    assert "open a pull request that corrects <code>migrations/004_drop_legacy_status.sql</code>" in page
    assert page.index("open a pull request") < page.index("[!CAUTION]") < page.index("| migration |")


def test_another_run_that_holds_the_lock_is_no_failure() -> None:
    page = page_of({}, {"staging": MustWaitError("another run holds the lock")})
    assert page.startswith("### 🟣 staging WAITS, nothing was changed")


def test_a_hundred_long_names_fit() -> None:
    rows = tuple(
        RecordRow(n, f"{n:03}_{'x' * 200}", None, (Cell(Stage.FAILED, NOW, RUN, "e" * 900),) * 2) for n in range(400)
    )
    page = record_markdown(Record((STAGING, PRODUCTION), rows), {"staging": ON_STAGING, "production": ERROR}, ORIGIN)
    assert len(page) <= MAX
    assert "more</b>" in page


@given(hostile)
def test_no_text_changes_the_record(text: str) -> None:
    def page(text: str) -> str:
        environment = replace(PRODUCTION, name=text, tags=text, after=text)
        cells = tuple(Cell(stage, NOW, URL, text, f'{{"id": "{len(text)}"}}') for stage in Stage)
        rows = tuple(RecordRow(1, text, None, (cell,)) for cell in cells)
        failed = ApplyError(text, place=Place(text, 3), statement=text, detail=text, state=text, hint=text)
        held = replace(WAITS, reasons=(Reason(text, text, text),), done=(Done(text, 1),))
        found = Record((environment,), rows)
        pages = [record_markdown(found, {text: end}, Origin(text, text, 1, URL)) for end in (failed, held)]
        return "\n\n".join(pages)

    assert skeleton(harmless(page(text))) == skeleton(read(page("x")))


def test_an_address_of_a_ledger_that_is_none_becomes_no_link() -> None:
    row = RecordRow(1, "001_x", None, (Cell(Stage.APPLIED, NOW, "javascript:alert(1)"),))
    assert "](" not in record_markdown(Record((STAGING,), (row,)), {}, Origin())


def test_a_pull_request_without_migrations() -> None:
    assert "The pull request adds no migrations" in record_markdown(Record((STAGING,), ()), {}, Origin())


def test_what_is_not_what_was_predicted_is_the_first_thing_said() -> None:
    surprise = PredictionMismatch((Added(SchemaObject("column", "public.t.surprise", "public.t")),))
    page = page_of(MERGED, {"staging": replace(ON_STAGING, mismatch=surprise)})
    assert page.startswith("### ⛔ staging DIFFERS FROM THE PREDICTION · production waits")
    assert "+     column surprise" in page
    assert page_of(MERGED, {"staging": ON_STAGING}).startswith("### ✅ Applied to staging")


def test_a_migration_that_failed_on_rows_can_succeed_without_another_file() -> None:
    """Seen to fail with `open a pull request` alone."""
    for state in ("23505", "P0001"):
        error = ApplyError("duplicate", place=ERROR.place, sqlstate=state, state=ERROR.state, hint=ERROR.hint)
        error.blames_file = True
        page = page_of(FAILED, {"staging": error})
        assert "correct the rows, then [re-run the job]" in page
        assert "or open a pull request that corrects <code>migrations/004_drop_legacy_status.sql</code>" in page


ON_PRODUCTION: Ledgers = {"staging": MERGED["staging"], "production": chained(*BEFORE)}


def test_a_re_run_is_not_the_next_step_if_a_file_of_the_repository_must_change() -> None:
    """Seen to fail with `then re-run the job`, which uses the old manifest."""
    slow = "raise `timeouts.statement` in the manifest, or make the statement faster, then run the command again"
    error = ApplyError("the statement took longer than 15min", hint=with_inputs(slow))
    page = page_of(FAILED, {"staging": error})
    assert "in a new pull request: a re-run uses the same commit; its merge runs the migration again" in page
    assert "[re-run the job]" not in page


def test_a_correction_reaches_production_by_a_release() -> None:
    """Seen to fail with `its merge runs the migration again`, which is true of staging only."""
    path = "migrations/004_drop_legacy_status.sql"
    plan = replace(make_plan(WORK, PRODUCTION, HAS_TWO), problems=(replace(EDITED, place=Place(path, 1)),))
    page = page_of(ON_PRODUCTION, {"production": Outcome(plan, Status.BLOCKED)})
    assert f"open a pull request that corrects <code>{path}</code>; after its merge, publish a release" in page
    page = page_of(FAILED, {"staging": ERROR})
    assert "its merge runs the migration again" in page


def test_a_run_that_waits_after_a_killed_one_counts_what_is_applied() -> None:
    """Seen to fail with `nothing was changed`, although half of the migrations were applied."""
    hint = "start the workflow with `command: plan` again"
    again = replace(WAITS, reasons=(Reason("fingerprint", "this plan is 1, but the approved plan is 2", hint),))
    half: Ledgers = {"staging": MERGED["staging"], "production": chained(*BEFORE, entry(INDEX))}
    page = page_of(half, {"production": again})
    first = page.splitlines()[0]
    assert first.endswith("production WAITS for an approval of its new plan, 1 of 2 migrations are applied")
    assert "re-run all jobs of the run, then review and approve the new plan" in page
    assert "start the workflow at the tag of the newest release with <code>command: rollback</code>" in page
    assert "command: plan" not in page.split("<b>Way back")[0]


@pytest.mark.parametrize("gate", [*HELD, "health", "data-loss", "lock"])
def test_each_gate_that_holds_a_run_gives_a_record(gate: str) -> None:
    """Seen to fail for `after`, with a ValueError of str.format, so the comment kept the record of an earlier run."""
    page = page_of(ON_PRODUCTION, {"production": replace(WAITS, reasons=(Reason(gate, "it waits", "a hint"),))})
    first = page.splitlines()[0]
    words = HELD.get(gate, "").format("staging")
    assert f" · production WAITS{words}" in first
    assert "{" not in first


def rolled_back(*more: Entry) -> Ledgers:
    gone = (entry(INDEX), entry(DROP), entry(DROP, Mark.ROLLED_BACK), *more)
    return {"staging": MERGED["staging"], "production": chained(*BEFORE, *gone)}


def test_a_file_that_another_environment_has_applied_must_not_change() -> None:
    page = page_of(rolled_back(), {})
    assert "to change the file instead, first roll it back on staging too" in page
    assert "to apply again, start the workflow at the tag of the newest release with" in page
    assert "or change the file in a new pull request" not in page
    alone = page_of({**rolled_back(), "staging": HAS_TWO}, {})
    assert "or change the file in a new pull request" in alone


def test_a_repaired_migration_waits_for_a_run_by_hand() -> None:
    """Seen to fail with `publish a release`, although the release was published before the rollback."""
    accepted = replace(entry(DROP, Mark.REPAIRED, NOW, "to be applied again: reviewed"), checksum=None)
    page = page_of(rolled_back(accepted), {})
    assert page.startswith("### ✅ Applied to staging · production waits to be applied again")
    assert "start the workflow at the tag of the newest release with <code>command: apply</code>" in page
    assert "publish a release" not in page


def test_a_plan_to_approve_does_not_say_what_the_apply_makes_untrue() -> None:
    ready = replace(WAITS, reasons=(Reason("approval", "its plan needs an approval"),))
    page = page_of(ON_PRODUCTION, {"production": ready})
    assert page.startswith("### ✅ Applied to staging · production WAITS for an approval of its plan\n")
    assert "if the job was rejected or killed, start the workflow again" in page
    assert "nothing was changed" not in page


def test_an_old_run_that_is_refused_asks_for_no_correction() -> None:
    """Seen to fail with `open a pull request that corrects the problem`, which no pull request can."""
    hint = "re-run the newest run of this workflow, because this run is for an older commit"
    newer = Problem("missing", "the database is newer than this checkout", hint="use `git pull`", on_github=hint)
    plan = replace(make_plan(WORK, STAGING, HAS_TWO), problems=(newer,))
    outcome = with_inputs_of(Outcome(plan, Status.BLOCKED))
    page = page_of({"staging": HAS_TWO, "production": MERGED["production"]}, {"staging": outcome})
    assert f"{hint} | anyone with write access" in page
    assert "git pull" not in page


def test_a_run_that_refused_its_plan_is_not_recorded_as_waiting() -> None:
    """Seen to fail with `staging waits for the run on merge`."""
    plan = make_plan(WORK, STAGING, HAS_TWO)
    held = replace(plan, problems=(EDITED,))
    ledgers: Ledgers = {"staging": HAS_TWO, "production": MERGED["production"]}
    page = page_of(ledgers, {"staging": Outcome(held, Status.BLOCKED)})
    first = page.splitlines()[0]
    assert first.startswith("### ⛔ staging is BLOCKED, nothing was changed: 004_drop_legacy_status was edited")
    assert "BLOCKED by 1 problem" in page
