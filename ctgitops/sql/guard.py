"""Guards every analysis of SQL. If an analysis raises an unexpected error, the statement is marked as not analysed.

`@guarded` makes a function raise NotAnalysedError, a kind of syntax error. A `Guard` returns the cautious answer in
place of a result, and keeps the failure for a report.

tests/fuzz/analyses.py lists every analysis, and runs it on trees that are generated from the parser's descriptors. The
parser leaves out zeros, false, empty strings and empty lists, so any part of a node can be missing.

The error's message is not kept, because it may quote SQL, which may contain a password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from functools import wraps
from typing import ParamSpec, TypeVar

from ..lazy import dataclass

P = ParamSpec("P")
T = TypeVar("T")
_PACKAGE = __name__.partition(".")[0]


class SqlSyntaxError(Exception):
    """A syntax error according to PostgreSQL's grammar. `offset` is the error's position in characters, from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True)
class Failure:
    """An analysis that raised an unexpected error. Its result is therefore unknown."""

    analysis: str
    """The name of the unknown result, such as `the locks`."""
    error: str
    """The error's type and the innermost line of ctgitops, such as `KeyError at ctgitops.sql.locks:55`."""

    def __str__(self) -> str:
        return f"{self.analysis} ({self.error})"


class NotAnalysedError(SqlSyntaxError):
    """SQL that PostgreSQL may accept but ctgitops cannot analyse. Handled like a syntax error."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"ctgitops cannot analyse {failure}", 0)
        self.failure = failure


def guarded(analysis: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorates a function. The function then raises NotAnalysedError instead of any unexpected error."""

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
    """Runs the analyses of one statement, and collects the failures."""

    failures: list[Failure] = field(default_factory=list)

    def value(self, analysis: str, read: Callable[[], T], otherwise: T) -> T:
        """The result of an analysis. Returns the cautious answer `otherwise` if the analysis fails."""
        return next(self.each(analysis, lambda: (read(),)), otherwise)

    def each(self, analysis: str, read: Callable[[], Iterable[T]]) -> Iterator[T]:
        """The results of an analysis. If the analysis fails, yields only the results before the failure."""
        try:
            yield from read()
        except NotAnalysedError as error:
            self.failures.append(error.failure)
        except SqlSyntaxError:
            raise
        except Exception as error:  # noqa: BLE001 - an error of any kind means that the result is unknown
            self.failures.append(Failure(analysis, _where(error)))


def _where(error: BaseException) -> str:
    """The error's type, and the innermost line of this package in its traceback."""
    place, traceback = "", error.__traceback__
    while traceback:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == _PACKAGE and module != __name__:
            place = f" at {module}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return f"{type(error).__name__}{place}"
