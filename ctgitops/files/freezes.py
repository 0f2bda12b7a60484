"""Reads the key `freeze` in manifests and the policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from ..core.environment.freeze import Freeze
from ..core.problem import Problem
from .json_schema import Fault
from .strict_yaml import Document, Keys


def freezes_of(usable: dict[str, Any]) -> tuple[Freeze, ...]:
    """The freezes that a document defines. Ignores invalid keys."""
    return tuple(map(_freeze, usable.get("freeze") or ()))


def _freeze(written: dict[str, Any]) -> Freeze:
    return Freeze.between(written["from"], written["to"], written["timezone"], written["reason"])


def freeze_faults(document: Document, usable: dict[str, Any]) -> Iterator[Fault]:
    """Reports an invalid date or time zone, and a freeze that ends before it begins."""
    for index, written in enumerate(usable.get("freeze") or ()):
        keys: Keys = ("freeze", index)
        try:
            freeze = _freeze(written)
        except (ZoneInfoNotFoundError, OSError):
            hint = "write a name as in `Europe/Berlin` or `UTC`"
            yield _fault(document, (*keys, "timezone"), f"there is no time zone `{written['timezone']}`", hint)
        except ValueError as error:
            yield _fault(document, keys, f"`freeze[{index}]`: {error}", "write dates as in `2026-12-24`")
        else:
            if freeze.end <= freeze.start:
                hint = "write the earlier time in `from` and the later one in `to`"
                yield _fault(document, keys, f"`freeze[{index}]` ends before it begins", hint)


def _fault(document: Document, keys: Keys, what: str, hint: str) -> Fault:
    return Fault(keys, Problem("value", what, document.place(keys), hint))
