"""Phrases that several pages use: counts, durations, and the conditions for an apply."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..core.environment.apply_policy import builds_text
from ..core.environment.environment import Environment, Trigger
from ..core.fix import Fix, Lines, Rename
from ..core.problem import Problem, statements_not_analysed
from ..core.view.preview import NotPlanned, Occasion, PlanResult, Preview

if TYPE_CHECKING:
    from ..core.environment.apply_policy import ApplyPolicy
    from ..core.migration.migration import Seed
    from ..core.migration.schema_version import SchemaVersion
    from ..core.performance.traffic import BusyTable
    from ..core.plan.plan import Plan, Step
    from ..core.trial.code_reference import DeployOrder
    from ..core.workspace.finding import Finding
    from ..core.workspace.workspace import Workspace


def file_counts(seeds: Iterable[Seed]) -> list[tuple[int, str]]:
    """The numbers of repeatable files and of seed files, each with its noun. Leaves out a number that is 0."""
    kinds = [seed.repeatable for seed in seeds]
    found = ((sum(kinds), "repeatable file"), (kinds.count(False), "seed file"))
    return [(number, noun) for number, noun in found if number]


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 migration`, `2 migrations`, `no problems`."""
    return f"{f'{number:,}' if number else 'no'} {noun}{'' if number == 1 else 's'}"


def version(value: SchemaVersion | None) -> str:
    """A schema version, or a dash if there is none."""
    return str(value) if value else "-"


def moment(value: datetime) -> str:
    """A time, such as `2026-11-23 14:02 UTC`."""
    return f"{value:%Y-%m-%d %H:%M} {value.tzname() or 'UTC'}"


def duration(value: timedelta) -> str:
    """A duration in a single unit: `24 h`, `90 min`, `3 d`."""
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds % size == 0 and seconds >= size * (2 if unit == "d" else 1):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def millis(value: int) -> str:
    """A measured duration: `12 ms`, `3.4 s`, `7 min 5 s`."""
    if value < 1000:
        return f"{value} ms"
    if value < 60_000:
        return f"{value / 1000:.1f} s"
    minutes, seconds = divmod(round(value / 1000), 60)
    return f"{minutes} min {seconds} s"


def size(number: int) -> str:
    """A number of bytes: `512 bytes`, `1.2 MB`, `41 GB`."""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def resumes(step: Step) -> str:
    """`resumes at statement 3 of 5` for a migration that an earlier run did not finish. Empty for other migrations."""
    at, of = step.resumption, len(step.script.statements) if step.resumption else 0
    if at and at.batches and not at.done:
        return f"resumes after {count(at.rows, 'row')}"
    return f"resumes at statement {min(at.position, of)} of {of}" if at else ""


def comes_with(environment: Environment, occasion: Occasion = Occasion.NONE) -> str:
    """The event that triggers an apply to the environment, such as `the merge` or `a release tagged v*`."""
    if occasion.applies(environment):
        return occasion.value
    match environment.trigger:
        case Trigger.PUSH:
            return "the merge"
        case Trigger.RELEASE:
            return "the next release" if environment.tags == "*" else f"the next release tagged {environment.tags}"
        case Trigger.SCHEDULE:
            return "the schedule"
        case Trigger.MANUAL:
            return "a manual run"


def resumed_by(environment: Environment) -> str:
    """How a deployment continues after its wait has ended."""
    if environment.trigger is Trigger.MANUAL:
        return "when the wait ends, start this command again"
    return (
        "when the wait ends, the next scheduled run with `command: resume`, as in drift.yml, starts the "
        "deployment and asks for the approval; without such a workflow, start this run again by hand"
    )


def to_approve(environment: str) -> str:
    """The next step for a plan that the next job of the same workflow run carries out."""
    return f"approve the job for `{environment}`: it carries out this plan, and no other"


def next_command(text: str) -> str:
    """The next command as code. Text for readers on GitHub already contains code, and is unchanged."""
    return text if "`" in text else f"`{text}`"


def bake(environment: Environment, before: str = "") -> str:
    """How long the migrations must have been in another environment. Empty if this is not required."""
    return f"{before}{duration(environment.bake)}" if environment.bake else ""


def waits_for(environment: Environment, occasion: Occasion = Occasion.NONE, later_branch: str = "") -> tuple[str, ...]:
    """The conditions for an apply to an environment, such as an event, another environment or a window.

    `later_branch` is the default branch, if the pull request has another base branch.
    """
    waits = [f"a later merge into {later_branch}"] if later_branch else []
    if not (later_branch and environment.trigger is Trigger.PUSH):
        waits.append(comes_with(environment, occasion))
    if environment.after:
        waits.append(f"{environment.after} first{bake(environment, ' for ')}")
    if environment.windows:
        waits.append(" or ".join(str(window) for window in environment.windows))
    return tuple(waits)


def apply_policy(plan: Plan) -> tuple[str, ...]:
    """The parts of the plan's apply policy that differ from the default policy."""
    said = ["all in one transaction"] if (of := plan.apply_policy).single_transaction else []
    said += ["if the run fails, the migrations that it applied are rolled back"] if of.rolls_back_on_failure else []
    said += [builds_text(plan.builds, of.maintenance_work_mem)] if plan.builds > 1 else []
    said += [f"health query checked for {duration(of.health.within)} after the last migration"] if of.health else []
    return tuple(said)


def watched(of: ApplyPolicy) -> str:
    """The result of the health query after a successful apply. Empty without a query."""
    return f"the health query stayed true for {duration(of.health.within)}" if of.health else ""


def plans(results: tuple[PlanResult, ...]) -> tuple[Plan, ...]:
    """The plans of all environments that could be read."""
    return tuple(result.plan for result in results if isinstance(result, Preview))


def steps(results: tuple[PlanResult, ...]) -> tuple[Step, ...]:
    """Every step of all plans, without duplicates. The order is that of an apply to an empty database."""
    by_identity = {step.identity: step for plan in plans(results) for step in plan.steps}
    return tuple(sorted(by_identity.values(), key=lambda step: step.number))


def problems(results: tuple[PlanResult, ...]) -> dict[Problem, tuple[str, ...]]:
    """Maps each problem to all environments that have it. Blocking problems are first."""
    found: dict[Problem, list[str]] = {}
    for plan in plans(results):
        for problem in plan.remarks:
            found.setdefault(problem, []).append(plan.environment)
    ordered = sorted(found.items(), key=lambda item: (not item[0].blocks, not item[0].fails))
    return {problem: tuple(names) for problem, names in ordered}


def files(found: Iterable[Problem]) -> str:
    """The files with problems, such as ` in migrations/003_x.sql and 2 more`. Empty if no problem has a file."""
    paths = tuple(dict.fromkeys(problem.place.path for problem in found if problem.place))
    return f" in {joined(paths, 1)}" if paths else ""


def errors_of(results: tuple[PlanResult, ...]) -> dict[str, tuple[str, ...]]:
    """Maps an error, as text with its hint, to the environments that could not be planned because of it."""
    found: dict[str, tuple[str, ...]] = {}
    for result in results:
        if isinstance(result, NotPlanned):
            text = f"{result.error.what}\n{result.error.hint}".strip()
            found[text] = (*found.get(text, ()), result.environment.name)
    return found


def fix(of: Fix) -> str:
    """Describes a fix, such as `in 002_x.sql, line 2 becomes` or `rename migrations/a.SQL to migrations/a.sql`."""
    if isinstance(of, Rename):
        return f"rename {of.path} to {of.to}"
    lines = f"line {of.first}" if of.first == of.last else f"lines {of.first} to {of.last}"
    verb = ("becomes" if of.first == of.last else "become") if of.instead else "can be removed"
    return f"{_after(of)}in {of.path}, {lines} {verb}"


def _after(of: Lines) -> str:
    return "add a migration for the rest (`ctgitops check --fix` writes it); " if of.then else ""


def instead(of: Lines) -> str:
    """The lines that replace a statement, and the statements of the follow-up migration."""
    return "\n".join(
        (*of.instead, *(("", f"-- in the added migration: {of.then.words}", of.then.sql) if of.then else ()))
    ).strip("\n")


def way_back(step: Step, destroys: frozenset[str] = frozenset()) -> str:
    """A step's rollback: `Available`, `Manual`, `IRREVERSIBLE`, or `schema only` if the step is in `destroys`."""
    if step.name in destroys and step.rollback == "Available":
        return "schema only"
    return "IRREVERSIBLE" if step.rollback == "Not Available" else step.rollback.value


def joined(names: tuple[str, ...], most: int = 5) -> str:
    """A list as text, such as `a, b and c`. Shows at most `most` names, and the number of the other names."""
    if len(names) > most:
        names = (*names[:most], f"{len(names) - most} more")
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def busy(table: BusyTable) -> str:
    """The busiest and the quietest hour of a table, and the load in these hours."""
    times = f"busiest at {table.busiest:02}:00, {table.most:,.1f} a second; quietest at {table.quietest:02}:00"
    return f"{table.name}: {times}, {table.least:,.1f} a second ({count(table.days, 'day')} of samples, UTC)"


def order(of: DeployOrder) -> str:
    """The deploy order of schema and code, in a sentence."""
    return {
        "schema-first": "Schema first: the plan only adds names, so the current code keeps working.",
        "code-first": "Code first: before the plan, deploy code without the dropped or renamed names.",
        "split": "Deploy code twice: without the old names before the plan, with the new names after it.",
    }[of]


def errors(plan: Plan) -> str:
    """The number of findings that block a plan, such as `1 finding of severity error`."""
    return f"{count(len(plan.error_findings), 'finding')} of severity error"


_UNCOUNTED = "open-pull-requests-unread"
"""The topic that pages show without a number."""
_NOT_KNOWN = {
    "migration": ("migration", "NOT TRIED"),
    "statement": ("statement", "NOT TRIED"),
    "rollback": ("rollback", "NOT TRIED"),
    "rerun": ("second run", "NOT TRIED"),
    "order": ("order", "NOT TRIED"),
    "duration": ("duration", "NOT KNOWN"),
    "row-constraint": ("row constraint", "NOT TRIED"),
    "row-trigger": ("row trigger", "NOT TRIED"),
    "rows-not-counted": ("row deletion", "NOT COUNTED"),
    "seed-not-tried": ("seed file", "NOT TRIED"),
    "seed-not-measured": ("seed file", "NOT MEASURED"),
    "rows-not-looked-at": ("constraint", "NOT CHECKED"),
    "not-looked": ("database", "NOT READ"),
    "schema-unread": ("schema", "NOT READ"),
    "not-searched": ("code search", "NOT MADE"),
    _UNCOUNTED: ("open pull requests", "NOT READ"),
}


def unknown(results: tuple[PlanResult, ...]) -> list[str]:
    """Texts such as `4 statements NOT TRIED`, for a summary line. Leaves out blocked plans."""
    from ..core.view.verdict import unknown_in

    found = [each.topic for each in unknown_in(results)]
    to_try = {"migration": _to_try(results)}
    return [
        f"{noun if topic == _UNCOUNTED else count(found.count(topic), noun)} {what}{to_try.get(topic, '')}"
        for topic, (noun, what) in _NOT_KNOWN.items()
        if topic in found
    ]


def _to_try(results: tuple[PlanResult, ...]) -> str:
    """The first change that would make a trial possible, in parentheses. Empty if all trials are possible."""
    stops = [each.proof.stop for each in results if isinstance(each, Preview) and each.proof and each.proof.stop]
    return next((f" (to try it: {stop.remedy})" for stop in stops if stop.place is None and stop.remedy), "")


def not_analysed(problems: Iterable[Problem]) -> list[str]:
    """Texts such as `2 statements not analysed`, for a summary line. Empty if all statements were analysed."""
    unknown = statements_not_analysed(problems)
    return [f"{count(unknown, 'statement')} not analysed"] if unknown else []


def checked(workspace: Workspace, problems: tuple[Problem, ...], findings: tuple[Finding, ...]) -> str:
    """The numbers of checked items and of problems, such as `14 migrations, 3 environments, no problems`."""
    said = [
        count(len(workspace.migrations), "migration"),
        count(len(workspace.environments), "environment"),
        count(len(problems), "problem"),
        *([count(len(findings), "finding")] if findings else []),
    ]
    return ", ".join([*said, *not_analysed((*problems, *(finding.problem for finding in findings)))])
