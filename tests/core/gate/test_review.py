from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctgitops.core.environment.environment import Environment, Reviewed
from ctgitops.core.gate.gate import Reason, reasons_to_wait, with_warnings
from ctgitops.core.gate.request import Origin, Request
from ctgitops.core.gate.review import (
    MOST,
    Reviews,
    ShownFile,
    ShownPart,
    all_files_of,
    files_of,
    missing_parts,
    shown_in,
    shown_texts,
)
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Plan, make_plan
from tests.fakes import PRODUCTION, STAGING, chained, entry, migration, request, seed, workspace

FIRST = migration("001_first", verify="SELECT true;\n")
SECOND = migration("002_second")
WORK = workspace(FIRST, SECOND, seeds=(seed("seeds/staging/1.sql"),))
STRICT = replace(STAGING, reviewed=Reviewed.REQUIRED)
FILES = [
    "migrations/001_first.sql",
    "migrations/001_first.down.sql",
    "migrations/001_first.verify.sql",
    "migrations/002_second.sql",
    "migrations/002_second.down.sql",
    "seeds/staging/1.sql",
]


def asked(environment: Environment, **fields: object) -> Request:
    return request(WORK, environment, **fields)


def planned(ledger: Ledger | None = None) -> Plan:
    return make_plan(WORK, STAGING, ledger or Ledger())


def reasons(**fields: object) -> tuple[Reason, ...]:
    return reasons_to_wait(planned(), request(WORK, STRICT, **fields), None)


def seen(*files: ShownFile) -> Reviews:
    return Reviews(frozenset(file.digest for file in files))


def test_every_file_that_would_run_must_have_been_shown() -> None:
    files = files_of(planned())
    assert [file.path for file in files] == FILES
    assert reasons(reviews=seen(*files)) == ()
    for left_out in files:
        (reason,) = reasons(reviews=seen(*(f for f in files if f != left_out)))
        assert (reason.gate, left_out.path in reason.what) == ("reviewed", True)
        assert "open a pull request" in reason.hint


def test_a_file_that_another_environment_has_applied_is_shown_by_a_later_pull_request() -> None:
    """Seen to fail: the advice to change the file led to a plan that is blocked."""
    strict = replace(PRODUCTION, reviewed=Reviewed.REQUIRED)
    staging = chained(entry(FIRST))
    plan = make_plan(WORK, strict, Ledger())
    found = reasons_to_wait(plan, request(WORK, strict, reviews=seen()), staging)
    hints = {reason.what.split("`")[1]: reason.hint for reason in found if reason.gate == "reviewed"}
    assert "must not change, because staging has applied it" in hints["migrations/001_first.down.sql"]
    assert "with a new migration, whose plan shows this file too" in hints["migrations/001_first.sql"]
    assert "open a pull request that changes the file" in hints["migrations/002_second.sql"]
    assert all(hint.endswith("merge it, and publish a release") for hint in hints.values())


def test_a_file_that_was_changed_after_it_was_shown_was_not_shown() -> None:
    files = files_of(planned())
    edited = replace(files[0], checksum=files[1].checksum)
    (reason,) = reasons(reviews=seen(edited, *files[1:]))
    assert files[0].path in reason.what


def test_only_what_is_pending_is_asked_for() -> None:
    files = files_of(planned(chained(entry(FIRST))))
    assert [file.path for file in files] == FILES[3:]


def test_a_workspace_in_a_folder_has_files_of_its_own() -> None:
    files = files_of(planned(), "db/")
    assert reasons(reviews=seen(*files), origin=Origin(folder="db/")) == ()
    assert len(reasons(reviews=seen(*files))) == len(FILES)


def test_who_could_not_look_says_so_and_waits() -> None:
    (reason,) = reasons(reviews=Reviews(unknown="GitHub answers 403"))
    assert "GitHub answers 403" in reason.what
    assert "checks: read" in reason.hint


def test_on_a_command_line_a_fingerprint_is_the_review() -> None:
    (reason,) = reasons()
    assert "without GitHub" in reason.what
    assert f"--fingerprint {planned().fingerprint[:12]}" in reason.hint
    assert reasons(approved=planned().fingerprint[:12]) == ()
    (other,) = reasons(approved="0" * 12)
    assert other.gate == "fingerprint"


def test_on_github_a_fingerprint_is_no_review() -> None:
    assert reasons(approved=planned().fingerprint, reviews=Reviews()) != ()


@pytest.mark.parametrize("how", [Reviewed.OFF, Reviewed.WARN])
def test_where_it_is_not_required_nothing_waits_for_it(how: Reviewed) -> None:
    environment = replace(STAGING, reviewed=how)
    assert reasons_to_wait(planned(), asked(environment, reviews=Reviews()), None) == ()


def test_a_warning_blocks_nothing_and_changes_no_fingerprint() -> None:
    careful = asked(replace(STAGING, reviewed=Reviewed.WARN), reviews=Reviews())
    warned = with_warnings(planned(), careful)
    assert [p.code for p in warned.problems if p not in planned().problems] == ["not-reviewed"] * len(FILES)
    assert not warned.blocked
    assert warned.fingerprint == planned().fingerprint
    for environment in (STAGING, STRICT):
        assert with_warnings(planned(), replace(careful, environment=environment)) == planned()


def test_all_files_of_a_checkout_are_those_of_its_plan() -> None:
    assert set(all_files_of(WORK, "db/")) == set(files_of(planned(), "db/"))


# The record. ------------------------------------------------------------------------------------------------------

FILE = st.builds(ShownFile, st.text(), st.text())


@settings(deadline=None)
@given(st.lists(FILE))
def test_what_is_written_down_is_what_is_read(files: list[ShownFile]) -> None:
    part = shown_in(shown_texts(files)[0])
    assert part and part.digests == {file.digest for file in files}


@settings(deadline=None)
@given(FILE, FILE)
def test_two_files_have_two_digests(one: ShownFile, other: ShownFile) -> None:
    assert (one == other) == (one.digest == other.digest)


def test_a_path_and_a_text_are_not_run_together() -> None:
    assert ShownFile("a", "bc").digest != ShownFile("ab", "c").digest


@settings(deadline=None)
@given(st.text())
def test_any_other_text_is_no_record(text: str) -> None:
    assert shown_in(text) is None


@pytest.mark.parametrize("rest", ["", "1}", '1,"files":7}', '1,"files":[7,"short"]}', '1,"files":' + "[" * 100_000])
def test_half_a_record_shows_nothing(rest: str) -> None:
    assert shown_in('{"ctgitops-shown":' + rest) in (None, ShownPart())


def test_a_long_record_has_parts_that_fit_into_check_runs_and_know_of_each_other() -> None:
    files = [ShownFile(str(number), "") for number in range(2 * MOST + 1)]
    texts = shown_texts(files)
    assert [len(text) < 65_535 for text in texts] == [True] * 3
    parts = [part for text in texts if (part := shown_in(text))]
    assert frozenset().union(*(part.digests for part in parts)) == {file.digest for file in files}
    assert [missing_parts(parts[:n]) for n in (3, 2, 1, 0)] == [0, 1, 2, 0]
    assert missing_parts([*parts, *parts]) == 0
