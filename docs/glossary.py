"""The generated part of the glossary: each module of `ctgitops/core` is a noun, and its docstring says what it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from .parts import PACKAGE, as_table

CORE = PACKAGE / "core"
_ENDS = re.compile(r" (?:Pure|Pure: it queries no server)\.$")


def nouns() -> Iterator[tuple[Path, str, str]]:
    """Each module of core/: its file, the noun that names it, and the first paragraph of its docstring."""
    for path in sorted(CORE.rglob("*.py")):
        if path.name != "__init__.py":
            yield path, path.stem.replace("_", " "), _first_paragraph(path)


def nouns_part() -> str:
    """A table with the nouns in alphabetical order."""
    rows = sorted((noun, means, path) for path, noun, means in nouns())
    return as_table(
        ("noun", "is", "module"),
        ((f"**{noun}**", means, f"[{_module(path)}](../ctgitops/core/{_module(path)})") for noun, means, path in rows),
    )


def rooms_part() -> str:
    """A table with the rooms of core/."""
    folders = sorted(path for path in CORE.iterdir() if (path / "__init__.py").is_file())
    rows = ((f"`core/{folder.name}`", _first_paragraph(folder / "__init__.py")) for folder in folders)
    return as_table(("room", "holds"), rows)


def _module(path: Path) -> str:
    return str(path.relative_to(CORE))


def _first_paragraph(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return _ENDS.sub("", " ".join(docstring.split("\n\n", maxsplit=1)[0].split()))
