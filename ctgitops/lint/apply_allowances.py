"""Applies allowances to findings, and reports allowances that are unused, expired or invalid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from ..core.workspace.finding import Finding, Severity
from ..errors import Place
from .allowance import Allowance
from .registry import rule_named


def judged(
    path: str,
    found: Iterable[Finding],
    allowed: tuple[Allowance, ...],
    severities: Mapping[str, str],
    today: date,
) -> tuple[Finding, ...]:
    """Returns the findings that no allowance covers, plus findings for unused, expired or invalid allowances."""
    standing, used = [], set()
    for finding in found:
        by = [a for a in allowed if _allows(a, finding)]
        used |= set(by)
        if not any(not a.expired(today) for a in by):
            standing.append(finding)
    return (*standing, *_about(path, allowed, used, severities, today))


def _allows(allowance: Allowance, finding: Finding) -> bool:
    line = finding.place.line or 0
    return not allowance.fault and allowance.rule == finding.rule and allowance.first <= line <= allowance.last


def _about(
    path: str, allowed: tuple[Allowance, ...], used: set[Allowance], severities: Mapping[str, str], today: date
) -> Iterator[Finding]:
    for each in allowed:
        if each.fault:
            yield from _finding("bad-allowance", each.fault, Place(path, each.line, 1), severities)
        elif each not in used and severities.get(each.rule) != Severity.OFF:
            what = f"nothing here needs `allow {each.rule}`"
            yield from _finding("unused-allowance", what, Place(path, each.line, 1), severities)
        elif each in used and each.expired(today):
            whose = f", which {each.owner} wanted to look at by then" if each.owner else ""
            what = f"`allow {each.rule}` ended on {each.until}{whose}"
            yield from _finding("expired-allowance", what, Place(path, each.line, 1), severities)


def _finding(identity: str, what: str, place: Place, severities: Mapping[str, str]) -> Iterator[Finding]:
    rule = rule_named(identity)
    severity = Severity(severities.get(identity, rule.severity if rule else Severity.WARNING))
    if rule and severity is not Severity.OFF:
        yield Finding(rule.id, severity, what, place, rule.why, rule.instead, last_line=place.line)
