from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ctgitops.commands.history import Depth, history
from ctgitops.commands.replaying.schema_replay import MOST_REPLAYS, SchemaReplay
from ctgitops.core.environment.environment import Environment
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Step
from ctgitops.core.plan.replay import ReplayTarget
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.core.view.drift import Drift
from ctgitops.core.view.preview import NotPlanned
from ctgitops.core.view.schema_tree import SchemaTree
from ctgitops.errors import ApplyError, CtgitopsError, LedgerError
from tests.fakes import PRODUCTION, STAGING, chained, entry, migration, request, workspace

FILES = [migration(f"{number:03}_m", f"1.{number}.0") for number in range(1, 4)]


@dataclass
class Throwaway:
    """A throw-away database in which each migration creates one table of its name."""

    broken: str = ""
    ran: list[str] = field(default_factory=list)
    unmatched: tuple[str, ...] = ("PostgreSQL 17 here",)

    def apply(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            if step.name == self.broken:
                raise ApplyError(f"{step.name} does not run")
            self.ran.append(step.name)

    def snapshot(self) -> Snapshot:
        return Snapshot.of(SchemaObject("table", f"public.{name}") for name in self.ran)

    def read_again(self) -> Snapshot:
        return Snapshot()


@dataclass
class Throwaways:
    """Creates throw-away databases, and keeps them for a look."""

    broken: str = ""
    made: list[Throwaway] = field(default_factory=list)

    @contextmanager
    def like(self, _: ReplayTarget, environment: Environment | None = None) -> Iterator[Any]:
        assert environment is not None
        self.made.append(Throwaway(self.broken))
        yield self.made[-1]

    @contextmanager
    def replayed(
        self, wanted: ReplayTarget, steps: tuple[Step, ...], environment: Environment | None = None
    ) -> Iterator[Any]:
        with self.like(wanted, environment) as made:
            made.apply(steps)
            yield made

    def sandbox(self, *_: object) -> Any:
        raise NotImplementedError


@dataclass
class Live:
    """Databases with ledgers; each live schema has a table for each applied migration."""

    ledgers: dict[str, Ledger | CtgitopsError]
    by_hand: str = ""

    def of(self, environment: Environment) -> Any:
        found = self.ledgers[environment.name]
        if isinstance(found, CtgitopsError):
            raise found
        names = [each.name for each in found.in_order] + ([self.by_hand] if self.by_hand else [])

        ledger = found

        class Database:
            def ledger(self) -> Ledger:
                return ledger

            def snapshot(self) -> Snapshot:
                return Snapshot.of(SchemaObject("table", f"public.{name}") for name in names)

            def holder(self) -> None:
                return None

        return Database()


def told(live: Live, shadows: Throwaways, depth: Depth | None = None) -> Any:
    requests = tuple(request(workspace(*FILES), each) for each in (STAGING, PRODUCTION))
    return history(requests, depth or Depth(), databases=live, shadows=shadows, tell=lambda _: None)  # type: ignore[arg-type]


def ledger_of(*numbers: int) -> Ledger:
    return chained(*(entry(FILES[number - 1]) for number in numbers))


def test_environments_with_the_same_history_share_one_replay() -> None:
    shadows = Throwaways()
    found = told(Live({"staging": ledger_of(1, 2, 3), "production": ledger_of(1, 2)}), shadows, Depth(drift=False))
    assert [made.ran for made in shadows.made] == [["001_m", "002_m", "003_m"]]
    assert [[str(change.object) for change in node.changes] for node in found.tree.nodes[1:]] == [
        ["table public.001_m"],
        ["table public.002_m"],
        ["table public.003_m"],
    ]
    assert found.servers == ("PostgreSQL 17 here",)


def test_an_environment_that_cannot_be_read_is_told_and_the_rest_is_shown() -> None:
    found = told(
        Live({"staging": ledger_of(1), "production": LedgerError("no route to host", hint="look")}), Throwaways()
    )
    assert [lane.unreadable and lane.unreadable.why for lane in found.lanes] == [None, "no route to host"]
    assert isinstance(found.lanes[0].drift, Drift)
    assert found.lanes[1].drift is None
    assert found.exit_status == 4


def test_drift_is_told_and_drift_that_cannot_be_known_is_unknown() -> None:
    live = Live({"staging": ledger_of(1), "production": ledger_of()}, by_hand="made")
    (drift, nothing) = (lane.drift for lane in told(live, Throwaways()).lanes)
    assert isinstance(drift, Drift)
    assert [str(change.object) for change in drift.changes] == ["table public.made"]
    assert nothing is None, "without a ledger, there is nothing to compare with"
    assert isinstance(told(live, Throwaways(broken="001_m")).lanes[0].drift, NotPlanned)


def test_a_migration_that_does_not_run_makes_the_schemas_after_it_unknown() -> None:
    found = told(Live({"staging": ledger_of(1, 2, 3), "production": ledger_of(1)}), Throwaways(broken="002_m"))
    assert [node.why_unknown for node in found.tree.nodes] == ["", "", "002_m does not run", "002_m does not run"]
    assert found.tree.nodes[1].known


def test_nothing_is_replayed_without_schemas_and_drift() -> None:
    shadows = Throwaways()
    found = told(Live({"staging": ledger_of(1), "production": ledger_of()}), shadows, Depth(drift=False, schemas=False))
    assert shadows.made == []
    assert found.without_schemas


def test_the_findings_are_those_of_the_files_in_the_checkout() -> None:
    bad = migration("004_bad", "1.4.0", sql="create index on t1 (id);\n")
    requests = (request(workspace(*FILES, bad), STAGING),)
    live: Any = Live({"staging": ledger_of(1)})
    shadows: Any = Throwaways()
    depth = Depth(drift=False, schemas=False)
    found = history(requests, depth, databases=live, shadows=shadows, tell=lambda _: None).findings
    assert [each.rule for each in found[bad.checksum]] == ["blocking-index"]
    assert found[FILES[0].checksum] == ()


def test_only_the_newest_branches_are_rebuilt() -> None:
    branches = [migration(f"{number:03}_m", f"1.{number}.0") for number in range(1, MOST_REPLAYS + 4)]
    tree = SchemaTree()
    for each in branches:
        tree.add(chained(entry(each)))
    shadows: Any = Throwaways()
    replay = SchemaReplay(tree, shadows, lambda _: None)
    for leaf in tree.leaves[MOST_REPLAYS:]:
        replay.refuse(leaf, "too many")
    assert [node.why_unknown for node in tree.nodes[:5]] == ["", "too many", "too many", "too many", ""]
    replay.run(1, Snapshot(), STAGING)
    assert shadows.made == [], "what was refused is not tried"
