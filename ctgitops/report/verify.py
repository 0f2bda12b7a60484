"""Renders the result of `verify` as text, Markdown and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.view.preview import NotPlanned
from . import phrases
from .escape import fence
from .json import Object, dump, error_data, problem_data
from .problem_text import problem_lines
from .text_error import unseen_lines

if TYPE_CHECKING:
    from ..core.view.verify import Verified, VerifyResult


def verify_text(results: tuple[VerifyResult, ...]) -> str:
    """Formats the result for a terminal."""
    return "\n\n".join("\n".join(_text(result)) for result in results) + "\n"


def _text(result: VerifyResult) -> list[str]:
    if isinstance(result, NotPlanned):
        return unseen_lines(result, "NOT CHECKED, so nothing is verified")
    lines = [f"{result.environment.name}: {verdict(result)}"]
    for finding in result.findings:
        lines += ["", *(f"  {line}" for line in problem_lines(finding))]
    return lines


def verdict(result: Verified) -> str:
    """The verdict for one environment, which is the first line."""
    seen = f"{phrases.count(result.migrations, 'migration')}, {phrases.count(result.queries, 'verify file')}"
    if result.constraints is not None:
        seen += f", {phrases.count(result.constraints, 'constraint')} against the rows"
    return (
        f"{phrases.count(len(result.findings), 'finding')} ({seen})"
        if result.findings
        else f"matches its ledger ({seen})"
    )


def verify_markdown(results: tuple[VerifyResult, ...]) -> str:
    """Formats the result for a summary. A code block contains the text for a terminal."""
    return f"{fence(verify_text(results).rstrip(), 'text')}\n"


def verify_json(results: tuple[VerifyResult, ...]) -> str:
    """Formats the result as JSON."""
    return dump({"environments": [_data(result) for result in results]})


def _data(result: VerifyResult) -> Object:
    if isinstance(result, NotPlanned):
        return {"environment": result.environment.name, "error": error_data(result.error)}
    return {
        "environment": result.environment.name,
        "migrations": result.migrations,
        "verify_files": result.queries,
        "constraints": result.constraints,
        "findings": [problem_data(each) for each in result.findings],
    }
