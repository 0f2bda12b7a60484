"""Writes check runs. GitHub accepts 50 annotations per request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..core.forge.forge import Annotation, Check, Conclusion, name_in, part_name
from ..core.forge.live_check import LiveCheck

if TYPE_CHECKING:
    from github.CheckRun import CheckRun

    from .client import Client

BATCH = 50
TITLE = 255
SUMMARY = 65_535
MESSAGE = 64_000
"""Maximum length of a message in bytes. GitHub accepts 64 KB."""


def report(client: Client, check: Check) -> None:
    """Reports a check run with all its annotations. Splits a text that is too long over further check runs."""
    check = replace(check, name=name_in(client.workspace, check.name))
    _report(client, check)
    for part, text in enumerate(check.texts[1:], start=2):
        parts = len(check.texts)
        summary = f"The check run `{check.name}` has the plan, which showed more files than fit into that text."
        title = f"The files that the plan showed, part {part} of {parts}"
        name = name_in(client.workspace, part_name(part, parts))
        _report(
            client,
            replace(
                check,
                name=name,
                conclusion=Conclusion.NEUTRAL,
                title=title,
                summary=summary,
                texts=(text,),
                annotations=(),
            ),
        )


def follow(client: Client, check: LiveCheck) -> int:
    """Creates or updates the check run that shows an unfinished run. Returns the check run's ID."""
    output: dict[str, Any] = {"title": cut(check.title, TITLE), "summary": cut(check.summary, SUMMARY)}
    state: dict[str, Any] = {"status": "in_progress"}
    if check.conclusion:
        state = {"status": "completed", "conclusion": check.conclusion.value}
    link: dict[str, Any] = {"details_url": check.details_url} if check.details_url else {}
    if check.number is None:
        made = client.repository.create_check_run(
            name_in(client.workspace, check.name), check.sha, output=output, **state, **link
        )
        return made.id
    client.repository.get_check_run(check.number).edit(output=output, **state)
    return check.number


def _report(client: Client, check: Check) -> None:
    name = uuid4().hex
    batches = [check.annotations[i : i + BATCH] for i in range(0, len(check.annotations), BATCH)] or [()]
    run = client.once(lambda: _create(client, check, batches[0], name), lambda: _find(client, check, name))
    for number, batch in enumerate(batches[1:], start=2):
        _add(client, run, _output(check, batch), expected=min(number * BATCH, len(check.annotations)))


def _create(client: Client, check: Check, batch: tuple[Annotation, ...], name: str) -> CheckRun:
    link: dict[str, Any] = {"details_url": check.details_url} if check.details_url else {}
    return client.repository.create_check_run(
        name=check.name,
        head_sha=check.sha,
        external_id=name,
        status="completed",
        conclusion=check.conclusion.value,
        output=_output(check, batch),
        **link,
    )


def _find(client: Client, check: Check, name: str) -> CheckRun | None:
    runs = client.repository.get_commit(check.sha).get_check_runs(check_name=check.name)
    return next((run for run in runs if run.external_id == name), None)


def _add(client: Client, run: CheckRun, output: dict[str, Any], expected: int) -> None:
    def arrived() -> bool | None:
        return True if sum(1 for _ in run.get_annotations()) >= expected else None

    def send() -> bool:
        run.edit(output=output)
        return True

    client.once(send, arrived)


def _output(check: Check, batch: tuple[Annotation, ...]) -> dict[str, Any]:
    more = {"text": check.texts[0]} if check.texts else {}
    return {
        **more,
        "title": cut(check.title, TITLE),
        "summary": cut(check.summary, SUMMARY),
        "annotations": [_annotation(annotation) for annotation in batch],
    }


def _annotation(annotation: Annotation) -> dict[str, str | int]:
    fields: dict[str, str | int] = {
        "path": annotation.path,
        "start_line": annotation.line,
        "end_line": annotation.line,
        "annotation_level": annotation.level.value,
        "message": cut_bytes(annotation.message or annotation.title, MESSAGE),
    }
    if annotation.title:
        fields["title"] = cut(annotation.title, TITLE)
    if annotation.column is not None:
        fields |= {"start_column": annotation.column, "end_column": annotation.column}
    return fields


def cut(text: str, longest: int) -> str:
    """Cuts `text` to at most `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def cut_bytes(text: str, longest: int) -> str:
    """Cuts `text` to at most `longest` bytes, without splitting a character."""
    encoded = text.encode()
    return text if len(encoded) <= longest else encoded[: longest - 3].decode(errors="ignore") + "…"
