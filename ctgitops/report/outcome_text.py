"""Renders the outcome of an apply or a rollback for a terminal. The result is plain text without colours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..core.run.outcome import Outcome, Status
from . import phrases
from .problem_text import problem_lines
from .terminal_text import on_one_line, table
from .text import (
    HEAD,
    effect_lines,
    fingerprint_lines,
    next_step,
    page,
    proof_lines,
    reason_lines,
    step_row,
    verdict,
    work_of,
)

if TYPE_CHECKING:
    from ..core.performance.report import LoadReport
    from ..core.plan.plan import Plan


def outcome_text(outcome: Outcome, within: int | None = None) -> str:
    """The outcome of an apply or rollback."""
    return page(_outcome(outcome, within))


def _outcome(outcome: Outcome, within: int | None) -> Iterable[str]:
    from .backup_lines import backup_lines
    from .override import override_lines

    plan = outcome.plan
    yield f"{plan.environment}: {outcome_verdict(outcome)}"
    if outcome.done:
        done = [("", on_one_line(d.name), phrases.millis(d.millis)) for d in outcome.done]
        yield from ("", *table(done, indent=0, within=within))
    yield from _watched(outcome)
    if outcome.load:
        from .load import load_lines

        yield from ("", *load_lines(outcome.load))
    if preview := outcome.preview:
        rows = (step_row(step, preview.destroys, shared=plan.apply_policy.single_transaction) for step in plan.steps)
        yield from ("", *table([HEAD, *rows]), *effect_lines(preview, within), *proof_lines(preview))
    for problem in outcome.objections:
        yield from ("", *(f"  {line}" for line in problem_lines(problem)))
    if outcome.losses:
        yield from ("", "  effect on the data")
        yield from (f"    {on_one_line(lost.loss.migration)} {on_one_line(lost.text)}" for lost in outcome.losses)
    yield from _mismatch(outcome)
    for left in outcome.left:
        yield from ("", f"  warning[session]: {on_one_line(left.migration)} {on_one_line(left.text)}")
    yield from reason_lines(outcome.reasons)
    yield from override_lines(outcome.override)
    yield from backup_lines(outcome)
    if outcome.preview:
        following = next_step(outcome.preview, outcome.next_command)
        yield from (*fingerprint_lines(outcome.preview), "", f"  next: {following}")


def _watched(outcome: Outcome) -> Iterable[str]:
    if outcome.status is Status.APPLIED and (watched := phrases.watched(outcome.plan.apply_policy)):
        yield from ("", f"  {watched}")


def _mismatch(outcome: Outcome) -> Iterable[str]:
    if outcome.unpredicted:
        yield from ("", f"  the schema was not predicted: {on_one_line(outcome.unpredicted)}")
    if outcome.mismatch is None:
        return
    if outcome.mismatch.differs:
        from .diff_lines import change_lines

        yield from ("", "  - predicted schema, + schema of the database", "", *change_lines(outcome.mismatch.differs))
    else:
        yield from (
            "",
            "  this run's changes match the prediction; other parts of the schema have changed since the plan was made",
        )
    yield from (
        "",
        f"  next: do not apply this plan elsewhere; `ctgitops drift --env {outcome.plan.environment}` shows more",
    )
    repair = f'`ctgitops repair --env {outcome.plan.environment} --as-it-is --reason "…"`'
    yield f"  once the schema is corrected, run {repair}; until then environments after this one must wait"


def outcome_verdict(outcome: Outcome) -> str:
    """The outcome in words, also if the run did nothing."""
    plan = outcome.plan
    now, then = phrases.version(plan.current_version), phrases.version(plan.target_version)
    versions = f"schema version {now} → {then}" if now != then else _version_of(plan)
    match outcome.status:
        case Status.UP_TO_DATE:
            kept = ", BUT THE SCHEMA DIFFERS FROM THE PREDICTION" if outcome.mismatch else ""
            return f"up to date, nothing applied{kept}; {_version_of(plan)}"
        case Status.APPLIED:
            kept = ", BUT THE SCHEMA DIFFERS FROM THE PREDICTION" if outcome.mismatch else ""
            unknown = "".join(f", {text}" for text in phrases.not_analysed(plan.problems))
            against = f" AGAINST {phrases.errors(plan)}" if plan.error_findings else ""
            return f"{_number_done(outcome)} applied{against}{kept}, {versions}{unknown}{_load(outcome.load)}"
        case Status.ROLLED_BACK:
            return f"{_number_done(outcome)} rolled back, {versions}"
        case Status.ONLY_SHOWN:
            return f"{verdict(outcome.preview) if outcome.preview else work_of(plan)}; dry run, nothing was changed"
        case Status.WAITING:
            return f"WAITS, nothing was changed; {work_of(plan)}"
        case Status.BLOCKED:
            blocking = [problem for problem in plan.problems if problem.blocks]
            by = phrases.count(len(blocking), "problem") if blocking else phrases.errors(plan)
            return f"BLOCKED by {by}{phrases.files(blocking or plan.error_findings)}, nothing was changed"


def _load(load: LoadReport | None) -> str:
    if load is None:
        return ""
    from ..core.performance.report import LoadState
    from .load import load_verdict

    return "" if load.state is LoadState.UNCHANGED else f", {load_verdict(load)}"


def _version_of(plan: Plan) -> str:
    """The current schema version, or `no schema version` for a database without versioned migrations."""
    return f"schema version {plan.current_version}" if plan.current_version else "no schema version"


def _number_done(outcome: Outcome) -> str:
    steps = len(outcome.plan.steps)
    seeds = outcome.plan.seeds[: max(len(outcome.done) - steps, 0)]
    parts = [phrases.count(steps, "migration")] if steps else []
    parts += [phrases.count(number, noun) for number, noun in phrases.file_counts(seeds)]
    return " and ".join(parts)
