"""Whether OpenTelemetry's standard variables ask for traces and metrics. Imports nothing of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping

_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)


def endpoint(environ: Mapping[str, str]) -> str:
    """The first variable that names an endpoint. Empty if there is none, or if OTEL_SDK_DISABLED is true."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().casefold() == "true":
        return ""
    return next((name for name in _ENDPOINTS if environ.get(name, "").strip()), "")
