"""Flyway: `V1_2__add_photos.sql`, `U1_2__…` for its rollback, and `R__views.sql`, which runs again when it changes.

Source: the code and documentation of version 11. A version has up to `version_parts` parts. The migration's number
consists of these parts, with three digits for each part after the first. With two parts, `1.2` is number 1002.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.migration.migration_name import LARGEST
from ..core.problem import Problem
from ..errors import Place
from ..sql.script import Script
from ..sql.tokens import Kind, tokens
from .records import flyway
from .tool import Arranged, Divided, Folder, Source, Tool

_VERSIONED = re.compile(r"(?:[^/]+/)*(?P<kind>[VU])(?P<version>[0-9]+(?:[._][0-9]+)*)__(?P<words>[^/]*)\.sql")
_REPEATABLE = re.compile(r"(?:[^/]+/)*R__(?P<words>[^/]*)\.sql")
_BASELINE = re.compile(r"(?:[^/]+/)*B[0-9]+(?:[._][0-9]+)*__[^/]*\.sql")
_OUTSIDE = re.compile(r"^\s*executeInTransaction\s*=\s*false\s*$", re.MULTILINE | re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\$\{([^}\n]{1,80})\}")
_PART = 1000


def _divide(text: str, path: str) -> Divided:
    return Divided(Script(text, path), None, tuple(_placeholders(text, path)))


def _placeholders(text: str, path: str) -> Iterator[Problem]:
    """Reports the first placeholder without a value, on which Flyway fails. Ignores placeholders in comments."""
    if "${" not in text:
        return
    for token in tokens(text):
        match = _PLACEHOLDER.search(text, token.start, token.end) if token.kind is not Kind.COMMENT else None
        match = match or (_PLACEHOLDER.match(text, token.start) if text[token.start] == "$" else None)
        if match:
            place = Place(path, text.count("\n", 0, match.start()) + 1)
            what = f"the placeholder `{match[0]}` of Flyway has no value"
            hint = f"add `placeholders: {{{match[1]}: VALUE}}` to migrations/policy.yaml"
            yield Problem("other-tool", what, place, hint)
            return


def _arrange(folder: Folder) -> Arranged:
    ups: dict[int, tuple[str, str]] = {}
    downs: dict[int, str] = {}
    problems: list[Problem] = []
    for path in folder.files:
        match = _VERSIONED.fullmatch(path)
        number = version_number(match["version"], folder.version_parts) if match else None
        if match is None:
            continue
        if number is None:
            problems.append(_too_many_parts(folder, path, match["version"]))
        elif match["kind"] == "U":
            downs[number] = path
        elif number in ups:
            what = f"`{path}` and `{ups[number][0]}` have the same version"
            problems.append(Problem("two-forms", what, folder.place(path), "give one of them a later version"))
        else:
            ups[number] = (path, match["words"])
    for number in downs.keys() - ups.keys():
        what = f"`{downs[number]}` is the rollback of a version that does not exist"
        hint = "restore the migration, or remove this file"
        problems.append(Problem("orphan", what, folder.place(downs[number]), hint))
    sources = tuple(
        Source(str(n), words, path, downs.get(n, ""), outside_transaction=_outside(folder, path))
        for n, (path, words) in ups.items()
    )
    repeatable = sorted((match["words"], path) for path in folder.files if (match := _REPEATABLE.fullmatch(path)))
    return Arranged(sources, tuple(path for _, path in repeatable), tuple(problems))


def version_number(version: str, parts: int) -> int | None:
    """The number of a version such as `1_2`. None if the version has more than `parts` parts, or too large a part."""
    first, *rest = (int(part) for part in re.split(r"[._]", version))
    while rest and rest[-1] == 0:
        rest.pop()
    if len(rest) >= parts or any(part >= _PART for part in rest):
        return None
    number = first
    for part in [*rest, *([0] * (parts - 1 - len(rest)))]:
        number = number * _PART + part
    return number if number <= LARGEST else None


def _too_many_parts(folder: Folder, path: str, version: str) -> Problem:
    needed = len(re.split(r"[._]", version))
    what = f"version {version} does not fit into `version_parts: {folder.version_parts}`"
    hint = (
        f"before the first apply, set `version_parts: {needed}` in migrations/policy.yaml; after it, use a version "
        f"of {folder.version_parts} parts, each after the first below {_PART}"
    )
    return Problem("layout", what, folder.place(path), hint)


def _outside(folder: Folder, path: str) -> bool:
    return bool(_OUTSIDE.search(folder.texts.get(f"{path}.conf", "")))


def _check(folder: Folder) -> Iterator[Problem]:
    for path in folder.files:
        if _BASELINE.fullmatch(path):
            what = f"`{path}` is a baseline migration of Flyway, and ctgitops runs the versions that it sums up"
            hint = "keep it for Flyway; nothing needs to change"
            yield Problem("layout", what, folder.place(path), hint, blocks=False)


TOOL = Tool(
    name="flyway",
    title="Flyway",
    tried="read",
    files=(re.compile(r"(?:[^/]+/)*V(?P<digits>[0-9]+)__(?P<words>[^/]*)\.sql"),),
    divide=_divide,
    arrange=_arrange,
    placeholder=_PLACEHOLDER,
    reads=re.compile(r"(?:[^/]+/)*V[^/]*\.sql\.conf"),
    check=_check,
    foreign=re.compile(r"(?:[^/]+/)*[VUR][^/]*__[^/]*\.(?:java|kt|groovy|class|sh|py)"),
    new="V{number}__{words}.sql",
    record=flyway,
)
