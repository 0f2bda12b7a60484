"""The blocks of code in README and documentation, with the marker that excuses one from being run or validated.

The marker is a comment on the line above the block, which GitHub does not show: `<!-- not run: REASON -->`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<excuse>[^\n]+?) -->\n)?(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    """The line of its first line of code."""
    language: str
    text: str
    excuse: str
    """Why it is neither run nor validated; empty for most."""

    @cached_property
    def name(self) -> str:
        """The name of its page, from the root of the repository."""
        return str(self.page.relative_to(ROOT))

    @property
    def place(self) -> str:
        """`page:line`."""
        return f"{self.name}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """All blocks of these languages, page by page."""
    return [block for page in PAGES for block in blocks_of(page) if block.language in languages]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of one page, in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            text[: match.start("text")].count("\n") + 1,
            match["language"],
            re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE),
            match["excuse"] or "",
        )
        for match in FENCE.finditer(text)
    ]
