"""The documentation site has every page, and its links to other files of the repository lead to GitHub."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath

from docs.site import SOURCE, _linked
from tests.pages.blocks import ROOT


def named(nav: object) -> Iterator[str]:
    """The pages in a part of the navigation."""
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from named(part)


def test_the_navigation_has_every_page_once() -> None:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(named(nav)) == sorted(pages | {"gallery/index.md"})


def test_a_link_out_of_the_pages_leads_to_github_and_code_stays_as_it_is() -> None:
    text = "[a](cli.md#x) [b](../README.md) [c](../../CHANGELOG.md#y) [d](https://example.com)\n"
    fenced = "```md\n[b](../../README.md)\n```\n"
    page = PurePosixPath("docs/decisions/x.md")
    changed = f"[a](cli.md#x) [b](../README.md) [c]({SOURCE}/CHANGELOG.md#y) [d](https://example.com)\n"
    assert _linked(text + fenced, page) == changed + fenced
