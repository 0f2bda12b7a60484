"""Measures the load of a database before and after a run. A lost sample is a warning, and never ends the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from ...core.run.outcome import Outcome, Status
from ...core.run.progress import Listener, LoadUnmeasured, LoadWatched
from ...errors import CtgitopsError

if TYPE_CHECKING:
    from ...core.environment.performance_policy import PerformancePolicy
    from ...core.gate.request import Request
    from ...core.performance.record import Moment
    from ...core.performance.report import LoadReport
    from ...core.performance.sample import Sample
    from ...core.plan.plan import Plan
    from ...ports.database import Databases
    from ...ports.shadow import Shadows

T = TypeVar("T")
LOAD = "the load"
_NOTHING = timedelta()


class LoadWatch:
    """The samples of one run. Does nothing if the environment has no `performance`."""

    def __init__(self, request: Request, databases: Databases, shadows: Shadows | None, tell: Listener) -> None:
        self._request, self._databases, self._shadows, self._tell = request, databases, shadows, tell
        self._database = databases.of(request.environment)
        self._policy: PerformancePolicy | None = request.environment.performance
        self._first: Sample | None = None
        self._before: Sample | None = None
        self._after: Sample | None = None
        self._lost = ""
        """The reason for the first lost sample."""
        self._announced = False

    def begin(self) -> None:
        """Takes the first sample. The interval just before the migrations starts with this sample. Read-only."""
        if self._policy:
            self._first = self._sample(plans=False)

    def before(self, plan: Plan) -> None:
        """Waits until the policy's `before` has passed since the first sample. Takes and stores the second sample."""
        if self._policy is None or self._first is None:
            return
        if self._policy.before > _NOTHING:
            self._tell(LoadWatched(self._policy.before.total_seconds()))
            self._wait(self._first, self._policy.before)
        from ...core.performance.record import Moment

        self._before = self._sample()
        self._store(Moment.BEFORE, self._before, plan)

    def after(self, plan: Plan) -> None:
        """Takes and stores the sample right after the last migration."""
        if self._before:
            from ...core.performance.record import Moment

            self._after = self._sample(plans=False)
            self._store(Moment.AFTER, self._after, plan)

    def reported(self, outcome: Outcome) -> Outcome:
        """Waits until the end of `within`. Returns the outcome with the report on the load.

        Needs no run lock, because the migrations are already applied and recorded. Announces the outcome before the
        wait, because the process can be killed during the wait, and no later run would find that in the lease.
        """
        if self._policy is None or outcome.status is not Status.APPLIED:
            return outcome
        names = tuple(done.name for done in outcome.done)
        try:
            load = self._report(outcome, self._policy, names)
        except KeyboardInterrupt:
            what = "the run was asked to stop before the end of `within`"
            self._tell(LoadUnmeasured(what))
            from ...core.performance.assessment import unmeasured

            load = unmeasured(LOAD, what, names)
        return replace(outcome, load=load, announced=self._announced)

    def _report(self, outcome: Outcome, policy: PerformancePolicy, names: tuple[str, ...]) -> LoadReport:
        from ...core.performance.assessment import assess, unmeasured
        from ...core.performance.moments import Moments
        from ...core.performance.record import Moment
        from ...core.performance.sample import Blind

        if not (self._first and self._before and self._after):
            return unmeasured(LOAD, f"a sample is missing: {self._lost}", names)
        entries = self._try(self._newest_entry)
        self._announced = True
        self._tell(LoadWatched(policy.within.total_seconds(), outcome))
        self._wait(self._after, policy.within)
        end = self._sample()
        if end is None:
            return unmeasured(LOAD, f"the last sample is missing: {self._lost}", names)
        report = assess(Moments(self._first, self._before, self._after, end, policy), names)
        if self._try(self._newest_entry) != entries:
            other = Blind(LOAD, "another run changed the database while this run measured")
            report = replace(report, blind=(*report.blind, other))
        report = self._with_proposal(report, outcome.plan, policy)
        self._store(Moment.END, end, outcome.plan, report)
        return report

    def _with_proposal(self, report: LoadReport, plan: Plan, policy: PerformancePolicy) -> LoadReport:
        """Adds the commands of a rollback and its dry run's verdict, if `on_regression` is `propose`. Read-only."""
        from ...core.environment.performance_policy import OnRegression

        if policy.on_regression is not OnRegression.PROPOSE or not plan.steps or not report.regressions:
            return report
        from ...core.performance.assessment import with_proposal
        from ...report.outcome_text import outcome_verdict
        from ..rollback import RollbackExtent, show_rollback

        command = f"ctgitops rollback --env {plan.environment} --steps {len(plan.singles)}"
        shown = self._try(
            lambda: show_rollback(
                self._request,
                RollbackExtent(to=None, steps=len(plan.singles)),
                databases=self._databases,
                shadows=self._shadows,
            )
        )
        return with_proposal(report, (f"{command} --dry-run", command), outcome_verdict(shown) if shown else "")

    def _newest_entry(self) -> int:
        last = self._database.ledger().last
        return last.id if last else 0

    def _wait(self, since: Sample, time: timedelta) -> None:
        self._try(lambda: self._database.statistics().wait_until(since.at + time))

    def _sample(self, *, plans: bool = True) -> Sample | None:
        return self._try(lambda: self._database.statistics().sample(plans=plans))

    def _store(self, moment: Moment, sample: Sample | None, plan: Plan, report: LoadReport | None = None) -> None:
        if sample is None:
            return
        from ...core.performance.record import LoadRecord, stored_figures

        names = (*(step.name for step in plan.steps), *(seed.name for seed in plan.seeds))
        origin = self._request.origin
        record = LoadRecord(
            moment,
            sample.at,
            plan.environment,
            names,
            plan.fingerprint,
            report,
            stored_figures(sample),
            origin.run_url,
            origin.actor,
        )
        self._try(lambda: self._database.statistics().record(record))

    def _try(self, do: Callable[[], T]) -> T | None:
        """The result of `do`. After an error, reports the error and returns None."""
        try:
            return do()
        except CtgitopsError as error:
            self._lost = self._lost or error.what
            self._tell(LoadUnmeasured(error.what))
            return None
