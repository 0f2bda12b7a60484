"""Renders the result of a plan's trial as sentences, which are the same on all pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..core.ledger.drift_acceptance import change_data
from . import phrases
from .diff_lines import change_lines

if TYPE_CHECKING:
    from ..core.plan.plan import Plan
    from ..core.trial.trial import IdempotenceCheck, RollbackTrial, Trial

Object = dict[str, object]
_ALL_RUN = {1: "it runs", 2: "both run"}


def sentences(proof: Trial, plan: Plan, destroys: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The results of the trial as plain text. The most important result is first.

    `destroys` names the migrations that destroy data. Rollbacks of these migrations do not count as verified, because a
    rollback does not restore the data.
    """
    return (
        *_ran(proof, plan),
        *_ways(proof.ways, destroys),
        *_twice(proof.again),
        *_order(proof),
        *(note if note.startswith("not isolated: ") else f"not matched: {note}" for note in proof.unmatched),
    )


def mark(proof: Trial, destroys: frozenset[str] = frozenset()) -> str:
    """One symbol for the whole trial."""
    if proof.failed:
        return "⛔"
    order = proof.order is None or not (proof.order.differs or proof.order.untried)
    ways = all(way.proved for way in proof.ways) and not destroys
    again = all(each.proved for each in proof.again) and not any(each.failed or each.stop for each in proof.seeds)
    return "✅" if order and ways and again and not (proof.untried or proof.skipped) else "⚠️"


def _ran(proof: Trial, plan: Plan) -> Iterable[str]:
    done, asked = len(proof.tried), len(plan.steps)
    schema, role = proof.ran_on or "a copy of its schema", f", as {proof.role}" if proof.role else ""
    where = f"on {schema}, PostgreSQL {proof.server}{role}"
    if proof.failed:
        yield f"tried {where}: {_ok(done)}1 FAILS"
    elif proof.untried:
        yield f"tried {where}: {_ok(done)}{asked - done} NOT TRIED" if proof.server else "NOT TRIED on a copy"
        yield f"not tried: {proof.untried}"
    else:
        run = _ALL_RUN.get(done, f"all {done} run")
        if seeds := len(proof.seeds):
            ran = sum(not (each.failed or each.stop) for each in proof.seeds)
            counted = f"{ran} of {phrases.count(seeds, 'seed file')} run{'s' if ran == seeds == 1 else ''}"
            run = f"{run}, {counted}" if done else counted
        but = f", {phrases.count(len(proof.skipped), 'statement')} NOT TRIED" if proof.skipped else ""
        yield f"tried {where}: {run}{but}"


def _ok(done: int) -> str:
    return f"{phrases.count(done, 'migration')} run{'s' if done == 1 else ''}, " if done else ""


def _ways(ways: tuple[RollbackTrial, ...], destroys: frozenset[str]) -> Iterable[str]:
    proved = sum(way.proved and way.step.name not in destroys for way in ways)
    if proved:
        of = "" if proved == len(ways) else f" of {len(ways)}"
        restore = "restores" if proved == 1 else "restore"
        yield f"rollback verified: {proved}{of} {restore} the schema, and applying again gives the same schema"
    for way in ways:
        if way.untried:
            yield f"the rollback of {way.step.name} could not be tried: {way.untried}"
        elif not way.proved:
            yield f"the rollback of {way.step.name} is NOT VERIFIED"
        elif way.step.name in destroys:
            yield f"the rollback of {way.step.name} restores the schema, NOT THE DATA that the migration destroys"


def _twice(found: tuple[IdempotenceCheck, ...]) -> Iterable[str]:
    proved = sum(again.proved for again in found)
    if proved:
        yield f"idempotent: {phrases.count(proved, 'migration')} run twice, the second run changes nothing"
    for again in found:
        if again.untried:
            yield f"could not test whether {again.step.name} is idempotent: {again.untried}"
        elif not again.proved:
            yield f"{again.step.name} is NOT IDEMPOTENT, although its comment says so"


def _order(proof: Trial) -> Iterable[str]:
    if proof.order is None:
        return
    if proof.order.untried:
        yield f"could not test whether numeric order gives the same schema: {proof.order.untried}"
    elif proof.order.differs:
        yield "numeric order gives a DIFFERENT schema than this environment's order"
    else:
        yield "in an empty database, numeric order gives the same schema as this environment's order"


def schema_lines(proof: Trial) -> list[str]:
    """Lists the schema changes, then the differences after each rollback and second run, and between the two orders."""
    lines = change_lines(proof.changes)
    for way in proof.ways:
        if way.left:
            lines += ["", f"# left by the rollback of {way.step.name}", *change_lines(way.left)]
        if way.second:
            lines += ["", f"# differences after {way.step.name} is applied again", *change_lines(way.second)]
    for again in proof.again:
        if again.differs:
            lines += ["", f"# changes by the second run of {again.step.name}", *change_lines(again.differs)]
    if proof.order and proof.order.differs:
        lines += ["", "# - numeric order, + order of this environment", *change_lines(proof.order.differs)]
    return lines


def proof_data(proof: Trial) -> Object:
    """A trial as a JSON object."""
    order = proof.order
    return {
        "server": proof.server or None,
        "role": proof.role or None,
        "tried": list(proof.tried),
        "failed": bool(proof.failed),
        "untried": proof.untried or None,
        "unmatched": list(proof.unmatched),
        "skipped": [
            {"name": each.step, "database": each.database, "path": each.place.path, "line": each.place.line}
            for each in proof.skipped
        ],
        "changes": [change_data(change) for change in proof.changes],
        "rollbacks": [
            {
                "name": way.step.name,
                "proved": way.proved,
                "untried": way.untried or None,
                "error": way.failed.what if way.failed else None,
                "leaves": [change_data(change) for change in way.left],
                "second_time": [change_data(change) for change in way.second],
            }
            for way in proof.ways
        ],
        "idempotent": [
            {
                "name": again.step.name,
                "proved": again.proved,
                "untried": again.untried or None,
                "error": again.failed.what if again.failed else None,
                "second_time": [change_data(change) for change in again.differs],
            }
            for again in proof.again
        ],
        "order": None
        if order is None
        else {"untried": order.untried or None, "differs": [change_data(change) for change in order.differs]},
        "prediction": proof.prediction or None,
    }
