"""Draws the tables that a plan touches as a Mermaid entity relationship diagram, with columns and foreign keys.

A name in PostgreSQL can contain any character. A name in Mermaid is a token, and not every token can be quoted. The
diagram therefore shows `_` in place of most characters other than letters and digits. The schema diff beside the
diagram shows the exact names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..core.schema.compare import Added, Altered, Change, Changes, Removed
from ..lazy import dataclass

if TYPE_CHECKING:
    from ..core.schema.snapshot import SchemaObject, Snapshot

TABLES = 12
COLUMNS = 12
"""Maximum number of tables, and maximum number of columns in a table. A larger diagram is not readable."""
LONGEST = 80
"""Maximum length of a label, in characters."""
_TAKEN = frozenset({"pk", "fk", "uk"})
_NAME = r'(?:"(?:[^"]|"")*"|[^\s(".]+)'
_FOREIGN_KEY = re.compile(rf"FOREIGN KEY \((.+?)\) REFERENCES ({_NAME}(?:\.{_NAME})?)\(")
_COLUMNS = re.compile(r'"(?:[^"]|"")*"|[^\s,"]+')
_KEY = re.compile(r"^(PRIMARY KEY|UNIQUE)(?: NULLS NOT DISTINCT)? \((.+?)\)(?: INCLUDE.*)?(?: DEFERRABLE.*)?$")
_WORD = re.compile(r"[^\w()\[\]-]|(?<![\w])-", re.ASCII)
_LABEL = re.compile(r"[^\w .,()\[\]:'=-]")


@dataclass(frozen=True)
class _Reference:
    child: str
    parent: str
    columns: tuple[str, ...]


def diagram(before: Snapshot, after: Snapshot, changes: Changes) -> str:
    """The Mermaid source. Empty if no table is changed."""
    tables = _touched(after, changes)
    if not tables:
        return ""
    marks = {change.object.key: _mark(change) for change in changes}
    columns = _columns(before, after)
    keys = _keys(after)
    drawn = [reference for reference in _references(after) if reference.child in tables]
    entities = dict.fromkeys((*tables, *(reference.parent for reference in drawn)))
    ids = {name: f"e{number}" for number, name in enumerate(entities, start=1)}
    lines = ["erDiagram"]
    for name, word in ids.items():
        own = columns.get(name, []) if name in tables else []
        lines += [f"    {word}[{_label(name)}]{' {' if own else ''}"]
        lines += [*_entity(own, keys.get(name, {}), marks), "    }"] if own else []
    for each in drawn:
        words = ids[each.parent], _ends(each, columns, keys), ids[each.child]
        lines.append(f"    {' '.join(words)} : {_label(', '.join(each.columns))}")
    return "\n".join(lines) + "\n"


def _touched(after: Snapshot, changes: Changes) -> list[str]:
    """The changed tables that exist after the plan. Leaves out tables that are only referenced."""
    there = {each.name for each in after.objects if each.kind == "table"}
    named = dict.fromkeys(change.object.of or change.object.name for change in changes)
    return [name for name in named if name in there][:TABLES]


def _mark(change: Change) -> str:
    match change:
        case Added():
            return "new"
        case Removed():
            return "dropped"
        case Altered():
            texts = [f"{name} was {old or 'not set'}" for name, old, _ in change.attributes]
            return ", ".join(texts)


def _columns(before: Snapshot, after: Snapshot) -> dict[str, list[SchemaObject]]:
    """Maps each table to its columns, including columns that the plan drops."""
    there = {each.key: each for snapshot in (before, after) for each in snapshot.objects if each.kind == "column"}
    found: dict[str, list[SchemaObject]] = {}
    for each in there.values():
        found.setdefault(each.of, []).append(each)
    return found


def _keys(snapshot: Snapshot) -> dict[str, dict[tuple[str, ...], str]]:
    """Maps each table to its key columns, and each of these to the kind of its key: `PK` or `UK`."""
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for each in snapshot.objects:
        match = _KEY.match(each.attributes.get("definition", "")) if each.kind == "constraint" else None
        if match:
            columns = tuple(_COLUMNS.findall(match[2]))
            found.setdefault(each.of, {})[columns] = "PK" if match[1] == "PRIMARY KEY" else "UK"
    return found


def _references(snapshot: Snapshot) -> Iterator[_Reference]:
    for each in snapshot.objects:
        match = _FOREIGN_KEY.match(each.attributes.get("definition", "")) if each.kind == "constraint" else None
        if match:
            yield _Reference(each.of, match[2], tuple(_COLUMNS.findall(match[1])))


def _entity(
    columns: list[SchemaObject], keys: dict[tuple[str, ...], str], marks: dict[tuple[str, str], str]
) -> Iterator[str]:
    alone = {names[0]: kind for names, kind in keys.items() if len(names) == 1}
    parts = {name for names, kind in keys.items() if kind == "PK" for name in names}
    ranked = sorted(columns, key=lambda each: (each.key not in marks, _own(each) not in parts))
    shown = {each.key for each in ranked[:COLUMNS]}
    for each in columns:
        if each.key in shown:
            kind = "PK" if _own(each) in parts else alone.get(_own(each), "")
            mark = _label(marks[each.key]) if each.key in marks else ""
            yield "        " + " ".join(filter(None, (_word(each.attributes["type"]), _word(_own(each)), kind, mark)))
    if len(columns) > COLUMNS:
        yield f"        and _{len(columns) - COLUMNS}_more"


def _ends(
    reference: _Reference, columns: dict[str, list[SchemaObject]], keys: dict[str, dict[tuple[str, ...], str]]
) -> str:
    """The cardinality of a foreign key in Mermaid's notation."""
    own = {_own(each): each for each in columns.get(reference.child, [])}
    always = all("not_null" in own[name].attributes for name in reference.columns if name in own)
    one = reference.columns in keys.get(reference.child, {})
    return f"{'||' if always else '|o'}--{'o|' if one else 'o{'}"


def _own(column: SchemaObject) -> str:
    """A column's name without its table."""
    return column.name.removeprefix(f"{column.of}.")


def _word(text: str) -> str:
    """A type or column name as a Mermaid word that is not a keyword."""
    word = _WORD.sub("_", _unquoted(text))
    return word if re.match(r"[A-Za-z]", word) and word.lower() not in _TAKEN else f"_{word}"


def _label(text: str) -> str:
    return '"' + (_LABEL.sub("_", _unquoted(text))[:LONGEST] or "_") + '"'


def _unquoted(name: str) -> str:
    return name.replace('""', "'").replace('"', "")
