"""The plan comment: the next action, the most important facts first, and no fact twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.environment.environment import Environment, Trigger
from ctgitops.core.gate.gate import Reason
from ctgitops.core.gate.request import Origin
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.core.trial.trial import Trial
from ctgitops.core.view.preview import NotPlanned, PlanResult, Preview
from ctgitops.errors import LedgerError
from ctgitops.report.markdown import plans_markdown
from ctgitops.sql.script import Script
from tests.fakes import PRODUCTION, STAGING, migration, workspace
from tests.report.cases import BLOCKED, HAS_ONE, HAS_TWO, NOTHING, ONE, ORIGIN, READY, TWO, WORK, result

SHA = "4be1c07d9a514be1c07d9a514be1c07d9a514be1"
AT_GITHUB = Origin("anna", SHA, 42, ORIGIN.run_url, "https://github.com/constructtrack/database", "db/")
STAGED = workspace(ONE, TWO)


def next_line(*results: PlanResult, origin: Origin = ORIGIN) -> str:
    return plans_markdown(results, origin).split("<b>Next</b>: ")[1].split("\n")[0]


def by(trigger: Trigger, **more: object) -> PlanResult:
    environment: Environment = replace(STAGING, trigger=trigger, **more)  # type: ignore[arg-type]
    return result(STAGED, environment, HAS_ONE)


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (NOTHING, "Nothing to do: no database is changed."),
        ((by(Trigger.PUSH),), "Merge to apply it to <b>staging</b>."),
        ((by(Trigger.RELEASE, tags="v*"),), "<b>staging</b> waits for the next release tagged v&#42;."),
        ((by(Trigger.SCHEDULE),), "<b>staging</b> waits for the schedule."),
        (
            (by(Trigger.MANUAL),),
            "To apply it to <b>staging</b>, run <code>ctgitops apply --env staging</code>.",
        ),
        (
            BLOCKED,
            "Resolve the error of production: is PRODUCTION_DATABASE_URL still right? "
            "Fix <code>migrations/001_initial_schema.sql:12</code>: restore the file, and put the change into a new "
            "migration. A push updates this comment.",
        ),
        (
            (NotPlanned(PRODUCTION, LedgerError("no", hint="start it")),),
            "Resolve the error of production: start it.",
        ),
    ],
)
def test_the_next_thing_to_do(results: tuple[PlanResult, ...], said: str) -> None:
    assert next_line(*results) == said


def test_a_line_of_a_file_is_a_link_where_people_can_look_at_it() -> None:
    wanted = f"https://github.com/constructtrack/database/blob/{SHA}/db/migrations/001_initial_schema.sql#L12"
    assert f"]({wanted})" in next_line(*BLOCKED, origin=AT_GITHUB)
    for blind in (replace(AT_GITHUB, commit_sha="4be1c07"), replace(AT_GITHUB, repository_url="javascript:x")):
        assert "](" not in next_line(*BLOCKED, origin=blind)


def test_sql_that_runs_stays_when_what_undoes_it_goes() -> None:
    long = "-- " + "x" * 9_000 + "\nselect 1;\n"
    down = f"-- {'y' * 500}\ndrop table u;\n"
    results = (result(workspace(ONE, migration("002_up", "1.1.0", sql=long, down=down)), STAGING, HAS_ONE),)
    tight = plans_markdown(results, ORIGIN, longest=len(plans_markdown(results, ORIGIN)) - 9)
    assert "x" * 9_000 in tight
    assert "drop table u;" not in tight
    assert "1 of 2 SQL files" in tight
    assert "<b>SQL</b> · 1 of 2 files" in tight


def test_the_two_sections_of_one_file_are_told_apart() -> None:
    """Seen to fail with the same caption twice, under `2 files`: goose has both directions in one file."""
    two = migration("002_up", "1.1.0")
    two = replace(two, down=Script("drop table t2;\n", two.path))
    page = plans_markdown((result(workspace(ONE, two), STAGING, HAS_ONE),), ORIGIN)
    assert f"<code>{two.path}</code>\n" in page
    assert f"<code>{two.path}</code>, rollback\n" in page
    assert "<b>SQL</b> · 1 file," in page


NOTES = SchemaObject("table", "public.route_notes")
TRIED = Trial("15.18", tried=("002_route_notes",), changes=(Added(NOTES),), after=Snapshot.of([NOTES]))


def test_schema_changes_are_shown_where_somebody_tried_it_and_once() -> None:
    assert "Schema changes" not in plans_markdown(READY, ORIGIN)
    tried = tuple(replace(each, proof=TRIED) for each in READY if isinstance(each, Preview))
    page = plans_markdown(tried, ORIGIN)
    assert page.count("+   table public.route_notes") == 1
    assert "staging and production\n\n```diff\n+   table public.route_notes\n```" in page
    assert page.count('```mermaid\nerDiagram\n    e1["public.route_notes"]\n```') == 1
    assert "<b>✅ Tried</b> (staging and production): tried on a copy of its schema" in page


def test_what_the_manifest_says_anyway_is_no_reason_told_again() -> None:
    reasons = (Reason("bake", "since", expected=True), Reason("after", "staging could not be read"))
    page = plans_markdown((Preview(PRODUCTION, make_plan(WORK, PRODUCTION, HAS_TWO), reasons),), ORIGIN)
    assert "<b>Refused by gates</b>" in page
    assert "since" not in page
    assert "Refused by gates" not in plans_markdown(READY, ORIGIN)


def test_a_row_tells_where_it_goes_only_where_that_differs() -> None:
    both = (result(STAGED, STAGING, HAS_ONE), result(STAGED, PRODUCTION, HAS_ONE, HAS_ONE))
    assert "<b>only " not in plans_markdown(both, ORIGIN)
    assert "<b>only " not in plans_markdown((both[0], BLOCKED[1]), ORIGIN)
    ahead = (result(STAGED, STAGING, HAS_TWO), both[1])
    assert "<b>only production</b>" in plans_markdown(ahead, ORIGIN)


def test_a_long_detail_is_folded_and_a_short_one_is_not() -> None:
    def page(text: str) -> str:
        return plans_markdown(
            (result(workspace(ONE, migration("002_x", "1.1.0", sql=text)), STAGING, HAS_ONE),), ORIGIN
        )

    assert "<summary>Details</summary>" not in page("selec 1;\n")
    assert "<summary>Details</summary>" in plans_markdown(BLOCKED, ORIGIN)
