"""The command `plan`. Shows what an apply would do in one environment, or in all environments."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.environment.environment import DataPreflight
from ..core.gate.forward_loss import forward_losses
from ..core.gate.gate import Predecessor, reasons_to_wait, used_override, with_warnings
from ..core.impact.header_claim import claim_problems
from ..core.impact.impact_problems import impact_problems
from ..core.impact.row_constraint import row_constraint_problems
from ..core.impact.row_trigger import row_trigger_problems
from ..core.ledger.ledger import Ledger
from ..core.performance.traffic import busy_tables
from ..core.plan.plan import make_plan, worst_first
from ..core.plan.remedy import FailedStep, OtherEnvironments, remedy
from ..core.plan.touched_schema import touched_tables
from ..core.problem import Concern, Problem
from ..core.schema.snapshot import Snapshot
from ..core.trial.code_reference import mention_problems, searched_for
from ..core.trial.gap import Stop
from ..core.trial.schema_break import break_problems
from ..core.trial.seed_trial import applied_seeds, seed_problems
from ..core.trial.trial import NOT_WANTED, Trial, proof_problems
from ..core.trial.violation import had_all_rows, risks_of, violation_problems
from ..core.view.preview import (
    NotPlanned,
    PlanResult,
    Preview,
    with_one_keeper,
    with_problems,
    with_shared_database_problems,
)
from ..core.view.uncounted_rows import uncounted_problems
from ..errors import CtgitopsError, Place
from ..lazy import dataclass
from .applying.in_step import current_ledger
from .planning.applied_elsewhere import with_unchangeable_headers
from .planning.backup_extent import planned_extent
from .planning.baseline_suggestion import with_baseline_suggestion
from .planning.export_check import with_unexportable
from .planning.impact_estimate import effects_of
from .planning.live_schema import with_findings
from .planning.other_ledger import with_other_ledger
from .planning.trial import TrialRunner

if TYPE_CHECKING:
    from ..core.gate.request import Request
    from ..ports.code import Code
    from ..ports.database import Database, Databases
    from ..ports.shadow import Shadows


def plan(
    requests: tuple[Request, ...], *, databases: Databases, code: Code, shadows: Shadows | None = None
) -> tuple[PlanResult, ...]:
    """Returns one result per request, in order. For an unreadable environment, the result is the error. Read-only.

    With `shadows`, tries each plan on a throw-away copy.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        results = tuple(pool.map(lambda request: _result(request, databases, shadows), requests))
    results = with_one_keeper(results, requests[0].workspace) if requests else results
    return _with_mentions(with_shared_database_problems(results), code)


def _with_mentions(results: tuple[PlanResult, ...], code: Code) -> tuple[PlanResult, ...]:
    """Adds the lines of code that use dropped or renamed names. Searches the code only once for all plans."""
    previews = [result for result in results if isinstance(result, Preview)]
    those = dict.fromkeys(each for preview in previews for each in searched_for(preview.plan))
    if not those:
        return results
    searched = code.mentions(tuple(those))
    return tuple(
        one
        for result in results
        for one in with_problems(
            (result,), mention_problems(result.plan, searched) if isinstance(result, Preview) else ()
        )
    )


def _result(request: Request, databases: Databases, shadows: Shadows | None) -> PlanResult:
    environment = request.environment
    try:
        database = databases.of(environment)
        ledger = current_ledger(request, database)
        made = with_warnings(make_plan(request.workspace, environment, ledger, request.target), request)
        made = with_other_ledger(made, request, ledger, database)
        made, live = with_findings(with_unchangeable_headers(made, request, databases), request, database)
        if made.empty or (made.blocked and not made.held):
            return _with_pooler(Preview(environment, made), database)
        before = databases.predecessor(request)
        left_out = database.not_dumped() if environment.backup else ()
        made = with_unexportable(made, environment, database)
        untried = planned_extent(
            environment, made, NOT_WANTED if not environment.shadow.wanted else Trial(), None, Snapshot()
        )
        result = Preview(
            environment,
            made,
            reasons_to_wait(made, request, before),
            override=used_override(made, request, before),
            extent=untried,
            not_in_backup=left_out,
        )
        if shadows:
            result = _tried(result, _Known(request, ledger, live, before), databases, shadows)
        result = with_baseline_suggestion(_with_seeds(result), request, (ledger, live), shadows)
        result = _with_violations(_with_losses(_with_pooler(result, database), database, live), database)
        result = replace(result, plan=with_unchangeable_headers(result.plan, request, databases))
        return _with_traffic(_with_claims(result, before), database, live)
    except CtgitopsError as error:
        return NotPlanned(environment, error)


def _remedied(proof: Trial, preview: Preview, before: Predecessor) -> str:
    """Returns a hint if the environment in `after` has already applied the failed file. Otherwise empty."""
    at = proof.failed.place.path if proof.failed and proof.failed.place else ""
    step = next((s for s in preview.plan.steps if s.script.path == at), None)
    if step is None or proof.failed is None or not isinstance(before, Ledger) or not preview.environment.after:
        return ""
    entry = before.applied.get(step.number)
    if entry is None or entry.checksum != step.checksum:
        return ""
    failing = FailedStep(step, preview.environment.name)
    return remedy(failing, OtherEnvironments(has=(preview.environment.after,)), "")


@dataclass(frozen=True)
class _Known:
    """Facts that were already read when the plan was made."""

    request: Request
    ledger: Ledger
    live: Snapshot | None
    before: Predecessor


def _tried(preview: Preview, known: _Known, databases: Databases, shadows: Shadows) -> Preview:
    """Adds the trial and its problems. If the trial cannot run, the plan is still valid and has the reason."""
    if not preview.environment.shadow.wanted:
        return replace(preview, proof=NOT_WANTED)
    try:
        database = databases.of(preview.environment)
        original, live = database.original(), known.live or database.snapshot()
        with shadows.sandbox(original, preview.environment.shadow) as sandbox:
            seeded = applied_seeds(known.request.workspace, preview.environment, known.ledger)
            proof = TrialRunner(preview.plan, known.ledger, original, sandbox, seeded).proof(live)
            effects = effects_of(preview.plan, known.request, known.before, sandbox, databases)
            extent = planned_extent(preview.environment, preview.plan, proof, sandbox, live)
            preview = replace(preview, effects=effects, extent=extent)
    except CtgitopsError as error:
        proof = Trial(untried=error.what, stop=Stop(error.what, error.hint))
        unsaved = planned_extent(preview.environment, preview.plan, proof, None, Snapshot())
        preview = replace(preview, extent=unsaved)
    found = (
        *proof_problems(proof, preview.environment.name, _remedied(proof, preview, known.before)),
        *row_trigger_problems(preview.plan, preview.effects, (proof.before, proof.after)),
        *row_constraint_problems(preview.plan, preview.effects, proof.before, proof.after),
        *impact_problems(preview.plan.steps, preview.effects, preview.environment.timeouts),
        *break_problems(preview.plan, proof.changes, known.request.workspace.history),
    )
    return _with_problems(replace(preview, proof=proof), found)


def _with_seeds(preview: Preview) -> Preview:
    """Adds a problem for each seed file that fails on the copy or was not tried."""
    proof = preview.proof
    tried, stop = (proof.seeds, proof.stop) if proof else ((), None)
    return _with_problems(preview, seed_problems(preview.plan, tried, stop))


def _with_losses(preview: Preview, database: Database, live: Snapshot | None) -> Preview:
    """Adds the data that the plan destroys, counted in the database. Read-only. Runs no SQL of the plan."""
    changes = preview.proof.complete_changes if preview.proof else None
    losses = database.count_losses(forward_losses(preview.plan, live, changes))
    schemas = (preview.proof.before, preview.proof.after) if preview.proof else ()
    found = uncounted_problems(preview.plan, preview.effects, losses, schemas)
    return _with_problems(replace(preview, losses=losses), found)


def _with_claims(preview: Preview, before: Predecessor) -> Preview:
    """Adds a warning for each header field that contradicts a measurement."""
    previous = (preview.environment.after or "", before if isinstance(before, Ledger) else None)
    return _with_problems(preview, claim_problems(preview.plan, preview.effects, previous, preview.destroys))


def _with_traffic(preview: Preview, database: Database, live: Snapshot | None) -> Preview:
    """Adds the load on the plan's tables, if `ctgitops traffic` has taken samples. Read-only."""
    tables = touched_tables(preview.plan, live) if live else ()
    if not tables:
        return preview
    try:
        return replace(preview, busy=busy_tables(database.statistics().traffic_samples(), tables))
    except CtgitopsError:  # without the right to read the samples, nothing is known, as without samples
        return preview


def _with_pooler(preview: Preview, database: Database) -> Preview:
    """Adds a problem if the URL leads to a connection pooler, because apply would refuse it. Read-only."""
    refused = database.pooler()
    if refused is None:
        return preview
    place = Place(preview.environment.path) if preview.environment.path else None
    problem = Problem("pooler", refused.what, place, refused.hint, concern=Concern.ADDRESS)
    return _with_problems(preview, (problem,))


def _with_violations(preview: Preview, database: Database) -> Preview:
    """Adds a problem for each new constraint that existing rows violate. Read-only."""
    asked = preview.environment.data_preflight
    if asked is DataPreflight.OFF or had_all_rows(preview.proof, preview.plan):
        return preview
    found = database.violations(risks_of(preview.plan), asked is DataPreflight.KEYS)
    return _with_problems(preview, violation_problems(found))


def _with_problems(preview: Preview, found: Iterable[Problem]) -> Preview:
    return replace(preview, plan=replace(preview.plan, problems=worst_first((*preview.plan.problems, *found))))
