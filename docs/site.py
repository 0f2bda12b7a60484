"""Collects the pages of the documentation site in `.site/pages`; `make site` builds the site from them with Zensical.

    python -m docs.site DEMO

The pages are those of `docs/`. Links to other files of the repository become links to GitHub. The gallery shows the
comments that `ctgitops demo --into DEMO` wrote, as GitHub shows them.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path, PurePosixPath

from .picture import PAGE, ROOT, STYLE, WIDTH, html_of

PAGES = ROOT / ".site" / "pages"
SOURCE = "https://github.com/constructtrack/ctgitops/blob/main"
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
FENCED = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
COMMENTS = {
    "comment.md": "The plan of a pull request",
    "comment-merged.md": "After the merge: the record of staging",
    "comment-released.md": "After the release: the record of production",
}
"""The files of the demo with comments, and their headings."""


def main(arguments: list[str]) -> int:
    """Writes the pages. Returns the exit status."""
    (demo,) = map(Path, arguments)
    shutil.rmtree(PAGES, ignore_errors=True)
    for path in sorted((ROOT / "docs").rglob("*.md")):
        name = path.relative_to(ROOT / "docs")
        _write(str(name), _linked(path.read_text(encoding="utf-8"), PurePosixPath("docs", name)))
    shutil.copytree(ROOT / "docs" / "images", PAGES / "images")
    _gallery(demo)
    return 0


def _linked(text: str, page: PurePosixPath) -> str:
    """The text of a page, with links out of `docs/` that work on the site. Code blocks stay as they are."""

    def replaced(match: re.Match[str]) -> str:
        target = match[2]
        if "://" in target or target.startswith(("mailto:", "/")):
            return match[0]
        file = (ROOT / page.parent / target).resolve().relative_to(ROOT)
        if file.parts[:1] == ("docs",) and (file.suffix == ".md" or file.parts[1:2] == ("images",)):
            return match[0]
        return f"{match[1]}{SOURCE}/{file.as_posix()}{match[3]}"

    parts = FENCED.split(text)
    return "".join(part if at % 2 else LINK.sub(replaced, part) for at, part in enumerate(parts))


def _gallery(demo: Path) -> None:
    lines = ["# Gallery", "", "The comments of `ctgitops demo`, as GitHub shows them.", ""]
    style = STYLE.read_text(encoding="utf-8")
    for name, title in COMMENTS.items():
        body = html_of((demo / name).read_text(encoding="utf-8"))
        html = PAGE.format(style=style, inner=WIDTH - 48, body=body)
        _write(f"gallery/{Path(name).stem}.html", html)
        frame = f'<iframe src="{Path(name).stem}.html" title="{title}" width="{WIDTH}" height="900" loading="lazy">'
        lines += [f"## {title}", "", f"{frame}</iframe>", ""]
    _write("gallery/index.md", "\n".join(lines))


def _write(name: str, text: str) -> None:
    file = PAGES / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
