"""Updates the records in the comments of merged pull requests. The ledgers provide the facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..core.environment.environment import Environment
from ..core.environment.environment_order import in_order_of_after
from ..core.forge.forge import Composed, Published
from ..core.gate.gate import Unreadable
from ..core.ledger.ledger import Ledger, Mark
from ..core.migration.migration_name import MigrationName
from ..core.plan.flags import FlagWait, flag_waits
from ..core.plan.plan import Plan
from ..core.run.outcome import Outcome
from ..core.view.pull_request_record import (
    Ledgers,
    MigrationRef,
    Record,
    Stage,
    brought_by,
    pull_requests_of,
    record_of,
    touched_by,
    with_flags,
    without_files,
)
from ..core.view.record_memory import memory_in, memory_text, newer_than, with_memory
from ..core.view.status import pending_in
from ..errors import CtgitopsError, MustWaitError
from ..files.layout_reader import migrations_among
from ..report.record import approved_markdown, failure_markdown, record_markdown
from .job import Job
from .pull_request_checks import untouched
from .run_end import end_of

MOST = 30
"""Maximum number of comments that one run updates. For a larger release, the job summary shows the other records."""
LONGEST = 30_000
"""Maximum length of a record, in characters. The rest of the comment is for the plan."""
NO_RECORD = "### Merged\n\nNo migration changed.\n"

Ended = Mapping[str, Outcome | CtgitopsError]


@dataclass
class RunRecord:
    """The results of one run, for the records of pull requests whose migrations the run applied or planned."""

    job: Job
    sha: str
    merged: int | None = None
    """The pull request whose merge started the run."""
    ended: dict[str, Outcome | CtgitopsError] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    """Maps environments to the plans that the run made."""
    lost_runs: tuple[str, ...] = ()
    """The URLs of earlier runs that ended without a result. No record shows such a run yet."""

    def heard(self, environment: str, outcome: Outcome | CtgitopsError, begun: Plan | None = None) -> None:
        """Stores the result and the plan for one environment. If an error ended the run, the plan is `begun`."""
        self.ended[environment] = outcome
        if plan := outcome.plan if isinstance(outcome, Outcome) else begun:
            self.plans[environment] = plan

    def concerned(self) -> Iterator[int]:
        """The pull requests of a cancelled run. The merged pull request is first: it is found without a ledger."""
        if self.merged is None and not self.plans:
            self.merged = self.job.github_writer.pull_request_of(self.sha)
        yield from self._merged
        names = [step.name for plan in self.plans.values() for step in plan.steps]
        yield from (n for n in pull_requests_of(names, _ledgers(self.job)) if n != self.merged)

    def write(self) -> None:
        """Writes the records of the merged pull request, and of others whose migrations the run applied or planned."""
        if self.job.github_writer.forge is None:
            return
        ledgers = _ledgers(self.job)
        numbers = self._numbers(ledgers)
        for number in numbers[:MOST]:
            self.write_one(number, ledgers)
        if len(numbers) > MOST:
            self.job.runner.warn(f"the records of {len(numbers) - MOST} more pull requests were not updated")

    def _numbers(self, ledgers: Ledgers) -> list[int]:
        """The pull requests to update: first those with a failed migration, then the newest."""
        urls = (self.job.wiring.origin.run_url, *self.lost_runs)
        names = dict.fromkeys(entry.name for url in urls for entry in touched_by(url, ledgers))
        names |= dict.fromkeys(step.name for plan in self.plans.values() for step in plan.steps)
        names |= dict.fromkeys(self._unplanned(ledgers))
        blamed = [*self._merged, *pull_requests_of(self._failed(ledgers), ledgers)]
        unsure = [name for name in names if {*pull_requests_of([name], ledgers)} <= {*self._merged}]
        others = {*pull_requests_of(names, ledgers), *self._by_file(unsure), *self._superseded()}
        found = sorted(others, reverse=True)
        return list(dict.fromkeys([*blamed, *found]))

    def _unplanned(self, ledgers: Ledgers) -> Iterator[str]:
        """The pending migrations of environments whose run ended before it had a plan, as with a read-only URL."""
        workspace = self.job.wiring.workspace
        for name in self.ended.keys() - self.plans.keys():
            environment, ledger = workspace.environment(name), ledgers.get(name)
            if environment and isinstance(ledger, Ledger):
                yield from (m.name for m in pending_in(workspace, environment, ledger))

    @property
    def _merged(self) -> tuple[int, ...]:
        return (self.merged,) if self.merged is not None else ()

    def _by_file(self, names: list[str]) -> Iterable[int]:
        """The pull requests that last changed the files of migrations, according to git.

        The ledger's entries name only the pull request that started the run. After a scheduled run, they name none.
        """
        job, folder = self.job, self.job.wiring.origin.folder
        if not all(job.github_writer.files_of(number) for number in self._merged):
            return ()  # GitHub did not list the files, so it is not known which are another pull request's
        own = {each.name for number in self._merged for each in _files(job, number)}
        wanted = [m for m in job.wiring.workspace.migrations if m.name in names and m.name not in own]
        return job.github_writer.brought_by(tuple(f"{folder}{m.path}" for m in wanted[:MOST]), self.sha).values()

    def _superseded(self) -> Iterable[int]:
        """The pull requests whose migrations the merged pull request corrected, removed or renumbered.

        The ledger does not name a pull request whose plan was refused.
        """
        job, folder = self.job, self.job.wiring.origin.folder
        files = [file for number in self._merged for file in job.github_writer.files_of(number) if not file.added]
        here = {f"{folder}{migration.path}" for migration in job.wiring.workspace.migrations}
        changed = [f.path for f in files if f.path in here or _removed(job, f.path.removeprefix(folder))]
        return job.github_writer.brought_by(tuple(changed[:MOST]), self.sha, self.merged).values()

    def _failed(self, ledgers: Ledgers) -> list[str]:
        ends = {entry.name: entry.mark for entry in touched_by(self.job.wiring.origin.run_url, ledgers)}
        return [name for name, mark in ends.items() if mark not in (Mark.APPLIED, Mark.ROLLED_BACK)]

    def write_one(self, number: int, ledgers: Ledgers) -> str:
        """Writes one record and returns its text. If the comment is newer than `ledgers`, reads the ledgers again.

        A pull request that changed no migration gets no record.
        """
        job = self.job
        if not brought_by(number, ledgers) and untouched(
            job.github_writer.files_of(number), job.wiring.origin.folder, job.wiring.workspace
        ):
            return NO_RECORD
        files, known, pages = _files(self.job, number), [ledgers], [""]
        if _unknown(self.job, number, files, ledgers):
            return NO_RECORD
        approved = approved_markdown(self.job.github_writer.approvers(number))

        def compose(published: Published) -> Composed:
            memory = memory_in(published.memory)
            if newer_than(memory, known[-1]) or pages[-1]:
                known.append(_ledgers(self.job))
            record, mine = self._record(number, files, known[-1])
            record = without_files(with_memory(record, memory, known[-1], mine), _gone(self.job, files))
            shown = with_flags(record, _flag_waits(self.job, known[-1]))
            pages.append(record_markdown(shown, mine, self.job.wiring.origin, longest=LONGEST) + approved)
            return Composed(pages[-1], memory_text(record, memory, known[-1]))

        self.job.record(number, self.sha, compose)
        return pages[-1]

    def _record(self, number: int, files: tuple[MigrationRef, ...], ledgers: Ledgers) -> tuple[Record, Ended]:
        """The record of a pull request, from the ledgers and from the results of this run."""
        there = {migration.name for migration in self.job.wiring.workspace.migrations}
        brought = [each for each in brought_by(number, ledgers) if not files or each.name not in there]
        names = [*files, *brought] or [step for outcome in self.ended.values() for step in _steps(outcome)]
        record = record_of(names, in_order_of_after(self.job.wiring.workspace.environments), ledgers)
        gone = _gone(self.job, files)
        record = without_files(record, gone)
        # An older checkout has no result for the migrations of a later pull request
        known = gone or any(each.name in there for each in files)
        mine = {
            environment.name: self.ended[environment.name]
            for environment in record.environments
            if environment.name in self.ended and self._concerns(number, environment, record) and (known or not files)
        }
        ends = ((name, end_of(outcome, self.job.wiring.origin.run_url)) for name, outcome in mine.items())
        return replace(record, ends={name: end for name, end in ends if end}), mine

    def _concerns(self, number: int, environment: Environment, record: Record) -> bool:
        """Whether this run has results for a pull request. False if all its migrations were applied before this run."""
        outcome = self.ended[environment.name]
        cells = record.cells(environment)
        if not {cell.stage for cell in cells.values()} <= {Stage.APPLIED, Stage.REMOVED}:
            return True
        if isinstance(outcome, Outcome):
            return bool(outcome.mismatch) or any(done.name in cells for done in outcome.done)
        return number == self.merged and not isinstance(outcome, MustWaitError)


def _flag_waits(job: Job, ledgers: Ledgers) -> dict[str, dict[str, FlagWait]]:
    """Maps environments to the migrations that wait for a flag there, by name. An unread ledger counts as empty."""
    waits = {}
    for environment in job.wiring.workspace.environments:
        ledger = ledgers.get(environment.name)
        read = ledger if isinstance(ledger, Ledger) else Ledger()
        found = flag_waits(job.wiring.workspace.migrations, environment, read, job.wiring.workspace)
        waits[environment.name] = {wait.name: wait for wait in found.values()}
    return waits


def keep_record(job: Job, sha: str) -> None:
    """Writes the records of the pull requests whose migrations this run changed, according to the ledgers."""
    RunRecord(job, sha).write()


def record_now(job: Job, pull_request: int, sha: str) -> str:
    """Writes the record of a merged pull request for which no apply runs. Returns the record's text."""
    return RunRecord(job, sha).write_one(pull_request, _ledgers(job))


def record_failure(job: Job, pull_request: int, sha: str, error: CtgitopsError) -> None:
    """Records that the run after a merge ended before it read any environment."""
    page = failure_markdown(error, job.wiring.origin)
    job.record(pull_request, sha, lambda published: Composed(page, published.memory))


def _steps(outcome: Outcome | CtgitopsError) -> Iterable[MigrationRef]:
    steps = outcome.plan.steps if isinstance(outcome, Outcome) else ()
    return (MigrationRef(step.number, step.name, step.version) for step in steps)


def _files(job: Job, pull_request: int) -> tuple[MigrationRef, ...]:
    """The migrations that a pull request adds or changes, from its file list.

    Some may have been removed since, and an older checkout does not have those of a later pull request yet.
    """
    files = job.github_writer.files_of(pull_request)
    folder, paths = job.wiring.origin.folder, {file.path for file in files}
    there = tuple(m for m in job.wiring.workspace.migrations if f"{folder}{m.path}" in paths)
    added = (file.path.removeprefix(folder) for file in files if file.added)
    elsewhere = (_named(job, path) for path in added if _not_here(job, path))
    return (
        *(MigrationRef(m.number, m.name, m.version) for m in there),
        *(MigrationRef(name.number, name.name) for name in elsewhere if name),
    )


def _unknown(job: Job, pull_request: int, files: tuple[MigrationRef, ...], ledgers: Ledgers) -> bool:
    """Whether no migration of a pull request is in the checkout or in a ledger.

    For a tag, the files of the branch are not known, so the migrations may be newer than the tag. The pull request is
    nevertheless in the ledger if its run tried the migration of an earlier pull request.
    """
    folder = job.wiring.origin.folder
    added = (file.path.removeprefix(folder) for file in job.github_writer.files_of(pull_request) if file.added)
    own = {name.name for path in added if (name := _named(job, path))}
    return not files and bool(own) and not own & {each.name for each in brought_by(pull_request, ledgers)}


def _named(job: Job, path: str) -> MigrationName | None:
    return migrations_among(job.wiring.workspace.policy.layout, [path]).get(path)


def _removed(job: Job, path: str) -> bool:
    """Whether a path in the workspace is that of a migration file that the branch no longer has.

    A checkout that is older than the branch lacks files that were added later.
    """
    return _not_here(job, path) and path not in (job.at_tip or ())


def _not_here(job: Job, path: str) -> bool:
    """Whether the checkout has no migration file with this path. False if the files of the branch are not known."""
    here = {migration.path for migration in job.wiring.workspace.migrations}
    return _named(job, path) is not None and path not in here and job.at_tip is not None


def _gone(job: Job, files: tuple[MigrationRef, ...]) -> frozenset[str]:
    """The names of the migrations whose files were removed from the branch."""
    missing = frozenset(each.name for each in files) - {m.name for m in job.wiring.workspace.migrations}
    if not missing:
        return missing
    at_tip = migrations_among(job.wiring.workspace.policy.layout, job.at_tip or ())
    return missing - {each.name for each in at_tip.values()}


def _ledgers(job: Job) -> dict[str, Ledger | Unreadable]:
    return {environment.name: _ledger(job, environment.name) for environment in job.wiring.workspace.environments}


def _ledger(job: Job, name: str) -> Ledger | Unreadable:
    try:
        return job.wiring.databases.of(job.wiring.environment(name)).ledger()
    except CtgitopsError as error:
        return Unreadable(error.what, error.exit_status)
