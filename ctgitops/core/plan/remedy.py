"""Advice for a failed migration whose file must not change, because another environment has applied it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..migration.migration_name import split_name

if TYPE_CHECKING:
    from ...errors import ApplyError
    from .plan import Step

_ROWS = ("21", "22", "23", "P0")
"""SQLSTATE classes of errors that depend on the rows of an environment: cardinality, data, integrity, RAISE."""


_RIGHTS = {
    "42501": "grant the missing privilege to the role of this environment's URL, then run the same command again",
    "3F000": "the role of this environment's URL has no CREATE privilege on a schema of its search_path: grant it with "
    "`GRANT USAGE, CREATE ON SCHEMA public TO ROLE`, or name a schema in the file; then run the same command again",
}
"""Maps the SQLSTATEs of insufficient_privilege and invalid_schema_name to advice."""


def rights_remedy(sqlstate: str, message: str) -> str:
    """The advice for a missing privilege. The file may be correct. Empty for other errors."""
    return "" if sqlstate == "3F000" and "selected" not in message else _RIGHTS.get(sqlstate, "")


@dataclass(frozen=True)
class OtherEnvironments:
    """Other environments: those that have applied the same text, and those that could not be read."""

    has: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedStep:
    """The step that failed, and its environment."""

    step: Step
    environment: str
    by_rows: bool = False
    """Whether existing rows, and not the statement or the schema, cause the error."""
    queries: tuple[str, ...] = ()
    """Queries that select the rows that cause the error."""
    there_already: bool = False
    """Whether the object that the step creates already exists."""
    first: bool = False
    """Whether no migration was applied to the environment yet. The remedy may then be `baseline`."""


def caused_by_rows(sqlstate: str) -> bool:
    """Whether an error with this SQLSTATE depends on the environment's rows."""
    return sqlstate[:2] in _ROWS


def remedy(failing: FailedStep, elsewhere: OtherEnvironments, hint: str) -> str:
    """The advice for a failed step.

    If another environment has applied the file, the advice says not to change the file. Otherwise, returns `hint`.
    """
    if elsewhere.has:
        path, has = failing.step.script.path, _listed(elsewhere.has)
        return f"{path} must not change, because it is applied in {has}: {_ways(failing)}"
    if elsewhere.unread:
        unread = _listed(elsewhere.unread)
        return f"if {unread}, which could not be read, has not applied that file: {hint}; otherwise {_ways(failing)}"
    return f"{hint}; {_there_already(failing)}" if failing.there_already else hint


def _ways(failing: FailedStep) -> str:
    step, name = failing.step, failing.environment
    if failing.by_rows:
        rows = " and ".join(f"`{query}`" for query in failing.queries)
        which = f"that {rows} finds" if rows else "that cause the error"
        return (
            f"correct the rows of {name} {which}, then run the same command again; or correct the rows in a "
            f"migration that runs before this one: {begin_before(step.name)}"
        )
    repair = f'`ctgitops repair {step.number:03} --env {name} --applied --reason "…"`'
    return (
        f"remove the cause in {name}, then run the same command again; "
        f"or make the file's changes by hand in that environment, and record this: {repair}"
    )


def _there_already(failing: FailedStep) -> str:
    step, name = failing.step, failing.environment
    if failing.first:
        return f"or, if the database is older than ctgitops, `ctgitops plan --env {name}` suggests a baseline"
    return (
        "or, if the database already has the objects that the file creates, record this: "
        f'`ctgitops repair {step.number:03} --env {name} --applied --reason "…"`'
    )


def begin_before(name: str) -> str:
    """The command that creates a migration which is applied before `name`."""
    number = split_name(name).digits
    return f'`ctgitops new "correct rows for {number}" --fix --before {number}`'


def _listed(names: Iterable[str]) -> str:
    return " and ".join(names)


def file_advice(error: ApplyError, server: str) -> str:
    """The advice to change a file that the newest grammar can parse. The server may be too old for its syntax."""
    if error.sqlstate == "42601" and server:
        return (
            f"PostgreSQL {server} does not accept this syntax, which may need a newer version: rewrite it for this "
            "version, or upgrade the server"
        )
    return "correct the file: it would fail in the real database too"
