"""Runs the functions that pass SQL to C code. By default, they run in this process.

`parsing_in` chooses another process. The Action uses `files/parser_process.py`, because a stranger may have written its
files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

from .guard import Failure, NotAnalysedError

Operation = Callable[[bytes], bytes]
Elsewhere = Callable[[str, bytes], bytes]
"""Runs the named operation in another process. Raises SqlSyntaxError, ParserEndedError."""
OPERATIONS: dict[str, Operation] = {}
"""The functions that can run in another process, by name."""
_chosen: list[Elsewhere] = []


class ParserEndedError(Exception):
    """The error for another process that ended without an answer."""


def isolated(operation: Operation) -> Operation:
    """Decorates a function. The function then runs in the process that was chosen with `parsing_in`."""
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
    """Calls `elsewhere` in place of isolated functions until the block ends."""
    _chosen.append(elsewhere)
    try:
        yield
    finally:
        _chosen.pop()
