"""Problems with the names of flags, in migrations and in manifests, and with the lines of contracts. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...errors import Place
from ..migration.flag_name import HINT_FLAG, is_flag
from ..problem import Problem

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..migration.migration import Migration


def flag_problems(migrations: tuple[Migration, ...], environments: tuple[Environment, ...]) -> Iterator[Problem]:
    """Problems with the names of flags, and with flags of a manifest that no migration has."""
    for migration in migrations:
        if migration.flag and not is_flag(migration.flag) and not (migration.header and migration.header.flag):
            yield Problem("flag", f"`{migration.flag}` is not the name of a flag", migration.flag_place, HINT_FLAG)
        elif migration.flag_line and not migration.flag:
            yield Problem("flag", "the comment names no flag", migration.flag_place, HINT_FLAG)
    known = sorted({m.flag for m in migrations if m.flag})
    for environment in environments:
        for flag in sorted((environment.flags or frozenset()) - set(known)):
            near = difflib.get_close_matches(flag, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "remove it, or add `Flag: …` to a migration's header"
            what = f"no migration has the flag `{flag}`"
            yield Problem("flag-unknown", what, Place(environment.path), hint, blocks=False)


def contract_line_problems(migrations: tuple[Migration, ...]) -> Iterator[Problem]:
    """Problems with the lines `ctgitops: contract` of contracts, which wait like migrations with a flag."""
    if any(m.contract_lines for m in migrations):
        from ..ledger.contract import contract_problems  # noqa: PLC0415 - most projects have no contract

        yield from contract_problems(migrations)
