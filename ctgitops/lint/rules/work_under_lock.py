"""Reports work while a lock of an earlier statement blocks other sessions from a table."""

from __future__ import annotations

from collections.abc import Iterator

from ...sql.nodes import Name, relation_name, written
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, blocked_by, called
from ..work import QUERIES, queried
from . import (
    attach_partition,
    blocking_index,
    blocking_refresh,
    blocking_reindex,
    check_scan,
    default_partition_scan,
    domain_scan,
    foreign_key_scan,
    not_null_scan,
    primary_key_scan,
    rewriting_default,
    rewriting_storage,
    rewriting_type,
    unique_build,
)

_DDL = (
    attach_partition, blocking_index, blocking_refresh, blocking_reindex, check_scan, default_partition_scan,
    domain_scan, foreign_key_scan, not_null_scan, primary_key_scan, rewriting_default, rewriting_storage,
    rewriting_type, unique_build,
)  # fmt: skip
"""The rules that find DDL that reads or writes every row."""


def check(case: Case) -> Hits:
    """Reports each query that processes many rows under a lock. Reports only the first such DDL under each lock."""
    held = {name: mode for name, mode in case.transaction.held.items() if mode >= LockMode.SHARE}
    if not held:
        return
    if case.kind in QUERIES:
        work = next(queried(case), "")
        if work:
            yield _hit(case, held, work)
        return
    table = next(_worked_on(case), None)
    own = dict.fromkeys(case.locks, LockMode.ACCESS_EXCLUSIVE) if _validates(case) else case.locks
    more = {n: mode for n, mode in held.items() if mode > own.get(n, LockMode.ACCESS_SHARE)}
    more = {name: mode for name, mode in more.items() if name not in case.transaction.worked_under}
    if table is not None and more:
        case.transaction.worked_under.update(more)
        yield _hit(case, more, table)


def _hit(case: Case, held: dict[Name, LockMode], work: str) -> Hit:
    strongest = max(held, key=lambda name: held[name])
    table = case.used(strongest)
    others = len(held) - 1
    more = f" and {others} other table{'s' if others > 1 else ''}" if others else ""
    name = called(table) if table else strongest[1]
    what = f"{blocked_by(held[strongest])} `{name}`{more} while it {work}, under the lock of an earlier change"
    return Hit(what, lock=held[strongest])


def _worked_on(case: Case) -> Iterator[str]:
    """The work of a DDL statement, which the DDL's own rule describes, or the work of VALIDATE CONSTRAINT."""
    for module in _DDL:
        rule = module.RULE
        if case.kind in rule.kinds and any(hit.blocks is not False for hit in rule.check(case)):
            relation = case.node.get("relation", {})
            yield f"processes every row of {f'`{written(relation_name(relation))}`' if relation else 'its tables'}"
    table = case.altered_with_rows
    for part in case.parts("AT_ValidateConstraint") if table else ():
        constraint = table.constraints.get(part.get("name", "")) if table else None
        if table and (constraint is None or not constraint.valid):
            yield f"checks every row of `{called(table)}`"


def _validates(case: Case) -> bool:
    """Whether the rule `validate-under-lock` reports the locks on the statement's own table."""
    return any(case.parts("AT_ValidateConstraint"))


RULE = Rule(
    id="work-under-lock",
    group=Group.LOCKS,
    severity=Severity.WARNING,
    kinds=(
        *QUERIES,
        *dict.fromkeys(kind for module in _DDL for kind in module.RULE.kinds if kind not in QUERIES),
    ),
    why="ALTER TABLE is often instant, but its lock is held until COMMIT and blocks other sessions. Work after it in "
    "the same file runs under that lock: changes of rows, queries, functions, index builds and scans, also of other "
    "tables.",
    instead="move the later work to a separate migration, in batches if it affects many rows",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    bad="alter table orders add column region text;\nupdate orders set region = 'north' where customer_id = 1;",
    good="alter table orders add column region text;\n-- next file\n"
    "update orders set region = 'north' where customer_id = 1;",
)
