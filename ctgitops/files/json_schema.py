"""Validates a document against a JSON Schema. The errors use the terms of the YAML that the user wrote.

In the schemas of this package, `title` is a noun phrase for the expected value, and the first of `examples` is such a
value. Errors quote both.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ..core.problem import Problem
from ..lazy import dataclass
from .strict_yaml import Document, Keys, shown_value

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

    from ..errors import Place


@dataclass(frozen=True)
class _Miss:
    """An error of the validator: the keyword and the schema that reject a value."""

    word: str
    wanted: Any
    schema: dict[str, Any]
    instance: Any
    keys: Keys

    @classmethod
    def of(cls, error: ValidationError, root: dict[str, Any]) -> _Miss:
        *path, word = error.schema_path  # leads through `$defs`, not through `$ref`
        schema: Any = root
        for key in path:
            schema = schema[key]
        return cls(str(word), schema[word], schema, error.instance, tuple(error.instance_path))


@dataclass(frozen=True)
class Fault:
    """A problem with a document, and the keys that the problem makes unusable."""

    keys: Keys
    problem: Problem


@cache
def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema `manifest` or `policy` that ships with the package."""
    text = files(__package__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def faults(document: Document, name: str) -> tuple[Fault, ...]:
    """All schema violations in a document."""
    found: list[Fault] = []
    for error in _validator(name).iter_errors(document.value):
        miss = _Miss.of(error, schema_of(name))
        found += _JUDGES.get(miss.word, _wrong)(miss, document)
    return tuple(dict.fromkeys(found))


@cache
def _validator(name: str) -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator  # noqa: PLC0415 - 30 ms, which `--version` need not spend

    return Draft202012Validator(schema_of(name))


def dotted(keys: Keys) -> str:
    """The path in dotted notation: `backup.keep.last`, `windows[0].days[1]`."""
    words = ""
    for key in keys:
        words += f"[{key}]" if isinstance(key, int) else f".{shown_value(key)}"
    return words.removeprefix(".")


def _example(schema: dict[str, Any]) -> str:
    examples = schema.get("examples", [])
    if not examples:
        return ""
    return examples[0] if isinstance(examples[0], str) else _flow(examples[0])


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return f'"{value}"' if isinstance(value, str) and set(value) & set("{}[],:*") else str(value)


def _unknown(miss: _Miss, document: Document) -> Iterator[Fault]:
    known = list(miss.schema["properties"])
    for key in miss.instance:
        if key not in known:
            near = difflib.get_close_matches(key.lower(), known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"known keys here: {', '.join(known)}"
            whole = (*miss.keys, key)
            what = f"unknown key `{dotted(whole)}`"
            yield Fault(whole, Problem("unknown-key", what, document.keys.get(whole), hint))


def _missing(miss: _Miss, document: Document) -> Iterator[Fault]:
    for key in miss.wanted:
        if key not in miss.instance:
            whole = (*miss.keys, key)
            example = _example(miss.schema["properties"][key])
            place = document.keys.get(miss.keys) or document.place(miss.keys)
            example = _own_secret(example, place) if example else "…"
            hint = f"add `{key}: {example}`"
            yield Fault(whole, Problem("missing-key", f"key `{dotted(whole)}` is missing", place, hint))


def _own_secret(example: str, place: Place | None) -> str:
    """The example with the name of this environment's secret, because users copy examples unchanged."""
    name = re.sub(r"\W", "_", PurePath(place.path).stem).upper() if place else "NAME"
    return example.replace("PRODUCTION_DATABASE_URL", f"{name}_DATABASE_URL")


def _wrong(miss: _Miss, document: Document) -> Iterator[Fault]:
    place = document.place(miss.keys)
    if "${NAME}" in miss.schema.get("examples", ()) or miss.keys == ("database",):
        yield Fault(miss.keys, _in_the_open(miss, document))
        return
    subject = f"`{dotted(miss.keys)}: {shown_value(miss.instance)}`" if miss.keys else "the file"
    complaint = _COMPLAINTS.get(miss.word, "is not valid")
    yield Fault(miss.keys, Problem("value", f"{subject} {complaint}", place, _expected(miss)))


def _expected(miss: _Miss) -> str:
    if miss.word == "enum":
        near = difflib.get_close_matches(str(miss.instance).lower(), miss.wanted, n=1)
        return f"expected one of {', '.join(miss.wanted)}" + (f"; did you mean `{near[0]}`?" if near else "")
    example = _example(miss.schema)
    return f"expected {miss.schema.get('title')}" + (f", as in `{example}`" if example else "")


def _in_the_open(miss: _Miss, document: Document) -> Problem:
    """The problem with a value that is not the name of a secret. Never shows the value, which may be a password."""
    place = document.place(miss.keys)
    if not isinstance(miss.instance, str):
        what = f"`{dotted(miss.keys)}: {shown_value(miss.instance)}` is not valid"
        return Problem("value", what, place, _expected(miss))
    what = f"`{dotted(miss.keys)}` is not the name of a secret (the value is not shown: it may contain a password)"
    example = '{url: "${NAME}"}' if miss.keys == ("database",) else "${NAME}"
    hint = f"put the URL into a secret and write its name, as in `{example}`; change the password if it was committed"
    return Problem("secret-in-file", what, place, hint)


_COMPLAINTS = {"uniqueItems": "contains a duplicate", "minItems": "is empty", "minLength": "is empty"}

_JUDGES: dict[str, Callable[[_Miss, Document], Iterator[Fault]]] = {
    "additionalProperties": _unknown,
    "required": _missing,
}
