"""The inputs of a run: who signs its ledger entries, and which text is a fingerprint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.environment.environment import ShadowPolicy
from ctgitops.core.gate.request import Origin, fingerprint_from
from ctgitops.errors import UsageError
from tests.fakes import STAGING, entry, migration, request, workspace

ENTRY = replace(entry(migration("001_one")), actor="somebody", pull_request=3, run_url="x", commit_sha="y")


def test_an_entry_gets_all_of_the_origin_of_this_run_and_nothing_of_an_earlier_one() -> None:
    signed = Origin("anna", "abc", 7, "https://ci/7", "https://github.com/o/r", "db/").signed(ENTRY)
    assert signed == replace(ENTRY, actor="anna", commit_sha="abc", pull_request=7, run_url="https://ci/7")
    assert Origin().signed(ENTRY) == replace(ENTRY, actor=None, commit_sha=None, pull_request=None, run_url=None)


@pytest.mark.parametrize("text", ["0123456789ab", "a" * 64, "none"])
def test_at_least_twelve_hex_digits_are_a_fingerprint(text: str) -> None:
    assert fingerprint_from(text) == text
    assert fingerprint_from(None) is None


@pytest.mark.parametrize("text", ["", "0123456789a", "a" * 65, "0123456789AB", "0123456789ab\n", "nonesuch", "g" * 12])
def test_no_other_text_is_a_fingerprint(text: str) -> None:
    with pytest.raises(UsageError, match="is not a fingerprint"):
        fingerprint_from(text)


def test_a_trial_is_moved_to_another_server_and_stays_as_the_manifest_describes_it() -> None:
    own = replace(STAGING, shadow=ShadowPolicy(major=15, extensions=("postgis",), url_secret="OWN", image="own"))
    moved = request(workspace(), own).copied_where(ShadowPolicy(major=17, url_secret="OTHER", image="other"))
    assert moved.environment == replace(own, shadow=replace(own.shadow, url_secret="OTHER", image="other"))
