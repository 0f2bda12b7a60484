from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from ctgitops.core.environment.environment import Environment
from ctgitops.core.environment.freeze import Freeze
from ctgitops.core.environment.window import Window
from ctgitops.core.gate.gate import Predecessor, Reason, reasons_to_wait
from ctgitops.core.gate.override import Override
from ctgitops.core.gate.wait import wait_of
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.migration.selector import Selector
from ctgitops.core.plan.plan import make_plan
from ctgitops.report.workflow_inputs import with_inputs
from tests.fakes import NOW, PRODUCTION, chained, entry, migration, request, workspace

ONE, TWO = migration("001_one"), migration("002_two")
WORK = workspace(ONE, TWO)
READY = replace(PRODUCTION, backup=None)
WEDNESDAY = Window(frozenset({"wed"}), time(2), time(5), "UTC")
"""NOW is a Tuesday, 09:30."""


def reasons(environment: Environment, there: Predecessor) -> tuple[Reason, ...]:
    return reasons_to_wait(make_plan(WORK, environment, Ledger()), request(WORK, environment), there)


def there_since(hours: int) -> Ledger:
    return chained(*(entry(each, at=NOW - timedelta(hours=hours)) for each in (ONE, TWO)))


def test_a_closed_window_ends_when_it_opens() -> None:
    environment = replace(READY, windows=(WEDNESDAY,))
    wait = wait_of(environment, reasons(environment, there_since(1)))
    assert wait
    assert wait.until == datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


def test_a_bake_time_ends_with_the_migration_that_came_last() -> None:
    environment = replace(READY, bake=timedelta(hours=24))
    there = chained(entry(ONE, at=NOW - timedelta(hours=30)), entry(TWO, at=NOW - timedelta(hours=4)))
    wait = wait_of(environment, reasons(environment, there))
    assert wait
    assert wait.until == NOW + timedelta(hours=20)


def test_a_bake_time_that_ends_outside_every_window_waits_for_the_next_one() -> None:
    environment = replace(READY, bake=timedelta(hours=24), windows=(WEDNESDAY,))
    ends_inside = wait_of(environment, reasons(environment, there_since(7)))  # on Wednesday at 02:30
    assert ends_inside
    assert ends_inside.until == datetime(2026, 11, 25, 2, 30, tzinfo=UTC)
    ends_later = wait_of(environment, reasons(environment, there_since(1)))  # on Wednesday at 08:30
    assert ends_later
    assert ends_later.until == datetime(2026, 12, 2, 2, 0, tzinfo=UTC)


def test_a_bake_time_in_an_open_window_that_ends_after_it_waits_for_the_next_one() -> None:
    tuesday = Window(frozenset({"tue"}), time(9), time(10), "UTC")
    environment = replace(READY, bake=timedelta(hours=24), windows=(tuesday,))
    wait = wait_of(environment, reasons(environment, there_since(1)))
    assert wait
    assert wait.until == datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def test_nobody_knows_when_a_predecessor_will_have_the_migration() -> None:
    environment = replace(READY, windows=(WEDNESDAY,))
    wait = wait_of(environment, reasons(environment, chained(entry(ONE))))
    assert wait
    assert wait.until is None


def test_what_needs_a_person_is_not_a_wait() -> None:
    environment = replace(READY, windows=(WEDNESDAY,))
    assert wait_of(environment, ()) is None
    assert wait_of(environment, reasons(environment, None)) is None, "its predecessor could not be read"
    changed = chained(entry(ONE), replace(entry(TWO), checksum="0" * 64))
    assert wait_of(environment, reasons(environment, changed)) is None


def frozen(until: datetime) -> Environment:
    return replace(READY, freezes=(Freeze(NOW - timedelta(days=1), until, "sale"),))


def test_the_hint_of_a_wait_says_when_it_ends_and_how_to_override_all_gates() -> None:
    environment = replace(frozen(datetime(2026, 12, 1, tzinfo=UTC)), windows=(WEDNESDAY,))
    first, second = reasons(environment, there_since(1))
    command = 'ctgitops apply --env production --override window --override freeze --reason "…"'
    assert first.hint == (
        f"wait until 2026-12-02 02:00 UTC, then run the command again; in an emergency, override the wait: `{command}`"
    )
    assert second.hint == "wait until 2026-12-01 00:00 UTC"
    assert with_inputs(first.hint) == (
        "wait until 2026-12-02 02:00 UTC; in an emergency, override the wait: the workflow with `command: apply`, "
        "`environment: production`, `override: window freeze`, `reason: …`"
    )


def test_the_override_that_a_hint_proposes_keeps_the_other_options_of_the_command() -> None:
    environment = frozen(datetime(2026, 12, 1, tzinfo=UTC))
    plan = make_plan(WORK, environment, Ledger())
    override = Override(frozenset({"window"}), "orders fail")
    asked = request(WORK, environment, target=Selector.parse("002"), approved=plan.fingerprint, override=override)
    (reason,) = reasons_to_wait(plan, asked, there_since(1))
    options = f"--to 002 --fingerprint {plan.fingerprint[:12]} --override window --override freeze"
    assert f"`ctgitops apply --env production {options} --reason" in reason.hint


def test_a_wait_for_another_environment_proposes_no_override() -> None:
    found = reasons(frozen(datetime(2026, 12, 1, tzinfo=UTC)), chained(entry(ONE)))
    assert [each.gate for each in found] == ["after", "freeze"]
    assert not any("--override" in each.hint for each in found)


def test_a_freeze_that_leaves_no_window_within_a_year_says_so() -> None:
    environment = replace(
        READY,
        windows=(WEDNESDAY,),
        freezes=tuple(Freeze(NOW + timedelta(days=7 * n), NOW + timedelta(days=7 * n + 6), "sale") for n in range(60)),
    )
    (first, _) = reasons(environment, there_since(1))
    assert first.hint.startswith("change the manifest, because no window opens")
