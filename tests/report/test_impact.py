"""The impact of a migration in a terminal, in JSON, and in a comment."""

from __future__ import annotations

import json
from dataclasses import replace

from ctgitops.core.impact.impact import Held, RelationWork, StatementImpact, StepImpact, Work
from ctgitops.core.impact.projection import Bucket, Effect, Measured, Wait
from ctgitops.core.view.preview import Preview
from ctgitops.core.view.verdict import exit_status
from ctgitops.core.workspace.finding import Finding, Severity
from ctgitops.errors import Place
from ctgitops.report.impact import impact_lines, rows
from ctgitops.report.json import plan_json
from ctgitops.report.markdown import plans_markdown
from ctgitops.report.text import plans_text
from ctgitops.sql.locks import LockMode
from tests.fakes import STAGING, migration, workspace
from tests.report.cases import HAS_ONE, ONE, ORIGIN, READY, result
from tests.report.test_json import valid

PROJECTS = Held("public.projects", LockMode.ACCESS_EXCLUSIVE)
REWRITE = StatementImpact(12, (PROJECTS,), (PROJECTS,), (RelationWork(Work.REWRITE, "public.projects"),))
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
        "ACCESS EXCLUSIVE on projects: blocks reads and writes, rewrites the table (minutes on 9.8 M rows, about "
        "41 writes a minute); staging took 41.0 s on 1.2 M rows; 9.8 M rows here",
    )


def test_a_lock_that_is_held_while_a_later_statement_works_is_told_from_its_line_on() -> None:
    lock = StatementImpact(3, (PROJECTS,), (PROJECTS,))
    build = StatementImpact(5, worked=(RelationWork(Work.INDEX, "public.u"),))
    effect = Effect(StepImpact((lock, build)), (Wait(PROJECTS, None, None),))
    line = "ACCESS EXCLUSIVE on projects: blocks reads and writes, from line 3 to the commit (time not known)"
    assert impact_lines(effect) == (line,)


def test_what_keeps_nobody_waiting_says_so() -> None:
    insert = StatementImpact(1, (Held("public.t", LockMode.ROW_EXCLUSIVE),))
    assert impact_lines(Effect(StepImpact((insert,)))) == ("no blocking",)
    slow = StatementImpact(
        1,
        (Held("public.t", LockMode.SHARE_UPDATE_EXCLUSIVE),),
        (),
        (RelationWork(Work.INDEX, "public.t"),),
        concurrent=True,
    )
    assert impact_lines(Effect(StepImpact((slow,)))) == (
        "SHARE UPDATE EXCLUSIVE on t: blocks schema changes, builds an index",
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
    assert "  004_drop_legacy_status  ACCESS EXCLUSIVE on projects: blocks reads and writes, rewrites the table" in text
    assert "effect on other sessions" not in plans_text(READY)


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
    assert "<br>blocks reads and writes on projects (minutes)<br>" in row
    details = page.split("<b>Locks and blocking</b>")[1].split("</details>")[0]
    assert "<code>004_drop_legacy_status</code> in staging\n  - ACCESS EXCLUSIVE" in details
    assert "(instant)" in details
    assert "<code>004_drop_legacy_status</code> in production\n" in details


def test_a_relation_whose_name_is_markup_stays_text() -> None:
    evil = replace(PROJECTS, relation='public."<img src=x> @all | `"')
    statement = replace(REWRITE, taken=(evil,), held=(evil,), worked=(RelationWork(Work.REWRITE, evil.relation),))
    page = plans_markdown(tried(Effect(StepImpact((statement,)), (replace(MINUTES, held=evil),))), ORIGIN)
    assert "<img" not in page
    assert "@all" not in page


# A finding, and what was measured of it. ---------------------------------------------------------------------------

SQL = "ALTER TABLE projects ADD x text;\nALTER TABLE projects\n ALTER status TYPE bigint,\n ALTER name SET NOT NULL;\n"
STATUS = migration("002_status", "2.0.0", sql=SQL, Breaking_Changes="Yes")
FIRST = STATUS.up.sql.split("ALTER")[0].count("\n") + 1
"""The header is before it."""
LOCK = StatementImpact(FIRST, (PROJECTS,), (PROJECTS,))
ALTER = StatementImpact(FIRST + 1, (), (PROJECTS,), (RelationWork(Work.REWRITE, "public.projects"),))
UNDER_IT = Effect(StepImpact((LOCK, ALTER)), (MINUTES,))


def finding(rule: str, line: int, what: str) -> Finding:
    place = Place("migrations/002_status.sql", line, 9)
    return Finding(
        rule, Severity.ERROR, what, place, instead="do it otherwise", lock="ACCESS EXCLUSIVE", blocks_writes=True
    )


TYPE = finding("rewriting-type", FIRST + 2, "reads and writes on projects wait while status becomes int8")
NULL = finding("not-null-scan", FIRST + 3, "reads and writes on projects wait until every row has name")


def found(*findings: Finding, effect: Effect = UNDER_IT, **environment: object) -> Preview:
    seen = result(workspace(ONE, STATUS), STAGING, HAS_ONE)
    (step,) = seen.plan.steps
    plan = replace(seen.plan, steps=(replace(step, findings=findings),))
    return replace(seen, plan=plan, environment=replace(STAGING, **environment), effects={2: effect})  # type: ignore[arg-type]


def test_what_was_measured_stands_with_the_finding_and_nowhere_else() -> None:
    page = plans_markdown((found(TYPE),), ORIGIN)
    measured = (
        f"<b>Measured</b>: ACCESS EXCLUSIVE on projects, from line {FIRST} to the commit (minutes on 9.8 M rows, about "
        "41 writes a minute); staging took 41.0 s on 1.2 M rows; 9.8 M rows here<br><b>Help</b>: do it otherwise"
    )
    assert f"docs/rules.md#rewriting-type)<br>{measured}" in page
    assert page.count("9.8 M") == 2
    assert page.count("ACCESS EXCLUSIVE") == 1
    assert "<b>Locks and blocking</b>" not in page


def test_a_terminal_tells_it_once_too() -> None:
    text = plans_text((found(TYPE),))
    assert "  002_status  blocks reads and writes on projects (minutes); see the findings" in text
    assert f"    measured: ACCESS EXCLUSIVE on projects, from line {FIRST} to the commit (minutes on" in text
    assert text.count("9.8 M rows") == 2


def test_a_second_finding_under_the_same_lock_refers_to_the_first() -> None:
    page = plans_markdown((found(TYPE, NULL),), ORIGIN)
    assert f"#not-null-scan)<br><b>Measured</b>: under the lock of line {FIRST + 2}<br>" in page
    assert page.count("minutes on 9.8 M rows") == 1


def test_work_that_no_finding_tells_of_is_told_with_the_lock_that_it_prolongs() -> None:
    scan = StatementImpact(FIRST, (PROJECTS,), (PROJECTS,), (RelationWork(Work.SCAN, "public.projects"),))
    page = plans_markdown((found(TYPE, effect=replace(UNDER_IT, impact=StepImpact((scan, ALTER)))),), ORIGIN)
    assert f"ACCESS EXCLUSIVE on projects: scans the table, from line {FIRST} to the commit" in page


def test_a_lock_that_no_finding_is_about_keeps_its_line() -> None:
    other = Held("public.crews", LockMode.ACCESS_EXCLUSIVE)
    both = Effect(
        StepImpact((replace(LOCK, taken=(PROJECTS, other)), ALTER)), (MINUTES, Wait(other, Bucket.MINUTES, 5.0))
    )
    page = plans_markdown((found(TYPE, effect=both),), ORIGIN)
    details = page.split("<b>Locks and blocking</b>")[1].split("</details>")[0]
    assert "ACCESS EXCLUSIVE on crews: blocks reads and writes" in details
    assert "projects" not in details


def test_a_finding_that_the_trial_disproves_says_so_and_keeps_its_severity() -> None:
    quick = Effect(StepImpact((LOCK, replace(ALTER, worked=()))), (replace(MINUTES, bucket=Bucket.INSTANT),))
    looked = found(TYPE, effect=quick)
    page = plans_markdown((looked,), ORIGIN)
    assert "<b>Measured</b>: no blocking while the statement ran<br>" in page
    assert "ACCESS EXCLUSIVE on projects: blocks reads and writes" in page.split("<b>Locks and blocking</b>")[1]
    assert exit_status((looked,)) == 1


def test_of_a_statement_that_was_not_reached_nothing_is_said() -> None:
    page = plans_markdown((found(TYPE, effect=Effect(StepImpact((LOCK,)), (MINUTES,))),), ORIGIN)
    assert "<b>Measured</b>" not in page
    assert "<b>Locks and blocking</b>" in page


def test_environments_that_measure_otherwise_are_named() -> None:
    quick = replace(UNDER_IT, waits=(replace(MINUTES, bucket=Bucket.INSTANT, measured=None),))
    page = plans_markdown((found(TYPE, effect=quick), found(TYPE, name="production")), ORIGIN)
    assert f"from line {FIRST} to the commit (instant), in staging<br><b>Measured</b>: ACCESS EXCLUSIVE on" in page
    assert "9.8 M rows here, in production<br>" in page


def test_programs_find_the_wait_of_a_finding_by_its_relation() -> None:
    (step,) = valid("plan", plan_json(found(TYPE, replace(NULL, blocks_writes=False))))["steps"]
    assert [each["waited_for"] for each in step["findings"]] == [["public.projects"], None]
    assert step["waits"][0]["relation"] == "public.projects"
