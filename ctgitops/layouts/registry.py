"""The tools of all layouts, by name, except `ctgitops`. The layout `ctgitops` has a reader of its own."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from ..core.environment.layout import LayoutName

if TYPE_CHECKING:
    from .tool import Tool

_MODULES: dict[LayoutName, str] = {
    name: name.value.replace("-", "_") for name in LayoutName if name is not LayoutName.CTGITOPS
}


@cache
def tool_of(name: LayoutName) -> Tool:
    """The tool of a layout. Imports only the module of this tool."""
    module = import_module(f"{__package__}.{_MODULES[name]}")
    tool: Tool = module.TOOL
    return tool


def all_tools() -> tuple[Tool, ...]:
    """All tools, in the order of their names."""
    return tuple(tool_of(name) for name in sorted(_MODULES, key=str))
