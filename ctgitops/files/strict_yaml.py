"""Parses a strict subset of YAML, and records the position of every key and value.

Anchors, aliases, tags, multiple documents, duplicate keys and deep nesting are errors. Only `true`, `false`, `null` and
integers without leading zeros have a type. All other values are text, such as `008`, `1.10`, `02:00`, `on` and `no`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from ..core.problem import Problem
from ..errors import Place
from ..lazy import dataclass, regex
from ..sql.invisible import hidden_in_key, named

if TYPE_CHECKING:
    import yaml

Value = str | int | bool | None | list["Value"] | dict[str, "Value"]
Keys = tuple[str | int, ...]
"""The path from the top of a document to a value: keys and list indexes."""

DEEPEST = 20
_WORDS: dict[str, Value] = {"": None, "null": None, "true": True, "false": False}
_WHOLE = regex(r"0|-?[1-9][0-9]{0,17}")
_BARE_SECRET = regex(r"(?<=[\s:\[,])\$\{\w+\}(?=\s*[,}\]])")
"""Matches the common mistake `{url: ${NAME}}`. YAML requires quotes inside braces, which `read_yaml` adds."""
_HINTS = (
    ("\\t", "indent with spaces"),
    (
        "expected ',' or",
        "close the `{` or `[` above this line; inside brackets, quote a value that contains one of `{ } [ ] ,`",
    ),
    ("mapping values are not allowed", "quote a value that contains `: `, and check the indentation"),
)


@dataclass(frozen=True)
class Document:
    """The content of one file. `values` and `keys` contain the positions of each value and its key."""

    path: str
    value: Value
    values: dict[Keys, Place] = field(default_factory=dict)
    keys: dict[Keys, Place] = field(default_factory=dict)

    def place(self, keys: Keys) -> Place:
        """The position of a value. For a missing value, the position of its nearest parent."""
        while keys and keys not in self.values:
            keys = keys[:-1]
        return self.values.get(keys, Place(self.path, 1))


def read_yaml(text: str, path: str) -> Document | Problem:
    """Parses a document. Returns a Problem for the first violation of the subset."""
    if hidden := hidden_in_key(text):
        return _invisible(text, path, *hidden)
    found = _read(text, path)
    if isinstance(found, Problem) and (quoted := _BARE_SECRET.sub(r'"\g<0>"', text)) != text:
        again = _read(quoted, path)
        return found if isinstance(again, Problem) else again
    return found


def _read(text: str, path: str) -> Document | Problem:
    import yaml  # noqa: PLC0415 - 20 ms, which `--version` need not spend

    try:
        return _Builder(path, yaml.parse(text, Loader=yaml.SafeLoader)).document()
    except _RefusedError as refused:
        return refused.problem
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(path, before.count("\n") + 1, error.position - before.rfind("\n"))
        return Problem("yaml", "a character that is not allowed in YAML", place, "remove it")
    except yaml.MarkedYAMLError as error:
        return _broken(error, path)
    except (ValueError, OverflowError):
        # PyYAML converts \U escapes and directives to numbers of unlimited size.
        return Problem("yaml", "an escape or directive that is not allowed in YAML", Place(path, 1), "remove it")


def _invisible(text: str, path: str, character: str, offset: int) -> Problem:
    place = Place(path, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))
    what = f"{named(character)} is in the line, and YAML treats it as a letter"
    return Problem("invisible-character", what, place, "replace the character with a space, or delete it")


class _RefusedError(Exception):
    def __init__(self, what: str, place: Place, hint: str) -> None:
        super().__init__(what)
        self.problem = Problem("yaml", what, place, hint)


def _broken(error: yaml.MarkedYAMLError, path: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path, 1)
    problem = error.problem or "the text cannot be parsed"
    hint = next((hint for part, hint in _HINTS if part in problem), "check the indentation and the quotes")
    return Problem("yaml", f"not YAML: {problem}", place, hint)


class _Builder:
    """Builds a document from PyYAML's events, because only events have positions."""

    def __init__(self, path: str, events: Iterator[yaml.Event]) -> None:
        self._path = path
        self._events = events
        self._values: dict[Keys, Place] = {}
        self._keys: dict[Keys, Place] = {}

    def document(self) -> Document:
        kinds = {"StreamStartEvent", "DocumentStartEvent", "DocumentEndEvent"}
        event = next(self._events)
        while type(event).__name__ in kinds:
            event = next(self._events)
        if type(event).__name__ == "StreamEndEvent":
            return Document(self._path, None)
        value = self._value(event, ())
        next(self._events)
        after = next(self._events)
        if type(after).__name__ != "StreamEndEvent":
            raise self._refused("a second document", after, "use one document per file: remove the line `---`")
        return Document(self._path, value, self._values, self._keys)

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._path, mark.line + 1, mark.column + 1) if mark else Place(self._path)

    def _refused(self, what: str, event: yaml.Event, hint: str) -> _RefusedError:
        return _RefusedError(what, self._place(event), hint)

    def _check(self, event: yaml.Event, keys: Keys) -> None:
        if type(event).__name__ == "AliasEvent":
            raise self._refused(
                "aliases (`*`) are not allowed", event, "write the value itself; quote text that contains `*`"
            )
        if getattr(event, "anchor", None) is not None:
            raise self._refused(
                "anchors (`&`) are not allowed", event, "write the value itself; quote text that contains `&`"
            )
        if getattr(event, "tag", None) is not None:
            raise self._refused("tags (`!`) are not allowed", event, "remove the tag; quote text that contains `!`")
        if len(keys) > DEEPEST:
            raise self._refused(f"nesting deeper than {DEEPEST}", event, "reduce the nesting")

    def _value(self, event: yaml.Event, keys: Keys) -> Value:
        self._check(event, keys)
        self._values[keys] = self._place(event)
        kind = type(event).__name__
        if kind == "MappingStartEvent":
            return self._mapping(keys)
        if kind == "SequenceStartEvent":
            return self._sequence(keys)
        text = self._text(event)
        if getattr(event, "style", None) is not None:
            return text
        return _WORDS[text] if text in _WORDS else int(text) if _WHOLE.fullmatch(text) else text

    def _text(self, event: yaml.Event) -> str:
        text = str(getattr(event, "value", ""))
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self._refused("a lone surrogate (half of a character)", event, "write the character itself")
        return text

    def _sequence(self, keys: Keys) -> list[Value]:
        found: list[Value] = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            found.append(self._value(event, (*keys, len(found))))
        return found

    def _mapping(self, keys: Keys) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            self._check(event, keys)
            if type(event).__name__ != "ScalarEvent":
                raise self._refused("a key that is not a word", event, "a key is a single word")
            key = self._text(event)
            if key in found:
                raise self._refused(f"duplicate key `{shown_value(key)}`", event, "keep one of them")
            self._keys[*keys, key] = self._place(event)
            found[key] = self._value(next(self._events), (*keys, key))
        return found


def shown_value(value: Value) -> str:
    """A value as errors show it: shortened, or hidden if it may contain a password."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if not isinstance(value, str):
        return "nothing" if value is None else str(value).lower()
    if "://" in value or any(mark in value.lower() for mark in ("password", "secret-key", "private key")):
        return "(not shown: it may contain a password)"
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return text if len(text) <= 60 else f"{text[:57]}…"
