"""Renders schema differences, for `drift` and for `diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.ledger.drift_acceptance import change_data
from ..core.view.preview import NotPlanned
from . import phrases
from .diff_lines import change_lines
from .escape import code, fence, plain, prose
from .json import Object, dump, error_data
from .page import MAX
from .predecessor_comparison import (
    comparison_data,
    comparison_next,
    comparison_remarks,
    comparison_sides,
    comparison_verdict,
)
from .terminal_text import on_one_line
from .text_error import error_text, unseen_lines

if TYPE_CHECKING:
    from ..core.schema.compare import Changes
    from ..core.view.drift import Drift, DriftResult, PredecessorComparison


def drift_text(results: tuple[DriftResult, ...]) -> str:
    """Formats the drift of each environment for a terminal."""
    return "\n\n".join("\n".join(_text(result)) for result in results) + "\n"


def _text(result: DriftResult) -> list[str]:
    if isinstance(result, NotPlanned):
        return unseen_lines(result, "NOT CHECKED, so drift is unknown")
    name = result.environment.name
    lines = [f"{name}: {whole_verdict(result)}", *(f"  {remark}" for remark in _remarks(result))]
    if result.changes:
        lines += ["", "  - schema of the migrations, + schema of the database", "", *change_lines(result.changes), ""]
        lines += [f"  next: {line}" for line in what_next(result)]
    compared = _compared(name, result.comparison) if result.comparison else []
    return [*lines, *([""] if result.changes and compared else []), *compared]


def _compared(name: str, found: PredecessorComparison) -> list[str]:
    lines = [f"  {remark}" for remark in comparison_remarks(name, found)]
    if found.changes:
        before, after = comparison_sides(name, found)
        lines += ["", f"  - {before}, + {after}", "", *change_lines(found.changes), ""]
    return lines + [f"  next: {line}" for line in comparison_next(name, found)]


def verdict(result: Drift) -> str:
    """The verdict for one environment, which is the first line."""
    if not result.changes:
        return f"no drift: the schema matches {_ledger(result)}"
    return f"DRIFT: {phrases.count(len(result.changes), 'difference')} from {_ledger(result)}"


def whole_verdict(result: Drift) -> str:
    """The verdict for one environment, with that of the comparison with its predecessor."""
    if result.comparison is None:
        return verdict(result)
    return f"{verdict(result)}; {comparison_verdict(result.comparison)}"


def what_next(result: Drift) -> tuple[str, ...]:
    """What to do about drift: keep the difference, undo it, or ignore the object."""
    name = result.environment.name
    return (
        'to keep it, add a migration that also runs where the object exists (`ctgitops new "…"`, IF NOT EXISTS)',
        "to undo it, change the database by hand",
        f"to ignore it, set `drift: {{ignore: [NAME]}}` in environments/{name}.yaml",
    )


def _ledger(result: Drift) -> str:
    if not result.migrations:
        return "an empty schema, because no migration is applied"
    return f"the {phrases.count(result.migrations, 'migration')} in the ledger"


def _remarks(result: Drift) -> list[str]:
    counted = [(result.ignored, "ignored by its manifest"), (result.accepted, "accepted by its baseline")]
    texts = [f"{phrases.count(number, 'difference')} {what}" for number, what in counted if number]
    return texts + [f"not matched: {on_one_line(note)}" for note in result.unmatched]


def drift_markdown(results: tuple[DriftResult, ...], *, longest: int = MAX) -> str:
    """Formats the drift of each environment for a summary or an issue."""
    each = longest // max(1, len(results)) - 1000
    return "\n\n".join(_markdown(result, each) for result in results) + "\n"


def _markdown(result: DriftResult, longest: int) -> str:
    if isinstance(result, NotPlanned):
        name = plain(result.environment.name)
        return f"### ⛔ {name}: not checked, so drift is unknown\n\n{fence(error_text(result.error), 'text')}"
    return "\n\n".join(_parts(result, longest))


def _parts(result: Drift, longest: int) -> list[str]:
    name = result.environment.name
    parts = [f"### {_mark(result)} {plain(name)}: {plain(whole_verdict(result))}"]
    parts += ["\n".join(f"- {prose(line)}" for line in _remarks(result))] if _remarks(result) else []
    longest //= 2 if result.comparison and result.comparison.changes else 1
    if result.changes:
        parts += ["`-` schema of the migrations, `+` schema of the database", diff_fence(result.changes, longest)]
        parts.append("\n".join(f"- {prose(line)}" for line in what_next(result)))
    return parts + (_compared_markdown(name, result.comparison, longest) if result.comparison else [])


def _mark(result: Drift) -> str:
    if result.changes or (result.comparison and result.comparison.changes):
        return "⚠️"
    if result.comparison and result.comparison.error:
        return "❔" if result.comparison.optional else "⛔"
    return "✅"


def _compared_markdown(name: str, found: PredecessorComparison, longest: int) -> list[str]:
    remarks, steps = comparison_remarks(name, found), comparison_next(name, found)
    parts: list[str] = ["\n".join(f"- {prose(line)}" for line in remarks)] if remarks else []
    if found.changes:
        before, after = comparison_sides(name, found)
        parts += [str(plain(f"- {before}, + {after}")), diff_fence(found.changes, longest)]
    return parts + (["\n".join(f"- {prose(line)}" for line in steps)] if steps else [])


def diff_fence(changes: Changes, longest: int) -> str:
    """The changes in a `diff` code block of at most about `longest` characters. A note says if changes are left out."""
    lines, size = change_lines(changes), 0
    for position, line in enumerate(lines):
        size += len(line) + 1
        if size > longest:
            lines = [*lines[:position], f"# … and {len(lines) - position} more lines"]
            break
    return str(fence("\n".join(lines), "diff"))


def drift_json(results: tuple[DriftResult, ...]) -> str:
    """Formats the drift of each environment as JSON."""
    return dump({"environments": [_data(result) for result in results]})


def _data(result: DriftResult) -> Object:
    if isinstance(result, NotPlanned):
        return {"environment": result.environment.name, "error": error_data(result.error)}
    return {
        "environment": result.environment.name,
        "drift": bool(result.changes),
        "migrations": result.migrations,
        "fingerprint": result.fingerprint,
        "ignored": result.ignored,
        "accepted": result.accepted,
        "unmatched": list(result.unmatched),
        "changes": [change_data(change) for change in result.changes],
        "predecessor": comparison_data(result.comparison) if result.comparison else None,
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
