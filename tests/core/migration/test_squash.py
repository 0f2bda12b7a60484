"""Squashed files: which one a database gets, and what makes one invalid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.policy import Numbering, Policy
from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.migration.migration import Migration
from ctgitops.core.migration.selector import Selector
from ctgitops.core.migration.squash import Replaced, Squash, chosen, parse_squash, squash_problem, squash_text
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.core.plan.replay import steps_of_files
from ctgitops.core.plan.step import entries_beside, entry_of_step
from ctgitops.core.trial.trial import other_order
from tests.fakes import STAGING, chained, entry, migration, workspace

FILES = tuple(migration(f"{number:03}_part") for number in (1, 2, 3, 9, 100))
GAPS = Policy(numbering=Numbering.INCREASING)
PATH = "migrations/squashed/003_part.sql"


def squashed(*files: Migration, path: str = PATH) -> Squash:
    replaced = [Replaced(each.name, each.checksum) for each in files]
    return parse_squash(squash_text(files[-1].name, replaced, ["Proved: yes"], "select 1;\n"), path)


def planned(ledger: Ledger, *squashes: Squash, target: Selector | None = None) -> Plan:
    return make_plan(replace(workspace(*FILES, policy=GAPS), squashes=squashes), STAGING, ledger, target)


@given(st.sets(st.sampled_from(FILES), min_size=1))
def test_a_squashed_file_is_read_as_it_was_written(files: set[Migration]) -> None:
    ordered = sorted(files, key=lambda each: each.number)
    squash = squashed(*ordered)
    assert [each.name for each in squash.replaced] == [each.name for each in ordered]
    assert squash.members(FILES) == tuple(ordered)
    assert squash.last == ordered[-1].name
    assert squash_problem(squash, FILES) is None


@given(st.data(), st.sampled_from("Za\n-"))
def test_no_change_of_the_text_goes_unnoticed(data: st.DataObject, letter: str) -> None:
    """A changed list of migrations no longer fits the files; a changed remark is only a remark."""
    text = squashed(*FILES[:3]).script.sql
    at = data.draw(st.integers(text.index("-- Text:"), len(text)))
    changed = parse_squash(text[:at] + letter + text[at:], PATH)
    assert squash_problem(changed, FILES) is not None


@pytest.mark.parametrize("before", ["-- Text: ", "-- Replaces: "])
def test_no_migration_is_added_to_the_list(before: str) -> None:
    """Neither above the checksum, which covers only what follows, nor twice with a new checksum."""
    listed = [Replaced(each.name, each.checksum) for each in (*FILES[:3], FILES[3 if "Text" in before else 2])]
    text = squash_text("003_part", listed, ["Proved: yes"], "select 1;\n")
    if "Text" in before:
        last = f"-- Replaces: {listed[-1].checksum} {listed[-1].name}\n"
        text = squashed(*FILES[:3]).script.sql.replace(before, f"{last}{before}")
    changed = parse_squash(text, PATH)
    assert not changed.replaced
    assert squash_problem(changed, FILES) is not None
    assert not any(step.replaces for step in planned(Ledger(), changed).steps)


@given(st.sets(st.sampled_from(FILES)), st.lists(st.sets(st.sampled_from(FILES), min_size=1), max_size=3))
def test_a_plan_applies_every_pending_migration_once(applied: set[Migration], sets: list[set[Migration]]) -> None:
    """With or without squashed files, the ledger ends with the same numbers and checksums."""
    ledger = chained(*map(entry, applied))
    plan = planned(ledger, *(squashed(*sorted(each, key=lambda m: m.number)) for each in sets))
    assert sorted((s.number, s.checksum) for s in plan.singles) == sorted(
        (each.number, each.checksum) for each in FILES if each not in applied
    )
    written = [e for step in plan.steps for e in (*entries_beside(step), entry_of_step(Mark.APPLIED, step))]
    assert sorted((e.number, e.checksum, e.sql) for e in written if e.number is not None) == sorted(
        (each.number, each.checksum, each.up.sql) for each in FILES if each not in applied
    )
    if applied:
        assert not any(step.replaces for step in plan.steps)


def test_the_file_that_replaces_most_is_chosen() -> None:
    small, large = squashed(*FILES[:2]), squashed(*FILES[:3], path="migrations/squashed/b.sql")
    assert chosen((small, large), FILES, {each.number for each in FILES}) is large
    assert chosen((small, large), FILES, {1, 2}) is small
    assert chosen((small, large), FILES, {1}) is None


def test_a_late_number_is_applied_after_the_file() -> None:
    plan = planned(Ledger(), squashed(*FILES[:3], FILES[4]))
    assert [step.name for step in plan.steps] == ["100_part", "009_part"]
    assert [step.number for step in plan.singles] == [1, 2, 3, 100, 9]
    assert other_order(plan, Ledger()), "so the trial compares both orders"
    assert not other_order(planned(Ledger(), squashed(*FILES)), Ledger())


@pytest.mark.parametrize("mark", [Mark.STARTED, Mark.ROLLED_BACK, Mark.BASELINED])
def test_only_a_ledger_without_entries_gets_it(mark: Mark) -> None:
    squash = squashed(*FILES[:3])
    assert planned(Ledger(), squash).steps[0].replaces
    assert planned(chained(entry(FILES[0], Mark.FAILED)), squash).steps[0].replaces
    assert not any(step.replaces for step in planned(chained(entry(FILES[0], mark)), squash).steps)
    assert not any(step.replaces for step in planned(Ledger(), squash, target=Selector(number=2)).steps)


def test_a_replay_runs_the_originals() -> None:
    files = replace(workspace(*FILES, policy=GAPS), squashes=(squashed(*FILES),))
    assert [step.name for step in steps_of_files(files)] == [each.name for each in FILES]


def test_an_invalid_file_is_a_warning_of_the_plan_that_would_use_it() -> None:
    squash = squashed(*FILES[:2], replace(FILES[2], checksum="sha256:" + "0" * 64))
    (problem,) = [each for each in planned(Ledger(), squash).problems if each.code == "squash"]
    assert (problem.blocks, problem.fails) == (False, False)
    assert problem.place is not None
    assert problem.place.line is not None
    assert squash.script.sql.split("\n")[problem.place.line - 1].endswith("003_part")
    missing = squash_problem(squashed(*FILES[:2]), FILES[1:])
    assert missing is not None
    assert "001_part, whose file does not exist" in missing.what
    assert missing.fails


def test_the_fingerprint_includes_the_file_and_the_originals() -> None:
    squash = squashed(*FILES[:3])
    plan = planned(Ledger(), squash)
    other = parse_squash(squash.script.sql.replace("Proved: yes", "Proved: no"), PATH)
    step = plan.steps[0]
    changed = replace(step, replaces=(replace(step.replaces[0], checksum="sha256:other"), *step.replaces[1:]))
    assert planned(Ledger(), other).fingerprint != plan.fingerprint
    assert replace(plan, steps=(changed, *plan.steps[1:])).fingerprint != plan.fingerprint
    assert planned(Ledger()).fingerprint != plan.fingerprint
