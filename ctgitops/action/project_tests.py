"""The project's own tests in a pull request: exports the schemas for them, and comments their results.

The tests run in a job without secrets and permissions, because they are unmerged code. So their results are unverified
text: this module limits and escapes them, and keeps them out of the comment with the plan.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..commands.schema import schema
from ..core.forge.event import Event, Ignored, PullRequest, Refused
from ..core.trial.reported_test import LARGEST, ReportedTests, reported_tests
from ..core.trial.schema_artifact import artifact_text
from ..errors import CtgitopsError, MustWaitError, UsageError
from ..report.command_result import tests_markdown, tests_text

if TYPE_CHECKING:
    from ..core.forge.intent import Planning
    from ..core.gate.request import Request
    from ..ports.database import Databases
    from .job import Job

KEY = "tests"
SCHEMA_FILE = "ctgitops-schema-{}.json"


def export_schemas(job: Job, ask: Planning, requests: tuple[Request, ...], databases: Databases) -> int:
    """Writes a schema artifact for each environment, and sets the output `schemas`. Read-only.

    Does nothing if the policy has no tests and no benchmarks. If no schema can be exported, these cannot run. A comment
    then says so, and the result is 1, except before the merge of the first manifest.
    """
    written: list[str] = []
    failed: list[CtgitopsError] = []
    policy = job.wiring.workspace.policy
    for request in requests if policy.tests or policy.benchmarks else ():
        name = request.environment.name
        try:
            text = artifact_text(name, schema(request, databases=databases))
        except CtgitopsError as error:
            failed.append(error)
            job.runner.warn(f"{name}: the tests and benchmarks of the project cannot run, because {error.what}")
            continue
        if path := job.runner.keep(SCHEMA_FILE.format(name), text):
            written.append(path)
    job.runner.output("schemas", "\n".join(written))
    if written or not failed:
        return 0
    if ask.pull_request is not None:
        # In place of the results for an older commit
        why = f"the tests and benchmarks of the project cannot run, because {'; '.join(error.what for error in failed)}"
        _comment(job, ask.pull_request, ask.sha, tests_markdown(ReportedTests(unknown=why), ask.sha))
    return 0 if all(isinstance(error, MustWaitError) for error in failed) else 1


def show_tests(job: Job, event: Event | Ignored | Refused) -> int:
    """Shows the results in the files of the inputs `tests` and `benchmark`, also as a comment.

    Returns 1 unless all tests passed, and no benchmark with `severity: error` is worse or unknown.
    """
    policy = job.wiring.workspace.policy
    text = _text(job)
    passed, pages = True, []
    if policy.tests or not policy.benchmarks:
        tests = reported_tests(text, tuple(test.name for test in policy.tests))
        passed = tests.passed
        pages.append(("Tests", tests_text(tests), partial(tests_markdown, tests)))
    if policy.benchmarks:
        from ..core.benchmark.reported_benchmark import reported_benchmarks  # noqa: PLC0415 - few policies have benchmarks
        from ..report.benchmark import reported_markdown, reported_text  # noqa: PLC0415 - few policies have benchmarks

        found = reported_benchmarks(_content(job, job.inputs.benchmark), policy.benchmarks)
        passed = passed and found.passed
        pages.append(("Benchmarks", reported_text(found), partial(reported_markdown, found)))
    for title, plain, page in pages:
        job.show(title, plain, page())
    if isinstance(event, PullRequest) and not event.outside:
        _comment(job, event.number, event.head_sha, "\n".join(page(event.head_sha) for _, _, page in pages))
    return 0 if passed else 1


def _comment(job: Job, pull_request: int, sha: str, page: str) -> None:
    job.comment(pull_request, sha, page, key=KEY)


def _text(job: Job) -> str:
    """The content of the file with the results of the tests. Raises UsageError if no file is named."""
    name = job.inputs.tests
    if not name:
        hint = "set it to the file that `ctgitops try --tests --format json` wrote"
        raise UsageError("the input `tests` is required for `tests`", hint=hint)
    return _content(job, name)


def _content(job: Job, name: str) -> str:
    """The content of a file. Empty if the file does not exist. Never follows a symbolic link."""
    if not name:
        return ""
    path = Path(job.environ.get("GITHUB_WORKSPACE", "") or ".") / name
    with suppress(OSError):
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(number, "rb") as file:  # noqa: PTH123 - a file descriptor, not a path
            if stat.S_ISREG(os.fstat(number).st_mode):
                return file.read(LARGEST + 1).decode(errors="replace")
    return ""
