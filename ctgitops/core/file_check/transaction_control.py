"""Reports BEGIN, COMMIT and similar statements in a file, except one pair around the whole file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..problem import Problem

if TYPE_CHECKING:
    from ...sql.parse import Statement
    from ...sql.script import Script

_OPENING = frozenset({"BEGIN", "START TRANSACTION"})
_REMOVE = "remove the statement: each file already runs in its own transaction"


def transaction_problems(script: Script) -> Iterator[Problem]:
    """A problem for each statement that would begin or end a transaction. Raises SqlSyntaxError."""
    controls = [statement for statement in script.statements if statement.transaction_control]
    faults = [(statement, said) for statement in controls if (said := _options(statement))]
    if not faults and _is_pair(controls):
        faults = [(controls[0], _around(script, controls))]
    for statement, (what, hint) in faults or [(statement, _alone(statement)) for statement in controls]:
        yield Problem("transaction-control", what, script.place(script.start_of(statement)), hint)


def _is_pair(controls: list[Statement]) -> bool:
    words = [statement.transaction_control for statement in controls]
    return len(words) == 2 and words[0] in _OPENING and words[1] == "COMMIT"


def _options(statement: Statement) -> tuple[str, str] | None:
    """The options of a BEGIN or COMMIT that differ from apply's transaction. None if no option differs."""
    options, control = statement.transaction_options, statement.transaction_control
    if not options:
        return None
    what = f"`{control} {options}` sets options that the transaction of apply does not have"
    if options.startswith("ISOLATION LEVEL") and "," not in options:
        return what, f"write only `{control}`, and `SET TRANSACTION {options};` on the next line"
    return what, f"write `{control}` without `{options}`"


def _around(script: Script, controls: list[Statement]) -> tuple[str, str]:
    """The message that BEGIN and COMMIT do not enclose the whole file, with the reason and the hint."""
    remove = "remove BEGIN and COMMIT"
    if script.outside:
        why, at = script.outside
        if why.startswith("its line"):
            what = f"BEGIN and COMMIT are in a file that runs outside a transaction: {why}"
            return what, f"{remove}, or line {script.place(at).line}"
        return f"{why} cannot run between BEGIN and COMMIT", f"{remove}: the file then runs outside a transaction"
    where = "after COMMIT" if controls[-1] is not script.statements[-1] else "before BEGIN"
    what = f"the SQL {where} would run in a separate transaction, but a file must run in one transaction"
    return what, f"{remove}, or move that SQL between them"


def _alone(statement: Statement) -> tuple[str, str]:
    control = statement.transaction_control
    if control == "ROLLBACK":
        return "ROLLBACK would undo the migration, and the ledger would record it as applied", _REMOVE
    return f"{control} inside a migration would split its transaction", _REMOVE
