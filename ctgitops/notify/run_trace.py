"""Records the progress events of a run as OpenTelemetry spans and metrics.

Attributes contain names, numbers and durations. They contain no SQL, no message of the server and no data of a row.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider, Span, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..core.run import backup_progress as backup_events
from ..core.run import progress as events
from .event_fields import environment_of, fields_of, name_of, step_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from ..core.run.progress import Progress

SCOPE = "ctgitops"
_MARKS = (
    events.LockAwaited,
    events.OrphanAwaited,
    events.PreflightAwaited,
    events.BlockersAwaited,
    events.StatementFinished,
    events.BuildsStarted,
    events.BatchPaused,
    events.StepResumed,
    events.LeftoverHealed,
    events.BackendAwaited,
    backup_events.RecoveryPointTaken,
    events.RollbackStarted,
    events.HealthWatched,
    events.GatesOverridden,
    events.LoadWatched,
)
"""Events that are recorded on the current span, and that neither begin nor end a span."""


class RunTrace:
    """The open spans of one run, and its metrics. Several threads can pass events, but not at the same time."""

    def __init__(
        self, environ: Mapping[str, str], tracers: TracerProvider | None, meters: MeterProvider | None
    ) -> None:
        self._tracer = (tracers or NoOpTracerProvider()).get_tracer(SCOPE)
        carrier = {name.lower(): environ.get(name, "") for name in ("TRACEPARENT", "TRACESTATE")}
        parent = TraceContextTextMapPropagator().extract({k: v for k, v in carrier.items() if v})
        self._run = self._tracer.start_span("ctgitops", parent, attributes=_of_runner(environ))
        self._began = time.monotonic()
        self._since = time.time_ns()
        """The end of the previous part of the run. The plan of the next environment starts at this time."""
        self._open: dict[str, Span] = {}
        self._environment = ""
        meter = (meters or NoOpMeterProvider()).get_meter(SCOPE)
        self._runs = meter.create_histogram("ctgitops.run.duration", "s", "Duration of a run")
        self._steps = meter.create_histogram("ctgitops.migration.duration", "s", "Duration of a migration")
        self._backups = meter.create_histogram(
            "ctgitops.backup.duration", "s", "Duration of a backup and its verification"
        )
        self._bytes = meter.create_histogram("ctgitops.backup.size", "By", "Size of a backup")
        self._retries = meter.create_counter(
            "ctgitops.lock.retries", "{retry}", "Attempts that reached `timeouts.lock`"
        )

    def hear(self, progress: Progress) -> None:
        """Records one event."""
        self._environment = environment_of(progress) or self._environment
        if isinstance(progress, events.PlanStarted):
            self._planned(progress)
        elif isinstance(progress, backup_events.BackupAdvanced | backup_events.BackupTaken):
            self._backed_up(progress)
        elif isinstance(progress, _MARKS):
            innermost = next(reversed(self._open.values()), self._run)
            innermost.add_event(name_of(progress), self._attributes(progress))
        else:
            self._worked(progress)

    @contextmanager
    def block(self, name: str) -> Iterator[None]:
        """Records a block as a span. An error ends the span with the status ERROR, without the text of the error.

        During a plan, the span is a child of the plan's span.
        """
        span = self._tracer.start_span(name, self._under("plan"), attributes=self._common())
        outermost = self._open.setdefault(name, span) is span
        try:
            yield
        except BaseException:
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()
            if outermost:
                self._open.pop(name, None)

    def end(self, verb: str, status: int) -> None:
        """Ends all spans. A span that is still open was interrupted by an error."""
        for name in reversed(list(self._open)):
            self._close(name, failed=status != 0)
        self._run.update_name(f"ctgitops {verb}".rstrip())
        self._run.set_attributes({"ctgitops.verb": verb, "process.exit.code": status})
        if self._environment:
            self._run.set_attribute("ctgitops.environment", self._environment)
        self._run.set_status(StatusCode.ERROR if status else StatusCode.OK)
        self._run.end()
        labels = {"ctgitops.verb": verb, "ctgitops.environment": self._environment}
        self._runs.record(time.monotonic() - self._began, {**labels, "process.exit.code": status})

    def _planned(self, progress: events.PlanStarted) -> None:
        span = self._tracer.start_span(
            "plan", self._under("run"), attributes=self._attributes(progress), start_time=self._since
        )
        span.end()

    def _backed_up(self, progress: backup_events.BackupAdvanced | backup_events.BackupTaken) -> None:
        if isinstance(progress, backup_events.BackupTaken):
            self._close("proof")
            if "backup" in self._open:
                self._open["backup"].set_attributes(self._attributes(progress))
            self._close("backup")
            receipt, labels = progress.receipt, {"ctgitops.environment": progress.receipt.environment}
            self._backups.record((receipt.finished_at - receipt.started_at).total_seconds(), labels)
            self._bytes.record(sum(each.bytes for each in receipt.files.values()), labels)
            return
        self._start("backup", "run")
        if progress.phase is backup_events.BackupPhase.PROOF:
            self._start("proof", "backup")
        else:
            self._close("proof")

    def _worked(self, progress: Progress) -> None:
        step = step_of(progress)
        if isinstance(progress, events.SeedFinished):
            began = time.time_ns() - progress.millis * 1_000_000
            attributes = self._attributes(progress)
            self._tracer.start_span("seed", self._under("run"), attributes=attributes, start_time=began).end()
        elif isinstance(progress, events.StepStarted) and step:
            self._start("migration", "run", f"migration {step.name}")
            self._open["migration"].set_attributes(self._attributes(progress))
            self._start("attempt", "migration")
        elif isinstance(progress, events.StepWaited):
            self._close("attempt", failed=True)
            self._retries.add(1, self._labels(progress))
            self._start("attempt", "migration")
            self._open["attempt"].set_attribute("ctgitops.attempt", progress.attempt + 1)
        elif isinstance(progress, events.StepFinished | events.CommitAwaited):
            self._close("attempt")
            self._close("migration")
            self._steps.record(progress.millis / 1000, self._labels(progress))

    def _start(self, name: str, under: str, title: str = "") -> None:
        if name not in self._open:
            parent = self._under(under)
            self._open[name] = self._tracer.start_span(title or name, parent, attributes=self._common())

    def _close(self, name: str, *, failed: bool = False) -> None:
        if span := self._open.pop(name, None):
            if failed:
                span.set_status(StatusCode.ERROR)
            span.end()
        self._since = time.time_ns()

    def _under(self, name: str) -> Context:
        return trace.set_span_in_context(self._open.get(name, self._run))

    def _common(self) -> dict[str, str]:
        named = {"ctgitops.environment": self._environment} if self._environment else {}
        return {"db.system.name": "postgresql", **named}

    def _labels(self, progress: Progress) -> dict[str, str]:
        step = step_of(progress)
        return {**self._common(), **({"ctgitops.direction": step.direction.value} if step else {})}

    def _attributes(self, progress: Progress) -> dict[str, str | int | float | bool | list[str] | list[int]]:
        step = step_of(progress)
        named = {"ctgitops.migration": step.name, "ctgitops.migration.number": step.number} if step else {}
        found = {f"ctgitops.{name}": value for name, value in fields_of(progress).items() if value is not None}
        return {**self._common(), **named, **found}


def _of_runner(environ: Mapping[str, str]) -> dict[str, str]:
    """The attributes that identify the workflow run. Empty outside a workflow."""
    server, repository, run = (environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    if not run:
        return {}
    return {"cicd.pipeline.run.id": run, "cicd.pipeline.run.url.full": f"{server}/{repository}/actions/runs/{run}"}
