"""`doctor`: a check that hangs or fails is unknown, and the others still run."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from ctgitops.commands.doctor import doctor
from ctgitops.core.doctor.check_list import FAMILIES
from ctgitops.core.doctor.diagnosis import CheckVerdict, Diagnosis, ok, problem
from ctgitops.errors import LedgerError
from ctgitops.ports.examination import Examination, Look


def verdicts(*examinations: Examination, families: tuple[str, ...] = FAMILIES) -> dict[str, CheckVerdict]:
    return {each.check: each.verdict for each in doctor(examinations, families, longest=0.2).results}


def good(check: str) -> Look:
    return lambda: [ok(check, "fine")]


def test_a_check_that_hangs_makes_the_rest_of_its_session_unknown_and_no_other() -> None:
    ended = threading.Event()

    def hangs() -> list[Diagnosis]:
        ended.wait()
        return [ok("tls", "too late")]

    closed: list[str] = []
    one = Examination(
        "s", {"connect": good("connect"), "tls": hangs, "clock": good("clock")}, lambda: closed.append("1")
    )
    other = Examination("s", {"backup-store": good("backup-store")}, lambda: closed.append("2"))
    found = doctor((one, other), FAMILIES, longest=0.2)
    ended.set()
    assert {each.check: each.verdict for each in found.results} == {
        "connect": CheckVerdict.OK,
        "tls": CheckVerdict.UNKNOWN,
        "clock": CheckVerdict.UNKNOWN,
        "backup-store": CheckVerdict.OK,
    }
    assert "no result within 0.2 s" in found.results[1].what
    assert "`tls` did not end" in found.results[2].what
    assert closed == ["2"], "a session that hangs is left alone"
    assert found.exit_status == 1


def test_a_check_that_fails_is_unknown_and_says_why() -> None:
    def refused() -> Iterator[Diagnosis]:
        yield problem("tls", "found before", "fix")
        raise LedgerError("the database could not be reached", hint="start it")

    found = doctor((Examination("s", {"tls": refused, "clock": good("clock")}),), FAMILIES).results
    assert [each.verdict for each in found] == [CheckVerdict.PROBLEM, CheckVerdict.UNKNOWN, CheckVerdict.OK]
    assert (found[1].what, found[1].fix) == ("the database could not be reached", "start it")


def test_an_unexpected_error_is_unknown_and_its_text_is_not_shown() -> None:
    def broken() -> list[Diagnosis]:
        raise ValueError("password=hunter2")

    (only,) = doctor((Examination("s", {"tls": broken}),), FAMILIES).results
    assert (only.verdict, only.what) == (CheckVerdict.UNKNOWN, "the check failed: ValueError")


def test_only_the_chosen_families_run() -> None:
    both = Examination("s", {"tls": good("tls"), "recovery": good("recovery")})
    assert verdicts(both, families=("server",)) == {"recovery": CheckVerdict.OK}
