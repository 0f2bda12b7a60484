"""The findings of `verify`: ledger entries, files and schema objects whose state is unexpected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..ledger.identity import identity_problems
from ..plan.history import history_problems
from ..plan.plan import worst_first
from ..problem import Concern, Problem
from .preview import FailOn, NotPlanned

if TYPE_CHECKING:
    from ...errors import Place
    from ...sql.script import Script
    from ..environment.environment import Environment
    from ..ledger.ledger import Ledger
    from ..schema.snapshot import SchemaObject, Snapshot
    from ..workspace.workspace import Workspace

_LEFT_BY_REINDEX = re.compile(r'_cc(?:new|old)\d*"?$')


@dataclass(frozen=True)
class Refuted:
    """A verify query that fails or no longer returns true."""

    what: str
    place: Place | None


@dataclass(frozen=True)
class Verified:
    """The result for one environment."""

    environment: Environment
    findings: tuple[Problem, ...]
    migrations: int = 0
    queries: int = 0
    """The number of verify files that ran."""
    constraints: int | None = None
    """The number of constraints and unique indexes whose rows were checked. None if this check was not requested."""


VerifyResult = Verified | NotPlanned


def exit_status(results: tuple[VerifyResult, ...], fail_on: FailOn) -> int:
    """The exit status of the first environment that could not be read. Otherwise 1 if `fail_on` includes a finding."""
    unseen = [result.exit_status for result in results if isinstance(result, NotPlanned)]
    if unseen:
        return unseen[0]
    found = [each for result in results if isinstance(result, Verified) for each in result.findings]
    errors = [each for each in found if each.is_error]
    failing = {FailOn.WARNING: found, FailOn.ERROR: errors, FailOn.NEVER: []}[fail_on]
    return 1 if failing else 0


def queries_of(workspace: Workspace, ledger: Ledger) -> tuple[Script, ...]:
    """The verify queries of all applied migrations."""
    return tuple(m.verify for m in workspace.migrations if m.verify and m.number in ledger.applied)


def findings(
    workspace: Workspace, environment: Environment, ledger: Ledger, live: Snapshot, refuted: tuple[Refuted, ...]
) -> tuple[Problem, ...]:
    """All findings, worst first."""
    return worst_first(
        (
            *_no_ledger(environment, ledger),
            *identity_problems(environment, ledger.identity),
            *history_problems(workspace, environment.name, ledger),
            *(_refuted(each) for each in refuted),
            *_not_whole(live),
            *_open_tables(live, workspace.policy.exposed_schemas),
        )
    )


def _no_ledger(environment: Environment, ledger: Ledger) -> Iterator[Problem]:
    """The finding for a database without a ledger, or with an empty ledger."""
    if ledger.entries:
        return
    name = environment.name
    there = "an empty ledger" if ledger.identity and ledger.identity.ledger_id else "no ledger"
    what = f"{name} has {there}: ctgitops has applied no migration to this database, so there is nothing to verify"
    hint = (
        f"`ctgitops plan --env {name}` shows what apply would do; "
        "`ctgitops baseline --help` explains how to adopt an existing schema"
    )
    yield Problem("no-ledger", what, hint=hint, concern=Concern.LEDGER)


def _refuted(each: Refuted) -> Problem:
    hint = "find out what changed; if the change is intended, update the verify file"
    return Problem("verify-failed", each.what, each.place, hint, concern=Concern.LEDGER)


def _not_whole(live: Snapshot) -> Iterator[Problem]:
    for each in live.objects:
        if each.kind == "index" and each.attributes.get("valid") == "no":
            what = f"index {each.name} is INVALID: no query uses it, but every write maintains it"
            yield Problem("invalid-index", what, hint=_made_valid(each), concern=Concern.LEDGER)
        elif _waits_for_validation(each):
            what = f"{each} is NOT VALID: rows that are older than the constraint were never checked"
            name = each.name.removeprefix(f"{each.of}.")
            hint = f"ALTER TABLE {each.of} VALIDATE CONSTRAINT {name}; in a migration"
            yield Problem("not-validated", what, hint=hint, blocks=False, concern=Concern.LEDGER)


def _made_valid(index: SchemaObject) -> str:
    if _LEFT_BY_REINDEX.search(index.name):
        return f"DROP INDEX CONCURRENTLY {index.name}; an interrupted REINDEX CONCURRENTLY left it behind"
    if " ON ONLY " in index.attributes.get("definition", ""):
        return (
            f"the index becomes valid when each partition of {index.of} has one: CREATE INDEX CONCURRENTLY on each "
            f"partition that lacks one, then ALTER INDEX {index.name} ATTACH PARTITION"
        )
    return f"REINDEX INDEX CONCURRENTLY {index.name};"


def _waits_for_validation(each: SchemaObject) -> bool:
    if each.kind == "constraint":
        return each.attributes.get("definition", "").endswith(" NOT VALID")
    return each.attributes.get("not_null") == "not validated"


def _open_tables(live: Snapshot, exposed: tuple[str, ...]) -> Iterator[Problem]:
    """Tables in exposed schemas that lack row-level security.

    By default, `public` is exposed if at least one of its tables has row-level security.
    """
    tables = [each for each in live.objects if each.kind == "table"]
    if not exposed and any(_schema(each) == "public" and _secured(each) for each in tables):
        exposed = ("public",)
    for each in tables:
        if _schema(each) in exposed and not _secured(each):
            what = f"table {each.name} is in an exposed schema and has no row-level security"
            hint = f"ALTER TABLE {each.name} ENABLE ROW LEVEL SECURITY; or correct `exposed_schemas` in the policy"
            yield Problem("no-row-security", what, hint=hint, blocks=False, concern=Concern.LEDGER)


def _schema(table: SchemaObject) -> str:
    return table.name.partition(".")[0].strip('"')


def _secured(table: SchemaObject) -> bool:
    return table.attributes.get("row_security", "").startswith("enabled")
