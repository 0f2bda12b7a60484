"""What a migration does to who uses the database: in a terminal, for programs, and in a comment."""

from __future__ import annotations

import json
from dataclasses import replace

from ctgitops.core.impact import Held, StatementImpact, StepImpact, Work, Worked
from ctgitops.core.preview import Preview
from ctgitops.core.projection import Bucket, Effect, Measured, Wait
from ctgitops.report.impact import impact_lines, rows
from ctgitops.report.json import plan_json
from ctgitops.report.markdown import plans_markdown
from ctgitops.report.text import plans_text
from ctgitops.sql.locks import LockMode
from tests.report.cases import ORIGIN, READY
from tests.report.test_json import valid

PROJECTS = Held("public.projects", LockMode.ACCESS_EXCLUSIVE)
REWRITE = StatementImpact(12, (PROJECTS,), (PROJECTS,), (Worked(Work.REWRITE, "public.projects"),))
MINUTES = Wait(PROJECTS, Bucket.MINUTES, 9_800_000, 41.2, Measured("staging", 41_000, 1_200_000))
SLOW = Effect(StepImpact((REWRITE,)), (MINUTES,))


def tried(effect: Effect, number: int = 4) -> tuple[Preview, Preview]:
    staging, production = READY
    assert isinstance(staging, Preview)
    assert isinstance(production, Preview)
    quick = replace(effect, waits=tuple(replace(wait, bucket=Bucket.INSTANT, measured=None) for wait in effect.waits))
    return replace(staging, effects={number: quick}), replace(production, effects={number: effect})


def test_a_line_says_the_lock_what_it_blocks_and_for_how_long() -> None:
    assert impact_lines(SLOW) == (
        "ACCESS EXCLUSIVE on projects: blocks reads and writes, rewrites it (minutes on 9.8 M rows, about 41 writes a "
        "minute); staging took 41.0 s on 1.2 M rows; here are 9.8 M rows",
    )


def test_a_lock_that_is_held_while_a_later_statement_works_is_told_from_its_line_on() -> None:
    lock = StatementImpact(3, (PROJECTS,), (PROJECTS,))
    build = StatementImpact(5, worked=(Worked(Work.INDEX, "public.u"),))
    effect = Effect(StepImpact((lock, build)), (Wait(PROJECTS, None, None),))
    line = (
        "ACCESS EXCLUSIVE on projects: blocks reads and writes, from line 3 to the commit (nobody knows for how long)"
    )
    assert impact_lines(effect) == (line,)


def test_what_keeps_nobody_waiting_says_so() -> None:
    insert = StatementImpact(1, (Held("public.t", LockMode.ROW_EXCLUSIVE),))
    assert impact_lines(Effect(StepImpact((insert,)))) == ("nobody waits for it",)
    slow = StatementImpact(
        1, (Held("public.t", LockMode.SHARE_UPDATE_EXCLUSIVE),), (), (Worked(Work.INDEX, "public.t"),), concurrent=True
    )
    assert impact_lines(Effect(StepImpact((slow,)))) == (
        "SHARE UPDATE EXCLUSIVE on t: blocks schema changes, builds an index on it",
    )


def test_rows_are_told_with_two_digits() -> None:
    assert [rows(n) for n in (0, 1, 999, 1_200, 9_800_000, 4e9)] == [
        "no rows",
        "1 row",
        "999 rows",
        "1.2 k rows",
        "9.8 M rows",
        "4 G rows",
    ]


def test_a_terminal_shows_them_below_the_migrations() -> None:
    text = plans_text((tried(SLOW)[1],))
    assert "  004_drop_legacy_status  ACCESS EXCLUSIVE on projects: blocks reads and writes, rewrites it" in text
    assert "what they do" not in plans_text(READY)


def test_programs_get_every_statement_and_who_waits() -> None:
    page = valid("plan", plan_json(tried(SLOW)[1]))
    step = page["steps"][-1]
    assert step["impact"][0]["blocks_writes_while_it_works"] is True
    assert step["impact"][0]["work"] == [{"work": "rewrite", "relation": "public.projects", "what": "", "fresh": False}]
    assert step["waits"][0]["for"] == "minutes"
    assert step["waits"][0]["measured"] == {"environment": "staging", "millis": 41_000, "rows": 1_200_000}
    assert json.loads(plan_json(READY[0]))["steps"][0]["impact"] == []


def test_a_comment_shows_the_worst_environment_in_its_row_and_each_below() -> None:
    page = plans_markdown(tried(SLOW), ORIGIN)
    (row,) = (line for line in page.splitlines() if line.startswith("| 🟠") and "004_drop" in line)
    assert "ACCESS EXCLUSIVE on projects: blocks reads and writes, rewrites it (minutes on 9.8 M rows" in row
    details = page.split("<b>Who waits</b>")[1].split("</details>")[0]
    assert "<code>004_drop_legacy_status</code> in staging\n  - ACCESS EXCLUSIVE" in details
    assert "(instant)" in details
    assert "<code>004_drop_legacy_status</code> in production\n" in details


def test_a_relation_whose_name_is_markup_stays_text() -> None:
    evil = replace(PROJECTS, relation='public."<img src=x> @all | `"')
    statement = replace(REWRITE, taken=(evil,), held=(evil,), worked=(Worked(Work.REWRITE, evil.relation),))
    page = plans_markdown(tried(Effect(StepImpact((statement,)), (replace(MINUTES, held=evil),))), ORIGIN)
    assert "<img" not in page
    assert "@all" not in page
