"""Whether OpenTelemetry's standard variables request traces and metrics. Imports nothing from OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SIGNALS = ("TRACES", "METRICS")


def endpoint(environ: Mapping[str, str]) -> str:
    """The first variable that names an endpoint. Empty if there is none, or if the variables disable sending."""
    return next((_endpoint_of(signal, environ) for signal in _SIGNALS if wants(signal, environ)), "")


def wants(signal: str, environ: Mapping[str, str]) -> bool:
    """Whether the variables request `signal`, which is `TRACES` or `METRICS`."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().casefold() == "true":
        return False
    return bool(_endpoint_of(signal, environ)) and environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip() != "none"


def _endpoint_of(signal: str, environ: Mapping[str, str]) -> str:
    names = (_ENDPOINT, f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return next((name for name in names if environ.get(name, "").strip()), "")
