"""Renders the impact of a migration on a database in use. Each blocked table has a short line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.impact.impact import Held, StepImpact, Work, what_it_blocks
from ..core.impact.lock_claim import Claim, claims_of, reported_by
from ..core.impact.projection import Bucket, Effect, RowChange, Wait
from ..core.view.preview import PlanResult, Preview
from ..core.view.verdict import gaps_of
from ..sql.locks import LockMode
from . import escape, phrases
from .folded_history import effects_of, hidden_in

if TYPE_CHECKING:
    from ..core.plan.plan import Step
    from ..core.problem import Problem
    from ..core.trial.gap import Gap

WORK = {
    Work.REWRITE: "rewrites the table",
    Work.EMPTY: "truncates the table",
    Work.SCAN: "scans the table",
    Work.FOREIGN_KEY: "checks a foreign key",
    Work.INDEX: "builds an index",
}
NO_BLOCKING = "no blocking"
MANY_ROWS = 10_000
"""The number of changed rows from which a statement has a line, even if the statement blocks no session."""
DOES = {"Insert": "inserts", "Update": "updates", "Delete": "deletes", "Merge": "merges"}


def text_lines(preview: Preview) -> Iterator[tuple[str, str]]:
    """Pairs of a migration's name and a line about its effect. After a migration's first line, the name is empty."""
    effects = ((step.name, _effect_text(preview, step)) for step in preview.plan.steps)
    for name_, lines in effects_of(preview.plan, effects, NO_BLOCKING):
        yield from ((name_ if line is lines[0] else "", line) for line in lines)
    yield from ((phrases.joined(tuple(names)), line) for line, names in _untried(preview).items())


def parts_of(results: tuple[PlanResult, ...]) -> list[dict[str, object]]:
    """The effects of each migration for a comment. Environments with the same effects share a part."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    hidden = hidden_in(results)
    for step in phrases.steps(results):
        for result in results if step.identity not in hidden else ():
            if lines := _effect_text(result, step, whole=False):
                found.setdefault((step.name, lines), []).append(result.environment.name)
    for result in results:
        for line, names in _untried(result).items():
            found.setdefault((phrases.joined(tuple(names)), (line,)), []).append(result.environment.name)
    one = len(results) == 1
    return [
        {"name": name, "environments": "" if one else phrases.joined(tuple(names)), "line": escape.prose(line)}
        for (name, lines), names in found.items()
        for line in lines
    ]


def _effect_text(result: PlanResult, step: Step, *, whole: bool = True) -> tuple[str, ...]:
    """The lines about a step that the trial ran at least in part. With `whole`, a line can refer to findings below."""
    effect, gaps = effect_on(result, step), gaps_of(result, step)
    if effect is None or any(gap.line is None for gap in gaps):
        return tuple(gap.text for gap in gaps if gap.line is not None)
    below = (f"{glance(effect)}; see the findings below",) if whole else ()
    return lines_beside(step, effect, gaps) or below


def _untried(result: PlanResult) -> dict[str, list[str]]:
    """Maps each reason to the steps that the trial did not run for it. Empty for a blocked plan without a trial."""
    found: dict[str, list[str]] = {}
    if isinstance(result, Preview) and not (result.proof is None and result.plan.blocked):
        for step in result.plan.steps:
            for gap in gaps_of(result, step):
                if gap.line is None:
                    found.setdefault(gap.text, []).append(step.name)
    return found


def impact_lines(effect: Effect) -> tuple[str, ...]:
    """Lines such as `ACCESS EXCLUSIVE on projects: blocks reads and writes, rewrites the table (minutes)`."""
    return tuple(_lines(effect)) or (NO_BLOCKING,)


def lines_beside(step: Step, effect: Effect, gaps: tuple[Gap, ...] = ()) -> tuple[str, ...]:
    """The lines of `impact_lines` that no finding shows already, and a line for each gap in the trial."""
    reported = reported_by(claims_of(step, effect))
    unknown = tuple(gap.text for gap in gaps)
    return (*_lines(effect, reported), *unknown) if reported or unknown else impact_lines(effect)


def glance(effect: Effect) -> str:
    """The longest wait in one line, such as `blocks reads and writes on projects (minutes)`."""
    if not effect.waits:
        return max(_changes(effect), key=_rank_of_line, default=(NO_BLOCKING, -1))[0]
    wait = max(effect.waits, key=_rank)
    more = f", and {len(effect.waits) - 1} more" if len(effect.waits) > 1 else ""
    long = _bucket(replace(wait, rows=None, writes_per_minute=None))
    return f"blocks {wait.held.blocks} on {name(wait.held.relation)}{long}{more}"


def measured(preview: Preview) -> dict[Problem, str]:
    """Maps each finding that predicts a wait to its measurement. Leaves out details that the finding already has."""
    return {
        claim.finding.problem: _measured(effect, claim)
        for step in preview.plan.steps
        if (effect := preview.effects.get(step.number))
        for claim in claims_of(step, effect)
    }


def measured_in(results: tuple[PlanResult, ...]) -> dict[Problem, tuple[str, ...]]:
    """Maps each finding to its measurements in several environments. Names the environments if measurements differ."""
    found: dict[Problem, dict[str, list[str]]] = {}
    for result in results:
        for problem, line in measured(result).items() if isinstance(result, Preview) else ():
            found.setdefault(problem, {}).setdefault(line, []).append(result.environment.name)
    return {
        problem: tuple(
            f"{line}, in {phrases.joined(tuple(names))}" if len(lines) > 1 else line for line, names in lines.items()
        )
        for problem, lines in found.items()
    }


def effect_on_worst(results: tuple[PlanResult, ...], step: Step) -> Effect | None:
    """The effect in the environment with the longest wait. None if the migration was not tried."""
    found = [effect for result in results if (effect := effect_on(result, step))]
    return max(found, key=longest, default=None)


def effect_on(result: PlanResult, step: Step) -> Effect | None:
    """The effect on one environment. None if the migration is not pending there or was not tried."""
    if isinstance(result, Preview) and step.identity in result.pending:
        return result.effects.get(step.number)
    return None


def longest(effect: Effect) -> int:
    """The rank of the longest wait, for sorting. An unknown duration counts as long."""
    return max((*map(_rank, effect.waits), *(rank for _, rank in _changes(effect))), default=-1)


def mode(lock: LockMode) -> str:
    """A lock mode as in SQL, such as `ACCESS EXCLUSIVE`."""
    return lock.name.replace("_", " ")


def name(relation: str) -> str:
    """A relation's name without the schema `public`."""
    return relation.removeprefix("public.")


def rows(number: float) -> str:
    """A number of rows, such as `9.8 M rows`. The number has two digits, because it is an estimate."""
    for unit, word in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.1f} {word} rows".replace(".0 ", " ")
    return phrases.count(max(round(number), 0), "row")


def _rank(wait: Wait) -> int:
    return _rank_of(wait.bucket)


def _rank_of(bucket: Bucket | None) -> int:
    return Bucket.HOURS if bucket is None else bucket


def _rank_of_line(line: tuple[str, int]) -> int:
    return line[1]


def _measured(effect: Effect, claim: Claim) -> str:
    if not claim.held:
        return "no blocking while the statement ran"
    if not claim.waits:
        return f"under the lock of line {claim.earlier}" if claim.earlier else NO_BLOCKING
    return "; ".join(_measured_wait(effect.impact, claim, wait) for wait in claim.waits)


def _measured_wait(impact: StepImpact, claim: Claim, wait: Wait) -> str:
    """The lock and its duration. If the finding has another lock mode, also the blocked statements."""
    held = wait.held
    own = LockMode[claim.finding.lock.replace(" ", "_")] if claim.finding.lock else None
    blocks = () if own and what_it_blocks(own) == held.blocks else (f"blocks {held.blocks}",)
    what = ", ".join((*blocks, *(WORK[work] for work in Work if work in claim.also(held.relation))))
    return f"{mode(held.mode)} on {name(held.relation)}{what and f': {what}'}{_for_how_long(impact, wait)}"


def _lines(effect: Effect, reported: frozenset[str] = frozenset()) -> Iterator[str]:
    waits = {wait.held.relation: wait for wait in effect.waits}
    for held in effect.impact.strongest:
        doing = _doing(effect.impact, held)
        if not held.fresh and held.relation not in reported and (held.relation in waits or doing):
            wait = waits.get(held.relation)
            what = ", ".join(filter(None, (f"blocks {held.blocks}" if held.blocks else "no blocking", *doing)))
            yield f"{mode(held.mode)} on {name(held.relation)}: {what}{_for_how_long(effect.impact, wait)}"
    yield from (line for line, _ in _changes(effect))


def _changes(effect: Effect) -> Iterator[tuple[str, int]]:
    """Lines with their ranks: one for each statement that changes many rows, or an unknown number of rows."""
    shut = {wait.held.relation for wait in effect.waits}
    for each in effect.changes:
        if each.bucket is not Bucket.INSTANT or (each.change.rows or 0) >= MANY_ROWS:
            yield _change(each, locked=each.change.relation in shut), _rank_of(each.bucket)


def _change(each: RowChange, *, locked: bool) -> str:
    change = each.change
    batches = f", {change.batch:,} in each transaction" if change.batch else ""
    where = f"{name(change.relation)} on line {change.line}{batches}"
    if not change.does:
        return f"reads {where}; what else the statement does depends on the rows that it finds ({_words(each)})"
    many = "an unknown number of rows" if change.rows is None else f"{'up to ' * (change.rows >= 1)}{rows(change.rows)}"
    wal = f", {phrases.size(round(change.wal))} of WAL" if change.wal else ""
    waits = "" if locked or not change.locks_rows else ": other changes to these rows wait until the commit"
    return f"{DOES[change.does]} {many} of {where}{waits} ({_words(each)}{wal})"


def _words(each: Wait | RowChange) -> str:
    if each.bucket is None:
        return "time not known"
    return str(each.bucket) if each.least is None else f"{each.least} to {each.bucket}"


def _doing(impact: StepImpact, held: Held) -> tuple[str, ...]:
    """The work that the statement does on the locked relation."""
    done = {work.work for each in impact.statements for work in each.worked if work.relation == held.relation}
    return tuple(WORK[work] for work in Work if work in done)


def _for_how_long(impact: StepImpact, wait: Wait | None) -> str:
    if wait is None:
        return ""
    window = next(window for window in impact.windows if window.held == wait.held)
    behind = f", from line {window.line} to the commit" if len(window.during) > 1 and window.worked_on else ""
    return f"{behind}{_bucket(wait)}{_staging(wait)}"


def _bucket(wait: Wait) -> str:
    if wait.bucket is None:
        return f" ({_words(wait)})"
    on = f" on {rows(wait.rows)}" if wait.rows is not None and wait.bucket is not Bucket.INSTANT else ""
    writes = wait.writes_per_minute
    some = f", about {phrases.count(round(writes), 'write')} a minute" if writes and writes >= 1 else ""
    return f" ({_words(wait)}{on}{some if wait.bucket is not Bucket.INSTANT else ''})"


def _staging(wait: Wait) -> str:
    if wait.measured is None:
        return ""
    took = phrases.millis(wait.measured.millis)
    here = f"; {rows(wait.rows)} here" if wait.rows is not None else ""
    return f"; {wait.measured.environment} took {took} on {rows(wait.measured.rows)}{here}"
