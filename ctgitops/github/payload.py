"""Reads fields from the payload of an event, and raises an error that names a missing field."""

from __future__ import annotations

from typing import Any

from ..errors import UsageError

Payload = dict[str, Any]


def text_of(payload: Payload, *keys: str) -> str:
    """The string at a path of keys. Raises UsageError."""
    text: str = get_of(payload, str, *keys)
    return text


def number_of(payload: Payload, *keys: str) -> int:
    """The integer at a path of keys. Raises UsageError."""
    number: int = get_of(payload, int, *keys)
    return number


def flag_of(payload: Payload, *keys: str) -> bool:
    """The boolean at a path of keys. Raises UsageError."""
    flag: bool = get_of(payload, bool, *keys)
    return flag


def get_of(payload: Payload, kind: Any, *keys: str) -> Any:
    """The value at a path of keys, checked to be of that type. Raises UsageError."""
    found: Any = payload
    for depth, key in enumerate(keys, start=1):
        if not isinstance(found, dict) or key not in found:
            raise _lacking(".".join(keys[:depth]))
        found = found[key]
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        name = getattr(kind, "__name__", "object")
        raise _lacking(".".join(keys), f"a {name}, not {type(found).__name__}")
    return found


def _lacking(key: str, want: str = "") -> UsageError:
    what = f"`{key}` of the event must be {want}" if want else f"the event lacks `{key}`"
    return UsageError(what, hint="GITHUB_EVENT_PATH must name the file that GitHub wrote for this run")
