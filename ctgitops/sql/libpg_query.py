"""Calls libpg_query directly. Importing postgast would take 70 ms, for protobuf classes that are not needed here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from typing import Any

from .guard import SqlSyntaxError
from .isolation import isolated

ROOMY = 50_000
"""The number of bytes of SQL from which the parser runs on a larger stack."""
_ROOM = 256
"""Bytes of the larger stack for each byte of SQL.

libpg_query writes its tree recursively, without a depth limit. With a stack of 8 MB, it wrote 60,000 terms in a row,
but crashed with 80,000. A term has at least two bytes.
"""
STACK = 512 << 20
"""The size in bytes of the stack on which the parser process parses SQL of any length."""
_LONGEST_MESSAGE = 160
"""Maximum length of a parser message, in characters."""
_thread = threading.local()


@cache
def library() -> Any:
    """The functions of the library, with the signatures that postgast declares."""
    package = find_spec("postgast")
    (folder,) = (package and package.submodule_search_locations) or [""]
    found = spec_from_file_location("ctgitops_libpg_query", f"{folder}/native.py")
    if found is None or found.loader is None:
        raise ImportError("postgast has no module `native`", name="postgast.native")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module.lib


@isolated
def parse_as_json(sql: bytes) -> bytes:
    """The parse tree of a text, as JSON, with offsets in bytes. Raises SqlSyntaxError."""
    lib = library()
    result = lib.pg_query_parse(sql) if len(sql) < ROOMY else _with_room(lib.pg_query_parse, sql)
    try:
        if result.error:
            error = result.error.contents
            raise SqlSyntaxError(_short(error.message.decode(errors="replace")), max(error.cursorpos - 1, 0))
        return bytes(result.parse_tree)
    finally:
        lib.pg_query_free_parse_result(result)


@isolated
def parse_plpgsql_as_json(command: bytes) -> bytes:
    """The parse trees of the PL/pgSQL bodies in a command, as JSON. Raises SqlSyntaxError."""
    lib = library()
    result = lib.pg_query_parse_plpgsql(command)
    try:
        if result.error:
            raise SqlSyntaxError(result.error.contents.message.decode(errors="replace"), 0)
        return bytes(result.plpgsql_funcs)
    finally:
        lib.pg_query_free_plpgsql_parse_result(result)


def _short(message: str) -> str:
    """The message, cut if it is long. PostgreSQL quotes an unterminated string or comment up to its end."""
    return message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE].rstrip() + '…"'


def on_large_stack(run: Callable[[], None]) -> None:
    """Runs a function in a thread with its own stack. The stack is large enough to parse SQL of any size."""

    def roomy() -> None:
        _thread.is_roomy = True
        run()

    threading.stack_size(STACK)
    thread = threading.Thread(target=roomy)
    thread.start()
    thread.join()


def _with_room(parse: Callable[[bytes], Any], encoded: bytes) -> Any:
    if getattr(_thread, "is_roomy", False):
        return parse(encoded)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - takes 22 ms, and is seldom needed

    usual = threading.stack_size(_ROOM * len(encoded) // 4096 * 4096)
    try:
        with ThreadPoolExecutor(1) as roomy:
            return roomy.submit(parse, encoded).result()
    finally:
        threading.stack_size(usual)
