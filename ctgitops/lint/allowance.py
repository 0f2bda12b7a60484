"""Allowances suppress a finding: `-- ctgitops: allow RULE (reason) until 2027-01-31 by owner`.

An allowance that is unused, expired or invalid is a finding itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING

from ..core.workspace.finding import Finding, Severity
from ..errors import Place
from ..lazy import dataclass, regex
from ..sql.tokens import Kind, tokens
from .registry import nearest, rule_named

if TYPE_CHECKING:
    from ..sql.script import Script

UNUSED = "unused-allowance"
_LINE = regex(r"--[ \t]*ctgitops:[ \t]*allow\b(.*)", re.IGNORECASE)
_BODY = regex(
    r"\s+(?P<rule>[a-z][a-z0-9-]*)\s*\((?P<reason>[^()]*(?:\([^()]*\)[^()]*)*)\)\s*"
    r"(?:until\s+(?P<until>\S+)\s*)?(?:by\s+(?P<owner>\S.*?)\s*)?"
)


@dataclass(frozen=True)
class Allowance:
    """One allowance comment."""

    rule: str
    reason: str
    line: int
    first: int
    """The first line of the statement around or after the comment. The allowance applies to this statement.

    `last` is the statement's last line.
    """
    last: int
    until: date | None = None
    owner: str = ""
    fault: str = ""
    """Why the allowance is invalid. Empty if the allowance is valid."""

    def expired(self, today: date) -> bool:
        """Whether the `until` date is in the past."""
        return self.until is not None and self.until < today


def allowances(script: Script, spans: list[tuple[int, int]]) -> tuple[Allowance, ...]:
    """The allowances in a file. `spans` are the start and end of each statement, in characters."""
    return tuple(_allowances(script, spans)) if "allow" in script.sql else ()


def _allowances(script: Script, spans: list[tuple[int, int]]) -> Iterator[Allowance]:
    for token in tokens(script.sql):
        match = _LINE.match(script.sql, token.start, token.end) if token.kind is Kind.COMMENT else None
        if match:
            first, last = _span(script, token.start, spans)
            yield _read(match[1].rstrip(), script.place(token.start).line or 1, first, last)


def _span(script: Script, at: int, spans: list[tuple[int, int]]) -> tuple[int, int]:
    """The lines of the statement to which an allowance at the offset `at` applies.

    This statement contains the offset, ends on the same line, or is the next one.
    """
    line = script.place(at).line or 1
    for start, end in spans:
        lines = (script.place(start).line or 1, script.place(end).line or 1)
        if at < end or (line == lines[1] and script.sql[end:at].strip(" \t;") == ""):
            return lines
    return line, line


def _read(text: str, line: int, first: int, last: int) -> Allowance:
    match = _BODY.fullmatch(text)
    if match is None:
        rule = text.split("(", maxsplit=1)[0].strip()
        why = "has no reason in brackets" if "(" not in text else "has a syntax error"
        return Allowance(rule, "", line, first, last, fault=f"`allow{text}` {why}")
    rule, reason = match["rule"], match["reason"].strip()
    until, fault = None, "" if reason else "the reason is empty"
    if match["until"]:
        try:
            until = date.fromisoformat(match["until"])
        except ValueError:
            fault = f"`{match['until']}` is not a date such as 2027-01-31"
    if rule_named(rule) is None:
        near = nearest(rule)
        fault = f"unknown rule `{rule}`" + (f"; did you mean `{near}`?" if near else "")
    return Allowance(rule, reason, line, first, last, until, match["owner"] or "", fault)


def judged(
    path: str,
    found: Iterable[Finding],
    allowed: tuple[Allowance, ...],
    severities: Mapping[str, str],
    today: date,
) -> tuple[Finding, ...]:
    """The findings that no allowance covers, and findings about unused, expired or invalid allowances."""
    remaining, used = [], set()
    for finding in found:
        by = [a for a in allowed if _allows(a, finding)]
        used |= set(by)
        if not any(not a.expired(today) for a in by):
            remaining.append(finding)
    return (*remaining, *_about(path, allowed, used, severities, today))


def _allows(allowance: Allowance, finding: Finding) -> bool:
    line = finding.place.line or 0
    return not allowance.fault and allowance.rule == finding.rule and allowance.first <= line <= allowance.last


def _about(
    path: str, allowed: tuple[Allowance, ...], used: set[Allowance], severities: Mapping[str, str], today: date
) -> Iterator[Finding]:
    for each in allowed:
        place = Place(path, each.line, 1)
        if each.fault:
            yield from _finding("bad-allowance", each.fault, place, severities)
        elif each not in used and severities.get(each.rule) != Severity.OFF:
            what = f"`allow {each.rule}` suppresses no finding"
            yield from _finding(UNUSED, what, place, severities)
        elif each in used and each.expired(today):
            owner = f" (owner: {each.owner})" if each.owner else ""
            what = f"`allow {each.rule}` expired on {each.until}{owner}"
            yield from _finding("expired-allowance", what, place, severities)


def _finding(identity: str, what: str, place: Place, severities: Mapping[str, str]) -> Iterator[Finding]:
    rule = rule_named(identity)
    severity = Severity(severities.get(identity, rule.severity if rule else Severity.WARNING))
    if rule and severity is not Severity.OFF:
        yield Finding(rule.id, severity, what, place, rule.why, rule.instead, last_line=place.line)
