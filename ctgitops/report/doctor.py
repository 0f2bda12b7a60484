"""Renders the results of `doctor` as text for 80 columns, Markdown and JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from ..core.doctor.diagnosis import Checkup, CheckVerdict, Diagnosis
from .escape import code, fence, prose
from .json import Object, dump
from .phrases import count
from .terminal_text import on_one_line

REPOSITORY = "repository"
"""The heading of results that belong to no environment."""
WIDTH = 80
_INDENT = " " * 11


def verdict(results: Iterable[Diagnosis]) -> str:
    """The verdict about some results, in one line. An unknown result is never a success."""
    checkup = Checkup(tuple(results))
    problems, unknown = checkup.count(CheckVerdict.PROBLEM), checkup.count(CheckVerdict.UNKNOWN)
    found = [count(problems, "problem")] if problems else []
    found += [f"{unknown} unknown"] if unknown else []
    return ", ".join(found) or f"no problems ({count(len(checkup.results), 'result')})"


def doctor_text(checkup: Checkup) -> str:
    """Formats the results for a terminal. Does not wrap a fix, which users copy."""
    lines: list[str] = []
    for subject in checkup.subjects:
        results = checkup.of(subject)
        lines += [f"{subject or REPOSITORY}: {verdict(results)}", *_lines(results), ""]
    return "\n".join([*lines, f"In total: {verdict(checkup.results)}"]) + "\n"


def _lines(results: tuple[Diagnosis, ...]) -> Iterator[str]:
    for kind, group in groupby(results, key=lambda each: each.verdict):
        if kind is CheckVerdict.OK:
            yield from _wrapped("ok", ", ".join(dict.fromkeys(each.check for each in group)))
        elif kind is CheckVerdict.UNKNOWN:
            yield from _unknown(tuple(group))
        else:
            for each in group:
                yield from _wrapped(kind.value, f"{each.check}: {each.what}")
                yield from _wrapped("", f"why: {each.why}") if each.why else ()
                yield from _fix(each.fix)


def _unknown(results: tuple[Diagnosis, ...]) -> Iterator[str]:
    """The lines about checks with an unknown result. Checks that failed to run for the same reason share lines."""
    reasons = dict.fromkeys((each.what, each.fix) for each in results)
    for what, fix in reasons:
        same = ", ".join(each.check for each in results if (each.what, each.fix) == (what, fix))
        yield from _wrapped(CheckVerdict.UNKNOWN.value, f"{same}: {what}")
        yield from _fix(fix)


def _fix(fix: str) -> Iterator[str]:
    for number, line in enumerate(fix.split("\n") if fix else ()):
        yield f"{_INDENT}{'     ' if number else 'fix: '}{on_one_line(line)}"


def _wrapped(label: str, text: str) -> list[str]:
    first = f"  {label:<9}"
    return textwrap.wrap(
        on_one_line(text), WIDTH, initial_indent=first, subsequent_indent=_INDENT, break_on_hyphens=False
    )


def doctor_markdown(checkup: Checkup) -> str:
    """Formats the results for a summary."""
    parts = [f"### Doctor: {verdict(checkup.results)}"]
    for subject in checkup.subjects:
        results = checkup.of(subject)
        parts.append(f"#### {code(subject) if subject else REPOSITORY}: {verdict(results)}")
        parts += [_item(each) for each in results if each.verdict is not CheckVerdict.OK]
        well = ", ".join(dict.fromkeys(code(each.check) for each in results if each.verdict is CheckVerdict.OK))
        parts += [f"ok: {well}"] if well else []
    return "\n\n".join(parts) + "\n"


def _item(each: Diagnosis) -> str:
    said = "<br>".join(prose(text) for text in (each.what, each.why) if text)
    item = f"**{each.verdict.value}** {code(each.check)}: {said}"
    return f"{item}\n\n{fence(each.fix, 'sh')}" if each.fix else item


def doctor_json(checkup: Checkup) -> str:
    """Formats the results as JSON."""
    return dump(
        {
            "exit_status": checkup.exit_status,
            "problems": checkup.count(CheckVerdict.PROBLEM),
            "unknown": checkup.count(CheckVerdict.UNKNOWN),
            "results": [_data(each) for subject in checkup.subjects for each in checkup.of(subject)],
        }
    )


def _data(each: Diagnosis) -> Object:
    return {
        "environment": each.subject or None,
        "family": each.family,
        "check": each.check,
        "verdict": each.verdict.value,
        "what": each.what,
        "why": each.why,
        "fix": each.fix,
    }
