"""Reads public and private keys for age encryption. Imports pyrage on first use."""

from __future__ import annotations

import re
from typing import Any

_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


def recipient(text: str) -> Any:
    """The public key in `text`: `age1…`, `ssh-ed25519 …` or `ssh-rsa …`. Raises ValueError if it is not one."""
    import pyrage

    kind = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return kind.from_str(text.strip())
    except pyrage.RecipientError as error:
        raise ValueError(str(error)) from None


def identities(text: str) -> list[Any]:
    """The private keys in `text`: lines as age-keygen writes them, and SSH keys. Raises ValueError, without `text`."""
    import pyrage

    if text.startswith("age-encryption.org/") or "BEGIN AGE ENCRYPTED FILE" in text:
        raise ValueError("it is locked by a passphrase: decrypt it with `age --decrypt` first")
    blocks = [found[0] for found in _BLOCK.finditer(text)]
    lines = [line.strip() for line in _BLOCK.sub("", text).splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    try:
        found = [pyrage.ssh.Identity.from_buffer(f"{block}\n".encode()) for block in blocks]
        found += [pyrage.x25519.Identity.from_str(key) for key in keys]
    except pyrage.IdentityError as error:
        if "decrypted first" in str(error):
            hint = "remove the passphrase from a copy with `ssh-keygen -p -N '' -f COPY`"
            raise ValueError(f"it is locked by a passphrase: {hint}") from None
        raise ValueError("it is not an age or SSH private key") from None
    if not found:
        raise ValueError("it contains no private key")
    return found
