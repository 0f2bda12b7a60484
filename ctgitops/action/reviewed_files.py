"""Loads which files the plans of merged pull requests showed, for environments with `reviewed` set."""

from __future__ import annotations

from dataclasses import replace

from ..core.environment.environment import Reviewed
from ..core.gate.request import Request
from ..core.gate.review import Reviews, all_files_of, files_of
from ..core.plan.plan import make_plan
from ..errors import CtgitopsError
from .job import Job


def with_reviews(job: Job, request: Request) -> Request:
    """Adds which pending files GitHub knows as reviewed; queries it only if the environment requires reviews."""
    if request.environment.reviewed is Reviewed.OFF:
        return request
    return replace(request, reviews=_asked(job, request))


def shown_now(request: Request) -> Request:
    """Adds all files as reviewed to the request of a pull request's plan: by the merge, that plan has shown them."""
    files = all_files_of(request.workspace, request.origin.folder)
    return replace(request, reviews=Reviews(frozenset(file.digest for file in files)))


def _asked(job: Job, request: Request) -> Reviews:
    if job.teller.forge is None:
        return Reviews(unknown="there is no GitHub token")
    try:
        ledger = job.wiring.databases.of(request.environment).ledger()
        files = files_of(
            make_plan(request.workspace, request.environment, ledger, request.target), request.origin.folder
        )
        return Reviews(job.teller.forge.seen(files, request.origin.commit_sha) if files else frozenset())
    except CtgitopsError as error:
        return Reviews(unknown=error.what)
