"""Renders plans and checks for a terminal. The result is plain text without colours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..core.plan.plan import Direction, Plan, Step
from ..core.view.preview import NotPlanned, PlanResult, Preview
from ..core.workspace.finding import Finding, Severity
from . import phrases
from .flag_waits import wait_words
from .problem_text import problem_lines
from .terminal_text import on_one_line, table
from .text_error import unseen_lines

if TYPE_CHECKING:
    from ..core.gate.gate import Reason
    from ..core.problem import Problem
    from ..core.workspace.workspace import Workspace


def plans_text(results: tuple[PlanResult, ...], within: int | None = None) -> str:
    """The plans of one or more environments. `within` is the width of the terminal."""
    return page(line for result in results for line in (*_result(result, within), ""))


def check_text(workspace: Workspace, problems: tuple[Problem, ...], findings: tuple[Finding, ...] = ()) -> str:
    """Every problem and finding with its place, or `14 migrations, 3 environments, no problems`."""
    said = (*problems, *(finding.problem for finding in findings if finding.severity is not Severity.NOTICE))
    lines = [line for problem in said for line in (*problem_lines(problem), "")]
    return page([*lines, phrases.checked(workspace, problems, findings)])


def proof_lines(preview: Preview) -> Iterable[str]:
    """What the trial ran, and which objects of the schema changed. Empty without a trial."""
    from .folded_history import schema_of
    from .proof import schema_lines, sentences

    if preview.proof is None:
        return
    yield from ("", *(f"  {on_one_line(line)}" for line in sentences(preview.proof, preview.plan, preview.destroys)))
    if changed := schema_of(preview, schema_lines(preview.proof)):
        yield from ("", "  schema changes", "", *changed)


def _result(result: PlanResult, within: int | None) -> Iterable[str]:
    if isinstance(result, NotPlanned):
        return unseen_lines(result, "CANNOT BE READ, so there is no plan")
    return _plan(result, within)


def _plan(preview: Preview, within: int | None) -> Iterable[str]:
    from ..core.trial.code_reference import order_of
    from . import destruction
    from .backup_lines import extent_lines
    from .folded_history import unfolded
    from .impact import measured
    from .override import override_lines

    plan = preview.plan
    yield f"{plan.environment}: {verdict(preview)}"
    yield ""
    now, then = phrases.version(plan.current_version), phrases.version(plan.target_version)
    yield f"  schema version {now}" if now == then else f"  schema version {now} → {then}"
    yield from _steps(preview, within)
    yield from effect_lines(preview, within)
    yield from _busy(preview)
    yield from destruction.text_lines(preview)
    yield from proof_lines(preview)
    yield from _seeds(plan)
    yield from _flagged(plan, within)
    if (said := phrases.apply_policy(plan)) and not plan.empty:
        yield from ("", *(f"  {line}" for line in said))
    tried = measured(preview)
    for problem in plan.remarks:
        yield from ("", *(f"  {line}" for line in problem_lines(problem, tried.get(problem, ""))))
    if (which := order_of([plan])) and unfolded(plan):
        yield from ("", f"  {phrases.order(which)}")
    yield from extent_lines(preview)
    yield from reason_lines(preview.reasons)
    yield from override_lines(preview.override)
    if not plan.empty:
        yield from (*fingerprint_lines(preview), "", f"  next: {next_step(preview)}")


def _steps(preview: Preview, within: int | None) -> Iterable[str]:
    from .folded_history import unfolded

    plan = preview.plan
    if plan.steps:
        shared = plan.apply_policy.single_transaction
        rows = (step_row(step, preview.destroys, shared=shared) for step in unfolded(plan))
        yield from ("", *table([HEAD, *_history_row(plan), *rows], within=within))
        yield from (f"  {step.name} is {step.description}" for step in plan.steps if step.replaces)


def _seeds(plan: Plan) -> Iterable[str]:
    for _, noun in phrases.file_counts(plan.seeds):
        names = (seed.name for seed in plan.seeds if seed.repeatable is (noun == "repeatable file"))
        yield from ("", f"  {noun}s to run", *(f"    {on_one_line(name)}" for name in names))


def _flagged(plan: Plan, within: int | None) -> Iterable[str]:
    if plan.flag_waits:
        rows = [(wait.name, wait.text, wait.remedy) for wait in plan.flag_waits]
        yield from ("", "  not part of this plan", "", *table(rows, within=within))


def effect_lines(preview: Preview, within: int | None) -> Iterable[str]:
    """The effect of each step on other sessions, as the trial measured it."""
    from .impact import text_lines

    if effects := [(name, on_one_line(line)) for name, line in text_lines(preview)]:
        proof = preview.proof
        measured_on = f", measured on {proof.ran_on or 'a copy of its schema'}" if proof and proof.tried else ""
        yield from ("", f"  effect on other sessions{measured_on}", "")
        yield from table(effects, within=within)


def _busy(preview: Preview) -> Iterable[str]:
    if preview.busy:
        yield from ("", "  use of the tables, in scans and written rows", "")
        yield from (f"    {on_one_line(phrases.busy(each))}" for each in preview.busy)


SHOWN = 6
"""Maximum number of reasons to wait that are shown in full."""

HEAD = ("", "migration", "version", "transaction", "rollback", "stated time", "")


def _history_row(plan: Plan) -> Iterable[tuple[str, ...]]:
    from .folded_history import folded, rollbacks, title, transactions

    if steps := folded(plan):
        inside = "one for all" if plan.apply_policy.single_transaction else transactions(steps)
        yield ("+", title(steps), "-", inside, rollbacks(steps), "-", "")


def step_row(step: Step, destroys: frozenset[str] = frozenset(), *, shared: bool) -> tuple[str, ...]:
    """The row of a step in the table of a plan."""
    inside = "one for all" if shared else "one transaction"
    one = inside if step.transactional else "IN BATCHES" if step.batched else "NO TRANSACTION"
    if step.resumption:
        one += f", {phrases.resumes(step)}"
    breaking = "BREAKING" if step.breaking else ""
    mark = "+" if step.direction is Direction.APPLY else "-"
    return (
        mark,
        step.name,
        phrases.version(step.version),
        one,
        phrases.way_back(step, destroys),
        step.estimated or "-",
        breaking,
    )


def verdict(preview: Preview) -> str:
    """The verdict on a plan, in words."""
    plan = preview.plan
    work = work_of(plan)
    if plan.blocked:
        blocking = sum(problem.blocks for problem in plan.problems)
        unknown = "".join(f", {text}" for text in phrases.not_analysed(plan.remarks))
        solve = f"BLOCKED, {phrases.count(blocking, 'problem')} must be solved first{unknown}"
        return solve + (f" ({work})" if work else "")
    flagged = f", {wait_words(plan.flag_waits)}" if plan.flag_waits else ""
    if plan.empty:
        return f"nothing to do{flagged}"
    fails = (
        ", FAILS ON A COPY" if plan.direction is Direction.ROLLBACK and preview.proof and preview.proof.failed else ""
    )
    breaking = sum(step.breaking for step in plan.steps)
    done = "applied" if plan.direction is Direction.APPLY else "rolled back"
    held = f", would wait if {done} now" if _gates(preview) else ""
    lost = ", DESTROYS DATA" if preview.destroys else ""
    untried = fails or "".join(f", {text}" for text in phrases.unknown((preview,)))
    found = "".join(f", {text}" for text in phrases.not_analysed(plan.remarks))
    said = f"{work}{flagged}{f', {breaking} BREAKING' if breaking else ''}{lost}{untried}{found}{held}"
    return f"HELD BACK by {phrases.errors(plan)} ({said})" if plan.error_findings else said


def work_of(plan: Plan) -> str:
    """The numbers of migrations and files of a plan, as text."""
    verb = "to apply" if plan.direction is Direction.APPLY else "to roll back"
    parts = []
    if plan.steps:
        parts.append(f"{phrases.count(len(plan.steps), 'migration')} {verb}")
    parts += [f"{phrases.count(number, noun)} to run" for number, noun in phrases.file_counts(plan.seeds)]
    return ", ".join(parts)


def fingerprint_lines(preview: Preview) -> tuple[str, ...]:
    """The line with the fingerprint of a plan. Empty if no page may propose the plan."""
    from ..core.view.verdict import verdict_of

    plan = preview.plan
    hidden = verdict_of(preview).state.stops or plan.blocked or plan.error_findings
    return () if hidden else ("", f"  fingerprint {plan.fingerprint}")


def next_step(preview: Preview, command: str = "") -> str:
    """What to do with a plan. `command` is the command that runs the plan, by default an apply."""
    from ..core.view.verdict import PlanState, verdict_of

    plan, state = preview.plan, verdict_of(preview).state
    if state.stops:
        if state is PlanState.WAITING:
            return f"{preview.occasion} is refused for the reasons above: resolve them, then plan again"
        what = "problems" if plan.blocked else "findings of severity error"
        return f"fix the {what} above, then run `ctgitops plan --env {plan.environment}` again"
    apply = command or f"ctgitops apply --env {plan.environment} --fingerprint {plan.fingerprint[:12]}"
    if command and preview.proof and preview.proof.failed:
        return "do not run this rollback, because it fails on a copy; follow the help above"
    when = "when no gate refuses the plan, " if _gates(preview) else ""
    unknown = "review the unknown parts by hand, then " if state is PlanState.UNKNOWN else ""
    return f"{unknown}{when}{phrases.next_command(apply)}"


def _gates(preview: Preview) -> bool:
    """Whether a gate would refuse the plan now. Ignores data loss, because the proposed command accepts it."""
    return any(reason.gate != "data-loss" for reason in preview.reasons)


def reason_lines(reasons: tuple[Reason, ...]) -> Iterable[str]:
    """The reasons to wait, each with its hint."""
    for reason in reasons[:SHOWN]:
        yield from ("", f"  waits[{reason.gate}]: {on_one_line(reason.what)}")
        if reason.hint:
            yield f"    help: {on_one_line(reason.hint)}"
    if len(reasons) > SHOWN:
        yield from ("", f"  and {phrases.count(len(reasons) - SHOWN, 'more reason')}")


def page(lines: Iterable[str]) -> str:
    """The lines as one text, without spaces at line ends."""
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"
