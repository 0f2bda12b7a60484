"""Renders templates, and shortens pages until they fit into a comment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from . import escape

if TYPE_CHECKING:
    from jinja2 import Environment

COMMENT_LIMIT = 65_536
"""GitHub's maximum length of a comment, in characters."""
MAX = 60_000
"""Maximum length of a page, in characters. The rest of COMMENT_LIMIT is for the marker and footers."""
AT_ONCE = 256
"""How many parts of a kind to try first. With thousands of parts, a page with all of them takes long to render."""
_FENCE = re.compile(r"`{3,}")
_CUT = "\n\n(Truncated at GitHub's maximum length of a comment. The job summary has the full text.)"


def render(template: str, values: Mapping[str, object]) -> str:
    """Renders a template of `templates/`. Escapes values that are not marked as safe."""
    return _templates().get_template(template).render(values).rstrip("\n") + "\n"


def fit(draw: Callable[[dict[str, int]], str], counts: Mapping[str, int], longest: int) -> str:
    """Renders a page. Leaves out parts until the page has at most `longest` characters.

    `counts` maps each kind of parts to its number of parts, the least important kind first. If not all parts fit, the
    most important kind may use half of the space. Each next kind may use half of the space that is left. The kinds then
    share the remaining space in the same order. A long table therefore does not use all of the space.
    """
    page = draw(dict(counts))
    if len(page) <= longest:
        return page
    kept = dict.fromkeys(counts, 0)
    page = draw(kept)
    for share in (2, 1):
        for kind in reversed(list(counts)):
            room = max(longest - len(page), 0) // share
            page = _most(draw, kept, kind, counts[kind], len(page) + room) or page
    return page


def by_importance(parts: list[dict[str, Any]]) -> list[int]:
    """The indexes of the parts, that with the lowest `rank` first."""
    return sorted(range(len(parts)), key=lambda index: parts[index]["rank"])


def most_important(parts: list[dict[str, Any]], order: list[int], count: int) -> list[dict[str, Any]]:
    """The first `count` parts of `order`, in their original order."""
    return parts if count >= len(parts) else [parts[index] for index in sorted(order[:count])]


def cut(page: str, longest: int) -> str:
    """Cuts a page that is too long even after `fit`. Cuts at the end of a line if possible."""
    if len(page) <= longest:
        return page
    start = page[: longest - len(_CUT)]
    return (start[: start.rfind("\n")] if "\n" in start else start) + _CUT


def cut_at_block(page: str, longest: int) -> str:
    """Cuts a finished page between two blocks, outside of code blocks and `<details>`. Empty if no block fits."""
    if len(page) <= longest:
        return page
    at, size, fence, depth = 0, 0, "", 0
    for line in page.split("\n"):
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opening := _FENCE.match(line):
            fence = opening[0]
        else:
            depth += line.count("<details>") - line.count("</details>")
            at = size if not line.strip() and depth == 0 and size + len(_CUT) <= longest else at
        size += len(line) + 1
    return page[:at].rstrip() + _CUT if at else ""


def _most(
    draw: Callable[[dict[str, int]], str], kept: dict[str, int], kind: str, count: int, longest: int
) -> str | None:
    """Adds to `kept` as many parts of a kind as fit. Returns the page, or None if no further part fits."""
    best, fits, too_many = None, kept[kind], count + 1
    at = min(count, fits + AT_ONCE)
    while too_many - fits > 1:
        kept[kind] = at
        page = draw(kept)
        if len(page) <= longest:
            fits, best = at, page
        else:
            too_many = at
        at = (fits + too_many) // 2 if too_many <= count else min(count, 2 * at)
    kept[kind] = fits
    return best


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - takes 40 ms, unused by `status`

    folder = resources.files("ctgitops.report") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        undefined=StrictUndefined,
        finalize=escape.finalize,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(code=escape.code, prose=escape.prose, fence=escape.fence)
    return environment
