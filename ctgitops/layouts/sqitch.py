"""Sqitch: changes in the order of `sqitch.plan`, with `deploy/`, `revert/` and `verify/`.

Source: the code and documentation (sqitchchanges) of version 1.4. A migration's number is its place in the plan.
Scripts in `verify/` are not run, because they raise an error where ctgitops expects a query that returns true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.problem import Problem
from ..lazy import dataclass
from .sections import Directives
from .sqitch_records import record
from .tool import Arranged, Folder, Source, Tool

_PLAN = "sqitch.plan"
_CHANGE = re.compile(r"(?P<name>[^\s@#:\[\]]+)(?:\s+\[(?P<requires>[^\]]*)\])?\s+\S+T\S+Z\s+.*")
_HEADING = Directives("Sqitch", ignored=r"--[ \t]*(?:deploy|revert|verify) \S+ (?:to|from|on)[ \t]+\w+")
_TAG = re.compile(r"@(?P<tag>\S+)\s.*")


@dataclass
class _Change:
    name: str
    number: int
    requires: tuple[str, ...]
    line: int
    tag: str = ""
    """The tag between this change and a later change with the same name. The scripts are then called `name@tag.sql`."""


def _arrange(folder: Folder) -> Arranged:
    text = folder.texts.get(_PLAN)
    if text is None:
        hint = "set `migrations` in migrations/policy.yaml to the folder that contains sqitch.plan"
        return Arranged((), problems=(Problem("layout", "`sqitch.plan` does not exist", folder.place(_PLAN), hint),))
    changes, problems = _changes(folder, text)
    sources = tuple(_source(folder, change, changes) for change in changes)
    return Arranged(sources, problems=(*problems, *_missing(folder, changes)))


def _changes(folder: Folder, text: str) -> tuple[list[_Change], list[Problem]]:
    changes: list[_Change] = []
    problems: list[Problem] = []
    latest: dict[str, _Change] = {}
    tag = ""
    for line, said in enumerate(text.splitlines(), 1):
        bare = said.partition("#")[0].strip() if said.lstrip().startswith("#") else said.strip()
        if not bare or bare.startswith("%"):
            continue
        if match := _TAG.match(bare):
            tag = match["tag"]
        elif match := _CHANGE.fullmatch(bare):
            if earlier := latest.get(match["name"]):
                earlier.tag = tag
            requires = tuple(word.lstrip(":") for word in (match["requires"] or "").split())
            change = _Change(match["name"], len(changes) + 1, requires, line)
            changes.append(change)
            latest[change.name] = change
        else:
            what = f"`{bare[:60]}` is neither a change nor a tag"
            problems.append(Problem("layout", what, folder.place(_PLAN, line), "correct the plan as Sqitch expects it"))
    return changes, problems


def _source(folder: Folder, change: _Change, changes: list[_Change]) -> Source:
    file = _file(change)
    revert = f"revert/{file}"
    numbers = {each.name: each.number for each in changes[: change.number - 1]}
    required = {name.partition("@")[0] for name in change.requires}
    needs = sorted(numbers[name] for name in required & numbers.keys())
    return Source(
        f"{change.number:03}",
        change.name,
        f"deploy/{file}",
        revert if revert in folder.files else "",
        dependencies=tuple(needs),
    )


def _file(change: _Change) -> str:
    return f"{change.name}@{change.tag}.sql" if change.tag else f"{change.name}.sql"


def _missing(folder: Folder, changes: list[_Change]) -> Iterator[Problem]:
    for change in changes:
        if f"deploy/{_file(change)}" not in folder.files:
            what = f"the plan names `{change.name}`, but `deploy/{_file(change)}` does not exist"
            yield Problem("layout", what, folder.place(_PLAN, change.line), "restore the file from git")


TOOL = Tool(
    name="sqitch",
    title="Sqitch",
    tried="run",
    divide=_HEADING.divide,
    arrange=_arrange,
    reads=re.compile(re.escape(_PLAN)),
    creates="sqitch add",
    record=record,
)
