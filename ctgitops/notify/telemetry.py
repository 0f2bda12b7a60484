"""Sends traces and metrics of a run over OTLP, if OpenTelemetry's standard variables are set. Needs the extra `otel`.

OpenTelemetry is imported only if a variable names an endpoint. A collector that fails or hangs never changes the result
of a run.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import field
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..lazy import dataclass
from .telemetry_settings import endpoint, wants

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    from ..core.run.progress import Listener, Progress
    from .run_trace import RunTrace

LONGEST = 3.0
"""Maximum time in seconds for sending the remaining data at the end of a run."""
NOT_INSTALLED = "is set, and traces need the extra `otel`: pip install 'ctgitops[otel]'"
_PROTOCOL = "http/protobuf"


@dataclass
class Telemetry:
    """The telemetry of one run. Without an endpoint, every method does nothing."""

    trace: RunTrace | None = None
    providers: tuple[TracerProvider | MeterProvider, ...] = ()
    failures: list[str] = field(default_factory=list)
    """The messages of the exporters."""

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """The listener that records progress events as spans and metrics. Empty without an endpoint."""
        return (self._hear,) if self.trace else ()

    def _hear(self, progress: Progress) -> None:
        try:
            if self.trace:
                self.trace.hear(progress)
        except Exception as error:  # noqa: BLE001 - a trace never changes the result of a run
            self.failures.append(type(error).__name__)

    def block(self, name: str) -> AbstractContextManager[None]:
        """Records a block as a span."""
        return self.trace.block(name) if self.trace else nullcontext()

    def end(self, verb: str, status: int) -> None:
        """Ends the span of the run."""
        if self.trace:
            self.trace.end(verb, status)


OFF = Telemetry()
_current: list[Telemetry] = [OFF]


def current() -> Telemetry:
    """The telemetry of this process, which executes one run."""
    return _current[-1]


@contextmanager
def telemetry(environ: Mapping[str, str], warn: Callable[[str], None]) -> Iterator[Telemetry]:
    """Yields the telemetry of the run in the block. Sends the remaining data at the end, within LONGEST seconds."""
    made = _made(environ, warn)
    _current.append(made)
    try:
        yield made
    finally:
        _current.pop()
        if made.providers:
            _shut_down(made, warn)


def _made(environ: Mapping[str, str], warn: Callable[[str], None]) -> Telemetry:
    name = endpoint(environ)
    if not name:
        return OFF
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        warn(f"{name} {NOT_INSTALLED}")
        return OFF
    if (protocol := environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip()) not in {"", _PROTOCOL}:
        warn(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}; traces are sent as {_PROTOCOL}, usually to port 4318")
    try:
        return _started(environ)
    except Exception as error:  # noqa: BLE001 - a wrong variable must not end a run
        warn(f"traces and metrics are not sent: {type(error).__name__}; correct the variables that begin with OTEL_")
        return OFF


def _started(environ: Mapping[str, str]) -> Telemetry:
    from .run_trace import RunTrace

    made = Telemetry()
    _collect_messages(made.failures)
    resource = _resource(environ)
    traces, metrics = _traces(resource) if wants("TRACES", environ) else None, None
    if wants("METRICS", environ):
        metrics = _metrics(resource)
    made.trace = RunTrace(environ, traces, metrics)
    made.providers = tuple(each for each in (traces, metrics) if each is not None)
    return made


def _resource(environ: Mapping[str, str]) -> Resource:
    from opentelemetry.sdk.resources import Resource

    from .. import __version__

    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    name = {} if named else {"service.name": "ctgitops"}
    return Resource.create({**name, "service.version": __version__})


def _traces(resource: Resource) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _metrics(resource: Resource) -> MeterProvider:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    return MeterProvider([reader], resource=resource, shutdown_on_exit=False)


def _collect_messages(failures: list[str]) -> None:
    """Prevents the exporters from writing messages to standard error. One warning at the end replaces the messages."""

    import logging

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            failures.append(record.getMessage())

    log = logging.getLogger("opentelemetry")
    log.handlers, log.propagate = [Kept(logging.WARNING)], False


def _shut_down(made: Telemetry, warn: Callable[[str], None]) -> None:
    """Sends the remaining data in separate threads, because an exporter may exceed its time limit."""
    threads = [threading.Thread(target=each.shutdown, daemon=True) for each in made.providers]
    for thread in threads:
        thread.start()
    left = LONGEST
    for thread in threads:
        began = os.times().elapsed
        thread.join(left)
        left = max(0.0, left - (os.times().elapsed - began))
    if any(thread.is_alive() for thread in threads):
        warn(f"traces and metrics are incomplete: the collector did not answer within {LONGEST:.0f} s")
    elif made.failures:
        warn("traces and metrics are incomplete: the collector did not accept them")
