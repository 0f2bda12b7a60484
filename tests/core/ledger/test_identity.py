from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.commands.apply import apply
from ctgitops.commands.plan import plan
from ctgitops.commands.repair import ledger_id_after
from ctgitops.core.ledger.identity import Identity, LedgerHome, Site, identity_problems, refuse_wrong, shared
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.plan.rollback import make_rollback
from ctgitops.core.run.outcome import Status
from ctgitops.core.view.preview import Preview
from ctgitops.core.view.status import status_of
from ctgitops.errors import LedgerError
from tests.fakes import PRODUCTION, STAGING, Diary, chained, entry, migration, request, workspace

PINNED, OTHER = "0b9d1c5e-7a3f-4a52-9a43-3f1d2c7b8e10", "11111111-7a3f-4a52-9a43-3f1d2c7b8e10"
HERE, CLONE, ELSEWHERE = Site(7001, 16384, "app"), Site(7001, 16999, "app"), Site(7002, 16384, "app")
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
SITES = st.builds(Site, st.none() | st.integers(1, 3), st.integers(1, 3), st.sampled_from(["app", "other"]))


def identity(here: Site, of: str = "staging", home: Site = HERE) -> Identity:
    return Identity(here, PINNED, LedgerHome(of, home, SINCE))


@pytest.mark.parametrize(
    ("seen", "codes"),
    [
        (Identity(HERE), []),
        (Identity(HERE, PINNED), []),
        (identity(HERE), []),
        (identity(replace(HERE, name="renamed")), []),
        (identity(replace(HERE, system_identifier=None)), []),
        (identity(CLONE), ["moved-database"]),
        (identity(ELSEWHERE), ["moved-database"]),
        (identity(replace(CLONE, system_identifier=None)), ["moved-database"]),
        (identity(HERE, of="production"), ["wrong-database"]),
        (identity(ELSEWHERE, of="production"), ["copied-database"]),
    ],
)
def test_p22_a_ledger_tells_whose_it_is_and_where_it_is_at_home(seen: Identity, codes: list[str]) -> None:
    """Seen to fail with `at_home` always true, and without the comparison of the environments."""
    assert [problem.code for problem in identity_problems(STAGING, seen)] == codes


@pytest.mark.parametrize(
    ("seen", "pinned", "words"),
    [
        (Identity(HERE), PINNED, "has no ledger"),
        (Identity(HERE, OTHER), PINNED, f"has ledger {OTHER}"),
        (Identity(HERE, PINNED), PINNED, ""),
    ],
)
def test_p22_a_pinned_environment_takes_no_other_ledger_and_no_empty_database(
    seen: Identity, pinned: str, words: str
) -> None:
    problems = list(identity_problems(replace(STAGING, database_id=pinned), seen))
    assert [problem.code for problem in problems] == (["wrong-database"] if words else [])
    assert all(words in problem.what for problem in problems)


def test_p22_whoever_asks_is_told_and_nothing_is_applied() -> None:
    one = migration("001_one", "1.0.0")
    ledger = replace(chained(entry(one)), identity=identity(ELSEWHERE, of="production"))
    assert make_plan(workspace(one), STAGING, ledger).blocked
    assert make_rollback(STAGING, ledger, tuple(ledger.applied.values())).blocked
    assert status_of(workspace(one), STAGING, ledger).exit_status == 4
    with pytest.raises(LedgerError, match="connects to a copy of production"):
        refuse_wrong(STAGING, ledger.identity)
    two = migration("002_two", "1.1.0")
    diary = Diary({"staging": ledger})
    done = apply(request(workspace(one, two)), databases=diary, backups=diary, tell=diary.tell)
    assert done.status is Status.BLOCKED
    assert diary.lines == ["lock", "read ledger", "unlock"]


def test_p22_what_an_environment_comes_after_must_be_itself() -> None:
    """Else production would be held to be proved by its own database, behind the name of staging."""
    one = migration("001_one", "1.0.0")
    diary = Diary({"staging": replace(chained(entry(one)), identity=identity(HERE, of="production"))})
    asked = request(workspace(one), PRODUCTION)
    done = apply(asked, databases=diary, backups=diary, tell=diary.tell)
    assert [reason.gate for reason in done.reasons] == ["after"]
    assert "connects to the database of production" in done.reasons[0].what


def test_p22_two_environments_that_are_one_database_are_told_before_it_has_a_ledger() -> None:
    one = migration("001_one", "1.0.0")
    diary = Diary({name: Ledger(identity=Identity(HERE)) for name in ("staging", "production")})
    both = workspace(one)
    results = plan((request(both, STAGING), request(both, PRODUCTION)), databases=diary, code=diary)
    found = [[p.code for p in result.plan.problems if p.blocks] for result in results if isinstance(result, Preview)]
    assert found == [["shared-database"], ["shared-database"]]


def test_copies_of_one_disk_that_were_adopted_are_two_databases() -> None:
    assert not shared(identity(HERE, of="staging"), identity(HERE, of="production"))
    assert not shared(Identity(HERE), Identity(CLONE))
    assert shared(identity(HERE), identity(HERE))


@given(one=SITES, other=SITES)
def test_the_same_site_is_so_both_ways_and_its_name_does_not_matter(one: Site, other: Site) -> None:
    assert one.is_same(one)
    assert one.is_same(other) == other.is_same(one) == replace(one, name="x").is_same(other)


def test_an_adopted_copy_gets_an_identity_of_its_own_and_what_moved_keeps_it() -> None:
    asked = request(workspace())
    assert ledger_id_after(asked, identity(ELSEWHERE)) == PINNED
    assert ledger_id_after(asked, identity(ELSEWHERE, of="production")) != PINNED
    pinned = replace(asked, environment=replace(asked.environment, database_id=OTHER))
    assert ledger_id_after(pinned, identity(ELSEWHERE, of="production")) == OTHER
