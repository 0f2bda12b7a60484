"""Row triggers of live tables that a migration fires. The trial fires none, because the copy has no rows. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ...lazy import dataclass, regex
from ...sql.guard import Guard
from ...sql.locks import LockMode
from ...sql.parse import Statement, Tree, trees
from ...sql.row_writes import RowWrite, row_writes
from ..problem import Problem
from .cascade import Relatives, TableChange, name_in, plain_name

if TYPE_CHECKING:
    from ..plan.plan import Plan, Step
    from ..schema.snapshot import SchemaObject, Snapshot
    from .impact import Held, StatementImpact
    from .projection import Effect

_ANY = frozenset({"INSERT", "UPDATE", "DELETE"})
_WRITES = regex(r"\b(?:insert|update|delete|merge)\b", re.IGNORECASE)
_HIDES = regex(r"\b(?:execute|perform|call)\b", re.IGNORECASE)
_TURNED_OFF = regex(r"\bdisable\s+trigger\b|\bsession_replication_role\b", re.IGNORECASE)
_FIRES = regex(r"^CREATE (?:CONSTRAINT )?TRIGGER .*? (?:BEFORE|AFTER|INSTEAD OF) (?P<events>.*?) ON ", re.DOTALL)
_COLUMNS = regex(r"UPDATE OF (?P<columns>.*?)(?: OR |$)")


def row_trigger_problems(plan: Plan, effects: Mapping[int, Effect], schemas: Sequence[Snapshot]) -> tuple[Problem, ...]:
    """A problem for each table whose row triggers a step fires, directly or by a cascade.

    A trigger that the plan itself creates counts only for later statements.
    """
    triggers: dict[str, dict[str, SchemaObject]] = {}
    for each in (each for schema in schemas for each in schema.objects):
        if each.kind == "trigger" and each.attributes.get("enabled") not in {"no", "replica"}:
            triggers.setdefault(each.of, {})[each.name] = each
    old = {each.name for schema in schemas[:1] for each in schema.objects if each.kind == "trigger"}
    live = _Live(triggers, frozenset(old), Relatives(*schemas)) if schemas else None
    sql = [step.script.sql for step in plan.steps]
    return tuple(
        problem
        for number, step in enumerate(plan.steps)
        if live and (effect := effects.get(step.number)) and not _TURNED_OFF.search(step.script.sql)
        for problem in _of_step(step, effect, live, "".join(sql[:number]))
    )


@dataclass(frozen=True)
class _Live:
    """All triggers by table and name, the names of triggers that existed before the plan, and related tables."""

    triggers: Mapping[str, Mapping[str, SchemaObject]]
    old: frozenset[str]
    relatives: Relatives

    @cached_property
    def quoted(self) -> Mapping[str, str]:
        """Maps plain names to quoted names. Contains each table that has triggers, partitions or foreign keys."""
        return {plain_name(each): each for each in (*self.triggers, *self.relatives.tables)}

    def of(self, change: TableChange, ran: str) -> Iterator[SchemaObject]:
        """The row triggers that a change fires. `ran` is the plan's SQL before the change."""
        for table in self.relatives.line(change.table):
            for each in self.triggers.get(table, {}).values():
                bare = re.escape(each.name.removeprefix(f"{each.of}.").strip('"'))
                there = each.name in self.old or re.search(rf'trigger\s+"?{bare}\b', ran, re.IGNORECASE)
                gone = re.search(rf'drop\s+trigger\s+(?:if\s+exists\s+)?"?{bare}\b', ran, re.IGNORECASE)
                if there and not gone and _fires(each, change):
                    yield each


def _of_step(step: Step, effect: Effect, live: _Live, ran: str) -> Iterator[Problem]:
    told: set[str] = set()
    for impact, statement in traced(step, effect):
        text = step.script.text_of(statement)
        for table in _changed_tables(impact, statement, text):
            for change in live.relatives.changes(_change(text, live.quoted.get(plain_name(table), table))):
                fired = [each for each in live.of(change, ran) if each.name not in told]
                told.update(each.name for each in fired)
                if fired:
                    yield _problem(step, statement, change, fired)
        ran += text


def _change(text: str, table: str) -> TableChange:
    """The kind of change that a statement makes to a table or its partition.

    Assumes every kind if the SQL text does not show the kind.
    """
    writes = [(tree.kind, write) for tree in trees(text) for write in _writes(tree)]
    own = {write.event for _, write in writes if name_in(write.table, table)}
    # A block may run statements that its text does not show
    hides = any(kind == "DoStmt" for kind, _ in writes) and (not own or _HIDES.search(text))
    shown = set() if hides else own or {write.event for _, write in writes}
    words = frozenset(re.findall(r"\w+", text)) if shown == {"UPDATE"} else None
    return TableChange(table, frozenset(shown) or _ANY, words)


def _writes(tree: Tree) -> tuple[RowWrite, ...]:
    return tuple(Guard().each("the rows that it writes", lambda: row_writes(tree)))


def traced(step: Step, effect: Effect) -> Iterator[tuple[StatementImpact, Statement]]:
    """Each traced statement with its impact. Statements that start on one line are matched by their order."""
    script, by_line = step.script, defaultdict[int, list[Statement]](list)
    for statement in script.statements:
        if statement.kind != "VariableSetStmt":  # the trial does not trace this statement
            by_line[script.place(script.start_of(statement)).line or 1].append(statement)
    for impact in effect.impact.statements:
        if those := by_line[impact.line]:
            yield impact, those.pop(0) if len(those) > 1 else those[0]


def _changed_tables(impact: StatementImpact, statement: Statement, text: str) -> Iterable[str]:
    """The existing tables whose rows a statement changes, according to its locks and its query plans.

    If an earlier statement took the locks, only the query plans show the tables.
    """
    locked = [held.relation for held in impact.taken if not held.fresh and _changes_rows(statement, text, held)]
    nodes = (node for plan in impact.queries for node in plan.walk() if node.operation and not node.fresh)
    more = () if _has_its_rows(statement, text) else (node.relation for node in nodes)
    known = {plain_name(each) for each in locked}
    return dict.fromkeys((*locked, *(each for each in more if each not in known)))


def _has_its_rows(statement: Statement, text: str) -> bool:
    """Whether the statement is INSERT … VALUES. Such a statement also fires its triggers in the trial."""
    return statement.kind == "InsertStmt" and not re.search(r"\bselect\b|\bon\s+conflict\b", text, re.IGNORECASE)


def _changes_rows(statement: Statement, text: str, held: Held) -> bool:
    """Whether the statement changes existing rows of the table that it locks."""
    if _has_its_rows(statement, text):
        return False
    if held.mode is LockMode.ROW_EXCLUSIVE:
        return True
    return statement.kind == "DoStmt" and held.mode > LockMode.ROW_EXCLUSIVE and bool(_WRITES.search(text))


def _fires(trigger: SchemaObject, change: TableChange) -> bool:
    definition = trigger.attributes.get("definition", "")
    match = _FIRES.search(definition)
    if match is None or " FOR EACH ROW " not in definition:
        return False
    events = {event for event in change.events if event in match["events"]}
    of = _COLUMNS.search(match["events"])
    if of and events == {"UPDATE"} and change.columns is not None:
        return any(column.strip().strip('"') in change.columns for column in of["columns"].split(","))
    return bool(events)


def _problem(step: Step, statement: Statement, change: TableChange, fired: list[SchemaObject]) -> Problem:
    names = ", ".join(each.name.removeprefix(f"{each.of}.") for each in fired[:5])
    by = f" by the foreign key {change.key}" if change.key else ""
    more = f" and {len(fired) - 5} more" if len(fired) > 5 else ""
    one = len(fired) == 1
    what = (
        f"{step.name} changes rows of {change.table}{by}, which fires the row trigger{'' if one else 's'} {names}{more}"
        f": the copy has no rows, so {'it was' if one else 'they were'} not tried"
    )
    hint = (
        "read the function of the trigger: it runs for each row, in the migration's transaction, and can "
        "fail, take locks or write other rows"
    )
    place = step.script.place(step.script.start_of(statement))
    return Problem("row-trigger", what, place, hint, blocks=False)
