"""A collector on loopback with OTLP over HTTP: keeps what it is sent, or misbehaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def plain(value: Any) -> Any:
    """The Python value of an attribute."""
    kind = value.WhichOneof("value")
    return [plain(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


def attributes(of: Any) -> dict[str, Any]:
    """The attributes of a span, an event, a data point or a resource."""
    return {each.key: plain(each.value) for each in of.attributes}


class Collector:
    """What arrived, and how it answers: with a status, or not at all until `ended`."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.hangs = False
        self.ended = threading.Event()
        self.raw: list[bytes] = []
        self.traces: list[Any] = []
        self.metrics: list[Any] = []
        self.headers: list[dict[str, str]] = []

    @property
    def spans(self) -> list[Any]:
        return [span for sent in self.traces for r in sent.resource_spans for s in r.scope_spans for span in s.spans]

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def span(self, name: str) -> Any:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def parent(self, name: str) -> str:
        """The name of a span's parent. Empty for a root or a parent elsewhere."""
        by_id: dict[bytes, str] = {span.span_id: span.name for span in self.spans}
        return by_id.get(self.span(name).parent_span_id, "")

    @property
    def resource(self) -> dict[str, Any]:
        return attributes(self.traces[0].resource_spans[0].resource)

    @property
    def instruments(self) -> dict[str, Any]:
        return {
            m.name: m
            for sent in self.metrics
            for r in sent.resource_metrics
            for s in r.scope_metrics
            for m in s.metrics
        }


@contextmanager
def collecting() -> Iterator[Collector]:
    """Serves until the block ends."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if collector.hangs:
                collector.ended.wait(60)
                return
            collector.raw.append(body)
            collector.headers.append({name.lower(): value for name, value in self.headers.items()})
            if self.path.endswith("/v1/traces"):
                collector.traces.append(ExportTraceServiceRequest.FromString(body))
            else:
                collector.metrics.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
