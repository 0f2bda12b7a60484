"""Traces and metrics of events, received by a collector."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

import pytest

from ctgitops.core.gate.override import OverriddenWait, UsedOverride
from ctgitops.core.run import backup_progress as backup_events
from ctgitops.core.run import progress as events
from ctgitops.notify import telemetry as module
from ctgitops.notify.listeners import listeners
from ctgitops.notify.telemetry import OFF, Telemetry, current, telemetry
from ctgitops.notify.telemetry_settings import endpoint
from tests.fakes import receipt
from tests.notify.collector import Collector, attributes, collecting
from tests.notify.test_console import step
from tests.notify.test_json_lines import EVERY, PLAN, WHO

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        yield running


def told(
    collector: Collector, *told_events: events.Progress, status: int = 0, environ: Mapping[str, str] | None = None
) -> list[str]:
    """Tells the events as a run does. Returns the warnings."""
    warnings: list[str] = []
    names = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **(environ or {})}
    with telemetry(names, warnings.append) as made:
        tell = listeners()
        for each in told_events:
            tell(each)
        made.end("apply", status)
    return warnings


RUN = (
    events.PlanStarted(PLAN),
    backup_events.BackupAdvanced("dumping"),
    backup_events.BackupAdvanced("restoring", backup_events.BackupPhase.PROOF),
    backup_events.BackupAdvanced("restored", backup_events.BackupPhase.PROOF),
    backup_events.BackupAdvanced("storing"),
    backup_events.BackupTaken(receipt()),
    events.StepStarted(step(), 1, 1),
    events.BlockersAwaited(step(), (WHO,)),
    events.StepWaited(step(), 1, 0.2),
    events.StepFinished(step(), 1200, 1, 1),
    events.SeedFinished("seeds/staging/a.sql", 4),
)


def test_a_run_is_a_tree_of_spans(collector: Collector) -> None:
    assert told(collector, *RUN) == []
    parents = {name: collector.parent(name) for name in set(collector.names) - {"attempt"}}
    assert parents == {
        "ctgitops apply": "",
        "plan": "ctgitops apply",
        "backup": "ctgitops apply",
        "proof": "backup",
        "migration 002_extended_schema": "ctgitops apply",
        "seed": "ctgitops apply",
    }
    first, second = sorted((s for s in collector.spans if s.name == "attempt"), key=lambda s: s.start_time_unix_nano)
    assert {first.parent_span_id, second.parent_span_id} == {collector.span("migration 002_extended_schema").span_id}
    assert (first.status.code, second.status.code) == (2, 0), "the first attempt reached its lock timeout"
    assert [event.name for event in first.events] == ["blockers-awaited"]
    assert collector.span("ctgitops apply").status.code == 1
    assert attributes(collector.span("migration 002_extended_schema"))["ctgitops.migration.number"] == 2
    assert collector.resource["service.name"] == "ctgitops"
    for span in collector.spans:
        assert span.start_time_unix_nano <= span.end_time_unix_nano


def test_the_run_has_its_override_and_its_measurement_without_the_reason(collector: Collector) -> None:
    used = UsedOverride((OverriddenWait("freeze", "closed for the sale"),), "orders fail", "anna")
    assert told(collector, events.GatesOverridden(PLAN, used), events.LoadWatched(10.0)) == []
    run = collector.span("ctgitops apply")
    assert [event.name for event in run.events] == ["gates-overridden", "load-watched"]
    assert "orders fail" not in str(run)
    assert "closed for the sale" not in str(run)


def test_metrics_have_durations_and_retries(collector: Collector) -> None:
    told(collector, *RUN)
    assert set(collector.instruments) == {
        "ctgitops.run.duration",
        "ctgitops.migration.duration",
        "ctgitops.backup.duration",
        "ctgitops.backup.size",
        "ctgitops.lock.retries",
    }
    (point,) = collector.instruments["ctgitops.migration.duration"].histogram.data_points
    assert (point.sum, attributes(point)["ctgitops.direction"]) == (1.2, "apply")
    (retries,) = collector.instruments["ctgitops.lock.retries"].sum.data_points
    assert retries.as_int == 1


def test_the_trace_continues_that_of_the_runner(collector: Collector) -> None:
    told(collector, *RUN, environ={"TRACEPARENT": f"00-{TRACE}-{PARENT}-01"})
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert collector.span("ctgitops apply").parent_span_id.hex() == PARENT


def test_a_malformed_trace_context_begins_a_trace(collector: Collector) -> None:
    assert told(collector, *RUN, environ={"TRACEPARENT": "00-nonsense"}) == []
    assert collector.span("ctgitops apply").parent_span_id == b""


def test_what_a_failed_run_left_open_ends_with_an_error(collector: Collector) -> None:
    told(collector, events.PlanStarted(PLAN), events.StepStarted(step(), 1, 1), status=6)
    names = ("ctgitops apply", "migration 002_extended_schema", "attempt")
    assert [collector.span(name).status.code for name in names] == [2, 2, 2]
    assert attributes(collector.span("ctgitops apply"))["process.exit.code"] == 6


def test_no_event_leaks_a_literal_a_message_or_a_secret(collector: Collector) -> None:
    told(collector, *EVERY, environ={"STAGING_DATABASE_URL": "postgresql://u:geheim-1@h/d"})
    sent = b"".join(collector.raw)
    assert len(collector.names) > 3
    for hidden in (b"hunter2", b"geheim-1", b"returned 4", b"select 1", b"dropped the invalid index"):
        assert hidden not in sent


@pytest.mark.parametrize(
    ("environ", "service"),
    [
        ({"OTEL_SERVICE_NAME": "db"}, "db"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=from-resource,team=a"}, "from-resource"),
    ],
)
def test_the_service_has_the_name_of_the_variable(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], service: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    told(collector, *RUN, environ=environ)
    assert collector.resource["service.name"] == service


def test_headers_of_the_variable_are_sent(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
    told(collector, *RUN)
    assert collector.headers[0]["x-key"] == "abc"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_SDK_DISABLED": "TRUE"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
    ],
)
def test_without_an_endpoint_or_when_disabled_nothing_is_set_up(environ: dict[str, str]) -> None:
    assert endpoint(environ) == ""
    with telemetry(environ, pytest.fail) as made:
        assert made is OFF
        assert current().listeners == ()


def test_only_the_signal_with_an_endpoint_is_sent(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/v1/traces")
    names = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces"}
    with telemetry(names, pytest.fail) as made:
        made.end("apply", 0)
    assert (collector.names, collector.metrics) == (["ctgitops apply"], [])


def test_variables_without_the_extra_are_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    warnings: list[str] = []
    with telemetry({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, warnings.append) as made:
        assert made is OFF
    assert warnings == [
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, and traces need the extra `otel`: pip install 'ctgitops[otel]'"
    ]


def test_a_protocol_that_is_not_supported_is_a_warning(collector: Collector) -> None:
    (warning,) = told(collector, *RUN, environ={"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert "OTEL_EXPORTER_OTLP_PROTOCOL is grpc" in warning


def test_a_bug_in_the_trace_does_not_reach_the_run() -> None:
    class Broken:
        def hear(self, _: object) -> None:
            raise ValueError

    made = Telemetry(Broken())  # type: ignore[arg-type]
    made.listeners[0](events.LockAwaited("x"))
    assert made.failures == ["ValueError"]


@pytest.mark.slow
@pytest.mark.parametrize("status", [0, 500, 404])
def test_a_collector_that_hangs_or_fails_costs_a_few_seconds_and_one_warning(collector: Collector, status: int) -> None:
    collector.hangs, collector.status = status == 0, status or 200
    began = time.monotonic()
    (warning,) = told(collector, *RUN)
    assert time.monotonic() - began < module.LONGEST + 2
    assert "traces and metrics are incomplete" in warning


@pytest.mark.slow
def test_a_start_without_variables_imports_nothing_of_opentelemetry() -> None:
    script = (
        "import sys; sys.argv = ['ctgitops', 'check']\n"
        "import ctgitops.cli.main, ctgitops.cli.read_write, ctgitops.notify.listeners, ctgitops.wiring.wiring\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
