"""The results of commands of the project that ran on copies of an environment. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_OUTPUT = 16_000
"""The number of characters at the end of a command's output that a result keeps."""


@dataclass(frozen=True)
class CommandEnd:
    """How a command ended."""

    exit_status: int | None
    """None if the command was ended because of its time limit."""
    seconds: float
    output: str = ""
    """The end of the command's output. Empty if the output was not read."""
    left: int = 0
    """The number of processes that the command left and that could not be ended."""


@dataclass(frozen=True)
class TestResult:
    """The result of one test."""

    name: str
    end: CommandEnd
    stopped: str = ""
    """The limit that stopped the copy's server, as text. Empty if no limit did."""
    time_limit: float = 0

    __test__ = False

    @property
    def passed(self) -> bool:
        """Whether the command ended with 0, its copy was there until then, and none of its processes is left."""
        return self.end.exit_status == 0 and not self.stopped and not self.end.left

    @property
    def text(self) -> str:
        """How the test ended, such as `failed with exit status 3`."""
        if self.stopped:
            return f"failed: the server of the copy was stopped: {self.stopped}"
        if self.end.exit_status is None:
            return f"failed: it was ended after the time limit of {self.time_limit:g} seconds"
        if self.end.left:
            return f"failed: {self.end.left} of its processes could not be ended"
        if self.end.exit_status < 0:
            return f"failed: signal {-self.end.exit_status} ended it"
        return "passed" if self.passed else f"failed with exit status {self.end.exit_status}"


@dataclass(frozen=True)
class TryOutcome:
    """The results of commands that ran on copies of an environment."""

    environment: str
    migrations: tuple[str, ...]
    """The pending migrations that were applied to each copy."""
    seeds: tuple[str, ...]
    """The seed files that were applied to each copy."""
    notes: tuple[str, ...]
    """The known differences between the copy and the environment, as text."""
    results: tuple[TestResult, ...]

    @property
    def exit_status(self) -> int:
        """0 if every command passed. 1 otherwise, as for each failed check."""
        return 0 if all(result.passed for result in self.results) else 1
