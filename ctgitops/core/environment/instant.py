"""An instant as text, in UTC and in a time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def instant(moment: datetime, zone: str) -> str:
    """`2026-12-01 07:00 UTC (Tue 2026-12-01 02:00 America/New_York)`. Only the first part for UTC."""
    here = local(moment, zone)
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC{f' ({here} {zone})' if here else ''}"


def local(moment: datetime, zone: str) -> str:
    """`Tue 2026-12-01 02:00`, the local time in a time zone. Empty for UTC."""
    return "" if zone == "UTC" else f"{moment.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"
