"""Renders the load of a database over several days, and the windows that ctgitops proposes for this load."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.environment.window import WEEKDAYS, Window
from ..core.performance.traffic import HOURS, Traffic
from . import escape, phrases
from .json import Object, dump
from .terminal_text import on_one_line

BAR = 40
"""The length of the bar of the busiest hour, in characters."""


def traffic_verdict(traffic: Traffic) -> str:
    """The verdict in words."""
    known = f"{phrases.count(traffic.quiet.samples, 'sample')} on {phrases.count(traffic.quiet.days, 'day')}"
    if traffic.quiet.unknown:
        return f"quiet hours UNKNOWN: {traffic.quiet.unknown} ({known})"
    window = traffic.quiet.windows[0]
    return f"quietest from {window.start:%H:%M} to {window.end:%H:%M} {window.timezone} ({known})"


def windows_yaml(traffic: Traffic) -> str:
    """The proposed windows as YAML for a manifest. Empty without a proposal."""
    return "".join(_yaml(window) for window in traffic.quiet.windows)


def _yaml(window: Window) -> str:
    days = ", ".join(day for day in WEEKDAYS if day in window.days)
    times = f'from: "{window.start:%H:%M}", to: "{window.end:%H:%M}", timezone: {window.timezone}'
    return f"windows: [{{days: [{days}], {times}}}]\n"


def traffic_text(traffic: Traffic) -> str:
    """The page of `ctgitops traffic`."""
    return "\n".join(line.rstrip() for line in _lines(traffic)).rstrip("\n") + "\n"


def _lines(traffic: Traffic) -> Iterator[str]:
    yield f"{traffic.environment}: {traffic_verdict(traffic)}"
    if traffic.taken:
        taken = traffic.taken
        waits = "unknown" if taken.waiting is None else f"{taken.waiting:,}"
        lag = "unknown" if taken.lag is None else f"{taken.lag:,.0f} s"
        busy = phrases.joined(tuple(list(taken.tables)[:3]))
        yield from ("", f"  stored one sample: {waits} sessions wait for a lock, replica lag {lag}")
        if busy:
            yield f"  busiest tables: {on_one_line(busy)}"
    loads = {hour: load for hour in range(HOURS) if (load := traffic.quiet.load_at(hour)) is not None}
    if most := max(loads.values(), default=0.0):
        yield from ("", f"  transactions a second, {traffic.timezone}", "")
        for hour, load in loads.items():
            yield f"  {hour:02}:00 {load:>10,.1f}  {'#' * round(BAR * load / most)}"
    if yaml := windows_yaml(traffic):
        yield from ("", f"  next: add this to environments/{traffic.environment}.yaml", "", f"  {yaml.rstrip()}")


def traffic_markdown(traffic: Traffic) -> str:
    """The page of `ctgitops traffic` as Markdown."""
    return f"{escape.fence(traffic_text(traffic).rstrip(), 'text')}\n"


def traffic_json(traffic: Traffic) -> str:
    """The page of `ctgitops traffic` as JSON."""
    quiet = traffic.quiet
    fields: Object = {
        "environment": traffic.environment,
        "timezone": traffic.timezone,
        "days": quiet.days,
        "samples": quiet.samples,
        "stored": traffic.taken is not None,
        "hours": [{"hour": hour, "transactions_per_second": quiet.load_at(hour)} for hour in range(HOURS)],
        "windows": [
            {
                "days": [day for day in WEEKDAYS if day in window.days],
                "from": f"{window.start:%H:%M}",
                "to": f"{window.end:%H:%M}",
                "timezone": window.timezone,
            }
            for window in quiet.windows
        ],
        "unknown": quiet.unknown or None,
    }
    return dump(fields)
