"""The verdict about all checks: an unknown result is never a success."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.doctor.check_list import CHECKS, FAMILIES
from ctgitops.core.doctor.diagnosis import Checkup, CheckVerdict, Diagnosis, ensured
from ctgitops.core.doctor.variables import variables
from ctgitops.core.environment.receiver import Receiver
from tests.fakes import STAGING

results = st.builds(
    Diagnosis,
    st.sampled_from(sorted(CHECKS)),
    st.sampled_from(CheckVerdict),
    st.text(),
    st.text(),
    st.sampled_from(["", "staging", "production"]),
)


@given(st.lists(results))
def test_only_good_results_and_notes_are_a_success(found: list[Diagnosis]) -> None:
    good = {CheckVerdict.OK, CheckVerdict.NOTE}
    assert Checkup(tuple(found)).exit_status == (0 if {each.verdict for each in found} <= good else 1)


@given(st.lists(results))
def test_each_result_belongs_to_one_subject_and_problems_come_first(found: list[Diagnosis]) -> None:
    checkup = Checkup(tuple(found))
    shown = [each for subject in checkup.subjects for each in checkup.of(subject)]
    assert sorted(map(repr, shown)) == sorted(map(repr, found))
    for subject in checkup.subjects:
        verdicts = [each.verdict for each in checkup.of(subject)]
        assert CheckVerdict.PROBLEM not in verdicts[verdicts.count(CheckVerdict.PROBLEM) :]


def test_a_check_without_a_result_is_unknown() -> None:
    (only,) = ensured("tls", [])
    assert only.verdict is CheckVerdict.UNKNOWN


def test_every_check_has_a_family_of_the_report() -> None:
    assert {check.family for check in CHECKS.values()} == set(FAMILIES)


def test_a_variable_that_is_not_set_is_named_with_its_purpose() -> None:
    receivers = (Receiver("SLACK_URL", signing_secret="SLACK_KEY"),)
    missing = list(variables(STAGING, receivers, {STAGING.url_secret}))
    assert [each.what for each in missing] == [
        "SLACK_URL, the URL of a receiver of notifications, is not set",
        "SLACK_KEY, the key that signs notifications, is not set",
    ]
    assert {each.verdict for each in missing} == {CheckVerdict.PROBLEM}
    assert f"gh secret set SLACK_URL --env {STAGING.name}" in missing[0].fix

    (well,) = variables(STAGING, receivers, {STAGING.url_secret, "SLACK_URL", "SLACK_KEY"})
    assert well.verdict is CheckVerdict.OK
