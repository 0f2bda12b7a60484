"""Parses and validates the header, the comment block at the top of a migration."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import date
from enum import StrEnum

from ...errors import Place
from ...lazy import dataclass, regex
from ...sql.invisible import spelled
from ..fix import Lines
from ..problem import Problem
from . import header_fix
from .flag_name import HINT_FLAG, is_flag
from .migration_name import parse_reference, without_ending
from .schema_version import SchemaVersion

FIELDS = (
    "Migration",
    "Version",
    "Description",
    "Breaking Changes",
    "Rollback",
    "Created",
    "Author",
    "Dependencies",
    "Estimated Execution Time",
    "Impact",
)
"""The required fields."""
FLAG = "Flag"
DEPRECATES = "Deprecates"
ORDER = (*FIELDS, FLAG, DEPRECATES)
"""All fields, in their required order. The last two fields are optional."""

_RULE = regex(r"[-=\s]*")
_FIELD = regex(r"--\s*([A-Za-z][A-Za-z ]*?)\s*:\s*(.*?)\s*")
_CONTINUED = regex(r"--\s{2,}(\S.*?)\s*$")
_NOTHING = {"none", "-", "n/a", ""}


class Rollback(StrEnum):
    """The kinds of rollback that a header can declare."""

    AVAILABLE = "Available"
    MANUAL = "Manual"
    NOT_AVAILABLE = "Not Available"


@dataclass(frozen=True)
class Header:
    """The values of a migration's header."""

    migration: str
    version: SchemaVersion
    description: str
    breaking: bool
    rollback: Rollback
    procedure: str
    """The steps that a person follows to roll back. Empty unless the header says `Rollback: Manual`."""
    created: str
    author: str
    dependencies: tuple[int, ...] = ()
    estimated: str = ""
    impact: str = ""
    flag: str = ""
    """The flag that a manifest must set before the migration is applied. Empty without the field."""
    lines: Mapping[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)
    """Maps field names to the first and last line of the field in the file."""


_HARMLESS = {
    "Version": "0.0.0",
    "Breaking Changes": "No",
    "Rollback": Rollback.NOT_AVAILABLE.value,
    "Created": "2000-01-01",
    "Dependencies": "None",
}
"""Values that replace missing fields. With these values, the other fields can still be checked."""


@dataclass(frozen=True)
class _Field:
    name: str
    value: str
    place: Place
    last: int = 0
    """The last line of the field's value."""

    def saying(self, value: str, name: str = "") -> Lines:
        """The lines of the field, with a different value or name."""
        line = f"-- {name or self.name}: {value}".rstrip()
        return Lines(self.place.path, self.place.line or 1, self.last, (line,))


def has_header(text: str) -> bool:
    """Whether the text begins with a header: a comment with at least half of the known fields."""
    return len({field.name for field in _fields(text, "")} & set(FIELDS)) * 2 >= len(FIELDS)


def parse_header(text: str, path: str) -> tuple[Header | None, tuple[Problem, ...]]:
    """The header and all its problems. The header is None if the file has no header."""
    found = _of_the_header(list(_fields(text, path)))
    lines = text.split("\n")
    problems = [*_unknown(found), *_repeated(found), *_absent(found, path, lines), *_disorder(found, lines)]
    fields = {field.name: field for field in found}
    absent = [name for name in FIELDS if name not in fields]
    if len(absent) == len(FIELDS):
        return None, tuple(problems)
    problems += _empty(fields)
    # If fields are missing, the remaining fields are still checked, so that one run reports all problems.
    fields |= {name: _Field(name, _HARMLESS.get(name, "-"), Place(path)) for name in absent}
    reading = _Reading(fields)
    header = Header(
        migration=fields["Migration"].value.removesuffix(".sql"),
        version=reading.version(),
        description=fields["Description"].value,
        breaking=reading.breaking(),
        rollback=reading.rollback(),
        procedure=_split_rollback(fields["Rollback"].value)[1],
        created=reading.date(),
        author=fields["Author"].value,
        dependencies=reading.dependencies(),
        estimated=fields["Estimated Execution Time"].value,
        impact=fields["Impact"].value,
        flag=reading.flag(),
        lines={f.name: (f.place.line or 1, f.last) for f in found},
    )
    problems += reading.problems
    return (None if absent or reading.problems else header), tuple(problems)


def _fields(text: str, path: str) -> Iterator[_Field]:
    current: _Field | None = None
    continues = False
    for number, line in enumerate(text.split("\n"), start=1):
        if _RULE.fullmatch(line):
            continues = False
            continue
        field, more = _field(line, Place(path, number)), _CONTINUED.match(line)
        if field:
            yield from (current,) if current else ()
            current, continues = field, True
        elif current and more and continues:
            current = replace(current, value=f"{current.value} {more[1]}".strip(), last=number)
        elif current or not line.startswith("--"):
            break
    yield from (current,) if current else ()


def _field(line: str, place: Place) -> _Field | None:
    match = _FIELD.fullmatch(line)
    if not match or (match[1] not in ORDER and _CONTINUED.match(line)):
        return None
    return _Field(match[1], match[2], replace(place, column=match.start(1) + 1), place.line or 1)


def _of_the_header(found: list[_Field]) -> list[_Field]:
    """The fields of the header, including misspelt fields. Leaves out comments such as `-- Note: …` below them."""
    known = [index for index, field in enumerate(found) if field.name in ORDER]
    last = known[-1] if known else -1
    return [f for i, f in enumerate(found) if i <= last or difflib.get_close_matches(f.name, ORDER, n=1, cutoff=0.8)]


def _unknown(found: list[_Field]) -> Iterator[Problem]:
    names = {each.name for each in found}
    for each in found:
        if each.name not in ORDER:
            near = difflib.get_close_matches(each.name, ORDER, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"known fields: {', '.join(ORDER)}"
            fix = each.saying(each.value, near[0]) if near and near[0] not in names else None
            yield Problem("header-field", f"unknown header field `{each.name}`", each.place, hint, fix=fix)


def _repeated(found: list[_Field]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for each in found:
        if each.name in seen:
            what = f"header field `{each.name}` appears twice"
            fix = replace(each.saying(""), instead=()) if seen[each.name] == each.value else None
            yield Problem("header-field", what, each.place, "keep one of the two fields", fix=fix)
        seen.setdefault(each.name, each.value)


def _absent(found: list[_Field], path: str, lines: list[str]) -> Iterator[Problem]:
    names = {field.name for field in found}
    absent = [name for name in FIELDS if name not in names]
    if len(absent) == len(FIELDS):
        hint = "add a header as `ctgitops new` writes it, or set `header: optional` in migrations/policy.yaml"
        yield Problem("header-missing", "the migration has no header", Place(path, 1), hint)
    elif absent:
        words = ", ".join(f"`{name}`" for name in absent)
        fix = None
        if absent == ["Migration"]:
            line = found[0].place.line or 1
            stem = without_ending(path.rsplit("/", 1)[-1])
            fix = Lines(path, line, line, (f"-- Migration: {stem}", lines[line - 1]))
        hint = "add a line `-- NAME: value` for each"
        yield Problem("header-field", f"the header lacks {words}", Place(path, 1), hint, fix=fix)


def _disorder(found: list[_Field], lines: list[str]) -> Iterator[Problem]:
    known = [field for field in found if field.name in ORDER]
    order = [ORDER.index(field.name) for field in known]
    for before, after in zip(range(len(order)), range(1, len(order)), strict=False):
        if order[after] < order[before]:
            what = f"header field `{known[after].name}` must come before `{known[before].name}`"
            hint = f"the order is: {', '.join(ORDER)}"
            yield Problem("header-order", what, known[after].place, hint, fix=_in_order(found, lines))
            return


def _in_order(found: list[_Field], lines: list[str]) -> Lines | None:
    spans = [(field.name, field.place.line or 1, field.last) for field in found]
    made = header_fix.reordered(lines, spans, ORDER)
    return Lines(found[0].place.path, spans[0][1], spans[-1][2], made) if made else None


def _empty(fields: dict[str, _Field]) -> Iterator[Problem]:
    for name, each in fields.items():
        if not each.value and name in ORDER and name != "Dependencies":
            yield Problem(
                "header-field", f"header field `{name}` is empty", each.place, "describe the migration in a few words"
            )


def _split_rollback(value: str) -> tuple[str, str]:
    """Splits `Manual - restore the column` into the kind and the procedure."""
    for kind in (Rollback.NOT_AVAILABLE, Rollback.AVAILABLE, Rollback.MANUAL):
        if re.match(rf"{kind.value}\b", value, re.IGNORECASE):
            return kind.value, value[len(kind.value) :].strip(" -\u2013\u2014:,()")
    return value, ""


class _Reading:
    """Parses the values of one header and collects their problems."""

    def __init__(self, fields: dict[str, _Field]) -> None:
        self._fields = fields
        self.problems: list[Problem] = []

    def _wrong(self, name: str, hint: str, better: str = "") -> None:
        field = self._fields[name]
        fix = field.saying(better) if better else None
        what = f"`{name}: {spelled(field.value)}` is not valid"
        self.problems.append(Problem("header-value", what, field.place, hint, fix=fix))

    def version(self) -> SchemaVersion:
        value = self._fields["Version"].value
        version = SchemaVersion.parse(value) if len(value) <= 40 else None
        if version is None:
            self._wrong("Version", "three numbers, as in `1.4.0`", header_fix.version(value))
        return version or SchemaVersion(0, 0, 0)

    def breaking(self) -> bool:
        value = self._fields["Breaking Changes"].value
        word = value.split(" ")[0].strip(",.-").lower()
        if word not in {"yes", "no"}:
            self._wrong("Breaking Changes", "`Yes` or `No`", header_fix.breaking(value))
        return word == "yes"

    def rollback(self) -> Rollback:
        kind, procedure = _split_rollback(self._fields["Rollback"].value)
        if kind not in list(Rollback):
            self._wrong("Rollback", "`Available`, `Manual - steps for a person`, or `Not Available`")
            return Rollback.NOT_AVAILABLE
        if kind == Rollback.MANUAL and len(procedure.split()) < 3:
            self._wrong("Rollback", "write the procedure in words: `Rollback: Manual - restore …, then …`")
        return Rollback(kind)

    def date(self) -> str:
        value = self._fields["Created"].value
        try:
            date.fromisoformat(value[:10])
        except ValueError:
            self._wrong("Created", "a date, as in `2026-01-31`", header_fix.created(value))
        return value

    def flag(self) -> str:
        if FLAG not in self._fields or not (value := self._fields[FLAG].value):
            return ""
        if not is_flag(value):
            self._wrong(FLAG, HINT_FLAG)
        return value

    def dependencies(self) -> tuple[int, ...]:
        value = self._fields["Dependencies"].value
        if value.lower().rstrip(".") in _NOTHING:
            return ()
        named = [parse_reference(part.strip()) for part in value.rstrip(".").split(",")]
        if not all(named):
            hint = "`None`, or numbers of migrations, as in `001, 003`"
            self._wrong("Dependencies", hint, header_fix.dependencies(value))
        return tuple(name.number for name in named if name)
