"""Data that a migration or a rollback destroys, its row counts, and the losses that the user of a rollback accepts."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ...errors import Place, UsageError
from ...lazy import dataclass
from ...sql.data_loss import Destroyed, DestructionKind
from ...sql.deparse import count_where
from ...sql.guard import Guard, NotAnalysedError
from ...sql.parse import SqlSyntaxError, what_it_destroys, what_it_makes
from ...sql.script import Script
from ..migration.header import Rollback, parse_header
from ..migration.selector import Candidate, Selector
from .gate import Reason

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger
    from ..plan.plan import Plan, Step


@dataclass(frozen=True)
class Loss:
    """Data that one migration's SQL, or its rollback's SQL, destroys. The amount is not counted yet."""

    migration: str
    what: Destroyed
    place: Place
    query: str = ""
    """The query that counts the rows that a statement with WHERE affects. Empty if all rows are affected."""
    applied_at: datetime | None = None
    """When the migration was applied."""
    its_own: bool = False
    """Whether the migration itself created the table or column. All data in it is then newer than the migration."""
    about: str = ""
    """Details for the message, such as ` from numeric(10,4) to numeric(10,2)`."""


@dataclass(frozen=True)
class CountedLoss:
    """A loss with its row count."""

    loss: Loss
    rows: int | None
    """The number of rows, or of values that are not null. None if the count failed."""
    exact: bool = True
    since: int | None = None
    """How many of `rows` were written after the migration was applied. None if the server cannot tell."""
    note: str = ""
    """Why `rows` or `since` is missing."""

    @property
    def matters(self) -> bool:
        """Whether data is lost. A loss with an unknown count counts as a loss."""
        return self.rows is None or self.rows > 0

    @property
    def text(self) -> str:
        """Text such as `drops column "a"."b": 12 values, 3 of them written since the migration was applied`."""
        what = self.loss.what
        name = ".".join(part for part in (what.name, what.column) if part)
        if what.how is DestructionKind.UNREADABLE:
            return f"{name} may destroy any data"
        return (
            f"{what.how} {name}{self.loss.about}: {self._amount}{self._since}{f' ({self.note})' if self.note else ''}"
        )

    @property
    def _amount(self) -> str:
        noun = "value" if self.loss.what.column else "row"
        if self.rows is None:
            return f"the {noun}s could not be counted"
        return f"{'' if self.exact else 'about '}{self.rows:,} {noun}{'' if self.rows == 1 else 's'}"

    @property
    def _since(self) -> str:
        if not self.rows or self.since is None:
            return ""
        some = "all" if self.since >= self.rows else f"{self.since:,}"
        return f", {some} of them written since the migration was applied"


def losses(plan: Plan, ledger: Ledger) -> tuple[Loss, ...]:
    """The data that a rollback plan destroys, in the order of its steps."""
    return tuple(loss for step in plan.steps for loss in _losses_of(step, ledger))


def _losses_of(step: Step, ledger: Ledger) -> Iterator[Loss]:
    entry = ledger.applied.get(step.number)
    own = {_plain(name) for name in _made(entry.sql or "")} if entry else set()
    for index, what in _destroyed(step):
        statement = step.script.statements[index]
        yield Loss(
            step.name,
            what,
            step.script.place(step.script.start_of(statement)),
            _query(step.script.text_of(statement)) if what.only_some else "",
            entry.started_at if entry else None,
            _plain((what.name, what.column)) in own or _plain((what.name, "")) in own,
        )


def _destroyed(step: Step) -> tuple[tuple[int, Destroyed], ...]:
    """The data that each statement of a step destroys. A statement that cannot be analysed may destroy any data."""
    try:
        return what_it_destroys(step.script.sent)
    except NotAnalysedError as error:
        unknown = Destroyed(DestructionKind.UNREADABLE, f"a statement that was not analysed, {error.failure},")
        return tuple((n, unknown) for n in range(len(step.script.statements)))


def _query(text: str) -> str:
    """The query that counts the affected rows. Empty if the query cannot be generated. All rows are then counted."""
    return Guard().value("the rows that the rollback deletes", lambda: count_where(text), "")


def _made(sql: str) -> frozenset[tuple[str, str]]:
    try:
        return what_it_makes(Script(sql, "").sent)
    except SqlSyntaxError:
        return frozenset()


def _plain(name: tuple[str, str]) -> tuple[str, str]:
    """The name without the schema `public`. Qualified and unqualified names then compare as equal."""
    return name[0].removeprefix('"public".'), name[1]


def accepted_steps(plan: Plan, accepted: frozenset[str]) -> frozenset[int]:
    """The numbers of the migrations that the selectors in `accepted` (`18`, `018_photos`, `1.4.0`) name.

    Raises UsageError for a selector that names no migration of the plan.
    """
    candidates = tuple(Candidate(step.number, step.name, step.version) for step in reversed(plan.steps))
    found: set[int] = set()
    for text in sorted(filter(None, accepted)):
        selector = Selector.parse(text)
        if selector is None or not any(map(selector.matches, candidates)):
            what = f"`--accept-data-loss {text}` does not match a migration of this rollback"
            hint = f"the rollback includes: {', '.join(step.name for step in plan.steps)}"
            raise UsageError(what, state="nothing was changed", hint=hint)
        found.add(selector.choose(candidates, "in this rollback").number)
    return frozenset(found)


def unaccepted(
    plan: Plan, weighed: tuple[CountedLoss, ...], ledger: Ledger, accepted: frozenset[str]
) -> Iterator[Reason]:
    """Yields one reason to wait per migration whose rollback destroys data, unless the user accepted the loss.

    Raises UsageError for an accepted migration that the rollback does not include.
    """
    numbers = accepted_steps(plan, accepted)
    for step in plan.steps:
        if step.number in numbers:
            continue
        lost = [each.text for each in weighed if each.loss.migration == step.name and each.matters]
        if _says_not_available(step, ledger):
            lost.insert(0, "the header says `Rollback: Not Available`")
        if lost:
            hint = f"to accept the data loss, repeat the command with `--accept-data-loss {step.name}`"
            what = f"rollback of {step.name} destroys data: {'; '.join(lost)}"
            yield Reason("data-loss", what, hint, subject=step.name)


def command_with(plan: Plan, weighed: tuple[CountedLoss, ...], ledger: Ledger) -> str:
    """The command that runs exactly this rollback and accepts its data loss."""
    waits = unaccepted(plan, weighed, ledger, frozenset())
    accepted = "".join(f" --accept-data-loss {shlex.quote(reason.subject)}" for reason in waits)
    fingerprint = f"--fingerprint {plan.fingerprint[:12]}"
    undone = {step.number for step in plan.steps}
    kept = [entry.name for entry in ledger.in_order if entry.number not in undone]
    # Names the last migration to keep: with a number of steps, a second run of the command would roll back more.
    everything = f"--steps {len(plan.steps)}" if 0 in undone else "--to 0"
    extent = f"--to {shlex.quote(kept[-1])}" if kept else everything
    return f"ctgitops rollback --env {plan.environment} {extent} {fingerprint}{accepted}"


def _says_not_available(step: Step, ledger: Ledger) -> bool:
    entry = ledger.applied.get(step.number)
    header = parse_header(entry.sql or "", entry.name)[0] if entry else None
    return header is not None and header.rollback is Rollback.NOT_AVAILABLE
