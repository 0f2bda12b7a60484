"""A plan whose trial is not possible is still a plan, and says that it was not tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ctgitops.commands.plan import plan
from ctgitops.commands.planning.offline import OfflinePlanner
from ctgitops.core.environment.environment import Environment, ShadowPolicy
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.plan.plan import Step
from ctgitops.core.plan.replay import ReplayTarget
from ctgitops.core.schema.source_database import SourceDatabase
from ctgitops.core.trial.code_reference import CodeUnavailable
from ctgitops.core.view.preview import Preview
from ctgitops.core.view.verdict import exit_status
from ctgitops.errors import UsageError
from ctgitops.ports.shadow import Replay, Sandbox
from ctgitops.report.text import plans_text
from tests.fakes import STAGING, Diary, chained, entry, migration, request, workspace


@dataclass
class NoServer:
    """A machine without PostgreSQL."""

    @contextmanager
    def like(self, wanted: ReplayTarget, environment: Environment | None = None) -> Iterator[Replay]:  # noqa: ARG002
        self.refuse(wanted.major)
        yield  # type: ignore[misc]

    @contextmanager
    def replayed(
        self,
        wanted: ReplayTarget,
        steps: tuple[Step, ...],  # noqa: ARG002
        environment: Environment | None = None,  # noqa: ARG002
    ) -> Iterator[Replay]:
        self.refuse(wanted.major)
        yield  # type: ignore[misc]

    @contextmanager
    def sandbox(self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()) -> Iterator[Sandbox]:  # noqa: ARG002
        self.refuse(original.major if policy.wanted else None)
        yield  # type: ignore[misc]

    def refuse(self, major: int | None) -> None:
        raise UsageError(f"no server programs of PostgreSQL {major}")


def test_without_a_server_a_plan_says_that_it_was_not_tried_and_is_sound() -> None:
    work = workspace(migration("001_one", "1.0.0"))
    (result,) = plan((request(work, STAGING),), databases=Diary(), code=CodeUnavailable("here"), shadows=NoServer())
    assert isinstance(result, Preview)
    assert exit_status((result,)) == 0
    page = plans_text((result,))
    assert "NOT TRIED on a copy" in page
    assert "not tried: no server programs of PostgreSQL 15" in page


def test_a_plan_that_only_a_rollback_blocks_is_tried_all_the_same() -> None:
    """A pull request of another author must not lose its proof because of it."""
    one = migration("001_one", "1.0.0")
    diary = Diary({"staging": chained(entry(one), entry(one, Mark.ROLLED_BACK))})
    work = request(workspace(one), STAGING)
    (result,) = plan((work,), databases=diary, code=CodeUnavailable("here"), shadows=NoServer())
    assert isinstance(result, Preview)
    assert exit_status((result,)) == 4
    assert result.proof is not None
    assert "error[rolled-back]: 001_one was rolled back" in plans_text((result,))


def test_without_a_connection_what_is_destroyed_is_known_and_not_how_much() -> None:
    drop = migration("002_two", "2.0.0", sql="drop table t1;\n", Breaking_Changes="Yes")
    work = request(workspace(migration("001_one", "1.0.0"), drop), STAGING)
    result = OfflinePlanner(NoServer(), {drop.path}, "a fork has no secrets").preview(work)
    assert result.destroys == {"002_two"}
    page = plans_text((result,))
    assert 'drops table "t1": the rows could not be counted (not connected to the database)' in page
    assert "DESTROYS DATA" in page.splitlines()[0]
