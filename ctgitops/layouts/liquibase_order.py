"""The order of Liquibase's SQL files, from a changelog in XML, YAML or JSON that includes them. Pure."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from ..core.problem import Problem

if TYPE_CHECKING:
    from .tool import Folder

_LOG = re.compile(r"\.(?:xml|ya?ml|json)$", re.IGNORECASE)
_INCLUDE = re.compile(r"""\b(file|path)["']?\s*[:=]\s*["']?([^"'\s>,}]+)""")
_CHANGES = re.compile(r"""<changeSet\b|["']?changeSet["']?\s*:""")
_COMMENT = re.compile(r"<!--.*?-->|^\s*#.*?$", re.DOTALL | re.MULTILINE)

Order = tuple[list[str], list[Problem]]


def changelog_order(folder: Folder, formatted: frozenset[str]) -> Order:
    """The formatted SQL files in the order in which Liquibase runs them, and the problems with the changelogs.

    Without a changelog that includes them, the order is the order of names.
    """
    logs = {path: _COMMENT.sub("", text) for path, text in folder.texts.items() if _LOG.search(path)}
    included = {found for path, text in logs.items() for _, found in _includes(folder, path, text)}
    roots = [path for path in sorted(logs) if path not in included and _INCLUDE.search(logs[path])]
    if not roots:
        return sorted(formatted), []
    if len(roots) > 1:
        what = f"several changelogs are not included by another one: {', '.join(roots)}"
        hint = "set `migrations` in migrations/policy.yaml to the folder of the changelog of this database"
        return sorted(formatted), [Problem("layout", what, folder.place(roots[0]), hint)]
    order: list[str] = []
    problems: list[Problem] = []
    _follow(roots[0], (folder, logs, formatted), order, problems)
    return order, problems


def _follow(
    path: str, known: tuple[Folder, dict[str, str], frozenset[str]], order: list[str], problems: list[Problem]
) -> None:
    """Appends the SQL files that a changelog includes, in its order."""
    folder, logs, formatted = known
    if _CHANGES.search(logs[path]):
        what = f"`{path}` has changesets that are not SQL, and ctgitops runs only SQL"
        hint = "write them as formatted SQL; `liquibase update-sql` prints the SQL"
        problems.append(Problem("other-tool", what, folder.place(path), hint))
    for name, found in _includes(folder, path, logs[path]):
        if found in order or found == path:
            continue
        if found in logs:
            _follow(found, known, order, problems)
        elif found in formatted:
            order.append(found)
        else:
            what = f"`{path}` includes `{name}`, which is not a formatted SQL file in this folder"
            problems.append(Problem("layout", what, folder.place(path), "restore the file, or correct the changelog"))


def _includes(folder: Folder, path: str, text: str) -> list[tuple[str, str]]:
    """The names that a changelog includes, each with the path of a file in the folder."""
    found: list[tuple[str, str]] = []
    for kind, name in _INCLUDE.findall(text):
        if kind == "path":
            inside = sorted(file for file in folder.files if _is_in(dirname(file), path, name, folder.path))
            found += [(name, file) for file in inside if file in folder.texts and file != path]
        elif name.endswith((".sql", ".xml", ".yaml", ".yml", ".json")):
            found.append((name, next((f for f in folder.files if _is_in(f, path, name, folder.path)), "")))
    return found


def _is_in(file: str, changelog: str, name: str, folder: str) -> bool:
    """Whether a name in a changelog is a file or folder. It is relative to the changelog, or to a root of the tool."""
    name = name.removeprefix("classpath:").strip("/")
    if normpath(join(dirname(changelog), name)) == (normpath(file) if file else "."):
        return True
    whole = normpath(join(folder, file))
    return whole == normpath(name) or whole.endswith(f"/{normpath(name)}")
