"""Problems for SQL that an analysis failed on: what is unknown, and whether that forbids running it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...errors import Place
from ...sql.guard import Failure
from ...sql.script import Script
from ..problem import Problem

_REPORT = "report it as a bug of ctgitops"


def statement_failures(script: Script) -> Iterator[Problem]:
    """A problem for each statement; it blocks if it is unknown how to run the statement, else it makes `plan` fail."""
    for statement in script.statements:
        if not statement.not_analysed:
            continue
        what = f"this {statement.kind} was not analysed; not known: {', '.join(map(str, statement.not_analysed))}"
        hint = f"{_REPORT}, and review the statement by hand"
        place = script.place(script.start_of(statement))
        yield Problem("not-analysed", what, place, hint, blocks=statement.undecided, fails=True)


def file_failures(script: Script, failures: Iterable[Failure]) -> Iterator[Problem]:
    """Each problem blocks: nothing is known of the file, not even whether it can run in one transaction."""
    for failure in failures:
        what = f"the file was not analysed; not known: {failure}"
        hint = f"{_REPORT}; to continue, split the file or simplify its statements"
        yield Problem("not-analysed", what, Place(script.path, script.first_line), hint)
