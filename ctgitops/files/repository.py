"""Reads the files of a repository safely. Refuses links, devices, and files that are too large."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from ..core.file_check.conflict_marker import conflict_in
from ..core.problem import Problem
from ..errors import Place, WorkspaceError
from ..lazy import dataclass

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


@dataclass(frozen=True)
class Item:
    """An entry of a folder. `path` is relative to the repository's root."""

    name: str
    path: str
    folder: bool


@dataclass(frozen=True)
class Repository:
    """A checkout. Paths are relative to its root and use `/`."""

    root: Path

    def items(self, path: str) -> tuple[tuple[Item, ...], tuple[Problem, ...]]:
        """The entries of a folder, sorted by name, without dotfiles. Empty if the folder does not exist."""
        refused = self.linked(path)
        if refused:
            return (), (refused,)
        if not (self.root / path).is_dir():
            return (), ()
        try:
            with os.scandir(self.root / path) as entries:
                found = sorted((e.name, e.is_dir(follow_symlinks=False)) for e in entries if e.name[0] != ".")
        except OSError as error:
            what = f"folder `{shown(path)}` cannot be read: {error.strerror}"
            raise WorkspaceError(what, hint="give this user permission to read it") from error
        problems = tuple(_misnamed(path, name) for name, _ in found if not name.isprintable())
        prefix = "" if path == "." else f"{path}/"
        return tuple(Item(n, prefix + n, folder) for n, folder in found if n.isprintable()), problems

    def linked(self, path: str) -> Problem | None:
        """The problem with a path that is or contains a symbolic link. None if it has no link."""
        part = ""
        for name in PurePosixPath(path).parts:
            part = f"{part}/{name}" if part else name
            if os.path.islink(f"{self.root}/{part}"):  # noqa: PTH114 - called twice for each of a thousand files
                what = f"`{part}` is a symbolic link, which is not supported"
                return Problem("symlink", what, Place(part), "replace the link with its target")
        return None

    def text(self, path: str, limit: int) -> str | Problem:
        """The text of a file, with LF line ends and without a byte order mark. A Problem if the file cannot be read."""
        try:
            return self.linked(path) or self._refused(path, limit) or decoded(self._bytes(path, limit), path)
        except OSError as error:
            hint = "give this user permission to read it"
            return Problem("unreadable", f"the file cannot be read: {error.strerror}", Place(path), hint)

    def raw(self, path: str, limit: int) -> bytes:
        """The bytes of a file that `text` has read without a problem."""
        return self._bytes(path, limit)

    def _refused(self, path: str, limit: int) -> Problem | None:
        status = (self.root / path).lstat()
        if not stat.S_ISREG(status.st_mode):
            what = f"the path is {_kind(status.st_mode)}, not a file"
            return Problem("not-a-file", what, Place(path), "use a regular file")
        if status.st_size > limit:
            what = f"the file has {status.st_size:,} bytes, but the limit is {limit:,}"
            return Problem("too-large", what, Place(path), _advice_on_size(path))
        return None

    def _bytes(self, path: str, limit: int) -> bytes:
        with open(f"{self.root}/{path}", "rb", opener=_open) as file:
            size = os.fstat(file.fileno()).st_size
            return file.read(min(size, limit) + 1)  # read() allocates and clears a buffer of this size


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _OPEN)


def decoded(raw: bytes, path: str) -> str | Problem:
    """Decodes UTF-8 and converts line ends to LF. Returns a Problem at the first invalid byte."""
    encoding = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), "")
    if encoding:
        return Problem("encoding", f"the file is {encoding}, not UTF-8", Place(path, 1, 1), "save it as UTF-8")
    nul = raw.find(b"\0")
    if nul >= 0:
        what = f"the file is not text: byte {nul + 1} is 0x00"
        return Problem("encoding", what, _place(raw, nul, path), "if the file is a dump, create it in plain SQL format")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        what = f"the file is not UTF-8: byte {error.start + 1} is 0x{raw[error.start]:02x}"
        return Problem("encoding", what, _place(raw, error.start, path), "save it as UTF-8")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return conflict_in(text, path) or text


def shown(text: str) -> str:
    """A printable form of a file name, with escaped control characters and undecodable bytes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def sub_folder(item: Item, *, holds_sql: bool) -> Problem:
    """The problem with a nested folder, which is not read. Only a warning if the folder contains no SQL."""
    folder = item.path.removesuffix(f"/{item.name}")
    hint = f"move its files directly into {folder}/, or move the folder to another place"
    return Problem("sub-folder", f"folder `{item.path}` is not read", Place(item.path), hint, blocks=holds_sql)


def _place(raw: bytes, offset: int, path: str) -> Place:
    before = raw[:offset].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    line_begins = before.rfind(b"\n") + 1
    return Place(path, before.count(b"\n") + 1, len(before[line_begins:].decode(errors="replace")) + 1)


def _kind(mode: int) -> str:
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a named pipe", stat.S_ISSOCK: "a socket"}
    return next((words for test, words in kinds.items() if test(mode)), "a device")


def _misnamed(path: str, name: str) -> Problem:
    what = f"the name `{shown(name)}` contains non-printable characters"
    return Problem("file-name", what, Place(f"{path}/{shown(name)}"), "rename it")


def _advice_on_size(path: str) -> str:
    if not path.endswith(".sql"):
        return "reduce the file: a manifest fits on one page"
    return "split the file, load data by other means, or raise `max_file_size` in migrations/policy.yaml"
