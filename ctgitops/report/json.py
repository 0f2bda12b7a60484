"""Renders reports as JSON. `schemas/*.schema.json` describe the structure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..core.environment.apply_policy import connections_for
from ..core.fix import Fix, Rename
from ..core.impact.lock_claim import Claim, claims_of
from ..core.ledger.drift_acceptance import change_data
from ..core.trial.code_reference import order_of
from ..core.view.preview import NotPlanned, PlanResult
from ..core.view.verdict import gaps_of, verdict_of
from ..errors import ApplyError, CtgitopsError, Place
from .impact_json import changes_data, impact_data, waits_data
from .override import override_data
from .proof import proof_data

if TYPE_CHECKING:
    from ..core.environment.apply_policy import ApplyPolicy
    from ..core.gate.data_loss import CountedLoss
    from ..core.gate.gate import Reason
    from ..core.impact.projection import Effect
    from ..core.plan.plan import Plan, Step
    from ..core.problem import Problem
    from ..core.receipt import Receipt
    from ..core.run.outcome import Outcome
    from ..core.workspace.finding import Finding
    from ..core.workspace.workspace import Workspace

VERSION = 1

Object = dict[str, Any]


def plan_json(result: PlanResult) -> str:
    """The plan of one environment, or the error if the environment could not be read."""
    return dump(_result(result))


def plans_json(results: tuple[PlanResult, ...]) -> str:
    """The plans of several environments, below the key `plans`."""
    return dump({"plans": [_result(result) for result in results]})


def outcome_json(outcome: Outcome) -> str:
    """The outcome of a run."""
    plan = outcome.plan
    fields = {
        "environment": plan.environment,
        "status": outcome.status.value,
        "exit_status": outcome.exit_status,
        "state": verdict_of(outcome.preview).state.word if outcome.preview else None,
        "done": [{"name": done.name, "millis": done.millis} for done in outcome.done],
        "reasons": [reason_data(reason) for reason in outcome.reasons],
        "receipt": _receipt(outcome.receipt) if outcome.receipt else None,
        "recovery_point": outcome.recovery_point and outcome.recovery_point.to_data(),
        "losses": [_loss(each) for each in outcome.losses],
        "unpredicted": None if outcome.mismatch is None else [change_data(each) for each in outcome.mismatch.differs],
        "left": [{"migration": left.migration, "what": left.what} for left in outcome.left],
        "performance": outcome.load.to_data() if outcome.load else None,
        "override": override_data(outcome.override),
        "plan": _plan(plan, outcome.preview.effects if outcome.preview else {}),
        "next_command": outcome.next_command or None,
    }
    return dump(fields)


def check_json(workspace: Workspace, problems: tuple[Problem, ...], findings: tuple[Finding, ...] = ()) -> str:
    """The problems and findings in the files of the workspace."""
    fields = {
        "migrations": len(workspace.migrations),
        "environments": len(workspace.environments),
        "problems": [problem_data(problem) for problem in problems],
        "findings": [finding_data(finding) for finding in findings],
    }
    return dump(fields)


def error_json(error: CtgitopsError) -> str:
    """An error that ended a run."""
    return dump({"error": error_data(error)})


def dump(fields: Object) -> str:
    """A JSON document with `fields`, and with the version of its schema."""
    return on_a_log(json.dumps({"version": VERSION, **fields}, indent=2, ensure_ascii=False) + "\n")


def on_a_log(page: str) -> str:
    """Escapes `##[`, which GitHub's runner would read as a command. The parsed JSON value stays the same."""
    return page.replace("##[", "##\\u005b")


def _result(result: PlanResult) -> Object:
    if isinstance(result, NotPlanned):
        return {"environment": result.environment.name, "error": error_data(result.error)}
    reasons, verdict = [reason_data(reason) for reason in result.reasons], verdict_of(result)
    plan = _plan(result.plan, result.effects)
    plan["steps"] = [
        {
            **data,
            "state": verdict.steps[step.number].word,
            "unknown": [vars(gap) for gap in gaps_of(result, step)],
        }
        for step, data in zip(result.plan.steps, plan["steps"], strict=True)
    ]
    return {
        **plan,
        "state": verdict.state.word,
        "exit_status": verdict.exit_status,
        "unknown": [vars(each) for each in sorted(verdict.unknown)],
        "reasons": reasons,
        "override": override_data(result.override),
        "proof": proof_data(result.proof) if result.proof else None,
        "not_in_backup": list(result.not_in_backup),
        "losses": [_loss(each) for each in result.losses],
        "busy_tables": [vars(each) for each in result.busy],
    }


def _plan(plan: Plan, effects: Mapping[int, Effect]) -> Object:
    return {
        "environment": plan.environment,
        "direction": plan.direction.value,
        "target": str(plan.target),
        "current_version": str(plan.current_version) if plan.current_version else None,
        "target_version": str(plan.target_version) if plan.target_version else None,
        "fingerprint": plan.fingerprint,
        "ledger_id": (plan.identity.ledger_id or None) if plan.identity else None,
        "blocked": plan.blocked,
        "order": which.value if (which := order_of([plan])) else None,
        **_apply_policy(plan.apply_policy),
        "parallel": _parallel(plan),
        "steps": [_step(step, effects.get(step.number)) for step in plan.steps],
        "seeds": [{"name": seed.name, "checksum": seed.checksum} for seed in plan.seeds],
        "flag_waits": [
            {"number": wait.number, "name": wait.name, "flags": list(wait.flags), "needs": list(wait.needs)}
            | {"hold": wait.hold.why if wait.hold else None}
            for wait in plan.flag_waits
        ],
        "problems": [problem_data(problem) for problem in plan.problems],
    }


def _apply_policy(apply_policy: ApplyPolicy) -> Object:
    health = apply_policy.health
    return {
        "transaction": apply_policy.transaction.value,
        "on_failure": apply_policy.on_failure.value,
        "health": health
        and {"within_seconds": health.within.total_seconds(), "every_seconds": health.every.total_seconds()},
    }


def _parallel(plan: Plan) -> Object | None:
    if plan.builds == 1:
        return None
    memory = plan.apply_policy.maintenance_work_mem or None
    return {"builds": plan.builds, "connections": connections_for(plan.builds), "maintenance_work_mem": memory}


def _step(step: Step, effect: Effect | None) -> Object:
    claims = {claim.finding: claim for claim in claims_of(step, effect)} if effect else {}
    return {
        "number": step.number,
        "name": step.name,
        "version": str(step.version) if step.version else None,
        "checksum": step.checksum,
        "transactional": step.transactional,
        "batched": step.batched,
        "resumes_at": step.resumption.position if step.resumption else None,
        "breaking": step.breaking,
        "rollback": step.rollback.value,
        "description": step.description,
        "stated": {"estimated": step.estimated, "impact": step.impact, "procedure": step.procedure},
        "findings": [finding_data(finding, claims.get(finding)) for finding in step.findings],
        "replaces": [single.name for single in step.replaces],
        "impact": impact_data(effect),
        "waits": waits_data(effect),
        "changes": changes_data(effect),
    }


def problem_data(problem: Problem) -> Object:
    """A problem as a JSON object."""
    return {
        "code": problem.code,
        "what": problem.what,
        "place": _place(problem.place),
        "hint": problem.hint,
        "detail": problem.detail,
        "blocks": problem.blocks,
        "concern": problem.concern.value,
        "fix": _fix(problem.fix),
    }


def finding_data(finding: Finding, claim: Claim | None = None) -> Object:
    """A finding as a JSON object."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "what": finding.what,
        "place": _place(finding.place),
        "last_line": finding.last_line,
        "why": finding.why,
        "instead": finding.instead,
        "lock": finding.lock or None,
        "blocks_writes": finding.blocks_writes,
        "waited_for": None if claim is None else [held.relation for held in claim.held],
        "fix": _fix(finding.fix),
    }


def _fix(fix: Fix | None) -> Object | None:
    if isinstance(fix, Rename):
        return {"path": fix.path, "rename_to": fix.to}
    if fix is None:
        return None
    then = {"then": {"words": fix.then.words, "sql": fix.then.sql, "rollback": fix.then.rollback}} if fix.then else {}
    return {"path": fix.path, "first_line": fix.first, "last_line": fix.last, "instead": list(fix.instead), **then}


def reason_data(reason: Reason) -> Object:
    """A reason to wait as JSON."""
    return {"gate": reason.gate, "what": reason.what, "hint": reason.hint}


def _receipt(receipt: Receipt) -> Object:
    summary: Object = json.loads(receipt.summary())
    return summary


def _loss(weighed: CountedLoss) -> Object:
    what = weighed.loss.what
    return {
        "migration": weighed.loss.migration,
        "destroys": what.how.value,
        "name": what.name,
        "column": what.column or None,
        "place": _place(weighed.loss.place),
        "rows": weighed.rows,
        "exact": weighed.exact,
        "written_since": weighed.since,
        "note": "; ".join(filter(None, (weighed.loss.about.strip(), weighed.note))),
    }


def error_data(error: CtgitopsError) -> Object:
    """An error as a JSON object."""
    fields: Object = {
        "code": error.code,
        "exit_status": error.exit_status,
        "what": error.what,
        "place": _place(error.place),
        "state": error.state,
        "hint": error.hint,
    }
    if error.detail:
        fields["detail"] = error.detail
    if isinstance(error, ApplyError):
        fields |= {"sqlstate": error.sqlstate, "statement": error.statement, "detail": error.detail}
        fields |= {"applied": list(error.applied), "taken_back": list(error.rolled_back)}
    return fields


def _place(place: Place | None) -> Object | None:
    return {"path": place.path, "line": place.line, "column": place.column} if place else None


def moment_data(moment: datetime | None) -> str | None:
    """A time as JSON."""
    return moment.isoformat() if moment else None
