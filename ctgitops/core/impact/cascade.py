"""Tables whose rows change with the rows of another table, by a cascading foreign key or as partitions. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ...lazy import dataclass, regex

if TYPE_CHECKING:
    from ..schema.snapshot import SchemaObject, Snapshot

_PART = r'(?:"(?:[^"]|"")+"|[^\s".(]+)'
_KEY = regex(
    rf"FOREIGN KEY \((?P<own>.*?)\) REFERENCES (?P<table>{_PART}(?:\.{_PART})*)\s*\((?P<columns>.*?)\)(?P<rest>.*)"
)
_DONE = {"CASCADE": "", "SET NULL": "UPDATE", "SET DEFAULT": "UPDATE"}
"""Maps a foreign key's action to the event in the referencing table. An empty text stands for the same event."""


@dataclass(frozen=True)
class TableChange:
    """A change of rows of one table: the events, and the columns that an UPDATE sets. None stands for any column."""

    table: str
    events: frozenset[str]
    columns: frozenset[str] | None = None
    key: str = ""
    """The foreign key whose action makes the change. Empty if the statement itself makes the change."""


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key, with the names of its columns and of the columns that it refers to."""

    table: str
    name: str
    own: frozenset[str]
    columns: frozenset[str]
    rest: str

    def change(self, of: TableChange) -> TableChange | None:
        """The change of the referencing table that follows a change of the referenced table."""
        events = frozenset(event for on in ("DELETE", "UPDATE") if (event := self._event(on, of)))
        return TableChange(self.table, events, self.own, self.name) if events else None

    def refuses(self, change: TableChange) -> bool:
        """Whether the foreign key refuses a change of a referenced row."""
        touched = change.columns is None or bool(change.columns & self.columns)
        events = {event for event in change.events if event == "DELETE" or (event == "UPDATE" and touched)}
        return any(f"ON {event}" not in self.rest or f"ON {event} RESTRICT" in self.rest for event in events)

    def _event(self, on: str, of: TableChange) -> str:
        action = re.search(rf"ON {on} (CASCADE|SET NULL|SET DEFAULT)", self.rest)
        touched = on == "DELETE" or of.columns is None or bool(of.columns & self.columns)
        return _DONE[action[1]] or on if action and on in of.events and touched else ""


class Relatives:
    """The partitions, partitioned tables and foreign keys of the schemas before and after a plan."""

    def __init__(self, *schemas: Snapshot) -> None:
        self._above: dict[str, str] = {}
        self._below: dict[str, list[str]] = defaultdict(list)
        self._keys: dict[str, list[ForeignKey]] = defaultdict(list)
        for each in _distinct(schemas):
            parent = each.attributes.get("inherits", "")
            if parent and each.attributes.get("partition_bound"):
                self._above[each.name] = parent
                self._below[parent].append(each.name)
            if each.kind == "constraint" and (found := _KEY.match(each.attributes.get("definition", ""))):
                name = each.name.removeprefix(f"{each.of}.")
                key = ForeignKey(each.of, name, _columns(found["own"]), _columns(found["columns"]), found["rest"])
                self._keys[found["table"]].append(key)

    @property
    def tables(self) -> frozenset[str]:
        """The tables that are partitions, partitioned, or referred to by a foreign key."""
        return frozenset((*self._above, *self._below, *self._keys))

    def changes(self, first: TableChange) -> Iterator[TableChange]:
        """The change itself, and the changes that it causes in other tables. Each table appears once."""
        due, seen = [first], set[str]()
        while due:
            change = due.pop(0)
            if change.table in seen:
                continue
            seen.add(change.table)
            yield change
            due += self.caused(change)

    def caused(self, change: TableChange) -> Iterator[TableChange]:
        """The changes that a change directly causes in referencing tables."""
        for table in self.line(change.table):
            yield from (more for key in self._keys.get(table, ()) if (more := key.change(change)))

    def refusing(self, change: TableChange) -> Iterator[ForeignKey]:
        """The foreign keys that refuse the removal of a referenced row: keys without an action, or with RESTRICT."""
        for table in self.line(change.table):
            yield from (key for key in self._keys.get(table, ()) if key.refuses(change))

    def line(self, table: str) -> tuple[str, ...]:
        """A table, its partitioned parent tables and its partitions. A change can fire the triggers of all of them."""
        above, below = [table], [table]
        while above[-1] in self._above:
            above.append(self._above[above[-1]])
        for each in below:
            below += self._below.get(each, ())
        return (*above, *below[1:])


def _distinct(schemas: Iterable[Snapshot]) -> Iterable[SchemaObject]:
    """The objects of all schemas. If an object differs between the schemas, each of its definitions is included."""
    return {(each.key, *each.attributes.items()): each for schema in schemas for each in schema.objects}.values()


def plain_name(name: str) -> str:
    """A name without quotes. Names from SQL and from a schema then compare as equal."""
    return name.replace('"', "")


def name_in(name: str, table: str) -> bool:
    """Whether a name in SQL may mean the table `table`, whose name is qualified."""
    plain, full = plain_name(name), plain_name(table)
    return full == plain or full.endswith(f".{plain}")


def _columns(text: str) -> frozenset[str]:
    return frozenset(name.strip().strip('"') for name in text.split(","))
