"""The one guard around every analysis of SQL: an unexpected error is a fact about a statement, never a traceback.

`@guarded` makes a function raise NotAnalysedError, which is handled wherever a syntax error is. A `Guard` gives the
cautious answer in place of a result, and keeps the failure to report. Every analysis has a line in
tests/fuzz/analyses.py, which runs it on trees generated from the parser's descriptors: the parser leaves out zeros,
false, empty strings and empty lists, so no part of a node may be taken for granted.

The error's own message is left out: it may quote SQL, and SQL may hold a password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_PACKAGE = __name__.partition(".")[0]


class SqlSyntaxError(Exception):
    """A syntax error according to PostgreSQL's grammar; `offset` is its position in characters from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True)
class Failure:
    """An analysis that ended with an unexpected error, so that its result is unknown."""

    analysis: str
    """The result that is unknown: `its locks`."""
    error: str
    """`KeyError at ctgitops.sql.locks:55`: the type of the error, and the innermost line of ctgitops."""

    def __str__(self) -> str:
        return f"{self.analysis} ({self.error})"


class NotAnalysedError(SqlSyntaxError):
    """Text that PostgreSQL may accept but ctgitops cannot analyse; handled wherever a syntax error is."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"ctgitops cannot analyse {failure}", 0)
        self.failure = failure


def guarded(analysis: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a function raise NotAnalysedError in place of any unexpected error."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def guard(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except SqlSyntaxError:
                raise
            except Exception as error:
                raise NotAnalysedError(Failure(analysis, _where(error))) from error

        return guard

    return decorate


@dataclass
class Guard:
    """Runs the analyses of one statement, and keeps the failures."""

    failures: list[Failure] = field(default_factory=list)

    def value(self, analysis: str, read: Callable[[], T], otherwise: T) -> T:
        """The result of an analysis; `otherwise`, the cautious answer, if it fails."""
        for result in self.each(analysis, lambda: [read()]):
            return result
        return otherwise

    def each(self, analysis: str, read: Callable[[], Iterable[T]]) -> Iterator[T]:
        """The results of an analysis, up to the failure if it fails."""
        step = guarded(analysis)
        try:
            results = step(lambda: iter(read()))()
            following = step(lambda: next(results, _END))
            while not isinstance(result := following(), _End):
                yield result
        except NotAnalysedError as error:
            self.failures.append(error.failure)


class _End:
    """A mark after the last result."""


_END = _End()


def _where(error: BaseException) -> str:
    """The type of an error, and its innermost line in this package."""
    place, traceback = "", error.__traceback__
    while traceback:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == _PACKAGE and module != __name__:
            place = f" at {module}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return f"{type(error).__name__}{place}"
