"""Port to the commands of the project, such as its test suites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.environment.project_test import ProjectTest
    from ..core.trial.command_result import CommandEnd


class Commands(Protocol):
    """Runs commands of the project. None of their processes is left when `run` returns."""

    def run(self, test: ProjectTest, variables: Mapping[str, str], seconds: float) -> CommandEnd:
        """Runs a command to its end, or ends it after `seconds`.

        The command's environment contains `variables`, the variables in `test.keep_env`, and none of ctgitops' secrets.
        Raises UsageError if the command cannot be started, or if `test.keep_env` names a secret.
        """
