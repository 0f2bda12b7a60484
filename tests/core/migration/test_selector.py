"""Each form in which a person can name a migration, in each verb that takes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ctgitops.commands.repair import Correction, Fact
from ctgitops.commands.rollback import RollbackExtent
from ctgitops.core.gate.data_loss import CountedLoss, losses, unaccepted
from ctgitops.core.migration.selector import Selector, selector_from
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.plan.rollback import make_rollback
from ctgitops.core.run.baseline import TakeOver
from ctgitops.core.workspace.numbering import BaseBranch, find
from ctgitops.errors import UsageError
from ctgitops.github.inputs import Command, Inputs
from tests.fakes import STAGING, chained, entry, migration, workspace
from tests.files.checkout import Checkout

ONE, TWO, THREE = migration("001_users", "1.0.0"), migration("002_orders", "1.1.0"), migration("003_late", "1.2.0")
WORK = workspace(ONE, TWO, THREE)
LEDGER = chained(*map(entry, (ONE, TWO, THREE)))
FORMS = (
    "2",
    "002",
    "002_orders",
    "002_orders.sql",
    "002_orders.up.sql",
    "002_orders.down.sql",
    "migrations/002_orders.sql",
    "./migrations/002_orders.sql",
    "/srv/database/migrations/002_orders.sql",
    "1.1.0",
    "v1.1.0",
    " 002 ",
)


def by_target(text: str) -> int:
    plan = make_plan(WORK, STAGING, chained(), Selector.parse(text))
    return max(step.number for step in plan.steps)


def by_rollback(text: str) -> int:
    return RollbackExtent(to=selector_from(text, "--to")).entries(LEDGER, WORK.migrations)[-1].number - 1  # type: ignore[operator]


def by_repair(text: str) -> int:
    return Correction(selector_from(text, "repair"), Fact.APPLIED, "x").among(LEDGER, WORK.migrations).number


def by_baseline(text: str) -> int:
    return TakeOver(selector_from(text, "--at")).among(WORK.migrations)


def by_renumber(text: str) -> int:
    return find(WORK.migrations, text, BaseBranch("")).number


def by_accepted_loss(text: str) -> int:
    plan = make_rollback(STAGING, LEDGER, LEDGER.in_order[::-1])
    lost = tuple(CountedLoss(loss, 3) for loss in losses(plan, LEDGER))
    waiting = {reason.hint.split()[-1] for reason in unaccepted(plan, lost, LEDGER, frozenset({text}))}
    (accepted,) = [m.number for m in WORK.migrations if f"{m.name}`" not in waiting]
    return accepted


VERBS: tuple[Callable[[str], int], ...] = (
    by_target,
    by_rollback,
    by_repair,
    by_baseline,
    by_renumber,
    by_accepted_loss,
)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("text", FORMS)
def test_every_verb_takes_every_form(verb: Callable[[str], int], text: str) -> None:
    assert verb(text) == 2


@pytest.mark.parametrize("verb", VERBS)
def test_the_latest(verb: Callable[[str], int]) -> None:
    if verb is by_rollback:
        with pytest.raises(UsageError, match="undoes nothing"):
            verb("latest")
    else:
        assert verb("latest") == 3


@pytest.mark.parametrize("text", [form for form in FORMS if form.strip() == form])
def test_a_manifest_and_the_action_take_every_form(text: str, tmp_path: Path) -> None:
    assert Inputs(command=Command.ROLLBACK, environment="staging", to=text).named().to == text
    repo = Checkout(tmp_path)
    repo.write("migrations/policy.yaml", "header: optional\n")
    if not text.startswith((".", "/")):
        assert repo.manifest(f'target: "{text}"\n') == []
        assert repo.read().environments[0].target == Selector.parse(text)


@pytest.mark.parametrize("text", ["", "users", "1.1", "-1", "x1", "9" * 5000, "\u0661", "latest.sql", "001users", "1_"])
def test_what_names_no_migration(text: str) -> None:
    assert Selector.parse(text) is None
    with pytest.raises(UsageError, match="is not a migration or a schema version"):
        selector_from(text, "--to")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("002_oders", "did you mean `002_orders`?"),
        ("004_late", "did you mean `003_late`?"),
        ("9", "migrations: 001_users, 002_orders, 003_late"),
        ("3.0.0", "versions: 1.0.0, 1.1.0, 1.2.0"),
    ],
)
def test_a_migration_that_does_not_exist(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match="does not match a migration of this rollback") as caught:
        by_accepted_loss(text)
    assert caught.value.hint == "the rollback includes: 003_late, 002_orders, 001_users"
    for verb in (by_rollback, by_repair, by_baseline, by_renumber):
        if verb is by_repair and text.isdecimal():
            continue  # the ledger says what can be repaired under a number
        with pytest.raises(UsageError, match="was not found") as caught:
            verb(text)
        assert caught.value.hint == hint


def test_a_target_by_a_name_that_its_number_does_not_have_blocks_the_plan() -> None:
    (problem,) = make_plan(WORK, STAGING, chained(), Selector.parse("002_oders")).problems
    assert (problem.code, problem.what) == ("target", "migration 002_oders does not exist")
    assert problem.hint == "did you mean `002_orders`?"


def test_what_means_two_names_both() -> None:
    twice = workspace(ONE, TWO, migration("003_late", "1.1.0"))
    for verb in (
        lambda: TakeOver(selector_from("1.1.0", "--at")).among(twice.migrations),
        lambda: find(twice.migrations, "1.1.0", BaseBranch("")),
        lambda: RollbackExtent(to=selector_from("1.1.0", "--to")).entries(chained(*map(entry, twice.migrations))),
    ):
        with pytest.raises(UsageError, match="matches several migrations") as caught:
            verb()
        said = f"{caught.value.what} {caught.value.hint}"
        assert "`002_orders`" in said
        assert "`003_late`" in said


def test_a_file_that_was_renamed_is_known_by_both_names() -> None:
    renamed = replace(TWO, name="002_all_orders")
    for text in ("002_orders", "002_all_orders"):
        back = RollbackExtent(to=selector_from(text, "--to")).entries(LEDGER, (ONE, renamed, THREE))
        assert [e.number for e in back] == [3]
        assert Correction(selector_from(text, "x"), Fact.APPLIED, "x").among(LEDGER, (ONE, renamed, THREE)).number == 2


def test_a_repair_of_a_file_that_only_has_the_number_of_an_applied_one_is_refused() -> None:
    other = migration("002_customers", "1.1.0", sql="select 1;\n")
    wanted = Correction(selector_from("002_customers", "x"), Fact.NOT_APPLIED, "x")
    with pytest.raises(UsageError, match="migration 002 is 002_orders here"):
        wanted.among(LEDGER, (ONE, TWO, other))


def test_everything_can_be_undone_by_0() -> None:
    assert len(RollbackExtent(to=selector_from("0", "--to")).entries(LEDGER)) == 3
