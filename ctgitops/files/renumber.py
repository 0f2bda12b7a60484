"""Renames migrations and the files that belong to them, and updates their headers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..lazy import dataclass

if TYPE_CHECKING:
    from ..core.migration.migration import Migration
    from ..core.workspace.numbering import Move

_VERSION = re.compile(r"(?m)^(--\s*Version\s*:\s*)\S+")
_DEPENDENCIES = re.compile(r"(?m)^(--\s*Dependencies\s*:)(.*(?:\n--\s{2,}\S.*)*)$")
_NUMBER = re.compile(r"(?<![\w.])([0-9]{1,19})(?=[,_\s.]|$)")


@dataclass(frozen=True)
class Renamed:
    """A file that was renamed or changed."""

    before: str
    after: str


def renumber(root: Path, moves: tuple[Move, ...], others: tuple[Migration, ...] = ()) -> tuple[Renamed, ...]:
    """Renames files, and updates headers. Also updates dependencies in `others`. Never overwrites a file.

    Returns the changes.
    """
    numbers = {move.migration.number: move for move in moves}
    todo = [*_moved(root, moves, numbers), *_depending(root, others, numbers)]
    for before, after, _ in todo:
        if before != after and (root / after).exists():
            raise UsageError(f"{after} already exists", hint="first move or renumber that file")
    for before, after, text in reversed(todo):
        with (root / before).open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        (root / before).rename(root / after)
    return tuple(Renamed(before, after) for before, after, _ in todo)


def _moved(root: Path, moves: tuple[Move, ...], numbers: dict[int, Move]) -> Iterator[tuple[str, str, str]]:
    for move in moves:
        old = move.migration
        paths = dict.fromkeys(script.path for script in (old.up, old.down, old.verify) if script)
        for path in paths:
            text = _text(root, path).replace(old.name, move.name)
            if path == old.path:
                text = _dependencies(_VERSION.sub(rf"\g<1>{move.version}", text, count=1), numbers)
            folder, _, file = path.rpartition("/")
            yield path, f"{folder}/{file.replace(old.name, move.name, 1)}", text


def _depending(root: Path, others: tuple[Migration, ...], numbers: dict[int, Move]) -> Iterator[tuple[str, str, str]]:
    for migration in others:
        if set(migration.dependencies) & numbers.keys():
            yield migration.path, migration.path, _dependencies(_text(root, migration.path), numbers)


def _dependencies(text: str, numbers: dict[int, Move]) -> str:
    def number(match: re.Match[str]) -> str:
        move = numbers.get(int(match[1]))
        return f"{move.number:0{len(match[1])}}" if move else match[1]

    return _DEPENDENCIES.sub(lambda m: f"{m[1]}{_NUMBER.sub(number, m[2])}", text, count=1)


def _text(root: Path, path: str) -> str:
    with (root / path).open(encoding="utf-8", newline="") as file:
        return file.read()
