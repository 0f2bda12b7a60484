"""Row triggers of live tables that a migration fires. The copy has no rows, so the trial does not run them. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from ...sql.locks import LockMode
from ...sql.parse import Statement
from ..plan.plan import Plan, Step
from ..problem import Problem
from ..schema.snapshot import SchemaObject, Snapshot
from .impact import Held, StatementImpact
from .projection import Effect

_EVENTS = {"InsertStmt": ("INSERT",), "UpdateStmt": ("UPDATE",), "DeleteStmt": ("DELETE",)}
_ANY = ("INSERT", "UPDATE", "DELETE")
_WRITES = re.compile(r"\b(?:insert|update|delete|merge)\b", re.IGNORECASE)
_TURNED_OFF = re.compile(r"\bdisable\s+trigger\b|\bsession_replication_role\b", re.IGNORECASE)
_FIRES = re.compile(r"^CREATE (?:CONSTRAINT )?TRIGGER .*? (?:BEFORE|AFTER|INSTEAD OF) (?P<events>.*?) ON ", re.DOTALL)
_COLUMNS = re.compile(r"UPDATE OF (?P<columns>.*?)(?: OR |$)")


def row_trigger_problems(plan: Plan, effects: Mapping[int, Effect], before: Snapshot) -> tuple[Problem, ...]:
    """A problem for each table whose row triggers a step fires; `before` is the schema before the plan."""
    triggers: dict[str, list[SchemaObject]] = {}
    for each in before.objects:
        if each.kind == "trigger" and each.attributes.get("enabled") not in {"no", "replica"}:
            triggers.setdefault(each.of, []).append(each)
    return tuple(
        problem
        for step in plan.steps
        if (effect := effects.get(step.number)) and not _TURNED_OFF.search(step.script.sql)
        for problem in _of_step(step, effect, triggers)
    )


def _of_step(step: Step, effect: Effect, triggers: Mapping[str, list[SchemaObject]]) -> Iterator[Problem]:
    reported: set[str] = set()
    for impact, statement in _traced(step, effect):
        text = step.script.text_of(statement)
        for held in impact.taken:
            if held.relation in reported or held.fresh or not _changes_rows(statement, text, held):
                continue
            if fired := [each for each in triggers.get(held.relation, ()) if _fires(each, statement, text)]:
                reported.add(held.relation)
                yield _problem(step, statement, held.relation, fired)


def _traced(step: Step, effect: Effect) -> Iterator[tuple[StatementImpact, Statement]]:
    """Each traced statement with its impact; statements that start on one line are matched by their order."""
    script, by_line = step.script, defaultdict[int, list[Statement]](list)
    for statement in script.statements:
        if statement.kind != "VariableSetStmt":  # the trial does not trace it
            by_line[script.place(script.start_of(statement)).line or 1].append(statement)
    for impact in effect.impact.statements:
        if those := by_line[impact.line]:
            yield impact, those.pop(0) if len(those) > 1 else those[0]


def _changes_rows(statement: Statement, text: str, held: Held) -> bool:
    """Whether the statement changes existing rows; an INSERT … VALUES fires its triggers in the trial too."""
    if statement.kind == "InsertStmt" and not re.search(r"\bselect\b|\bon\s+conflict\b", text, re.IGNORECASE):
        return False
    if held.mode is LockMode.ROW_EXCLUSIVE:
        return True
    return statement.kind == "DoStmt" and held.mode > LockMode.ROW_EXCLUSIVE and bool(_WRITES.search(text))


def _fires(trigger: SchemaObject, statement: Statement, text: str) -> bool:
    definition = trigger.attributes.get("definition", "")
    match = _FIRES.search(definition)
    if match is None or " FOR EACH ROW " not in definition:
        return False
    wanted = _ANY if re.search(r"\bon\s+conflict\b", text, re.IGNORECASE) else _EVENTS.get(statement.kind, _ANY)
    of = _COLUMNS.search(match["events"])
    if of and statement.kind == "UpdateStmt" and "INSERT" not in match["events"] and "DELETE" not in match["events"]:
        return any(column.strip().strip('"') in text for column in of["columns"].split(","))
    return any(event in match["events"] for event in wanted)


def _problem(step: Step, statement: Statement, table: str, fired: list[SchemaObject]) -> Problem:
    names = ", ".join(each.name.removeprefix(f"{table}.") for each in fired[:5])
    more = f" and {len(fired) - 5} more" if len(fired) > 5 else ""
    one = len(fired) == 1
    what = (
        f"{step.name} changes rows of {table}, for which the row trigger{'' if one else 's'} {names}{more} "
        f"run{'s' if one else ''}: the copy has no rows, so {'it was' if one else 'they were'} not tried"
    )
    hint = "read what it does: it runs for each row, in the migration's transaction, and can fail, lock or write more"
    place = step.script.place(step.script.start_of(statement))
    return Problem("row-trigger", what, place, hint, blocks=False)
