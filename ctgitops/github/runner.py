"""The Actions runner: its log, workflow commands and files. Escapes untrusted text, and masks secrets."""

from __future__ import annotations

import contextlib
import os
import re
import secrets as random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from ..core.forge.forge import Annotation, Level
from ..report.workflow_commands import as_data, as_property
from .secrets import hidden

MOST = 10
"""The number of annotations that the runner shows per level and step."""
LONGEST_SUMMARY = 900_000
"""Maximum length of the job summary in bytes. The runner drops a summary above 1 MiB."""
LONGEST_MESSAGE = 3_500
LONGEST_TITLE = 200

_ZWSP = "\u200b"
_LINES = re.compile(r"\r\n|\r|\n")
_OLD_COMMAND = re.compile(r"##(?=\[)")
_COMMAND = re.compile(r"^([\s\ufeff\u180e\u200b-\u200f\u2060\x00-\x1f\x7f]*):(?=:)")
_HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NAME = re.compile(r"[a-z][a-z-]*")
_WORDS = {Level.FAILURE: "error", Level.WARNING: "warning", Level.NOTICE: "notice"}


def log_safe(text: str) -> str:
    """Escapes workflow commands in text for the log: `::` at a line's start, and `##[` anywhere."""
    lines = _LINES.split(_HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))
    return "\n".join(_COMMAND.sub(rf"\1:{_ZWSP}", _OLD_COMMAND.sub(f"#{_ZWSP}#", line)) for line in lines)


@dataclass
class Runner:
    """One step on a runner. Skips output to a file that the runner does not provide."""

    environ: Mapping[str, str] = field(repr=False)
    log: TextIO
    secrets: tuple[str, ...] = field(default=(), repr=False)
    unwritten: set[str] = field(default_factory=set)
    """Names of outputs that could not be written, and that later steps therefore lack."""
    _annotation_counts: Counter[Level] = field(default_factory=Counter)
    _summed: int = 0

    def mask(self, secrets: tuple[str, ...]) -> None:
        """Masks secrets from now on, in the log and in everything else that this run writes."""
        for secret in secrets:
            if secret not in self.secrets:
                # The runner does not recognise a secret with several lines, so each line is masked.
                self._command("add-mask", as_data(secret))
        self.secrets = tuple(sorted({*self.secrets, *secrets}, key=len, reverse=True))

    def hidden(self, text: str) -> str:
        """The text with all secrets masked."""
        return hidden(text, self.secrets)

    def say(self, text: str) -> None:
        """Prints untrusted text. Masks secrets and escapes workflow commands."""
        self._write(f"{log_safe(self.hidden(text))}\n")

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Puts the log output of the `with` block into a collapsible group."""
        self._command("group", as_data(self._line(title)))
        try:
            yield
        finally:
            self._command("endgroup", "")

    def annotate(self, annotation: Annotation) -> None:
        """Annotates a line of a file. After MOST annotations of a level, only prints the text."""
        self._annotation_counts[annotation.level] += 1
        message, title = self._line(annotation.message), self._line(annotation.title)
        if self._annotation_counts[annotation.level] > MOST:
            self.say(f"{annotation.path}:{annotation.line}: {title}: {message}")
            return
        where = {"file": annotation.path, "line": str(annotation.line), "col": str(annotation.column or "")}
        self._annotation(annotation.level, {**where, "title": title[:LONGEST_TITLE]}, message)

    def warn(self, message: str) -> None:
        """Adds a warning that refers to no file."""
        self._annotate_without_file(Level.WARNING, message)

    def fail(self, message: str) -> None:
        """Adds an error that refers to no file."""
        self._annotate_without_file(Level.FAILURE, message)

    def output(self, name: str, value: str) -> None:
        """Sets an output of the step. `value` may have several lines."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a valid name of an output")
        value = self.hidden(value).replace("\r\n", "\n").replace("\r", "\n")
        end = f"ghadelimiter_{random.token_hex(16)}"
        if end in value:
            raise ValueError("the value contains the random delimiter")
        if not self._append("GITHUB_OUTPUT", f"{name}<<{end}\n{value}\n{end}\n"):
            self.unwritten.add(name)

    def summarise(self, markdown: str) -> None:
        """Appends a page to the job summary, if there is room."""
        page = self.hidden(markdown).rstrip("\n") + "\n\n"
        room = LONGEST_SUMMARY - self._summed
        if len(page.encode()) > room:
            kept = page.encode()[: max(room - 200, 0)].decode(errors="ignore")
            page = kept[: kept.rfind("\n") + 1] + "\nThe rest of this page is too long for a summary.\n"
        self._summed += len(page.encode())
        self._append("GITHUB_STEP_SUMMARY", page)

    def keep(self, name: str, text: str) -> str:
        """Writes a file into the workspace for later steps. Returns the file's name, or an empty text after an error.

        Removes a symbolic link of that name in the checkout, and never follows it.
        """
        path = f"{self.environ.get('GITHUB_WORKSPACE', '') or '.'}/{name}"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108 - removes the symbolic link, not its target
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
            with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123 - a file descriptor, not a path
                file.write(self.hidden(text))
                self._set_owner(number)
        except OSError as error:
            self.warn(f"{name} cannot be written: {error.strerror}")
            return ""
        return name

    def _set_owner(self, number: int) -> None:
        """Makes the workspace's owner the owner of the file. The runner can then delete the file."""
        owner = os.stat(self.environ.get("GITHUB_WORKSPACE", "") or ".")  # noqa: PTH116 - os.stat, like os.open above
        with contextlib.suppress(OSError):
            os.fchown(number, owner.st_uid, owner.st_gid)

    def _annotate_without_file(self, level: Level, message: str) -> None:
        self._annotation_counts[level] += 1
        if self._annotation_counts[level] > MOST:
            self.say(f"{_WORDS[level]}: {message}")
        else:
            self._annotation(level, {"title": "ctgitops"}, self._line(message))

    def _annotation(self, level: Level, properties: Mapping[str, str], message: str) -> None:
        given = ",".join(f"{key}={as_property(self._line(value))}" for key, value in properties.items() if value)
        self._command(_WORDS[level], as_data(message[:LONGEST_MESSAGE]), given)

    def _line(self, text: str) -> str:
        return log_safe(self.hidden(text)).strip()

    def _command(self, name: str, data: str, properties: str = "") -> None:
        self._write(f"::{name}{' ' if properties else ''}{properties}::{data}\n")

    def _write(self, text: str) -> None:
        self.log.write(text)
        self.log.flush()

    def _append(self, variable: str, text: str) -> bool:
        """Appends to a file of the runner. Returns False after an error, because a full disk must not stop a run."""
        if path := self.environ.get(variable, ""):
            try:
                _add_to(path, text.encode(errors="replace"))
            except OSError as error:
                self.warn(f"the runner's file for {variable} cannot be written: {error.strerror}")
                return False
        return True


def _add_to(path: str, data: bytes) -> None:
    """Appends all of `data`, or nothing. The runner would misread an incomplete output, or fail the step."""
    with open(path, "ab", buffering=0) as file:  # noqa: PTH123 - opened unbuffered
        before = file.tell()
        try:
            while data:
                data = data[file.write(data) :]
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(before)
            raise
