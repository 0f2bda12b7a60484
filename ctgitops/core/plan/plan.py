"""The plan: an environment's pending migrations in order, and all their problems. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ...sql.parse import SqlSyntaxError
from ..environment.apply_policy import ApplyPolicy
from ..file_check.rollback_secret import rollback_problems
from ..ledger.identity import Identity, identity_problems
from ..ledger.resumption import resumption_of
from ..ledger.reversal import since
from ..migration.header import Rollback
from ..migration.schema_version import SchemaVersion, highest
from ..migration.sequence import sequence
from ..problem import Concern, Problem
from ..workspace.breaking_change import UNDECLARED, breaking_problems
from ..workspace.duplicates import Applied
from ..workspace.finding import Severity
from ..workspace.workspace import Workspace, problems_of, script_problems, seed_problems
from .due_seeds import due_seeds, seed_again_problems
from .flags import FlagWait, flag_waits, removed_flag_problems
from .history import history_problems
from .irreversible_step import irreversible_problems
from .single_transaction import single_transaction_problems
from .step import Direction, Step, with_squash
from .target import target_problems

if TYPE_CHECKING:
    from ...sql.script import Script
    from ..environment.environment import Environment
    from ..ledger.ledger import Ledger
    from ..migration.migration import Migration, Seed
    from ..migration.selector import Selector

__all__ = ["SHOWN_ANYWAY", "Direction", "Plan", "Step", "make_plan", "worst_first"]

SHOWN_ANYWAY = frozenset({"rolled-back", UNDECLARED})
"""Codes of problems that block a plan, but not its trial."""


@dataclass(frozen=True)
class Plan:
    """The steps for one environment. The same workspace and ledger always give the same plan."""

    environment: str
    direction: Direction
    current_version: SchemaVersion | None
    target_version: SchemaVersion | None
    """The schema version after the plan."""
    target: Selector
    steps: tuple[Step, ...] = ()
    seeds: tuple[Seed, ...] = ()
    problems: tuple[Problem, ...] = ()
    applied: tuple[tuple[int, str], ...] = ()
    """The number and checksum of each applied migration."""
    apply_policy: ApplyPolicy = field(default_factory=ApplyPolicy)
    identity: Identity | None = None
    """The plan's database."""
    files: Applied = field(default_factory=Applied)
    """The files that the environment has applied, according to its ledger. The fingerprint does not include them."""
    why: str = ""
    """Why ctgitops made the plan automatically. The plan's ledger entries record this. Empty for a user's plan."""
    since: str = ""
    """The hash of the newest ledger entry that changed the applied migrations. Empty without such an entry."""
    history: frozenset[str] = frozenset()
    """The names of the steps up to `lint_after`, if the environment has no migration yet. Pages fold these steps."""
    schema: str = ""
    """The hash of the live objects that the plan names. Empty without such an object, or if the schema was not read."""
    flag_waits: tuple[FlagWait, ...] = ()
    """The pending migrations that are not part of the plan, because they wait for a flag."""

    @property
    def blocked(self) -> bool:
        """Whether a problem prevents running the plan."""
        return any(problem.blocks for problem in self.problems)

    @property
    def held(self) -> bool:
        """Whether all problems that block the plan are in SHOWN_ANYWAY. The trial of such a plan still runs."""
        return self.blocked and all(p.code in SHOWN_ANYWAY for p in self.problems if p.blocks)

    @property
    def singles(self) -> tuple[Step, ...]:
        """The steps, but instead of a squashed file those that it replaces: one for each migration."""
        return tuple(single for step in self.steps for single in step.singles)

    @property
    def empty(self) -> bool:
        """Whether the plan runs nothing."""
        return not self.steps and not self.seeds

    @property
    def remarks(self) -> tuple[Problem, ...]:
        """The problems and findings that pages show: all problems, and findings of severity warning or higher."""
        found = (f.problem for step in self.steps for f in step.findings if f.severity is not Severity.NOTICE)
        return worst_first((*self.problems, *found))

    @property
    def fails(self) -> bool:
        """Whether a finding of severity error makes `plan` fail."""
        findings = (f for step in self.steps for f in step.findings)
        return any(p.fails for p in self.problems) or any(f.severity is Severity.ERROR for f in findings)

    @property
    def error_findings(self) -> tuple[Problem, ...]:
        """The findings of severity error. With such a finding, `check` and `plan` exit with 1. Apply repeats it."""
        return tuple(problem for problem in self.remarks if problem.is_error_finding)

    @cached_property
    def builds(self) -> int:
        """How many index builds run at the same time. 1 unless the manifest and the files allow more."""
        if self.apply_policy.parallel == 1:
            return 1
        from ...sql.parallel_builds import most_builds

        try:
            most = (most_builds(step.script.statements) for step in self.steps if not step.transactional)
            return min(self.apply_policy.parallel, max(most, default=1))
        except SqlSyntaxError:
            return 1

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything that an approval covers.

        The hash includes the environment and its database, the applied migrations, the newest change, each byte to run
        or store, the live objects that the plan names, and the policy. A failed attempt does not change the
        fingerprint, and an approved plan can be retried. After a rollback, no earlier approval is valid, even if the
        same migrations are applied again.
        """
        identity: list[object] = [
            self.environment,
            sorted(self.applied),
            [step.identity for step in self.steps],
            [(seed.name, seed.checksum) for seed in self.seeds],
            *([self.apply_policy.identity] if self.apply_policy.identity else []),
            *([("parallel", self.builds, self.apply_policy.maintenance_work_mem)] if self.builds > 1 else []),
            *([self.since] if self.since else []),
            *([self.schema] if self.schema else []),
            *([(self.identity.here.system_identifier, self.identity.here.oid)] if self.identity else []),
        ]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    @property
    def concern(self) -> Concern:
        """The area that decides the exit status of a blocked plan: the first of address, ledger and workspace."""
        blocking = {p.concern for p in self.problems if p.blocks}
        return next((c for c in (Concern.ADDRESS, Concern.LEDGER) if c in blocking), Concern.WORKSPACE)


def make_plan(workspace: Workspace, environment: Environment, ledger: Ledger, target: Selector | None = None) -> Plan:
    """The plan of the pending migrations of `environment`: the files minus the applied migrations in its `ledger`.

    Also includes migrations with low numbers. Invariant: after the plan is applied, a new plan is empty.
    """
    target, policy = target or environment.target, environment.apply_policy
    lacking = [m for m in workspace.migrations if target.reaches(m) and m.number not in ledger.applied]
    waits = flag_waits(lacking, environment, ledger, workspace)
    pending = [m for m in lacking if m.number not in waits]
    singles = tuple(_step(m, ledger) for m in sequence({m.number: m for m in pending}.values(), ledger.unfinished))
    numbers = frozenset(step.number for step in singles)
    steps, ignored = with_squash(singles, workspace, ledger) if workspace.squashes else (singles, ())
    seeds = due_seeds(workspace.seeds_of(environment), ledger, numbers)
    files = Applied.of(environment.name, ledger, workspace.migrations)
    problems = (
        *identity_problems(environment, ledger.identity),
        *problems_of(workspace, files),
        *(p for step in singles for script in _scripts(step) for p in script_problems(script)),
        *(p for step in singles for p in rollback_problems(step.script, step.rollback_script)),
        *breaking_problems(workspace.migrations, numbers, workspace.history),
        *seed_again_problems(seeds, ledger, numbers),
        *(p for seed in seeds for p in seed_problems(seed)),
        *history_problems(workspace, environment.name, ledger, tuple(pending)),
        *target_problems(workspace, ledger, target),
        *irreversible_problems((s.name, s.script) for s in singles if s.rollback is Rollback.NOT_AVAILABLE),
        *ignored,
        *removed_flag_problems(workspace.migrations, environment, ledger),
        *(single_transaction_problems(_named(steps, seeds), environment.path) if policy.single_transaction else ()),
    )
    return Plan(
        environment=environment.name,
        direction=Direction.APPLY,
        current_version=ledger.version,
        target_version=highest([v for v in (ledger.version, *(s.version for s in steps)) if v]),
        target=target,
        steps=steps,
        seeds=seeds,
        problems=worst_first(problems),
        applied=tuple((number, entry.checksum or "") for number, entry in ledger.applied.items()),
        apply_policy=policy,
        identity=ledger.identity,
        files=files,
        since=since(ledger),
        flag_waits=tuple(waits.values()),
        history=frozenset(s.name for s in steps if not ledger.applied and s.script.path in workspace.history),
    )


def _scripts(step: Step) -> tuple[Script, ...]:
    return tuple(s for s in (step.script, step.rollback_script, step.verify) if s)


def _named(steps: tuple[Step, ...], seeds: tuple[Seed, ...]) -> tuple[tuple[str, Script], ...]:
    return (*((step.name, step.script) for step in steps), *((seed.name, seed.script) for seed in seeds))


def _step(migration: Migration, ledger: Ledger) -> Step:
    header = migration.header
    step = Step(
        direction=Direction.APPLY,
        number=migration.number,
        name=migration.name,
        version=migration.version,
        checksum=migration.checksum,
        script=migration.up,
        rollback_script=migration.down,
        verify=migration.verify,
        breaking=migration.breaking,
        rollback=migration.rollback,
        resumption=resumption_of(migration.up, ledger.traces_of(migration.number)),
    )
    if header is None:
        return step
    return replace(
        step,
        procedure=header.procedure,
        estimated=header.estimated,
        impact=header.impact,
        description=header.description,
    )


def worst_first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems without duplicates. Blocking problems come first, then problems that make `plan` fail, then warnings."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (not p.blocks, not p.fails)))
