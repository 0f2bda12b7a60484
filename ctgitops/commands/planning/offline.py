"""Makes a plan without a database connection.

The trial runs on the schema that the merged files produce, or on an empty database if the environment is new.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...core.gate.data_loss import CountedLoss
from ...core.gate.forward_loss import forward_losses
from ...core.ledger.ledger import Ledger
from ...core.plan.plan import Plan, worst_first
from ...core.plan.replay import steps_with_repeatable
from ...core.schema.source_database import Role, SourceDatabase
from ...core.trial.gap import Stop
from ...core.trial.schema_break import break_problems
from ...core.trial.seed_trial import applied_seeds
from ...core.trial.trial import NOT_WANTED, Trial, proof_problems
from ...core.view.offline_plan import ledger_of_files, preview_of_files, preview_of_new
from ...core.view.preview import Preview
from ...errors import ApplyError, CtgitopsError, UsageError
from ...lint.file_selection import lint_result
from ...sql.databases import databases_named
from .impact_estimate import effects_of
from .trial import TrialRunner

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from ...core.gate.gate import Predecessor
    from ...core.gate.request import Request
    from ...ports.database import Database
    from ...ports.shadow import Shadows

ROLE = "postgres"
"""The role that applies migrations in the trial. The role is a superuser, because the real role is unknown."""
MOST_ROLES = 20
_MERGED_FILES = "the schema of the merged files"
_NOTHING = "an empty database"
_NO_ROLE = re.compile(r'role "(?!pg_|ctgitops_|public"|none")(.{1,63})" does not exist')
_NO_DATABASE = re.compile(r'database "(.+)" does not exist')
_UNDEFINED = "42704"
_NO_SUCH_DATABASE = "3D000"


class _OutOfReach:
    """A replacement for the port to databases. Never connects, even if the secret with a database's URL is set."""

    def of(self, environment: Environment) -> Database:
        """Raises UsageError, because an offline plan never connects."""
        raise UsageError(f"{environment.name} is a database to which this plan does not connect")

    def predecessor(self, request: Request) -> Predecessor:  # noqa: ARG002 - the port defines this signature
        """Returns None without connecting."""
        return None


@dataclass
class OfflinePlanner:
    """Plans without a connection. Assumes that each environment has applied all files except `changed`."""

    shadows: Shadows
    changed: Collection[str] = ()
    why: str = ""
    roles: list[str] = field(default_factory=list)
    """Roles that the files use but do not create. The real server must already have these roles."""
    databases: list[str] = field(default_factory=list)
    """Names of databases that did not exist in the trial. The copy gets the first name: the real name is unknown."""

    def preview(self, request: Request) -> Preview:
        """Plans the files in `changed` after all other files. Lints the files and tries the plan. Read-only."""
        environment, workspace = request.environment, request.workspace
        planned = preview_of_files(workspace, environment, self.changed, self.why)
        return self._complete(planned, ledger_of_files(workspace, environment, self.changed), request)

    def preview_of_new(self, request: Request) -> Preview:
        """Plans all files for a new environment. Lints the files and tries the plan on an empty database. Read-only."""
        return self._complete(preview_of_new(request.workspace, request.environment), Ledger(), request)

    def _complete(self, preview: Preview, ledger: Ledger, request: Request) -> Preview:
        linted = lint_result(preview, request.workspace, request.now.date())
        if isinstance(linted, Preview):
            linted = replace(linted, losses=_uncounted(linted.plan))
        if not isinstance(linted, Preview) or not linted.plan.steps or linted.plan.blocked:
            return preview if not isinstance(linted, Preview) else linted
        if not request.environment.shadow.wanted:
            return replace(linted, proof=NOT_WANTED)
        return self._tried(linted, ledger, request)

    def _tried(self, preview: Preview, ledger: Ledger, request: Request) -> Preview:
        tried, error = self._once(preview, ledger, request)
        while error and self._learned(error):
            tried, error = self._once(preview, ledger, request)
        proof = replace(tried.proof or Trial(), ran_on=_MERGED_FILES if ledger.entries else _NOTHING, prediction="")
        breaks = break_problems(preview.plan, proof.changes, request.workspace.history)
        found = (*proof_problems(proof, preview.environment.name), *breaks)
        problems = worst_first((*preview.plan.problems, *found))
        return replace(tried, plan=replace(preview.plan, problems=problems), proof=proof)

    def _once(self, preview: Preview, ledger: Ledger, request: Request) -> tuple[Preview, ApplyError | None]:
        """Makes the preview with one attempt at a trial. Returns it with the error of a failed migration, or None."""
        try:
            tried = self._trial(preview, ledger, request)
        except ApplyError as error:
            why = f"the merged migrations do not run in an empty database: {error.what}"
            return replace(preview, proof=Trial(untried=why, stop=Stop(why))), error
        except CtgitopsError as error:
            return replace(preview, proof=Trial(untried=error.what, stop=Stop(error.what, error.hint))), None
        return tried, tried.proof.failed if tried.proof else None

    def _trial(self, preview: Preview, ledger: Ledger, request: Request) -> Preview:
        steps = (*steps_with_repeatable(ledger), *preview.plan.steps)
        named = (*(name for step in steps for name in databases_named(step.script.sql)), *self.databases)
        original = _original(preview.environment, self.roles, named)
        with self.shadows.sandbox(original, preview.environment.shadow, steps_with_repeatable(ledger)) as sandbox:
            seeded = applied_seeds(request.workspace, preview.environment, ledger)
            proof = TrialRunner(preview.plan, ledger, original, sandbox, seeded).proof(sandbox.snapshot())
            effects = effects_of(preview.plan, request, None, sandbox, _OutOfReach())
            return replace(preview, proof=proof, effects=effects)

    def _learned(self, error: ApplyError) -> bool:
        """Stores the missing role or database that the error names. Returns whether another attempt can succeed."""
        other = _NO_DATABASE.search(error.what)
        if other and error.sqlstate == _NO_SUCH_DATABASE and not self.databases:
            self.databases.append(other[1])
            return True
        match = _NO_ROLE.search(error.what)
        if error.sqlstate != _UNDEFINED or match is None or match[1] in self.roles or len(self.roles) >= MOST_ROLES:
            return False
        self.roles.append(match[1])
        return True


def _uncounted(plan: Plan) -> tuple[CountedLoss, ...]:
    """Returns the data that the plan destroys. Without a connection, its rows are not counted."""
    return tuple(CountedLoss(loss, None, note="not connected to the database") for loss in forward_losses(plan, None))


def _original(environment: Environment, roles: list[str], databases: tuple[str, ...]) -> SourceDatabase:
    made = (Role(ROLE, superuser=True), *(Role(name) for name in roles))
    name = databases[0] if databases else ""
    return SourceDatabase(ROLE, environment.shadow.major, roles=made, database=name, databases=frozenset(databases))
