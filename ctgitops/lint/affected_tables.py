"""The tables whose rows a plan can change: tables that its trial locked, and tables that change with them. Pure.

The trial's copy has no rows. The trial therefore fires no row trigger, follows no foreign key, and enters no loop over
rows. This module finds their tables in the live schema, and in the text of functions. Tables that the text does not
show are unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..core.impact.cascade import Relatives, TableChange
from ..lazy import dataclass, regex
from ..sql.locks import LockMode
from ..sql.parse import SqlSyntaxError
from .catalog import Function
from .routine_writes import Writes, routines_made, writes_of, writes_of_routine
from .snapshot_catalog import function_sql

if TYPE_CHECKING:
    from ..core.impact.impact import Held, StepImpact
    from ..core.plan.plan import Step
    from ..core.schema.snapshot import SchemaObject, Snapshot
    from ..sql.nodes import Name

_WITH_ROWS = frozenset({"table", "foreign table"})
_VIEWS = frozenset({"view", "materialized view"})
_CHANGED = frozenset({"DELETE", "UPDATE"})
_PART = regex(r'"((?:[^"]|"")*)"|([^".]+)')
_CALLED = regex(r'(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))\s*\(')


@dataclass(frozen=True)
class AffectedTables:
    """The tables that a plan writes, alters, drops or locks. If not all of them are known, the reason."""

    tables: tuple[str, ...] = ()
    """Ordinary tables and partitions that exist before the plan, as `schema.name`, quoted if SQL requires it."""
    unknown: str = ""
    """Why more tables may be affected. Empty if `tables` has all affected tables."""


def affected_tables(steps: Iterable[Step], impacts: Mapping[int, StepImpact], live: Snapshot) -> AffectedTables:
    """The tables that `steps` affect. `impacts` are the trial's measurements. `live` is the schema before the plan."""
    closure = _Closure(live)
    for step in steps:
        if step.number not in impacts:
            return AffectedTables(unknown=f"{step.name} was not tried")
        for held in impacts[step.number].strongest:
            closure.lock(held, step.name)
        try:
            closure.define(routines_made(step.script.sql))
            closure.run(writes_of(step.script.sql), step.name)
        except SqlSyntaxError as error:
            return AffectedTables(unknown=f"{step.name} was not analysed: {error.message}")
    return closure.result()


class _Closure:
    """Collects tables, and the tables that change with them."""

    def __init__(self, live: Snapshot) -> None:
        self._relations = {each.name: each for each in live.objects if each.kind in _WITH_ROWS | _VIEWS}
        self._named: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for name in self._relations:
            schema, bare = _parts(name)
            self._named[bare].append((schema, name))
        self._of: dict[str, list[SchemaObject]] = defaultdict(list)
        self._heirs: dict[str, list[str]] = defaultdict(list)
        for each in live.objects:
            self._of[each.of].append(each)
            for parent in filter(None, each.attributes.get("inherits", "").split(", ")):
                self._heirs[parent].append(each.name)
        self._relatives = Relatives(live)
        self._functions: dict[str, list[tuple[str, Function]]] = defaultdict(list)
        for each in live.objects:
            if each.kind in {"function", "procedure", "window function"}:
                self._known(each)
        self._due: list[str] = []
        self._seen: set[str] = set()
        self._called: set[str] = set()
        self._unknown = ""
        for each in live.objects:
            if each.kind == "event trigger":
                self._calls_in(each, f"the event trigger {each.name}")

    def _known(self, each: SchemaObject) -> None:
        name = _parts(each.name.partition("(")[0])[1]
        if each.attributes.get("language") not in {"sql", "plpgsql"}:
            self._functions[name].append((each.name, Function(language=each.attributes.get("language", "c"))))
            return
        try:
            self._functions[name] += [(each.name, made) for _, made in routines_made(function_sql(each))]
        except SqlSyntaxError:
            self._functions[name].append((each.name, Function(language="an unknown dialect")))

    def define(self, made: Iterable[tuple[Name, Function]]) -> None:
        """Adds functions that the plan creates. A call runs these functions, or older functions with the same name."""
        for (_, name), function in made:
            self._functions[name].append((name, function))

    def lock(self, held: Held, what: str) -> None:
        """Adds a relation that the trial locked. Ignores locks that come from reading or from expanding a view."""
        if held.fresh or held.mode == LockMode.ACCESS_SHARE or held.kind in {"sequence", "materialized view"}:
            return
        if held.kind == "view" and held.mode is not LockMode.ROW_EXCLUSIVE:
            return
        if held.table not in self._relations:
            self._unknown = self._unknown or f"{what} changes {held.table}, which belongs to an extension"
        self.add(held.table)

    def run(self, writes: Writes, what: str) -> None:
        """Adds what a piece of SQL can write, and what the functions that it calls can write."""
        if writes.unknown:
            self._unknown = self._unknown or f"{what}: {writes.unknown}"
        for schema, bare in writes.tables:
            for its_schema, name in self._named.get(bare, ()):
                if schema in {"", its_schema}:
                    self.add(name)
        for _, called in writes.calls:
            self._call(called, what)

    def add(self, relation: str) -> None:
        """Adds a relation. `result` then adds the relations that change with it."""
        if relation in self._relations:
            self._due.append(relation)

    def _settle(self) -> None:
        while self._due:
            relation = self._due.pop()
            if relation in self._relations and relation not in self._seen:
                self._seen.add(relation)
                self._follow(relation)

    def _follow(self, relation: str) -> None:
        """Adds partitions and child tables, and the tables of foreign key actions, triggers, rules and defaults."""
        if self._relations[relation].kind in _VIEWS:
            self._below_view(relation)
        self._due += self._relatives.line(relation)
        for change in self._relatives.caused(TableChange(relation, _CHANGED)):
            self._due += self._relatives.line(change.table)
        self._due += self._heirs.get(relation, ())
        for each in self._of.get(relation, ()):
            if each.attributes.get("enabled") == "no":
                continue
            if each.kind == "rule":
                self._run_text(each.attributes.get("definition", ""), f"the rule {each.name}")
            else:
                self._calls_in(each, f"{each.kind} {each.name}")

    def _below_view(self, view: str) -> None:
        """Adds the tables that a view reads, because a write to the view writes to these tables."""
        definition = self._relations[view].attributes.get("definition", "")
        for name, each in self._relations.items():
            if each.name != view and name in definition:
                self.add(name)

    def _calls_in(self, each: SchemaObject, what: str) -> None:
        for text in each.attributes.values():
            for quoted, plain in _CALLED.findall(text):
                self._call(quoted.replace('""', '"') or plain, what)

    def _run_text(self, sql: str, what: str) -> None:
        try:
            self.run(writes_of(sql), what)
            inner = sql.partition(" DO ")[2].removeprefix("ALSO ").removeprefix("INSTEAD ").strip().strip("();")
            self.run(writes_of(inner) if inner and inner != "NOTHING" else Writes(), what)
        except SqlSyntaxError:
            self._unknown = self._unknown or f"{what} was not analysed"

    def _call(self, name: str, what: str) -> None:
        if name in self._called or name not in self._functions:
            return
        self._called.add(name)
        for signature, function in self._functions[name]:
            self.run(writes_of_routine(function, signature), what)

    def result(self) -> AffectedTables:
        """The collected tables that store rows."""
        self._settle()
        if self._unknown:
            return AffectedTables(unknown=self._unknown)
        with_rows = (name for name in self._seen if self._has_rows(self._relations[name]))
        return AffectedTables(tuple(sorted(with_rows)))

    @staticmethod
    def _has_rows(each: SchemaObject) -> bool:
        return each.kind == "table" and "partition_key" not in each.attributes


def _parts(name: str) -> tuple[str, str]:
    """Schema and name, without quotes."""
    parts = [quoted.replace('""', '"') if quoted else plain for quoted, plain in _PART.findall(name)]
    return (parts[-2] if len(parts) > 1 else "", parts[-1] if parts else "")
