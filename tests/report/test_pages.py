from __future__ import annotations

from collections.abc import Callable

import pytest

from ctgitops.commands.check import check
from ctgitops.core.gate.gate import Unreadable
from ctgitops.core.run.outcome import Outcome
from ctgitops.core.view.preview import PlanResult
from ctgitops.core.view.status import status_of
from ctgitops.errors import ApplyError, BackupError, CtgitopsError, LedgerError, MustWaitError, Place
from ctgitops.report.markdown import check_markdown, outcome_markdown, plans_markdown, statuses_markdown
from ctgitops.report.outcome_text import outcome_text
from ctgitops.report.terminal_text import on_one_line, table, visible
from ctgitops.report.text import check_text, plans_text
from ctgitops.report.text_error import error_text
from ctgitops.report.text_status import status_text, statuses_text
from tests.fakes import PRODUCTION, STAGING, migration, workspace
from tests.report.cases import (
    APPLIED,
    BACK,
    BLOCKED,
    MIXED_LEDGER,
    NOTHING,
    ORIGIN,
    READY,
    REFUSED,
    UP_TO_DATE,
    WAITING,
    WORK,
)

Golden = Callable[[str, str], None]

PLANS = [("ready", READY), ("blocked", BLOCKED), ("nothing", NOTHING)]
OUTCOMES = [
    ("applied", APPLIED),
    ("waiting", WAITING),
    ("blocked", REFUSED),
    ("rolled-back", BACK),
    ("up-to-date", UP_TO_DATE),
]


@pytest.mark.parametrize(("name", "results"), PLANS)
def test_the_plan(name: str, results: tuple[PlanResult, ...], golden: Golden) -> None:
    golden(f"plan-{name}.txt", plans_text(results))
    golden(f"plan-{name}.md", plans_markdown(results, ORIGIN))


@pytest.mark.parametrize(("name", "outcome"), OUTCOMES)
def test_the_outcome(name: str, outcome: Outcome, golden: Golden) -> None:
    golden(f"outcome-{name}.txt", outcome_text(outcome))
    golden(f"outcome-{name}.md", outcome_markdown(outcome, ORIGIN))


def test_the_check(golden: Golden) -> None:
    assert check_text(WORK, ()) == "4 migrations, 2 environments, no problems\n"
    broken = workspace(migration("001_one", "1.0.0", sql="SELECT 1;\nSELEC 2;\n"), migration("003_three", "1.1.0"))
    golden("check.txt", check_text(broken, check(broken)))
    golden("check.md", check_markdown(broken, check(broken)))


def test_the_status(golden: Golden) -> None:
    staging = status_of(WORK, STAGING, MIXED_LEDGER)
    production = status_of(WORK, PRODUCTION, Unreadable("connection refused"))
    golden("status.txt", status_text(staging))
    golden("status-all.txt", statuses_text((staging, production)))
    golden("status-all.md", statuses_markdown((staging, production)))


ERRORS: list[tuple[str, CtgitopsError]] = [
    (
        "apply",
        ApplyError(
            'column "email" of relation "customers" already exists',
            place=Place("migrations/010_add_email.sql", 14, 5),
            sqlstate="42701",
            statement="    ADD COLUMN email text;",
            detail="DETAIL: it was added by 004",
            state="010_add_email left no trace; 009_customer_preferences is applied",
            hint="correct the file, then `ctgitops apply --env staging` again",
        ),
    ),
    (
        "ledger",
        LedgerError(
            "007_add_email was changed after it was applied on 2025-03-02",
            place=Place("migrations/007_add_email.sql", 1),
            state="nothing was changed",
            hint="restore the file, or put the change in a new migration",
        ),
    ),
    ("wait", MustWaitError("another run holds the lock: run 17 of anna", state="nothing was changed")),
    ("backup", BackupError("the restored copy lacks 1 row of public.projects", state="nothing was changed")),
]


@pytest.mark.parametrize(("name", "error"), ERRORS)
def test_the_error(name: str, error: CtgitopsError, golden: Golden) -> None:
    golden(f"error-{name}.txt", error_text(error))


def test_a_statement_of_several_lines_has_a_gutter_where_its_first_line_is_known() -> None:
    error = ApplyError("no", place=Place("a.sql", 10), statement="ALTER TABLE t\n\tADD a int,\n\tADD a int;")
    assert error_text(error).splitlines()[2:6] == [
        "   |",
        "10 | ALTER TABLE t",
        "11 |     ADD a int,",
        "12 |     ADD a int;",
    ]


def test_the_caret_stands_below_the_column_behind_a_tab() -> None:
    error = ApplyError("no", place=Place("a.sql", 3, 6), statement="\tADD a int;")
    assert error_text(error).splitlines()[3:5] == ["3 |     ADD a int;", "  |         ^"]


def test_no_page_says_that_a_transaction_was_rolled_back() -> None:
    pages = [plans_text(READY), outcome_text(APPLIED), *(error_text(error) for _, error in ERRORS)]
    assert not any("rolled back" in page for page in pages)


def test_text_of_files_cannot_command_the_terminal() -> None:
    assert on_one_line("a\x1b]0;x\x07b\nc\u202ed") == "a ]0;x b c d"
    assert visible("a\x1b[31m\r\n\tb\u202e") == "a\N{REPLACEMENT CHARACTER}[31m\n    b\N{REPLACEMENT CHARACTER}"


def test_columns_line_up_with_wide_characters() -> None:
    assert table([("a", "b"), ("日本", "c")], indent=0) == ["a     b", "日本  c"]
