"""Renders the result of `verify` as text, Markdown and JSON."""

from __future__ import annotations

from ..core.view.preview import Unseen
from ..core.view.verify import Verified, VerifyLook
from . import phrases
from .escape import fence
from .json import Object, dump, error_data, problem_data
from .text import problem_lines
from .text_error import unseen_lines


def verify_text(looks: tuple[VerifyLook, ...]) -> str:
    """Formats the result for a terminal."""
    return "\n\n".join("\n".join(_text(look)) for look in looks) + "\n"


def _text(look: VerifyLook) -> list[str]:
    if isinstance(look, Unseen):
        return unseen_lines(look, "NOT CHECKED, so nothing is verified")
    lines = [f"{look.environment.name}: {verdict(look)}"]
    for finding in look.findings:
        lines += ["", *(f"  {line}" for line in problem_lines(finding))]
    return lines


def verdict(look: Verified) -> str:
    """The verdict for one environment, as the first line."""
    seen = f"{phrases.count(look.migrations, 'migration')}, {phrases.count(look.queries, 'verify file')}"
    if look.constraints is not None:
        seen += f", {phrases.count(look.constraints, 'constraint')} against the rows"
    return (
        f"{phrases.count(len(look.findings), 'finding')} ({seen})" if look.findings else f"matches its ledger ({seen})"
    )


def verify_markdown(looks: tuple[VerifyLook, ...]) -> str:
    """Formats the result for a summary: the text for a terminal, in a code block."""
    return f"{fence(verify_text(looks).rstrip(), 'text')}\n"


def verify_json(looks: tuple[VerifyLook, ...]) -> str:
    """Formats the result as JSON."""
    return dump({"environments": [_data(look) for look in looks]})


def _data(look: VerifyLook) -> Object:
    if isinstance(look, Unseen):
        return {"environment": look.environment.name, "error": error_data(look.error)}
    return {
        "environment": look.environment.name,
        "migrations": look.migrations,
        "verify_files": look.queries,
        "constraints": look.constraints,
        "findings": [problem_data(each) for each in look.findings],
    }
