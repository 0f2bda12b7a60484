"""The command `reset`. Drops everything in a disposable database, and then applies all migrations and seed files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..core.gate.gate import reasons_to_wait
from ..core.ledger.identity import Site, refuse_wrong
from ..core.ledger.ledger import Ledger
from ..core.ledger.safeguards import Safeguards
from ..core.plan.plan import Plan, make_plan
from ..core.run.outcome import Outcome, Status
from ..core.run.progress import Listener, PlanStarted
from ..errors import ApplyError, LedgerError, UsageError
from ..lazy import dataclass
from .applying.carry_out import carry_out, watch_health
from .applying.failure_advice import with_failure_advice
from .applying.rollback_on_failure import FailedApply

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.gate.request import Request
    from ..core.workspace.workspace import Workspace
    from ..ports.database import Databases, Session

UNCHANGED = "nothing was changed"
_OF_PULL_REQUESTS = ("pull_request", "issue_comment", "merge_group", "workflow_run")
"""Prefixes of the names of GitHub events. Runs of these events can use files of a pull request."""


@dataclass(frozen=True)
class Permission:
    """The facts outside the database that decide whether an environment may be reset, and what is dropped."""

    branch: str
    """The name of the default branch in git."""
    merged: Workspace
    """A workspace with the manifests of the default branch."""
    event: str = ""
    """The GitHub event of the run. Empty outside GitHub Actions."""
    roles: tuple[str, ...] = ()
    """Additional roles whose objects are dropped."""
    typed: Callable[[str], str] = lambda _question: ""
    """Asks the user to type the database's name. Returns the typed text."""


@dataclass(frozen=True)
class ResetTarget:
    """A database that the user may reset. Only `permit` creates this object."""

    site: Site
    roles: tuple[str, ...] = ()


def permit(request: Request, permission: Permission, *, databases: Databases) -> ResetTarget:
    """Checks everything that needs no lock. As the last check, the user types the database's name. Read-only.

    Raises UsageError if a reset is not permitted, and LedgerError if the database belongs to another environment.
    """
    environment = request.environment
    for what, hint in _refusals(request, permission):
        raise UsageError(what, state=UNCHANGED, hint=hint)
    identity = databases.of(environment).ledger().identity
    refuse_wrong(environment, identity)
    name = identity.here.name if identity else ""
    question = f"This drops everything in database {name} of {environment.name}.\nType the name of the database"
    typed = permission.typed(question)
    if identity is None or typed != name:
        secret = environment.url_secret
        what = f"`{typed}` is not the name of the database of {environment.name}: {secret} connects to `{name}`"
        raise UsageError(what, state=UNCHANGED, hint=f"if that is the right database, type `{name}`")
    return ResetTarget(identity.here, permission.roles)


def reset(request: Request, permitted: ResetTarget, *, databases: Databases, tell: Listener) -> tuple[int, Outcome]:
    """Drops all objects of the role that applies and of the named roles. Then applies everything.

    The run holds one lock during both parts. A blocking problem or a reason to wait prevents the drop. Returns the
    number of dropped objects and the outcome. Raises LedgerError if the database is not the permitted one. Writes to
    the database.
    """
    environment = request.environment
    with databases.of(environment).exclusively(request, tell) as session:
        identity = session.ledger().identity
        refuse_wrong(environment, identity)
        if identity is None or identity.here != permitted.site:
            raise LedgerError(f"{environment.url_secret} now connects to a different database", state=UNCHANGED)
        plan = make_plan(request.workspace, environment, Ledger(identity=identity), request.target)
        if plan.blocked:
            return 0, Outcome(plan, Status.BLOCKED)
        if reasons := (*reasons_to_wait(plan, request, None), *session.preflight(plan)):
            return 0, Outcome(plan, Status.WAITING, reasons=reasons)
        session.begin(plan)
        dropped = session.start_over(environment.shadow.extensions, permitted.roles)
        return dropped, _applied(plan, request, session, databases, tell)


def _applied(plan: Plan, request: Request, session: Session, databases: Databases, tell: Listener) -> Outcome:
    tell(PlanStarted(plan))
    failed = FailedApply(request, plan, session, session.checkpoint(Ledger()), Safeguards(), tell)
    try:
        done = carry_out(plan, session, Safeguards(), tell)
        watch_health(plan, session)
    except ApplyError as error:
        refused = failed.rolled_back_if_required(with_failure_advice(error, plan, request, databases))
        refused.state = f"everything was dropped before; {refused.state}"
        raise refused from None
    return Outcome(plan, Status.APPLIED, done=done, left=session.session_leaks())


def _refusals(request: Request, permission: Permission) -> Iterator[tuple[str, str]]:
    """Yields each reason why this environment may not be reset, with a hint."""
    name = request.environment.name
    if permission.event.startswith(_OF_PULL_REQUESTS) or request.origin.pull_request is not None:
        event = permission.event or "refs/pull"
        yield (
            f"a run for a pull request ({event}) may not reset {name}",
            "run the reset from the default branch, or by hand",
        )
    for problem in (each for each in permission.merged.read_problems if each.blocks):
        yield f"the manifests of {permission.branch} are not valid: {problem.place}: {problem.what}", problem.hint
    yield from _not_disposable(request.environment, permission)
    for other in (*permission.merged.environments, *request.workspace.environments):
        if other.name != name and other.url_secret == request.environment.url_secret:
            yield (
                f"{name} and {other.name} have the same database: {other.url_secret}",
                "give each environment its own secret",
            )
        if other.name != name and other.after == name:
            yield f"{other.name} is `after: {name}`", f"remove `after` from {other.path}, or `disposable`"


def _not_disposable(here: Environment, permission: Permission) -> Iterator[tuple[str, str]]:
    """Yields the reasons in two manifests: on the default branch and in the checkout. Both need `disposable: true`."""
    name, branch = here.name, permission.branch
    merged = permission.merged.environment(name)
    if merged is None:
        yield f"{branch} has no environment `{name}`", f"merge its manifest, with `disposable: true`, into {branch}"
    elif not merged.disposable:
        yield f"{name} is not disposable on {branch}", f"merge `disposable: true` in {here.path} into {branch}"
    elif not here.disposable:
        yield f"{name} is not disposable in this checkout", f"restore `disposable: true` in {here.path}"
    elif (here.url_secret, here.database_id) != (merged.url_secret, merged.database_id):
        yield f"`database` in {here.path} differs from {branch}", "merge the change, or undo it"
