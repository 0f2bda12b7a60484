"""The ORM classes, structs and models that map a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from .spelling import Spelling, any_of

if TYPE_CHECKING:
    from .source import Source

_HEADER = re.compile(
    r"\b(?:class|struct|object|interface|model|record|trait|impl|module|enum|type)\s+(?P<name>\w+)"
    r"|\bfunc\s+\((?:\w+\s+)?\*?(?P<receiver>\w+)\)"
    r"|^\s*(?:factory|create_table)\s*\(?\s*[:\"'](?P<ruby>\w+)"
    r"|^\s*(?P<diesel>\w+)\s*\([\w, ]*\)\s*\{\s*$"
)
_FUNCTION = re.compile(
    r"\b(?:def|fun|func|function|fn|if|for|while|with|try|switch|when)\b|=>|->"
    r"|\)\s*(?:throws\s+[\w, ]+)?(?::\s*[\w<>\[\]|. ]+)?\{\s*$"
)
_SCHEMA = re.compile(r"\b(?:Fields|Indexes)\(\)")
"""The functions in which a schema of Go's `ent` declares its columns."""
_INNER = {"Meta", "Config"}
_MAPPER = re.compile(
    r"<\s*ApplicationRecord|ActiveRecord|Sequel::Model|models\.Model|\bdb\.Model|\([\w.]*Base\)|\((?:\w+\.)*(?:Model|Document|Entity)\)|DeclarativeBase|table\s*=\s*True|SQLModel"
    r"|\bTable\(|IdTable\(|\bEntity\b|@Table|@Entity|ent\.Schema|extends\s+(?:Base)?Model\b|gorm|\bbun\b|db:\"|^\s*model\s+\w+\s*\{"
    r"|\bimpl\b|FromRow|Queryable"
)
_ROLE = re.compile(
    r"Repository|@Mapper|@Repository|ModelAdmin|@admin\.register|Serializer|ModelForm|CrudRepository|Mapper\b|Dao\b|DAO\b|\bfunc\b|Factory"
)
_NAMED = re.compile(
    r"(?:__tablename__|db_table|\btable|tableName|table_name)\s*=\s*[\"'](?:\w+\.)?(\w+)[\"']|\btable_name\s*=\s*(?:\w+::)*(\w+)\)\]|@@map\([\"'](\w+)[\"']|table:(\w+)"
    r"|@(?:Entity|Table)\(\s*(?:\{\s*)?(?:name\s*[=:]\s*)?[\"'](\w+)[\"']|Table\(\s*[\"'](\w+)[\"']"
)
_RECORD = re.compile(r"\b(?:interface|type|struct|class|record)\s+\w+(?:Table|Entity|Record|Row)\b")
_DIESEL = re.compile(r"\btable!\s*\{[^{}]*\Z")
_OF_MODEL = re.compile(r"^\s+model\s*=\s*(?:\w+\.)*([A-Z]\w*)\s*$", re.MULTILINE)
_ENDINGS = (
    r"(?:Repository|Repo|Dao|DAO|Mapper|Serializer|Admin|Form|Factory|Entity|Model|Record|Row|Table|Schema|Specs"
    r"|Specification)?"
)
_MOST_LINES = 400


class MappingRole(Enum):
    """How a class or another block of code relates to a table."""

    ROWS = "rows"
    """The block maps the table. The block's members are the columns of the table."""
    QUERIES = "queries"
    """The block queries or displays the table. Column names in the block are columns of the table."""
    ANOTHER = "another"
    """The block maps, queries or displays another table."""
    NONE = "none"


@dataclass(frozen=True)
class Block:
    """The class or similar block around an offset."""

    role: MappingRole
    member: bool = False
    """Whether the offset is directly in the block, and not in a function of the block."""


def block_at(source: Source, position: int, spelling: Spelling) -> Block:
    """The innermost class around an offset, determined by indentation."""
    called = False
    for start, end in _headers(source, position):
        line = source.text[start:end]
        found = _HEADER.search(line)
        name = found and next(filter(None, found.groups()), "")
        if name and name not in _INNER:
            return Block(_role(source, start, name, spelling), not called or _SCHEMA.search(line) is not None)
        called = called or _FUNCTION.search(line) is not None
    return Block(MappingRole.NONE)


def _headers(source: Source, position: int) -> Iterator[tuple[int, int]]:
    """The lines that enclose an offset, innermost first.

    A line encloses the offset if it precedes the offset and is indented less.
    """
    start = source.line_start(position)
    indent = _indent(source.text[start:position])
    for _ in range(_MOST_LINES):
        if start <= 0 or not indent:
            return
        end = start - 1
        start = source.line_start(end)
        line = source.text[start:end]
        if line.strip() and _indent(line) < indent and line.strip() not in {")", "):", ") {", "{", "),"}:
            indent = _indent(line)
            yield start, end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _role(source: Source, start: int, name: str, spelling: Spelling) -> MappingRole:
    around = _decorators(source, start) + _body(source, start)
    named = [next(filter(None, match.groups())) for match in _NAMED.finditer(around)]
    head = around[: around.find("\n", len(_decorators(source, start)))]
    ours = re.fullmatch(any_of(spelling.classes | spelling.tables) + _ENDINGS, name) is not None
    ours = ours or bool(re.search(rf"(?:register\(|<|\[){any_of(spelling.classes)}\b", head))
    model = _OF_MODEL.search(around)
    if model:
        return MappingRole.QUERIES if model[1] in spelling.classes else MappingRole.ANOTHER
    if re.search(r"^\s*(?:factory|create_table)\b", head):
        named, ours = [name], name in spelling.variables
    if named:
        return (
            MappingRole.ROWS if spelling.changed.table in named or (ours and named == [name]) else MappingRole.ANOTHER
        )
    if _ROLE.search(head) and not _MAPPER.search(head):
        return MappingRole.QUERIES if ours else MappingRole.ANOTHER
    if name in spelling.tables and re.search(r"^\s*\w+\s*\(", head):
        return MappingRole.ROWS
    if _MAPPER.search(around) or _RECORD.search(head) or _DIESEL.search(source.text, max(0, start - 200), start):
        return MappingRole.ROWS if ours else MappingRole.ANOTHER
    return MappingRole.NONE


def _decorators(source: Source, start: int) -> str:
    """The decorators or annotations above a header line."""
    first = start
    while first > 0:
        line = source.text[source.line_start(first - 1) : first]
        if not line.strip().startswith(("@", "#[", ")")):
            break
        first = source.line_start(first - 1)
    return source.text[first:start]


def _body(source: Source, start: int) -> str:
    """A header line and the lines below it that are indented more."""
    lines = source.text[start : start + 6000].split("\n")
    indent = _indent(lines[0])
    kept = [lines[0]]
    for line in lines[1:]:
        if line.strip() and _indent(line) <= indent and line.strip()[0] not in "{)":
            break
        kept.append(line)
    return "\n".join(kept)
