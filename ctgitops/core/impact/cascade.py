"""Tables whose rows change with the rows of another table: by a cascading foreign key, or as partitions. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from ..schema.snapshot import Snapshot

_PART = r'(?:"(?:[^"]|"")+"|[^\s".(]+)'
_KEY = re.compile(
    rf"FOREIGN KEY \((?P<own>.*?)\) REFERENCES (?P<table>{_PART}(?:\.{_PART})*)\s*\((?P<columns>.*?)\)(?P<rest>.*)"
)
_DONE = {"CASCADE": "", "SET NULL": "UPDATE", "SET DEFAULT": "UPDATE"}
"""Maps the action of a foreign key to the event in the referencing table; empty if both events are the same."""


@dataclass(frozen=True)
class TableChange:
    """A change of rows of one table: its events, and the columns that an UPDATE sets; None for any column."""

    table: str
    events: frozenset[str]
    columns: frozenset[str] | None = None
    key: str = ""
    """The foreign key whose action makes the change; empty if the statement itself makes it."""


@dataclass(frozen=True)
class _Key:
    table: str
    name: str
    own: frozenset[str]
    columns: frozenset[str]
    rest: str

    def change(self, of: TableChange) -> TableChange | None:
        """The change of the referencing table that follows a change of the referenced table."""
        events = frozenset(event for on in ("DELETE", "UPDATE") if (event := self._event(on, of)))
        return TableChange(self.table, events, self.own, self.name) if events else None

    def _event(self, on: str, of: TableChange) -> str:
        action = re.search(rf"ON {on} (CASCADE|SET NULL|SET DEFAULT)", self.rest)
        touched = on == "DELETE" or of.columns is None or bool(of.columns & self.columns)
        return _DONE[action[1]] or on if action and on in of.events and touched else ""


class Relatives:
    """The partitions, partitioned tables and cascading foreign keys of a schema."""

    def __init__(self, schema: Snapshot) -> None:
        self._above: dict[str, str] = {}
        self._below: dict[str, list[str]] = defaultdict(list)
        self._keys: dict[str, list[_Key]] = defaultdict(list)
        for each in schema.objects:
            parent = each.attributes.get("inherits", "")
            if parent and each.attributes.get("partition_bound"):
                self._above[each.name] = parent
                self._below[parent].append(each.name)
            if each.kind == "constraint" and (found := _KEY.match(each.attributes.get("definition", ""))):
                name = each.name.removeprefix(f"{each.of}.")
                key = _Key(each.of, name, _columns(found["own"]), _columns(found["columns"]), found["rest"])
                self._keys[found["table"]].append(key)

    def changes(self, first: TableChange) -> Iterator[TableChange]:
        """The change itself, and the changes of other tables that it causes, each table once."""
        due, seen = [first], set[str]()
        while due:
            change = due.pop(0)
            if change.table in seen:
                continue
            seen.add(change.table)
            yield change
            for table in self.line(change.table):
                due += [more for key in self._keys.get(table, ()) if (more := key.change(change))]

    def line(self, table: str) -> tuple[str, ...]:
        """A table, its partitioned parent tables and its partitions: a change can fire triggers of all these tables."""
        above, below = [table], [table]
        while above[-1] in self._above:
            above.append(self._above[above[-1]])
        for each in below:
            below += self._below.get(each, ())
        return (*above, *below[1:])


def _columns(text: str) -> frozenset[str]:
    return frozenset(name.strip().strip('"') for name in text.split(","))
