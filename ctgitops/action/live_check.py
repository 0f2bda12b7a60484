"""Shows in a check run what a long run is doing. Updates the check run every 30 seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from ..core.activity.run_activity import Look, RunActivity
from ..core.environment.environment import Environment
from ..core.forge.forge import Conclusion
from ..core.forge.live_check import LiveCheck
from ..core.run.progress import PlanStarted, Progress
from ..errors import CtgitopsError
from ..report.escape import fence
from ..report.watch import activity_line, activity_lines
from .deployment_log import SHA
from .github_writer import GitHubWriter
from .job import Job

SECONDS = 30.0
"""Seconds between two updates. A shorter run has no check run, because its deployment and comment show the result."""
LONGEST_END_SECONDS = 20.0


class RunningCheck:
    """Shows in a check run what a run is doing. A separate thread reads the database and calls GitHub.

    `hear` must get the progress events of the run. A failed update is at most a warning.
    """

    def __init__(self, job: Job, environment: Environment, sha: str) -> None:
        self._job, self._environment, self._sha = job, environment, sha
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._number: int | None = None
        self._words, self._success = "interrupted", False

    def hear(self, progress: Progress) -> None:
        """Starts the thread when the run begins its plan."""
        wanted = self._job.github_writer.forge is not None and SHA.fullmatch(self._sha)
        if isinstance(progress, PlanStarted) and self._thread is None and wanted:
            self._thread = threading.Thread(target=self._follow, name="check run", daemon=True)
            self._thread.start()

    def end(self, *, success: bool, words: str) -> None:
        """Sets the final result of the check run."""
        self._success, self._words = success, words

    def _follow(self) -> None:
        if self._over.wait(SECONDS):
            return
        # PyGithub's connection belongs to one thread at a time
        writer = GitHubWriter(self._job.runner, self._job.forge_of_its_own())
        try:
            with self._job.wiring.databases.of(self._environment).observed() as look:
                self._update_until_over(writer, look)
        except CtgitopsError as error:
            self._job.runner.warn(f"the check run was not updated: {error.what}")
        self._finish(writer)

    def _update_until_over(self, writer: GitHubWriter, look: Callable[[], RunActivity | None]) -> None:
        earlier: tuple[RunActivity, ...] = ()
        while not self._over.is_set():
            if now := look():
                self._show(writer, Look(now, earlier))
                earlier = (*earlier[-9:], now)
            self._over.wait(SECONDS)

    def _show(self, writer: GitHubWriter, look: Look) -> None:
        page = fence("\n".join(activity_lines(look, self._environment.name)), "text")
        self._write(writer, activity_line(look), page)

    def _finish(self, writer: GitHubWriter) -> None:
        self._over.wait()
        if self._number is not None:
            conclusion = Conclusion.SUCCESS if self._success else Conclusion.FAILURE
            self._write(writer, self._words, fence(self._words, "text"), conclusion)

    def _write(self, writer: GitHubWriter, title: str, page: str, conclusion: Conclusion | None = None) -> None:
        url, name = self._job.wiring.origin.run_url, f"ctgitops / apply to {self._environment.name}"
        check = LiveCheck(name, self._sha, title, page, url, conclusion, self._number)
        self._number = writer.live_check(check) or self._number

    def __enter__(self) -> RunningCheck:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread and not self._job.stopping():
            self._thread.join(LONGEST_END_SECONDS)
