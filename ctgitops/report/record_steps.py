"""Describes the next step of each environment in a record, and who can take this step. The readers are on GitHub."""

from __future__ import annotations

from markupsafe import Markup

from ..core.environment.environment import Environment, Trigger
from ..core.view.pull_request_record import FINDING, READY, ROWS, Cell, Record, RunEnd, Stage
from ..core.view.way_back import BackupNote
from ..lazy import dataclass
from . import escape, links, phrases
from .workflow_inputs import NEW_PULL_REQUEST, inputs_of, with_inputs

NOBODY, WRITER, AUTHOR, REVIEWER = (
    "no one: a run does this",
    "anyone with write access",
    "anyone, with a pull request",
    "a reviewer of the environment",
)
_DONE = "-"
APPROVAL = "approval"
"""The gate of a plan that waits only for an approval. The approved job then applies the plan."""
_BY_GATE = {
    "freeze": ("{resumed}{rerun} after the freeze", WRITER),
    "window": ("{resumed}{rerun} in the window", WRITER),
    "bake": ("{resumed}{rerun} after that time", WRITER),
    "after": ("then {resumed}{rerun}", WRITER),
    READY: ("{resumed}{rerun}", WRITER),
    APPROVAL: (
        "read the plan in {run}, and approve its job, which applies the plan and writes the result here; "
        "if the job was rejected or killed, start the workflow again",
        REVIEWER,
    ),
    "fingerprint": ("re-run all jobs of the run, then review and approve the new plan", REVIEWER),
    "reviewed": ("", WRITER),  # the hint says all
    "data-loss": ("then start the workflow again with that input", WRITER),
    "lock": ("{rerun} when the other run has ended", WRITER),
}
_RESUMED = "the next scheduled run continues it, as in drift.yml; without one, "
_LATER = ("{rerun} when this wait has ended", WRITER)
_CORRECT = "open a pull request that corrects {path}; {merged}"
_CORRECT_OR_ACCEPT = "open a pull request that corrects {path}, or accepts the finding as described below; {merged}"
_CORRECT_ROWS = "correct the rows, then {rerun}; or " + _CORRECT
_COMPLETE = (_CORRECT, _CORRECT_ROWS, _BY_GATE["fingerprint"][0])
"""Texts of next steps to which the hint of the run is not added."""
_BY_STAGE = {
    Stage.FAILED: ("remove the cause, then {rerun}", WRITER),
    Stage.TAKEN_BACK: ("remove the cause, then {rerun}", WRITER),
    Stage.BLOCKED: ("open a pull request that corrects the problem; {merged}", AUTHOR),
    Stage.CANCELLED: ("{rerun}, which continues after the last completed step", WRITER),
    Stage.UNFINISHED: ("{rerun}, which resumes the migration", WRITER),
    Stage.UNREADABLE: ("check the server and the secret of the workflow, then {rerun}", WRITER),
    Stage.DIFFERS: ("do not apply the migrations elsewhere; correct the differences that the run lists", WRITER),
}


@dataclass(frozen=True)
class NextStep:
    """The next step of one environment in the record."""

    why: Markup
    """What happened, or the reason to wait. Empty if the table of migrations shows this."""
    what: Markup
    who: str


def next_step(environment: Environment, record: Record) -> NextStep:
    """The next step of an environment, which depends on its state and on the end of its last run."""
    stage, end = record.stage(environment), record.ends.get(environment.name)
    cells = record.cells(environment)
    if stage in (Stage.APPLIED, Stage.REMOVED):
        return NextStep(Markup(), escape.plain("nothing"), _DONE)
    if stage is Stage.ROLLED_BACK:
        return _again(environment, record)
    if stage is Stage.FLAGGED:
        return _set_flags(environment, record)
    if stage is Stage.WAITING and end is None:
        there = {each.name for each in record.environments if record.stage(each) is Stage.APPLIED}
        if is_repaired(environment, record):
            return NextStep(Markup(), _apply_by_hand(environment), WRITER)
        return NextStep(Markup(), *_expected(environment, there))
    failed = end or _from_cells(stage, cells)
    what, who = _template(failed, stage)
    path = escape.code(failed.path) if failed.path else ""
    said = "" if what in _COMPLETE and stage is not Stage.BLOCKED else failed.hint
    hint = escape.prose(with_inputs(said)) if said else Markup()
    resumed = "" if environment.trigger is Trigger.MANUAL else _RESUMED
    links_to = {"rerun": _link("re-run the job", failed.run_url), "run": _link("the run", failed.run_url)}
    words = {"path": path, "resumed": resumed, "merged": escape.plain(_after_merge(environment))}
    filled = Markup(what).format(**links_to, **words)  # noqa: S704 - the text is a constant
    return NextStep(escape.prose(failed.what), Markup("; ").join(filter(None, (hint, filled))), who)


def _set_flags(environment: Environment, record: Record) -> NextStep:
    names = {name for name, cell in record.cells(environment).items() if cell.stage is Stage.FLAGGED}
    waits = [wait for wait in record.flag_waits[environment.name] if wait.name in names]
    flags = ", ".join(f"`{flag}`" for flag in dict.fromkeys(flag for wait in waits for flag in wait.flags))
    if not flags:
        return NextStep(Markup(), escape.prose("; ".join(dict.fromkeys(wait.text for wait in waits))), AUTHOR)
    what = f"when the change is wanted there, open a pull request that adds {flags} to `flags` in `{environment.path}`"
    return NextStep(Markup(), escape.prose(what), AUTHOR)


def _template(end: RunEnd, stage: Stage) -> tuple[str, str]:
    if end.stage is Stage.WAITING and stage is Stage.WAITING:
        return next((_BY_GATE[gate] for gate in end.gates if gate in _BY_GATE), _LATER)
    if "missing" in end.gates and end.hint:  # the hint says all: no correction makes an old run newer
        return "", WRITER
    if "rolled-back" in end.gates:
        return "then {rerun}", WRITER
    if end.path and stage is not Stage.UNFINISHED:
        return _correction(end)
    if end.hint and stage in (Stage.FAILED, Stage.TAKEN_BACK):
        return ("{merged}", AUTHOR) if NEW_PULL_REQUEST in end.hint else ("then {rerun}", WRITER)
    return _BY_STAGE[stage]


def _correction(end: RunEnd) -> tuple[str, str]:
    """What changes the result of the next run: another file, other rows, or a finding that a person accepts."""
    if ROWS in end.gates:
        return _CORRECT_ROWS, WRITER
    return _CORRECT_OR_ACCEPT if FINDING in end.gates else _CORRECT, AUTHOR


def _from_cells(stage: Stage, cells: dict[str, Cell]) -> RunEnd:
    """Derives the end of a run from the ledger, if nothing else recorded the run."""
    name, cell = next((name, cell) for name, cell in cells.items() if cell.stage is stage)
    said = cell.error.split("\n", 1)[0][: escape.LONGEST // 2]
    return RunEnd(stage, f"`{name}`: {said}" if said else f"`{name}`", run_url=cell.run_url)


def is_repaired(environment: Environment, record: Record) -> bool:
    """Whether `repair` allowed a rolled-back migration to be applied again. No event starts this apply."""
    return any(cell.past and cell.stage is Stage.WAITING for cell in record.cells(environment).values())


def at_ref(environment: Environment) -> str:
    """Where to start the workflow by hand. The GitHub environment of production admits only tags."""
    return " at the tag of the newest release" if environment.trigger is Trigger.RELEASE else ""


def _apply_by_hand(environment: Environment) -> Markup:
    inputs = inputs_of([("command", "apply"), ("environment", environment.name)])
    return escape.prose(f"start the workflow{at_ref(environment)} with {inputs}")


def _after_merge(environment: Environment) -> str:
    """Which event applies the corrected migration after the correction is merged."""
    match environment.trigger:
        case Trigger.PUSH:
            return "its merge runs the migration again"
        case Trigger.SCHEDULE:
            return "after its merge, the next scheduled run runs the migration again"
        case Trigger.RELEASE:
            return f"after its merge, publish a release{_tagged(environment)}"
        case Trigger.MANUAL:
            return "after its merge, start the workflow again"


def _tagged(environment: Environment) -> str:
    return "" if environment.tags == "*" else f" tagged {environment.tags}"


def _again(environment: Environment, record: Record) -> NextStep:
    cells = record.cells(environment)
    names = [name for name, cell in cells.items() if cell.stage is Stage.ROLLED_BACK]
    numbers = " ".join(name.split("_", 1)[0] for name in names)
    pairs = [("command", "repair"), ("environment", environment.name), ("again", numbers), ("reason", "…")]
    what = f"to apply again, start the workflow{at_ref(environment)} with {inputs_of(pairs)}{_or_change(names, record)}"
    notes = (BackupNote.of(cells[name].receipt) for name in names)
    note = next((each for each in notes if each), None)
    had = f"the backup `{note.id}` has the earlier data: `{note.restore_with}`" if note else "without a backup"
    if note and note.vanishes:
        had = f"the backup `{note.id}` was deleted with its runner"
    return NextStep(escape.prose(f"{', '.join(f'`{name}`' for name in names[:3])}; {had}"), escape.prose(what), WRITER)


def _or_change(names: list[str], record: Record) -> str:
    """The alternative after a rollback, which is to change the file.

    If another environment has applied the file, the file must not change before it is rolled back there too.
    """
    others = ((each.name, record.cells(each)) for each in record.environments)
    have = tuple(where for where, cells in others if any(cells[n].stage is Stage.APPLIED for n in names))
    if have:
        return f"; to change the file instead, first roll it back on {phrases.joined(have)} too"
    return ", or change the file in a new pull request"


def _expected(environment: Environment, there: set[str]) -> tuple[Markup, str]:
    """The event that triggers the apply. `there` contains the environments that have all of the migrations."""
    needed = environment.after and (environment.after not in there or environment.bake)
    first = f"once {environment.after} has them{phrases.bake(environment, ' for ')}, " if needed else ""
    match environment.trigger:
        case Trigger.PUSH:
            return escape.plain(f"{first}the run on merge applies the migrations, and writes the result here"), NOBODY
        case Trigger.SCHEDULE:
            return escape.plain(f"{first}the next scheduled run applies the migrations"), NOBODY
        case Trigger.RELEASE:
            return escape.plain(f"{first}publish a release{_tagged(environment)}"), WRITER
        case Trigger.MANUAL:
            pairs = [("command", "apply"), ("environment", environment.name)]
            return escape.prose(f"{first}start the workflow with {inputs_of(pairs)}"), WRITER


def _link(words: str, run_url: str) -> Markup:
    url = links.address(run_url)
    return Markup(f"[{words}]({url})") if url else Markup(words)  # noqa: S704 - a plain URL, and a constant
