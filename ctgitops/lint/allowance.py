"""Parses allowances, which suppress a finding: `-- ctgitops: allow RULE (reason) until 2027-01-31 by owner`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ..sql.script import Script
from ..sql.tokens import Kind, tokens
from .registry import nearest, rule_named

_LINE = re.compile(r"--[ \t]*ctgitops:[ \t]*allow\b(.*)", re.IGNORECASE)
_BODY = re.compile(
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
    """The lines that it applies to: the statement that contains it, or the statement after it."""
    last: int
    until: date | None = None
    owner: str = ""
    fault: str = ""
    """Why the allowance is invalid; empty if it is valid."""

    def expired(self, today: date) -> bool:
        """Whether its `until` date is in the past."""
        return self.until is not None and self.until < today


def allowances(script: Script, spans: list[tuple[int, int]]) -> tuple[Allowance, ...]:
    """The allowances in a file, each with the lines of its statement; `spans` are the statements, in characters."""
    return tuple(_allowances(script, spans)) if "allow" in script.sql else ()


def _allowances(script: Script, spans: list[tuple[int, int]]) -> Iterator[Allowance]:
    for token in tokens(script.sql):
        match = _LINE.match(script.sql, token.start, token.end) if token.kind is Kind.COMMENT else None
        if match:
            first, last = _about(script, token.start, spans)
            yield _read(match[1].rstrip(), script.place(token.start).line or 1, first, last)


def _about(script: Script, at: int, spans: list[tuple[int, int]]) -> tuple[int, int]:
    """The statement that contains a position, or ends on its line, or comes next."""
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
        why = "says no reason" if "(" not in text else "is not to be read"
        return Allowance(rule, "", line, first, last, fault=f"`allow{text}` {why}")
    rule, reason = match["rule"], match["reason"].strip()
    until, fault = None, "" if reason else "it says no reason"
    if match["until"]:
        try:
            until = date.fromisoformat(match["until"])
        except ValueError:
            fault = f"`{match['until']}` is no day, such as 2027-01-31"
    if rule_named(rule) is None:
        near = nearest(rule)
        fault = f"there is no rule `{rule}`" + (f"; did you mean `{near}`?" if near else "")
    return Allowance(rule, reason, line, first, last, until, match["owner"] or "", fault)
