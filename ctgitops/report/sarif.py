"""Renders problems and findings as SARIF 2.1.0, a format that GitHub code scanning reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..core.workspace.finding import Finding, Severity
from ..lint.registry import all_rules
from .json import on_a_log
from .links import RULES

if TYPE_CHECKING:
    from ..core.problem import Problem
    from ..errors import Place
    from ..lint.rule import Rule

Object = dict[str, Any]

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note", Severity.OFF: "none"}


def check_sarif(problems: tuple[Problem, ...], findings: tuple[Finding, ...], folder: str = "") -> str:
    """The problems and findings as SARIF results. `folder` is the workspace's path in its repository."""
    results = [_of_problem(problem, folder) for problem in problems]
    results += [_of_finding(finding, folder) for finding in findings]
    driver = {
        "name": "ctgitops",
        "version": __version__,
        "informationUri": "https://github.com/constructtrack/ctgitops",
        "rules": [_rule(rule) for rule in all_rules()],
    }
    page = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return on_a_log(json.dumps(page, indent=2, ensure_ascii=False) + "\n")


def _rule(rule: Rule) -> Object:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.why.split(". ")[0].rstrip(".") + "."},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why} Instead: {rule.instead}."},
        "helpUri": f"{RULES}#{rule.id}",
        "defaultConfiguration": {"enabled": rule.severity is not Severity.OFF, "level": _LEVELS[rule.severity]},
        "properties": {"tags": [rule.group.value]},
    }


def _of_finding(finding: Finding, folder: str) -> Object:
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.what}. Instead: {finding.instead}."},
        "locations": [_location(finding.place, folder, finding.last_line)],
        "properties": {"lock": finding.lock, "blocksWrites": finding.blocks_writes},
    }


def _of_problem(problem: Problem, folder: str) -> Object:
    return {
        "ruleId": problem.code,
        "level": "error" if problem.is_error else "warning",
        "message": {"text": f"{problem.what}\n{problem.hint}".strip()},
        "locations": [_location(problem.place, folder)] if problem.place else [],
    }


def _location(place: Place, folder: str, last_line: int | None = None) -> Object:
    region: Object = {"startLine": place.line or 1}
    if place.column:
        region["startColumn"] = place.column
    if last_line and last_line > region["startLine"]:
        region["endLine"] = last_line
    return {"physicalLocation": {"artifactLocation": {"uri": f"{folder}{place.path}"}, "region": region}}
