"""Runs git with a timeout, and without any prompt. Errors quote git's message."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

from ..errors import WorkspaceError
from ..lazy import dataclass, regex

SECONDS = 30
"""Timeout of one git command in seconds. The timeout is long, because a partial clone may have to fetch objects."""
_SAFE = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "safe.directory=*",
    "-c",
    "core.quotePath=false",
)
_SILENT = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",  # an empty value also disables core.askPass and SSH_ASKPASS
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_OPTIONAL_LOCKS": "0",
}
_COMPLAINT = regex(r"^(?:error|fatal): ", re.MULTILINE)
_CREDENTIALS = regex(r"(?<=://)[^/@\s]+@")
_MOST_WORDS = 600
_NOT_PARTIAL = "`git fetch --refetch --no-filter origin` fetches the objects that this partial clone lacks"
DEEPER = "`git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'` fetches the missing history"
_ADVICE = (
    ("dubious ownership", "run the `git config` command that git names, or run ctgitops as the owner of the folder"),
    ("not a git repository", "run the command in a clone, or name the clone's folder with `--root DIR`"),
    ("promisor|partial clone|could not fetch|missing blob|unable to read", _NOT_PARTIAL),
    (
        "index file|bad index|bad signature",
        '`rm "$(git rev-parse --git-path index)" && git reset` rebuilds the index; no file is changed',
    ),
    ("shallow", DEEPER),
)


@dataclass(frozen=True)
class Answer:
    """The output and exit status of one git command."""

    status: int
    printed: str
    said: str
    """The text on stderr."""

    @property
    def answers_no(self) -> bool:
        """Whether git's answer is "no": exit status 1 without a read error on stderr."""
        return self.status == 1 and not _COMPLAINT.search(self.said)


@dataclass(frozen=True)
class Git:
    """Runs git in one folder. `wanted` names the fact that the caller needs. An error says that the fact is unknown."""

    root: Path
    wanted: str
    otherwise: str = ""
    """A command for the hint of an error. The command must work without git's answer."""

    def text(self, *arguments: str) -> str:
        """The output of a git command. Raises WorkspaceError if the command fails."""
        printed = self.text_or_none(*arguments)
        if printed is None:
            raise self.failure(f"git {arguments[0]} ended with status 1")
        return printed

    def text_or_none(self, *arguments: str) -> str | None:
        """The output of a git command. None if git's answer is "no". Raises WorkspaceError if the command fails."""
        answer = self.run(*arguments)
        if answer.answers_no:
            return None
        if answer.status or _COMPLAINT.search(answer.said):
            raise self.failure(answer.said or f"git {arguments[0]} ended with status {answer.status}")
        return answer.printed

    def run(self, *arguments: str) -> Answer:
        """Runs one git command. Does not run programs that the checkout configures. Raises WorkspaceError."""
        command = ["git", *_SAFE, "-C", str(self.root), *arguments]
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **_SILENT},
                start_new_session=True,  # no terminal for prompts of ssh; one group to kill
            )
        except FileNotFoundError:
            raise self.failure("git is not installed", "install git") from None
        except OSError as error:
            raise self.failure(f"git cannot be run: {error.strerror}", "install git") from None
        try:
            printed, said = child.communicate(timeout=SECONDS)
        except BaseException as error:
            _end(child)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            what = f"git {arguments[0]} did not finish within {SECONDS} seconds"
            shown = shlex.join(["git", "-C", str(self.root), *arguments])
            raise self.failure(what, f"run `{shown}` to see why it waits") from None
        return Answer(child.returncode, printed.decode(errors="replace"), said.decode(errors="replace"))

    def failure(self, said: str, advice: str = "") -> WorkspaceError:
        """The error for a failed git command."""
        hints = (advice or next((a for words, a in _ADVICE if re.search(words, said)), ""), self.otherwise)
        hint = "; or ".join(filter(None, hints)) or "`git status` and `git fsck` in this folder show more"
        return WorkspaceError(f"git cannot determine {self.wanted}: {_words(said)}", hint=hint)


def _words(said: str) -> str:
    """Git's error message on one line, with credentials in URLs removed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    complaints = [line for line in lines if _COMPLAINT.match(line)] or lines
    return _CREDENTIALS.sub("", "; ".join(dict.fromkeys(complaints)))[:_MOST_WORDS]


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kills git and all its child processes, because a child would keep git's pipes open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
