"""In-memory fakes: a repository, and `Diary`, which implements every port and records the calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ctgitops.core.activity.lock_holder import Holder
from ctgitops.core.activity.run_activity import RunActivity
from ctgitops.core.activity.session_leak import SessionLeak
from ctgitops.core.environment.apply_policy import Health
from ctgitops.core.environment.backup_extent import BackupExtent
from ctgitops.core.environment.environment import BackupPolicy, Environment, Trigger
from ctgitops.core.environment.policy import Policy
from ctgitops.core.gate.data_loss import CountedLoss, Loss
from ctgitops.core.gate.gate import Predecessor, Reason, Unreadable
from ctgitops.core.gate.health import HealthResult
from ctgitops.core.gate.request import Request
from ctgitops.core.impact.size import Size
from ctgitops.core.ledger.foreign_ledger import ForeignLedger
from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.ledger.resumption import ProgressState
from ctgitops.core.ledger.safeguards import Safeguards
from ctgitops.core.migration.header import parse_header
from ctgitops.core.migration.migration import Migration, Seed
from ctgitops.core.migration.selector import Selector
from ctgitops.core.performance.record import LoadRecord, Measuring, Moment
from ctgitops.core.performance.sample import Sample
from ctgitops.core.performance.traffic import TrafficSample
from ctgitops.core.plan.plan import Direction, Plan, Step
from ctgitops.core.receipt import Receipt, SavedFile
from ctgitops.core.recovery_point import Archive, RecoveryPoint
from ctgitops.core.run.auto_rollback import Checkpoint
from ctgitops.core.run.progress import Listener, Progress
from ctgitops.core.schema.database_roles import DatabaseRoles
from ctgitops.core.schema.snapshot import Snapshot
from ctgitops.core.schema.source_database import SourceDatabase
from ctgitops.core.trial.code_reference import Mention, Searched
from ctgitops.core.trial.violation import Risk, Violation
from ctgitops.core.view.constraint_check import Checked
from ctgitops.core.view.verify import Refuted
from ctgitops.core.workspace.workspace import Workspace
from ctgitops.errors import ApplyError, BackupError, CtgitopsError, Place, UsageError
from ctgitops.ports.shadow import Shadows
from ctgitops.sql.name_changes import SearchedName
from ctgitops.sql.script import Script, checksum_of

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
"""A Tuesday."""


def header(name: str, **fields: str) -> str:
    """The comment block of a migration; keyword arguments replace its values, `_` for a space."""
    values = {
        "Migration": name,
        "Version": "1.0.0",
        "Description": name[4:].replace("_", " "),
        "Breaking Changes": "No",
        "Rollback": "Available",
        "Created": "2026-01-12",
        "Author": "Anna Lindqvist",
        "Dependencies": "None",
        "Estimated Execution Time": "under 1 second",
        "Impact": "nobody waits",
    } | {key.replace("_", " "): value for key, value in fields.items()}
    return "".join(f"-- {key}: {value}\n" for key, value in values.items())


def migration(
    name: str, version: str = "", *, sql: str = "", down: str | None = "", verify: str = "", **fields: str
) -> Migration:
    """A migration; without a version it has no header. `down=None` leaves the rollback out."""
    number = int(name.split("_", maxsplit=1)[0])
    body = sql or f"CREATE TABLE t{number} (id bigint PRIMARY KEY);\n"
    text = f"{header(name, Version=version, **fields)}\n{body}" if version else body
    path = f"migrations/{name}.sql"
    back = Script(down or f"DROP TABLE t{number};\n", f"migrations/{name}.down.sql") if down is not None else None
    return Migration(
        number=number,
        name=name,
        up=Script(text, path),
        checksum=checksum_of(text),
        down=back,
        verify=Script(verify, f"migrations/{name}.verify.sql") if verify else None,
        header=parse_header(text, path)[0] if version else None,
    )


def seed(name: str, sql: str = "INSERT INTO t1 VALUES (1);\n") -> Seed:
    """A seed file."""
    return Seed(name, Script(sql, name))


STAGING = Environment("staging", "STAGING_DATABASE_URL", trigger=Trigger.PUSH, path="environments/staging.yaml")
PRODUCTION = Environment(
    "production",
    "PRODUCTION_DATABASE_URL",
    after="staging",
    trigger=Trigger.RELEASE,
    tags="v*",
    backup=BackupPolicy("backups/production"),
    path="environments/production.yaml",
)


def workspace(*migrations: Migration, policy: Policy | None = None, seeds: tuple[Seed, ...] = ()) -> Workspace:
    """A checkout with these files and two environments."""
    ordered = tuple(sorted(migrations, key=lambda m: m.number))
    found = {"staging": seeds, "production": seeds} if seeds else None
    return Workspace(ordered, (STAGING, PRODUCTION), found, policy or Policy())


def request(work: Workspace, environment: Environment = STAGING, **fields: object) -> Request:
    """A run at `NOW`."""
    return replace(Request(work, environment, NOW), **fields)  # type: ignore[arg-type]


def chained(*entries: Entry) -> Ledger:
    """A ledger of these entries, numbered and hashed as a database does it."""
    return Ledger().with_entries(*entries)


def added(ledger: Ledger, *entries: Entry) -> Ledger:
    """The ledger with more entries."""
    return chained(*ledger.entries, *entries)


def entry(
    of: Migration, mark: Mark = Mark.APPLIED, at: datetime = NOW - timedelta(days=3), error: str | None = None
) -> Entry:
    """What a run writes about a migration."""
    return Entry(
        mark=mark,
        name=of.name,
        number=of.number,
        version=str(of.version) if of.version else None,
        checksum=of.checksum,
        sql=of.up.sql,
        rollback_sql=of.down.sql if of.down else None,
        started_at=at,
        finished_at=at,
        millis=12,
        actor="anna",
        error=error,
    )


def carried_out(plan: Plan, ledger: Ledger) -> Ledger:
    """The ledger after every step and seed file of a plan."""
    return added(
        ledger, *(step_entry(step) for step in plan.steps), *(seed_entry(s.name, s.checksum) for s in plan.seeds)
    )


def step_entry(step: Step) -> Entry:
    """What a run writes about a step."""
    forwards = step.direction is Direction.APPLY
    return Entry(
        mark=Mark.APPLIED if forwards else Mark.ROLLED_BACK,
        name=step.name,
        number=step.number,
        version=str(step.version) if step.version else None,
        checksum=step.checksum,
        sql=step.script.sql if forwards else None,
        rollback_sql=step.rollback_script.sql if step.rollback_script else None,
        started_at=NOW,
        finished_at=NOW,
    )


def seed_entry(name: str, checksum: str) -> Entry:
    """What a run writes about a seed file."""
    return Entry(Mark.APPLIED, name, checksum=checksum, started_at=NOW, finished_at=NOW)


def receipt(environment: str = "production") -> Receipt:
    """The proof of a backup."""
    return Receipt(
        id=f"20261124T093012Z-{environment}-1f2e3d4c",
        environment=environment,
        database="constructtrack",
        server_version="17.6",
        client_version="18.1",
        started_at=NOW,
        finished_at=NOW + timedelta(minutes=9),
        location=f"backups/{environment}/20261124T093012Z-{environment}-1f2e3d4c",
        compression="gzip",
        jobs=2,
        rows={"public.projects": 1204, "public.cable_routes": 98_211},
        files={"toc.dat": SavedFile(48_211, "a" * 64), "3012.dat.gz": SavedFile(41_002_113, "b" * 64)},
        schema_sha256="c" * 64,
        proof="PostgreSQL 17.6, a throw-away server on the run's machine",
    )


POINT = RecoveryPoint(
    NOW, "0/3000168", 1, "ctgitops 20261124T093000.000000Z 1a2b3c4d5e6f", Archive.ARCHIVED, "a WAL file was archived"
)


@dataclass
class Diary:
    """Databases, sessions and backups in one; `lines` reads as prose what was done, in order."""

    ledgers: dict[str, Ledger] = field(default_factory=dict)
    unreachable: dict[str, CtgitopsError] = field(default_factory=dict)
    backup_fails: bool = False
    step_fails: str = ""
    undo_fails: str = ""
    sqlstate: str = ""
    """Of a step that fails."""
    seed_fails: str = ""
    healths: list[HealthResult] = field(default_factory=list)
    """What a health query says, one time after the other."""
    failed_mark: Mark | None = Mark.FAILED
    """What the ledger says of a step that failed; None where nobody could write it."""
    others: int | None = 0
    """How many rows that others wrote are in every table that a run would destroy when it takes back."""
    rows: int | None = 0
    """How many rows every table holds that a rollback destroys."""
    lines: list[str] = field(default_factory=list)
    told: list[Progress] = field(default_factory=list)
    receipts: list[Receipt | None] = field(default_factory=list)
    extents: list[BackupExtent | None] = field(default_factory=list)
    shadows: Shadows | None = None
    """Where a backup of a part tries the plan."""
    points: list[RecoveryPoint | None] = field(default_factory=list)
    schemas: dict[str, Snapshot] = field(default_factory=dict)
    holder: Holder | None = None
    seen: list[RunActivity | None] = field(default_factory=list)
    """What each look at the run sees."""
    pooler: UsageError | None = None
    ends: bool = True
    left: tuple[SessionLeak, ...] = ()
    samples: list[Sample | CtgitopsError | KeyboardInterrupt] = field(default_factory=list)
    """What the statistics say, one time after the other."""
    loads: list[LoadRecord] = field(default_factory=list)
    traffic: list[TrafficSample] = field(default_factory=list)
    not_recorded: CtgitopsError | None = None
    foreign: tuple[ForeignLedger, ...] = ()
    """The ledgers of other tools."""
    not_dumped: tuple[str, ...] = ()
    not_exportable: tuple[str, ...] = ()
    checked: tuple[Checked, ...] = ()
    healed: tuple[str, ...] = ()
    """What a run finds half built by an earlier one."""
    moments: list[tuple[Reason, ...]] = field(default_factory=list)
    """What speaks against beginning, one look after the other."""

    def tell(self, progress: Progress) -> None:
        self.told.append(progress)

    def of(self, environment: Environment) -> DiaryDatabase:
        if error := self.unreachable.get(environment.name):
            raise error
        return DiaryDatabase(self, environment.name)

    def predecessor(self, request: Request) -> Predecessor:
        name = request.environment.after
        if name is None:
            return None
        if error := self.unreachable.get(name):
            return Unreadable(error.what)
        self.lines.append(f"read {name}")
        return self.ledgers.get(name, Ledger())

    def mentions(self, those: tuple[SearchedName, ...]) -> Searched:
        self.lines.append(f"search code for {', '.join(each.text for each in those)}")
        return Searched(tuple(Mention(each, "app/projects.ts", 12) for each in those))

    def take(self, environment: Environment, tell: Listener, extent: BackupExtent | None = None) -> Receipt:  # noqa: ARG002 - the port's signature
        self.extents.append(extent)
        self.lines.append(f"back up {environment.name}")
        if self.backup_fails:
            raise BackupError("the restored copy lacks 1 row", state="nothing was changed")
        return receipt(environment.name)

    def restore(self, receipt_at: str, url: str, tell: Listener) -> Receipt:  # noqa: ARG002
        self.lines.append(f"restore {receipt_at}")
        return receipt()


@dataclass
class DiaryDatabase:
    """One database of the diary; with its lock held, it is the session too."""

    diary: Diary
    name: str
    locked: bool = False

    def ledger(self) -> Ledger:
        self.diary.lines.append("read ledger" if self.locked else f"read {self.name}")
        return self.diary.ledgers.get(self.name, Ledger())

    def foreign_ledgers(self, version_parts: int = 1) -> tuple[ForeignLedger, ...]:
        assert version_parts
        return self.diary.foreign

    def keep_in_step(self, foreign: ForeignLedger) -> None:
        self.diary.lines.append(f"keep {foreign.table} in step")

    def record_of_tool(self, entry: Entry) -> None:
        self.record(entry)

    def record_in_tool(
        self, foreign: ForeignLedger, applied: tuple[Migration, ...], new: tuple[int, ...], entry: Entry
    ) -> None:
        self.diary.lines.append(f"record {len(new)} of {len(applied)} in {foreign.table}: {entry.error}")

    def snapshot(self) -> Snapshot:
        self.diary.lines.append(f"snapshot {self.name}")
        return self.diary.schemas.get(self.name, Snapshot())

    def sizes(self, tables: tuple[str, ...]) -> dict[str, Size]:
        self.diary.lines.append(f"sizes of {len(tables)} in {self.name}")
        return {}

    def original(self) -> SourceDatabase:
        self.diary.lines.append(f"copy {self.name}")
        return SourceDatabase("deploy", 15)

    def statistics(self) -> DiaryStatistics:
        return DiaryStatistics(self.diary)

    def roles(self) -> DatabaseRoles:
        self.diary.lines.append(f"roles of {self.name}")
        return DatabaseRoles(self.name)

    def server_objects(self) -> Snapshot:
        self.diary.lines.append(f"roles and settings of {self.name}")
        return Snapshot()

    def pooler(self) -> UsageError | None:
        return self.diary.pooler

    def holder(self) -> Holder | None:
        return self.diary.holder

    @contextmanager
    def observed(self) -> Iterator[Callable[[], RunActivity | None]]:
        yield lambda: self.diary.seen.pop(0) if self.diary.seen else None

    def end(self, holder: Holder) -> bool:
        self.diary.lines.append(f"end backend {holder.pid}")
        return self.diary.ends

    def refuted(self, queries: tuple[Script, ...]) -> tuple[Refuted, ...]:
        self.diary.lines.append(f"ask {len(queries)} of {self.name}")
        return ()

    def checked(self) -> tuple[Checked, ...]:
        self.diary.lines.append(f"check {self.name} deeply")
        return self.diary.checked

    def not_dumped(self) -> tuple[str, ...]:
        return self.diary.not_dumped

    def not_exportable(self, tables: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG002
        return self.diary.not_exportable

    def violations(self, risks: tuple[Risk, ...], keys: bool) -> tuple[Violation, ...]:
        self.diary.lines += [f"rows of {risk.demand.table}{' with keys' * keys}" for risk in risks]
        return tuple(Violation(risk, self.diary.rows) for risk in risks)

    def count_losses(self, losses: tuple[Loss, ...]) -> tuple[CountedLoss, ...]:
        return tuple(CountedLoss(loss, self.diary.rows) for loss in losses)

    @contextmanager
    def exclusively(self, request: Request, tell: Listener) -> Iterator[DiaryDatabase]:  # noqa: ARG002
        self.diary.lines.append("lock")
        try:
            yield DiaryDatabase(self.diary, self.name, locked=True)
        finally:
            self.diary.lines.append("unlock")

    def set_activity(self, what: str, /) -> None:
        """Nobody asks."""

    def begin(self, plan: Plan) -> None:
        """Nobody asks."""

    def preflight(self, plan: Plan) -> tuple[Reason, ...]:  # noqa: ARG002
        return self.diary.moments.pop(0) if self.diary.moments else ()

    def drop_invalid_indexes(self, plan: Plan) -> tuple[str, ...]:  # noqa: ARG002
        self.diary.lines += [f"heal {what}" for what in self.diary.healed]
        return self.diary.healed

    def recovery_point(self, plan: Plan) -> RecoveryPoint:  # noqa: ARG002
        self.diary.lines.append("recovery point")
        return POINT

    def run(self, step: Step, plan: Plan, safeguards: Safeguards) -> int:
        verb = "apply" if step.direction is Direction.APPLY else "undo"
        self.diary.lines.append(f"{verb} {step.number:03}")
        self.diary.receipts.append(safeguards.receipt)
        self.diary.points.append(safeguards.point)
        if (step.name, step.direction) in {
            (self.diary.step_fails, Direction.APPLY),
            (self.diary.undo_fails, Direction.ROLLBACK),
        }:
            raise self._failed(step_entry(step))
        self._add(replace(step_entry(step), error=plan.why or None))
        return 12

    def single_transaction(self, plan: Plan, safeguards: Safeguards) -> tuple[int, ...]:
        self.diary.lines.append("in one transaction:")
        before = self.diary.ledgers.get(self.name, Ledger())
        try:
            steps = [self.run(step, plan, safeguards) for step in plan.steps]
            return (*steps, *(self.seed(seed, plan, safeguards) for seed in plan.seeds))
        except ApplyError:
            failed = self.diary.ledgers[self.name].entries[-1]
            self.diary.ledgers[self.name] = added(before, failed)
            raise

    def seed(self, seed: Seed, plan: Plan, safeguards: Safeguards) -> int:  # noqa: ARG002
        self.diary.lines.append(f"seed {seed.name}")
        if seed.name == self.diary.seed_fails:
            raise self._failed(seed_entry(seed.name, seed.checksum))
        self._add(seed_entry(seed.name, seed.checksum))
        return 3

    def probe(self, health: Health) -> HealthResult:  # noqa: ARG002
        self.diary.lines.append("ask for health")
        return self.diary.healths.pop(0)

    def watch(self, health: Health) -> HealthResult:  # noqa: ARG002
        self.diary.lines.append("watch health")
        return self.diary.healths.pop(0)

    def checkpoint(self, ledger: Ledger) -> Checkpoint:
        return Checkpoint(ledger.last.id if ledger.last else 0, 1)

    def protect(self, losses: tuple[Loss, ...], since: Checkpoint) -> tuple[CountedLoss, ...]:  # noqa: ARG002
        return tuple(CountedLoss(loss, self.diary.others) for loss in losses)

    def record(self, entry: Entry) -> None:
        self.diary.lines.append(f"record {entry.mark} {entry.number:03}" if entry.number else "record")
        self._add(entry)

    def correct(self, step: Step, position: int, reached: ProgressState, entry: Entry) -> None:
        self.diary.lines.append(f"statement {position} of {step.name} is {reached}")
        self._add(entry)

    def adopt(self, entry: Entry, ledger_id: str) -> None:
        self.diary.lines.append(f"adopt as {ledger_id}")
        self._add(entry)

    def start_over(self, kept: tuple[str, ...], roles: tuple[str, ...]) -> int:
        also = f", also of {', '.join(roles)}" if roles else ""
        self.diary.lines.append(f"drop all but {', '.join(kept) or 'nothing'}{also}")
        self.diary.ledgers[self.name] = Ledger()
        return 3

    def session_leaks(self) -> tuple[SessionLeak, ...]:
        return self.diary.left

    def _failed(self, entry: Entry) -> ApplyError:
        mark, name = self.diary.failed_mark, entry.name
        path = name if entry.number is None else f"migrations/{name}.sql"
        error = ApplyError(
            f"{name} failed",
            place=Place(path),
            state=f"{name} left no trace",
            hint="correct the file",
            sqlstate=self.diary.sqlstate,
        )
        error.blames_file = True
        error.on_record = mark is Mark.FAILED
        if mark:
            self._add(replace(entry, mark=mark))
        return error

    def _add(self, entry: Entry) -> None:
        self.diary.ledgers[self.name] = added(self.diary.ledgers.get(self.name, Ledger()), entry)


@dataclass
class DiaryStatistics:
    """The statistics of a database of the diary."""

    diary: Diary

    def sample(self, *, plans: bool = True) -> Sample:
        self.diary.lines.append(f"sample{' with plans' * plans}")
        sample = self.diary.samples.pop(0)
        if isinstance(sample, BaseException):
            raise sample
        return sample

    def wait_until(self, moment: datetime, /) -> None:
        self.diary.lines.append(f"wait until {moment:%H:%M:%S}")

    def record(self, record: LoadRecord, /) -> None:
        self.diary.lines.append(f"store the load {record.moment}")
        if self.diary.not_recorded:
            raise self.diary.not_recorded
        self.diary.loads.append(record)

    def recorded(self) -> tuple[LoadRecord, ...]:
        return tuple(self.diary.loads)

    def measuring(self, environment: str, within: timedelta, /) -> Measuring | None:
        last = next((each for each in reversed(self.diary.loads) if each.environment == environment), None)
        return Measuring(last, last.at + within) if last and last.moment is Moment.AFTER else None

    def add_traffic(self) -> TrafficSample:
        self.diary.lines.append("store traffic")
        if self.diary.not_recorded:
            raise self.diary.not_recorded
        return self.diary.traffic[-1]

    def traffic_samples(self) -> tuple[TrafficSample, ...]:
        return tuple(self.diary.traffic)


def as_json(text: str) -> dict[str, object]:
    """A JSON page, read."""
    found: dict[str, object] = json.loads(text)
    return found


TO_003 = Selector(number=3)
