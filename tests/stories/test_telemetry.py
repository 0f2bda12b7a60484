"""Traces of real runs, received by a collector."""

from __future__ import annotations

import pytest

from tests.notify.collector import attributes, collecting
from tests.stories.house import House

pytestmark = pytest.mark.slow


def test_an_apply_and_a_plan_are_traced_and_their_output_is_the_same(house: House, database_url: str) -> None:
    house.environment("staging", database_url, "shadow: {}\nbackup: {to: backups}\n")
    house.migration("001_t", "create table t (id int); insert into t values (4711);")
    with collecting() as collector:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        planned = house.run("plan", "--env", "staging", environ=variables)
        assert {"ctgitops plan", "plan", "trial"} == set(collector.names)
        assert (collector.parent("plan"), collector.parent("trial")) == ("ctgitops plan", "plan")
        collector.traces.clear()
        done = house.run("apply", "--env", "staging", environ=variables)
        names = {"ctgitops apply", "plan", "backup", "proof", "migration 001_t", "attempt"}
        assert set(collector.names) == names
        assert attributes(collector.span("migration 001_t"))["ctgitops.environment"] == "staging"
        sent = b"".join(collector.raw)
    assert (planned.status, done.status) == (0, 0)
    assert "telemetry" not in planned.said + done.said
    assert b"4711" not in sent
    for secret in house.secrets.values():
        assert secret.encode() not in sent


def test_a_failed_run_is_an_error_without_the_servers_message(house: House) -> None:
    house.migration("001_t", "create table t (id int primary key); insert into t values (4711), (4711);")
    with collecting() as collector:
        failed = house.run("apply", "--env", "staging", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        assert failed.status == 6
        assert collector.span("migration 001_t").status.code == 2
        assert attributes(collector.span("ctgitops apply"))["process.exit.code"] == 6
        assert b"4711" not in b"".join(collector.raw)


def test_a_collector_that_is_away_changes_neither_result_nor_output(house: House) -> None:
    house.migration("001_t", "create table t (id int);")
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    done = house.run("apply", "--env", "staging", "--format", "json", environ=away)
    assert (done.status, done.json["status"]) == (0, "applied")
    assert done.err.count("warning[telemetry]") == 1


def test_a_stopped_run_is_traced(house: House) -> None:
    house.migration("001_t", "select pg_sleep(60);")
    with collecting() as collector:
        running = house.start("apply", "--env", "staging", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        running.says("plan")
        running.terminate()
        assert running.ended().status == 130
        assert attributes(collector.span("ctgitops apply"))["process.exit.code"] == 130
