"""Reads the key `freeze` in manifests and the policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..core.environment.freeze import Freeze
from ..core.problem import Problem
from .json_schema import Fault, dotted
from .time_zones import near_zone, zone_exists

if TYPE_CHECKING:
    from .calendars import Freezes
    from .repository import Repository
    from .strict_yaml import Document, Keys

_PERIOD = ("from", "to", "timezone", "reason")
_FOLDER = "environments/"
_EXAMPLE = "`{from: 2026-12-19, to: 2027-01-03, timezone: Europe/Berlin, reason: holidays}`"


def freezes_of(usable: dict[str, Any], repository: Repository) -> Freezes:
    """The freezes in the valid keys of a document."""
    return tuple(freeze for written in usable.get("freeze") or () for freeze in _freezes(written, repository))


def _freezes(written: dict[str, Any], repository: Repository) -> Freezes:
    if "ics" not in written:
        return (Freeze.between(written["from"], written["to"], written["timezone"], written["reason"]),)
    from .calendars import LARGEST, freezes_in  # noqa: PLC0415 - few manifests have a calendar

    text = repository.text(written["ics"], LARGEST)
    if isinstance(text, Problem):
        raise ValueError(text.what)  # noqa: TRY004 - a Problem is what is wrong with the value
    return freezes_in(text, written.get("timezone"))


def freeze_faults(document: Document, usable: dict[str, Any], repository: Repository) -> Iterator[Fault]:
    """Reports a freeze that is neither a period nor a calendar, and a period or calendar that cannot be understood."""
    for index, written in enumerate(usable.get("freeze") or ()):
        keys: Keys = ("freeze", index)
        yield from _faults(document, keys, written, repository)


def _faults(document: Document, keys: Keys, written: dict[str, Any], repository: Repository) -> Iterator[Fault]:
    named, zone = dotted(keys), written.get("timezone")
    if "ics" in written:
        yield from _of_a_calendar(document, keys, written)
    else:
        for key in (key for key in _PERIOD if key not in written):
            problem = Problem(
                "missing-key", f"key `{named}.{key}` is missing", document.place(keys), f"as in {_EXAMPLE}"
            )
            yield Fault((*keys, key), problem)
            return
    if zone is not None and not zone_exists(zone):
        yield _fault(document, (*keys, "timezone"), f"there is no time zone `{zone}`", near_zone(zone))
        return
    try:
        found = _freezes(written, repository)
    except ValueError as error:
        hint = "correct the file" if "ics" in written else "write dates as in `2026-12-24`"
        yield _fault(document, keys, f"`{named}{'.ics' if 'ics' in written else ''}`: {error}", hint)
        return
    if any(isinstance(each, Freeze) and each.end <= each.start for each in found):
        hint = "write the earlier time in `from` and the later one in `to`"
        yield _fault(document, keys, f"`{named}` ends before it begins", hint)


def _of_a_calendar(document: Document, keys: Keys, written: dict[str, Any]) -> Iterator[Fault]:
    """Reports a calendar outside `environments/`, and keys whose values come from the calendar's events."""
    extra = [key for key in ("from", "to", "reason") if key in written]
    if extra:
        what = f"`{dotted(keys)}` has `ics` and `{extra[0]}`: the events of the calendar have their own"
        yield _fault(document, keys, what, f"remove `{extra[0]}`, or write two entries")
    path = written["ics"]
    if not path.startswith(_FOLDER) or ".." in path.split("/"):
        yield _fault(
            document, (*keys, "ics"), f"the calendar `{path}` is not in `{_FOLDER}`", f"move it to `{_FOLDER}`"
        )


def _fault(document: Document, keys: Keys, what: str, hint: str) -> Fault:
    return Fault(keys, Problem("value", what, document.place(keys), hint))
