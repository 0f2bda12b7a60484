"""Runs the functions that call C code on SQL in another process, if one was chosen; by default in this one.

The Action chooses one, because its files can be a stranger's: `files/parser_process.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

from .guard import Failure, NotAnalysedError

Operation = Callable[[bytes], bytes]
Elsewhere = Callable[[str, bytes], bytes]
"""Runs the operation with a name in another process. Raises SqlSyntaxError, ParserEndedError."""
OPERATIONS: dict[str, Operation] = {}
"""The functions that can run elsewhere, by name."""
_chosen: list[Elsewhere] = []


class ParserEndedError(Exception):
    """The error if the other process ended before it answered."""


def isolated(operation: Operation) -> Operation:
    """Makes a function run in the process that was chosen with `parsing_in`."""
    OPERATIONS[operation.__name__] = operation

    @wraps(operation)
    def run(argument: bytes) -> bytes:
        if not _chosen:
            return operation(argument)
        try:
            return _chosen[-1](operation.__name__, argument)
        except ParserEndedError as ended:
            raise NotAnalysedError(Failure("the SQL", str(ended))) from None

    return run


@contextmanager
def parsing_in(elsewhere: Elsewhere) -> Iterator[None]:
    """Runs isolated functions by `elsewhere` until the block ends."""
    _chosen.append(elsewhere)
    try:
        yield
    finally:
        _chosen.pop()
