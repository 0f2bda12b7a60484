"""A bucket in memory, and keys for encryption."""

from __future__ import annotations

import pyrage
from obstore.store import MemoryStore

from ctgitops.backup.bucket import Bucket
from ctgitops.backup.encryption import Cipher, PrivateKey
from ctgitops.backup.object_store import ObjectStore

_IDENTITY = pyrage.x25519.Identity.generate()
KEY = str(_IDENTITY)
PUBLIC = str(_IDENTITY.to_public())


def encrypted() -> Cipher:
    """Encrypts to a key, and decrypts with it."""
    return Cipher((PUBLIC,), lambda: PrivateKey(KEY, "KEY"))


def bucket(address: str, cipher: Cipher | None = None) -> ObjectStore:
    """An empty store in memory."""
    return ObjectStore(Bucket(MemoryStore(), address), address, cipher or Cipher())
