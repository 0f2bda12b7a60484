"""The workflow that publishes the history page on GitHub Pages. `init --history-pages` writes it."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from .scaffold import NewFile

if TYPE_CHECKING:
    from ..core.environment.environment import Environment

PATH = ".github/workflows/history.yml"
_INDENT = "\n          "


def history_workflow(environments: tuple[Environment, ...], version: str) -> NewFile:
    """The workflow for a repository's environments. The workflow uses the release `version` of ctgitops."""
    text = (resources.files("ctgitops.files") / "history_workflow.yml").read_text("utf-8")
    names = dict.fromkeys(name for each in environments for name in (each.url_secret, each.shadow.url_secret) if name)
    secrets = _INDENT.join(f"{name}: ${{{{ secrets.{name} }}}}" for name in names)
    return NewFile(PATH, text.replace("{secrets}", secrets).replace("{version}", version))
