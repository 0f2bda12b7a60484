"""Renders the impact of a migration on a database in use as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .impact import mode

if TYPE_CHECKING:
    from ..core.impact.impact import Held, StatementImpact
    from ..core.impact.projection import Effect, RowChange, Wait

Object = dict[str, Any]


def impact_data(effect: Effect | None) -> list[Object]:
    """One object per statement that the trial ran. Empty without a trial."""
    return [_statement(each) for each in effect.impact.statements] if effect else []


def waits_data(effect: Effect | None) -> list[Object]:
    """One object per table on which the migration blocks other sessions."""
    return [_wait(wait) for wait in effect.waits] if effect else []


def changes_data(effect: Effect | None) -> list[Object]:
    """One object per statement that changes an existing table's rows, or an unknown number of rows."""
    return [_change(each) for each in effect.changes] if effect else []


def _change(each: RowChange) -> Object:
    change = each.change
    return {
        "line": change.line,
        "relation": change.relation,
        "does": change.does.lower() or None,
        "rows": change.rows,
        "wal_bytes": change.wal,
        "locks_rows": change.locks_rows,
        "for": None if each.bucket is None else str(each.bucket),
        "from": None if each.least is None else str(each.least),
    }


def _statement(statement: StatementImpact) -> Object:
    return {
        "line": statement.line,
        "locks": [_held(held) for held in statement.taken],
        "work": [
            {"work": work.work.name.lower(), "relation": work.relation, "what": work.what, "fresh": work.fresh}
            for work in statement.worked
        ],
        "queries": [dict(each) for each in dict.fromkeys(_queried(statement))],
        "unmeasured": list(statement.unmeasured),
        "blocks_writes_while_it_works": statement.blocks_writes_while_it_works,
        "concurrent": statement.concurrent,
        "proved": list(statement.proved),
        "millis": round(statement.millis, 3),
    }


def _queried(statement: StatementImpact) -> Iterator[tuple[tuple[str, str | bool], ...]]:
    for plan in statement.queries:
        for node in plan.walk():
            if node.relation:
                does = node.operation.lower() or "read"
                yield ("does", does), ("relation", node.relation), ("fresh", node.fresh)


def _held(held: Held) -> Object:
    return {
        "relation": held.relation,
        "kind": held.kind,
        "mode": mode(held.mode),
        "blocks": held.blocks or None,
        "fresh": held.fresh,
    }


def _wait(wait: Wait) -> Object:
    measured = wait.measured
    return {
        "relation": wait.held.relation,
        "mode": mode(wait.held.mode),
        "blocks": wait.held.blocks,
        "for": None if wait.bucket is None else str(wait.bucket),
        "from": None if wait.least is None else str(wait.least),
        "rows": wait.rows,
        "writes_per_minute": wait.writes_per_minute,
        "measured": measured
        and {"environment": measured.environment, "millis": measured.millis, "rows": measured.rows},
    }
