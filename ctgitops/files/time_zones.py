"""Checks the names of time zones in manifests, the policy and calendars."""

from __future__ import annotations

import difflib
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


def zone_exists(name: str) -> bool:
    """Whether the IANA time zone database of this machine has the time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def near_zone(name: str) -> str:
    """The hint for the name of a time zone that does not exist."""
    known = available_timezones()
    if not known:
        return "this machine has no time zone data: install the package `tzdata`"
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{near[0]}`?" if near else "expected a name as in `America/New_York` or `UTC`"
