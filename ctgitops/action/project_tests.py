"""The project's own tests in a pull request: exports the schemas for them, and comments their results.

The tests run in a job without secrets and permissions, because they are unmerged code. So their results are unverified
text: this module limits and escapes them, and keeps them out of the comment with the plan.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..commands.schema import schema
from ..core.forge.event import Event, Ignored, PullRequest, Refused
from ..core.trial.reported_test import LARGEST, reported_tests
from ..core.trial.schema_artifact import artifact_text
from ..errors import CtgitopsError, UsageError
from ..report.command_result import tests_markdown, tests_text

if TYPE_CHECKING:
    from ..core.gate.request import Request
    from ..ports.database import Databases
    from .job import Job

KEY = "tests"
SCHEMA_FILE = "ctgitops-schema-{}.json"


def export_schemas(job: Job, requests: tuple[Request, ...], databases: Databases) -> None:
    """Writes a schema artifact for each environment, if the policy has tests. Sets the output `schemas`. Read-only."""
    written: list[str] = []
    for request in requests if job.wiring.workspace.policy.tests else ():
        name = request.environment.name
        try:
            text = artifact_text(name, schema(request, databases=databases))
        except CtgitopsError as error:
            job.runner.warn(f"{name}: the tests of the project cannot run, because {error.what}")
            continue
        if path := job.runner.keep(SCHEMA_FILE.format(name), text):
            written.append(path)
    job.runner.output("schemas", "\n".join(written))


def show_tests(job: Job, event: Event | Ignored | Refused) -> int:
    """Shows the results in the file of the input `tests`, also as a comment. Returns 1 unless all tests passed."""
    found = reported_tests(_text(job))
    page = tests_markdown(found)
    job.show("Tests", tests_text(found), page)
    if isinstance(event, PullRequest) and not event.outside:
        job.comment(event.number, event.head_sha, page, key=KEY)
    return 0 if found.passed else 1


def _text(job: Job) -> str:
    """The content of the file. Empty if there is no such file. Never follows a symbolic link. Raises UsageError."""
    name = job.inputs.tests
    if not name:
        hint = "set it to the file that `ctgitops try --tests --format json` wrote"
        raise UsageError("the input `tests` is required for `tests`", hint=hint)
    path = Path(job.environ.get("GITHUB_WORKSPACE", "") or ".") / name
    with suppress(OSError):
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(number, "rb") as file:  # noqa: PTH123 - a file descriptor, not a path
            if stat.S_ISREG(os.fstat(number).st_mode):
                return file.read(LARGEST + 1).decode(errors="replace")
    return ""
