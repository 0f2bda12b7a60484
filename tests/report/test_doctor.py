"""Pages of `doctor`: 80 columns, a schema, and no unknown result hidden."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.doctor.check_list import CHECKS
from ctgitops.core.doctor.diagnosis import Checkup, Diagnosis, note, ok, problem, unknown
from ctgitops.report.doctor import WIDTH, doctor_json, doctor_markdown, doctor_text
from tests.core.doctor.test_diagnosis import results
from tests.report.test_json import valid

SOME = Checkup(
    tuple(
        replace(each, subject="staging" if each.family != "github" else "")
        for each in (
            ok("connect", "PostgreSQL 17.2"),
            ok("pooler", "own"),
            problem("apply-grants", "app lacks 2 of the privileges that `apply` needs", "grant a to b;\ngrant c to d;"),
            note("recovery", "no point-in-time recovery: `archive_mode` is off", why=CHECKS["recovery"].why),
            note("run-lock", "a run is active: run by anna"),
            unknown("github-token", "GITHUB_TOKEN is not set", 'export GITHUB_TOKEN="$(gh auth token)"'),
            unknown("branch-rules", "GITHUB_TOKEN is not set", 'export GITHUB_TOKEN="$(gh auth token)"'),
        )
    )
)


def test_each_line_says_what_why_and_the_fix() -> None:
    assert (
        doctor_text(SOME)
        == """\
staging: 1 problem
  problem  apply-grants: app lacks 2 of the privileges that `apply` needs
           why: The first migration or ledger entry that needs the privilege
           fails.
           fix: grant a to b;
                grant c to d;
  note     recovery: no point-in-time recovery: `archive_mode` is off
           why: Without a WAL archive, only the state of the newest backup can
           be restored.
  note     run-lock: a run is active: run by anna
  ok       connect, pooler

repository: 2 unknown
  unknown  github-token, branch-rules: GITHUB_TOKEN is not set
           fix: export GITHUB_TOKEN="$(gh auth token)"

In total: 1 problem, 2 unknown
"""
    )


@given(st.lists(results))
def test_lines_fit_into_80_columns_unless_a_word_or_a_fix_does_not(found: list[Diagnosis]) -> None:
    page = doctor_text(Checkup(tuple(replace(each, fix="") for each in found)))
    assert max(map(len, page.split("\n"))) <= WIDTH


@given(st.lists(results))
def test_json_is_of_the_published_shape_and_agrees_with_the_exit_status(found: list[Diagnosis]) -> None:
    checkup = Checkup(tuple(found))
    data = valid("doctor", doctor_json(checkup))
    assert (data["exit_status"], len(data["results"])) == (checkup.exit_status, len(found))


def test_markdown_shows_every_result_and_fences_the_fix() -> None:
    page = doctor_markdown(SOME)
    assert "```sh\ngrant a to b;\ngrant c to d;\n```" in page
    for each in SOME.results:
        assert f"<code>{each.check}</code>" in page


def test_hostile_names_are_inert() -> None:
    hostile = Checkup((problem("statistics", "missing: @all `</code>` ::error::x\n::error::y", "```\n<b>"),))
    assert "</code>`" not in doctor_markdown(hostile)
    assert "@all" not in doctor_markdown(hostile)
    assert "\n::error" not in doctor_text(hostile)


def test_a_reason_is_given_only_where_something_is_wrong() -> None:
    found = {each["check"]: each for each in valid("doctor", doctor_json(SOME))["results"]}
    assert (found["connect"]["why"], found["run-lock"]["why"]) == ("", "")
    assert all(found[check]["why"] for check in ("apply-grants", "recovery", "github-token"))
    assert "a run is active: run by anna\n" in doctor_markdown(SOME)
