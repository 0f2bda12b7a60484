"""Encrypts the objects of a backup with age."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Any, Protocol

from ..core.receipt import Receipt
from ..errors import BackupError, UsageError
from ..files.age_keys import identities, recipient
from .pg_dump import many

ENCRYPTED = ".age"
"""The suffix of an encrypted object."""
_CHECKED = b"ctgitops key check"
_NOTHING_DONE = "nothing was downloaded and nothing was changed"
NO_KEY = "set CTGITOPS_IDENTITY to the private key or CTGITOPS_IDENTITY_FILE to its file, or pass `--identity FILE`"


class Writer(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> int:
        """Takes `data`."""

    def flush(self) -> None:
        """Does nothing. Required because pyrage calls it."""


@dataclass(frozen=True)
class PrivateKey:
    """The text of one or more private keys, and their source, which messages name."""

    text: str = field(repr=False)
    source: str


@dataclass(frozen=True)
class Cipher:
    """Encrypts for public keys, and decrypts with private keys. Without public keys, stores data unencrypted."""

    recipients: tuple[str, ...] = ()
    private_key: Callable[[], PrivateKey | None] = field(default=lambda: None, repr=False)

    @property
    def suffix(self) -> str:
        """The suffix of the objects that `encrypt` makes."""
        return ENCRYPTED if self.recipients else ""

    def encrypt(self, clear: BufferedIOBase, writer: Writer) -> None:
        """Copies `clear` to `writer` in encrypted form. Without public keys, copies it unchanged."""
        if not self.recipients:
            shutil.copyfileobj(clear, writer, 1 << 20)
            return
        import pyrage

        pyrage.encrypt_io(clear, writer, self._recipients())

    def decrypt(self, stored: BufferedIOBase, writer: Writer, name: str) -> None:
        """Copies `stored` to `writer` in decrypted form. Raises BackupError if `stored` was changed or truncated."""
        import pyrage

        try:
            pyrage.decrypt_io(stored, writer, self._identities())
        except (pyrage.DecryptError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the disk; pyrage's own have no number
                raise
            what = f"{name} cannot be decrypted: it was changed or truncated ({error})"
            raise BackupError(what, hint="restore another backup") from None

    def key_check(self) -> str:
        """A short encrypted text for the receipt. `refuse_unless_fits` uses it to test a private key."""
        if not self.recipients:
            return ""
        import pyrage

        return base64.b64encode(pyrage.encrypt(_CHECKED, self._recipients())).decode()

    def refuse_unless_fits(self, receipt: Receipt) -> None:
        """Raises UsageError if the backup is encrypted and no private key fits. Downloads nothing."""
        if receipt.encrypted_to:
            self._try(
                receipt.key_check, f"{receipt.id} is encrypted to {many(len(receipt.encrypted_to), 'public key')}"
            )

    def refuse_unless_own(self) -> None:
        """Raises UsageError if no private key fits one of `recipients`."""
        if self.recipients:
            why = "`backup.verify: restore-from-store` needs the private key to one of the keys in `encrypt_to`"
            self._try(self.key_check(), why)

    def _try(self, check: str, why: str) -> None:
        import pyrage

        keys, key = self._identities(why), self.private_key()
        try:
            fits = pyrage.decrypt(base64.b64decode(check), keys) == _CHECKED
        except (pyrage.DecryptError, ValueError):
            fits = False
        if not fits:
            what = f"{why}, and the key in {key.source if key else ''} does not match"
            raise UsageError(what, state=_NOTHING_DONE, hint=NO_KEY)

    def _recipients(self) -> list[Any]:
        return [recipient(text) for text in self.recipients]

    def _identities(self, why: str = "the backup is encrypted") -> list[Any]:
        key = self.private_key()
        if key is None:
            raise UsageError(f"{why}, and there is no private key", state=_NOTHING_DONE, hint=NO_KEY)
        try:
            return identities(key.text)
        except ValueError as error:
            what = f"the private key in {key.source} cannot be used: {error}"
            raise UsageError(what, state=_NOTHING_DONE, hint=NO_KEY) from None
