"""Reads public and private keys for age encryption. Imports pyrage on first use."""

from __future__ import annotations

import re
from typing import Any

from ..lazy import regex

_BLOCK = regex(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


def recipient(text: str) -> Any:
    """The public key in `text`: `age1…`, `ssh-ed25519 …` or `ssh-rsa …`. Raises ValueError for other text."""
    import pyrage

    kind = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return kind.from_str(text.strip())
    except pyrage.RecipientError as error:
        raise ValueError(str(error)) from None


def identities(text: str) -> list[Any]:
    """The private keys in `text`: lines of age-keygen, and SSH keys.

    Raises ValueError. Its message does not contain `text`.
    """
    import pyrage

    if text.startswith("age-encryption.org/") or "BEGIN AGE ENCRYPTED FILE" in text:
        raise ValueError("the file is locked by a passphrase: first decrypt it with `age --decrypt`")
    blocks = [found[0] for found in _BLOCK.finditer(text)]
    lines = [line.strip() for line in _BLOCK.sub("", text).splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    try:
        found = [pyrage.ssh.Identity.from_buffer(f"{block}\n".encode()) for block in blocks]
        found += [pyrage.x25519.Identity.from_str(key) for key in keys]
    except pyrage.IdentityError as error:
        if "decrypted first" in str(error):
            hint = "remove the passphrase from a copy with `ssh-keygen -p -N '' -f COPY`"
            raise ValueError(f"the key is locked by a passphrase: {hint}") from None
        raise ValueError("the text is not an age or SSH private key") from None
    if not found:
        raise ValueError("the text contains no private key")
    return found
