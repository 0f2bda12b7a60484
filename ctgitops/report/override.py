"""Renders an override: the gates that a person overrode, the reason, and the waits that the run ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from . import escape
from .terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.gate.override import UsedOverride


def override_lines(used: UsedOverride | None) -> tuple[str, ...]:
    """The override as lines of plain text. Empty without an override."""
    if used is None:
        return ()
    waits = (f"    ignored[{wait.gate}]: {on_one_line(wait.what)}" for wait in used.waits)
    return ("", f"  OVERRIDE: {on_one_line(used.text)}", *waits)


def override_markdown(used: UsedOverride | None) -> Markup:
    """The override as one line of Markdown. Empty without an override."""
    if used is None:
        return Markup()
    waits = "; ".join(wait.what for wait in used.waits)
    return Markup("🔓 <b>OVERRIDE</b>: {} <br>Ignored: {}").format(escape.prose(used.text), escape.prose(waits))


def override_data(used: UsedOverride | None) -> dict[str, Any] | None:
    """The override as a JSON object. None without an override."""
    if used is None:
        return None
    return {
        "gates": list(used.gates),
        "reason": used.reason,
        "waits": [{"gate": wait.gate, "what": wait.what} for wait in used.waits],
        "actor": used.actor or None,
        "at": used.at.isoformat() if used.at else None,
        "run_url": used.run_url or None,
    }
