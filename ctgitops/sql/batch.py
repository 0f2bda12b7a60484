"""Parses the comment that makes a migration batched, and checks whether its statement can run in batches.

`-- ctgitops: batch size=5000 pause=100ms max_lag=10s for=30min max_rows=…`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from ..lazy import dataclass, regex
from .nodes import Node, walk
from .tokens import Kind, comment_lines, tokens

DIRECTIVE = regex(r"^--[ \t]*ctgitops:[ \t]*batch\b(.*)$", re.MULTILINE | re.IGNORECASE)
_DURATION = regex(r"(\d{1,9})(ms|s|min|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
_NUMBERS, _DURATIONS = ("size", "max_rows"), ("pause", "max_lag", "for")
LARGEST_SIZE = 1_000_000


@dataclass(frozen=True)
class Batch:
    """The parameters of a batched migration: rows per transaction, pauses and limits."""

    size: int
    pause: timedelta = timedelta(milliseconds=100)
    """Pause between two batches. The pause grows while other sessions wait for the batch's locks."""
    max_lag: timedelta = timedelta(seconds=10)
    """The replication lag above which no batch starts."""
    lag_asked: bool = False
    """Whether the file sets `max_lag`. If so, the migration fails if the role may not see the replication lag."""
    budget: timedelta | None = None
    """Time limit of one run, after which another run must continue. None for no limit."""
    max_rows: int | None = None
    """The number of processed rows above which the migration fails. None to derive it from the tables' size."""


@dataclass(frozen=True)
class Fault:
    """An error in a batched migration, with its offset in the text, in characters."""

    what: str
    offset: int
    hint: str


@dataclass(frozen=True)
class Shape:
    """The properties of a statement that decide whether it can run in batches."""

    kind: str
    parameters: tuple[tuple[int, int], ...]
    """The number and the offset (in bytes) of every parameter, such as `$1`."""
    limited: bool
    """Whether the statement contains `LIMIT $1`."""
    selects: bool
    """Whether every SELECT with `LIMIT $1` has a WHERE clause."""
    deletes: bool
    tables: tuple[tuple[str | None, str], ...]


def is_batched(sql: str) -> bool:
    """Whether the text contains the directive."""
    return any(comment_lines(DIRECTIVE, sql))


def read_batch(sql: str) -> tuple[Batch | None, tuple[Fault, ...]]:
    """The parsed directive and its errors. The directive is None if it is missing or has errors."""
    found = list(comment_lines(DIRECTIVE, sql))
    if not found:
        return None, ()
    line = found[0]
    values: dict[str, str] = {}
    faults: list[Fault] = []
    for word in line[1].split():
        key, _, value = word.partition("=")
        faults += _faults_of(key, value, line.start())
        values[key] = value
    if "size" not in values:
        faults.append(Fault("the batch directive has no size", line.start(), "write `-- ctgitops: batch size=5000`"))
    if len(found) > 1:
        faults.append(Fault("the file has a second line `ctgitops: batch`", found[1].start(), "remove one of the two"))
    return (None, tuple(faults)) if faults else (_batch(values), ())


def _batch(values: dict[str, str]) -> Batch:
    durations = {key: _duration(values[key]) for key in _DURATIONS if key in values}
    return Batch(
        size=int(values["size"]),
        pause=durations.get("pause", Batch.pause),
        max_lag=durations.get("max_lag", Batch.max_lag),
        lag_asked="max_lag" in values,
        budget=durations.get("for"),
        max_rows=int(values["max_rows"]) if "max_rows" in values else None,
    )


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]]) if match else timedelta()


def _faults_of(key: str, value: str, offset: int) -> Iterator[Fault]:
    if key in _NUMBERS:
        most = LARGEST_SIZE if key == "size" else 10**18
        if not value.isdecimal() or not 1 <= int(value[:20]) <= most:
            yield Fault(f"`{key}={value}` is not a number of rows", offset, f"use a number from 1 to {most:,}")
    elif key in _DURATIONS:
        if not _DURATION.fullmatch(value):
            hint = "use a number with a unit (ms, s, min, h, d), such as `100ms`"
            yield Fault(f"`{key}={value}` is not a duration", offset, hint)
    else:
        keys = ", ".join((*_NUMBERS, *_DURATIONS))
        yield Fault(f"unknown batch parameter `{key}`", offset, f"the parameters are {keys}")


def shape_of(kind: str, node: Node) -> Shape:
    """The `Shape` of one statement, from its parse tree."""
    selects = [select for select in _all("SelectStmt", node) if _is_size(select.get("limitCount", {}))]
    return Shape(
        kind=kind,
        parameters=tuple((p.get("number", 0), p.get("location", 0)) for p in _all("ParamRef", node)),
        limited=bool(selects),
        selects=all("whereClause" in select for select in selects),
        deletes=kind == "DeleteStmt" or any(True for _ in _all("DeleteStmt", node)),
        tables=tuple(dict.fromkeys(_tables(node))),
    )


def shape_faults(shape: Shape, offset: int) -> Iterator[Fault]:
    """The reasons why a statement cannot run in batches."""
    if shape.kind not in {"UpdateStmt", "DeleteStmt", "InsertStmt"}:
        hint = "the main statement decides: use `WITH … UPDATE`, not `WITH … SELECT`"
        yield Fault("a batched migration must be an UPDATE, DELETE or INSERT", offset, hint)
    elif not shape.limited:
        hint = "select the rows with `WITH batch AS (SELECT … LIMIT $1 FOR UPDATE SKIP LOCKED)`; `$1` is the size"
        yield Fault("no `LIMIT $1` limits the batch to its size", offset, hint)
    elif not (shape.selects or shape.deletes):
        hint = "add a WHERE clause to the SELECT with the LIMIT, which excludes rows that are already processed"
        yield Fault("every batch would process the same rows", offset, hint)
    if any(number != 1 for number, _ in shape.parameters):
        yield Fault("a batch has only the parameter `$1`, its size", offset, "write the other values as constants")


def sized(text: str, shape: Shape, size: int) -> str:
    """The statement with `size` in place of every `$1`. `shape` must be the shape of `text`."""
    encoded = text.encode()
    for _, place in sorted(shape.parameters, key=lambda p: -p[1]):
        encoded = encoded[:place] + str(int(size)).encode() + encoded[place + len(b"$1") :]
    return encoded.decode()


def waiting_for_all(text: str) -> str:
    """The statement without SKIP LOCKED. The statement then waits for rows that other sessions lock."""
    read = [token for token in tokens(text) if token.kind not in {Kind.BLANK, Kind.COMMENT}]
    for skip, locked in reversed(list(pairwise(read))):
        if [text[each.start : each.end].lower() for each in (skip, locked)] == ["skip", "locked"]:
            text = text[: skip.start] + text[locked.end :]
    return text


def _is_size(limit: Node) -> bool:
    return bool(limit.get("ParamRef", {}).get("number") == 1)


def _all(kind: str, node: Node) -> Iterator[Node]:
    return (each for key, each in walk(node) if key == kind)


def _tables(node: Node) -> Iterator[tuple[str | None, str]]:
    relations = [*_all("RangeVar", node)]
    if "relname" in node.get("relation", {}):
        relations.append(node["relation"])  # in the tree, no RangeVar key encloses the target
    for key in ("UpdateStmt", "DeleteStmt", "InsertStmt"):
        relations += [inner["relation"] for inner in _all(key, node) if "relation" in inner]
    for relation in relations:
        yield relation.get("schemaname"), relation.get("relname", "")
