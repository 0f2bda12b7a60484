"""Renders schema differences, for `drift` and for `diff`."""

from __future__ import annotations

from ..core.ledger.drift_acceptance import change_data
from ..core.schema.compare import Changes
from ..core.view.drift import Drift, DriftLook
from ..core.view.preview import Unseen
from . import phrases
from .diff_lines import change_lines
from .escape import code, fence, plain
from .json import Object, dump, error_data
from .page import MAX
from .terminal_text import on_one_line
from .text_error import error_text, unseen_lines


def drift_text(looks: tuple[DriftLook, ...]) -> str:
    """Formats the drift of each environment for a terminal."""
    return "\n\n".join("\n".join(_text(look)) for look in looks) + "\n"


def _text(look: DriftLook) -> list[str]:
    if isinstance(look, Unseen):
        return unseen_lines(look, "NOT CHECKED, so drift is unknown")
    lines = [f"{look.environment.name}: {verdict(look)}", *_remarks(look)]
    if look.changes:
        lines += ["", "  - schema of its migrations, + schema of the database", "", *change_lines(look.changes), ""]
        lines += [f"  next: {line}" for line in what_next(look)]
    return lines


def verdict(look: Drift) -> str:
    """The verdict for one environment, as the first line."""
    if not look.changes:
        return f"no drift: its schema matches its {_migrations(look)}"
    return f"DRIFT: {phrases.count(len(look.changes), 'difference')} from the schema of its {_migrations(look)}"


def what_next(look: Drift) -> tuple[str, ...]:
    """The next steps after drift."""
    name = look.environment.name
    return (
        'keep it: add a migration that also runs where it already exists (`ctgitops new "…"`, IF NOT EXISTS)',
        "or undo it by hand",
        f"or ignore it: `drift: {{ignore: [NAME]}}` in environments/{name}.yaml",
    )


def _migrations(look: Drift) -> str:
    return phrases.count(look.migrations, "migration")


def _remarks(look: Drift) -> list[str]:
    counted = [(look.ignored, "ignored by its manifest"), (look.accepted, "accepted by its baseline")]
    told = [f"  {phrases.count(number, 'difference')} {what}" for number, what in counted if number]
    return told + [f"  not matched: {on_one_line(note)}" for note in look.unmatched]


def drift_markdown(looks: tuple[DriftLook, ...], *, longest: int = MAX) -> str:
    """Formats the drift of each environment for a summary or an issue."""
    each = longest // max(1, len(looks)) - 1000
    return "\n\n".join(_markdown(look, each) for look in looks) + "\n"


def _markdown(look: DriftLook, longest: int) -> str:
    if isinstance(look, Unseen):
        name = plain(look.environment.name)
        return f"### ⛔ {name}: not checked, so drift is unknown\n\n{fence(error_text(look.error), 'text')}"
    mark = "⚠️" if look.changes else "✅"
    parts = [f"### {mark} {plain(look.environment.name)}: {plain(verdict(look))}"]
    parts += ["\n".join(f"- {plain(line)}" for line in _remarks(look))] if _remarks(look) else []
    if look.changes:
        parts += ["`-` schema of its migrations, `+` schema of the database", diff_fence(look.changes, longest)]
        parts.append("\n".join(f"- {plain(line)}" for line in what_next(look)))
    return "\n\n".join(parts)


def diff_fence(changes: Changes, longest: int) -> str:
    """The changes in a `diff` block of at most about `longest` characters, with a note if changes are left out."""
    lines, size = change_lines(changes), 0
    for position, line in enumerate(lines):
        size += len(line) + 1
        if size > longest:
            lines = [*lines[:position], f"# … and {len(lines) - position} more lines"]
            break
    return str(fence("\n".join(lines), "diff"))


def drift_json(looks: tuple[DriftLook, ...]) -> str:
    """Formats the drift of each environment as JSON."""
    return dump({"environments": [_data(look) for look in looks]})


def _data(look: DriftLook) -> Object:
    if isinstance(look, Unseen):
        return {"environment": look.environment.name, "error": error_data(look.error)}
    return {
        "environment": look.environment.name,
        "drift": bool(look.changes),
        "migrations": look.migrations,
        "fingerprint": look.fingerprint,
        "ignored": look.ignored,
        "accepted": look.accepted,
        "unmatched": list(look.unmatched),
        "changes": [change_data(change) for change in look.changes],
    }


def diff_text(names: tuple[str, str], changes: Changes, notes: tuple[str, ...] = ()) -> str:
    """Formats the comparison of two schemas for a terminal."""
    lines = [*(f"not matched: {on_one_line(note)}" for note in notes)]
    if not changes:
        return "\n".join([*lines, f"{names[0]} and {names[1]} have the same schema"]) + "\n"
    lines += [f"{phrases.count(len(changes), 'difference')}: - {names[0]}, + {names[1]}", "", *change_lines(changes)]
    return "\n".join(lines) + "\n"


def diff_markdown(names: tuple[str, str], changes: Changes, notes: tuple[str, ...] = ()) -> str:
    """Formats the comparison of two schemas for a summary."""
    remarks = "".join(f"- not matched: {plain(note)}\n" for note in notes)
    if not changes:
        return f"{code(names[0])} and {code(names[1])} have the same schema\n{remarks}"
    head = f"{phrases.count(len(changes), 'difference')}: `-` {code(names[0])}, `+` {code(names[1])}"
    return f"{head}\n{remarks}\n{diff_fence(changes, MAX - 1000)}\n"


def diff_json(names: tuple[str, str], changes: Changes, notes: tuple[str, ...] = ()) -> str:
    """Formats the comparison of two schemas as JSON."""
    written = [change_data(change) for change in changes]
    return dump({"before": names[0], "after": names[1], "unmatched": list(notes), "changes": written})
