"""What `reset` refuses, and the order of what it does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.commands.reset import Permission, permit
from ctgitops.commands.reset import reset as verb
from ctgitops.core.environment.apply_policy import ApplyPolicy, Health
from ctgitops.core.environment.environment import Environment, ShadowPolicy
from ctgitops.core.environment.window import Window
from ctgitops.core.gate.gate import Reason
from ctgitops.core.gate.health import HealthResult, HealthState
from ctgitops.core.gate.request import Origin, Request
from ctgitops.core.ledger.identity import Identity, LedgerHome, Site
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.problem import Problem
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.core.workspace.workspace import Workspace
from ctgitops.errors import ApplyError, LedgerError, UsageError
from ctgitops.sql.script import Script
from tests.fakes import NOW, Diary, chained, entry, migration, request, seed

DEVELOPMENT = Environment(
    "development", "DEVELOPMENT_DATABASE_URL", disposable=True, path="environments/development.yaml"
)
ONE, TWO = migration("001_one"), migration("002_two")
HERE = Site(7, 16384, "app_dev")
IDENTITY = Identity(HERE, "b" * 8, LedgerHome("development", HERE))


def work(environment: Environment = DEVELOPMENT, *others: Environment) -> Workspace:
    return Workspace((ONE, TWO), (environment, *others), {"development": (seed("seeds/development/1.sql"),)})


def wish(environment: Environment = DEVELOPMENT, *others: Environment) -> Request:
    return request(work(environment, *others), environment)


def permission(environment: Environment = DEVELOPMENT, *others: Environment, event: str = "") -> Permission:
    return Permission("main", work(environment, *others), event, typed=lambda _question: "app_dev")


def reset(asked: Request, given: Permission, events: Diary) -> tuple[int, Outcome]:
    return verb(asked, permit(asked, given, databases=events), databases=events, tell=events.tell)


def diary(**fields: object) -> Diary:
    full = replace(chained(entry(ONE), entry(TWO)), identity=IDENTITY)
    return Diary(ledgers={"development": full}, **fields)  # type: ignore[arg-type]


def test_everything_is_dropped_and_applied_under_one_lock() -> None:
    events = diary()
    dropped, outcome = reset(wish(), permission(), events)
    assert (dropped, outcome.status) == (3, Status.APPLIED)
    assert [done.name for done in outcome.done] == ["001_one", "002_two", "seeds/development/1.sql"]
    assert events.lines == [
        "read development",
        "lock",
        "read ledger",
        "drop all but nothing",
        "apply 001",
        "apply 002",
        "seed seeds/development/1.sql",
        "unlock",
    ]


def test_the_extensions_of_the_manifest_are_kept() -> None:
    events = diary()
    with_postgis = replace(DEVELOPMENT, shadow=ShadowPolicy(extensions=("postgis",)))
    reset(wish(with_postgis), permission(), events)
    assert "drop all but postgis" in events.lines


def test_the_roles_that_the_caller_names_are_included() -> None:
    events = diary()
    reset(wish(), replace(permission(), roles=("app_owner",)), events)
    assert "drop all but nothing, also of app_owner" in events.lines


PRODUCTION = Environment("production", "PRODUCTION_DATABASE_URL", path="environments/production.yaml")
KEPT = replace(DEVELOPMENT, disposable=False)


@pytest.mark.parametrize(
    ("asked", "permitted", "words"),
    [
        (wish(), permission(KEPT), "development is not disposable on main"),
        (wish(KEPT), permission(), "development is not disposable in this checkout"),
        (wish(), permission(PRODUCTION), "main has no environment `development`"),
        (wish(replace(DEVELOPMENT, url_secret="X")), permission(), "differs from main"),
        (wish(replace(DEVELOPMENT, database_id="x")), permission(), "differs from main"),
        (
            wish(DEVELOPMENT, replace(PRODUCTION, after="development")),
            permission(),
            "production is `after: development`",
        ),
        (
            wish(),
            permission(DEVELOPMENT, replace(PRODUCTION, after="development")),
            "production is `after: development`",
        ),
        (
            wish(DEVELOPMENT, replace(PRODUCTION, url_secret=DEVELOPMENT.url_secret)),
            permission(),
            "have the same database",
        ),
        (wish(), permission(event="pull_request"), "a run for a pull request (pull_request)"),
        (wish(), permission(event="workflow_run"), "a run for a pull request (workflow_run)"),
        (replace(wish(), origin=Origin(pull_request=7)), permission(), "a run for a pull request (refs/pull)"),
        (
            wish(),
            replace(permission(), merged=replace(work(), read_problems=(Problem("yaml", "it has a tab"),))),
            "the manifests of main are not valid",
        ),
        (wish(), replace(permission(), typed=lambda _question: "app"), "`app` is not the name of the database"),
        (wish(), replace(permission(), typed=lambda _question: ""), "`` is not the name of the database"),
    ],
)
def test_what_it_refuses(asked: Request, permitted: Permission, words: str) -> None:
    events = diary()
    with pytest.raises(UsageError) as caught:
        reset(asked, permitted, events)
    assert words in caught.value.what
    assert caught.value.state == "nothing was changed"
    assert "lock" not in events.lines


@pytest.mark.parametrize("event", ["", "workflow_dispatch", "schedule", "push"])
def test_other_events_are_no_pull_requests(event: str) -> None:
    events = diary()
    assert reset(wish(), permission(event=event), events)[1].status is Status.APPLIED


def test_the_question_names_what_is_lost() -> None:
    asked: list[str] = []

    def typed(question: str) -> str:
        asked.append(question)
        return "app_dev"

    events = diary()
    reset(wish(), replace(permission(), typed=typed), events)
    assert asked == ["This drops everything in database app_dev of development.\nType the name of the database"]


def test_the_database_of_another_environment_is_refused() -> None:
    events = diary()
    theirs = Identity(HERE, "b" * 8, LedgerHome("production", HERE))
    events.ledgers["development"] = Ledger(identity=theirs)
    with pytest.raises(LedgerError, match="connects to the database of production"):
        reset(wish(), permission(), events)
    assert events.lines == ["read development"]


def test_the_lock_is_taken_in_the_permitted_database_alone() -> None:
    events = diary()
    permitted = permit(wish(), permission(), databases=events)
    other = replace(IDENTITY, here=replace(HERE, name="app_prod"))
    events.ledgers["development"] = replace(events.ledgers["development"], identity=other)
    with pytest.raises(LedgerError, match="now connects to a different database"):
        verb(wish(), permitted, databases=events, tell=events.tell)
    assert not any(line.startswith("drop") for line in events.lines)


def test_a_database_without_a_known_name_is_refused() -> None:
    events = diary()
    events.ledgers["development"] = Ledger()
    with pytest.raises(UsageError):
        reset(wish(), replace(permission(), typed=lambda _question: ""), events)


def test_what_blocks_or_waits_is_found_before_the_drop() -> None:
    broken = replace(work(), migrations=(migration("001_one", sql="create tabel x;"),))
    closed = replace(DEVELOPMENT, windows=(Window(frozenset({"mon"}), NOW.time(), NOW.time(), "UTC"),))
    busy = diary(moments=[(Reason("preflight", "a long transaction"),)])
    for asked, events, status in (
        (replace(wish(), workspace=broken), diary(), Status.BLOCKED),
        (wish(closed), diary(), Status.WAITING),
        (wish(), busy, Status.WAITING),
    ):
        dropped, outcome = reset(asked, permission(), events)
        assert (dropped, outcome.status) == (0, status)
        assert not any(line.startswith("drop") for line in events.lines)


def test_a_failure_says_that_the_database_was_emptied() -> None:
    events = diary(step_fails="002_two")
    with pytest.raises(ApplyError) as caught:
        reset(wish(), permission(), events)
    assert caught.value.state == "everything was dropped before; 002_two left no trace"


def test_health_is_watched_afterwards_only() -> None:
    healthy = replace(DEVELOPMENT, apply_policy=ApplyPolicy(health=Health(Script("select true", "m.yaml"))))
    events = diary(healths=[HealthResult(HealthState.WELL)])
    assert reset(wish(healthy), permission(), events)[1].status is Status.APPLIED
    assert events.lines[-2:] == ["watch health", "unlock"]
    events = diary(healths=[HealthResult(HealthState.UNWELL, "is false")])
    with pytest.raises(ApplyError, match="the health query of development is no longer true"):
        reset(wish(healthy), permission(), events)
