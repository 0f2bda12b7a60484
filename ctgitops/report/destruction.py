"""Renders the data that a plan destroys, and how to restore the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.view.preview import PlanResult, Preview
from . import escape, phrases
from .terminal_text import on_one_line

SHOWN = 10
"""Maximum number of losses shown for one environment."""
TITLE = "data that is destroyed"


def loss_lines(preview: Preview) -> Iterator[str]:
    """A line for each loss, such as `001_drop drops table "orders": 1,234 rows`."""
    yield from (f"{each.loss.migration} {each.text}" for each in preview.losses[:SHOWN])
    if len(preview.losses) > SHOWN:
        yield f"and {len(preview.losses) - SHOWN} more"


def way_back(preview: Preview) -> str:
    """How to restore the data. Empty if no data is destroyed."""
    if not preview.destroys:
        return ""
    begin = "a rollback restores the schema, NOT THIS DATA"
    if preview.environment.backup is None:
        return f"{begin}; NO BACKUP is taken before the apply, because the manifest does not require one"
    without = ", except what this backup does not include" if preview.not_in_backup else ""
    if provider := preview.environment.backup.provider:
        return f"{begin}; only the backup that {provider} takes before the first step restores the data"
    return f"{begin}; only `ctgitops restore` restores the data, from the backup before the first step{without}"


def text_lines(preview: Preview) -> Iterator[str]:
    """The lines of the section about destroyed data, for a terminal. Empty if no data is destroyed."""
    if preview.losses:
        yield from ("", f"  {TITLE}", "")
        yield from (f"    {on_one_line(line)}" for line in loss_lines(preview))
        yield from (f"    {line}" for line in filter(None, [way_back(preview)]))


def parts_of(results: tuple[PlanResult, ...]) -> list[dict[str, Any]]:
    """The losses of each environment, for a comment. Environments with the same losses share a part."""
    seen: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        if isinstance(result, Preview) and result.losses:
            seen.setdefault((way_back(result), *loss_lines(result)), []).append(result.environment.name)
    return [
        {
            "names": phrases.joined(tuple(names)) if len(results) > 1 else "",
            "lines": [escape.prose(line) for line in lines],
            "way_back": escape.prose(back),
        }
        for (back, *lines), names in seen.items()
    ]
