"""Checks of `doctor` for backups: the store, encryption keys, disk space."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ..core.doctor.diagnosis import Diagnosis, note, ok, problem
from ..core.environment.environment import BackupPolicy, Environment
from ..errors import BackupError, UsageError
from ..files.age_keys import identities, recipient
from ..postgres.doctor.doctor_session import DoctorSession
from .bucket import bucket_at
from .encryption import PrivateKey
from .objects import FolderObjects, NotAllowedError, Objects
from .pg_dump import megabytes
from .store import SMALLEST_COPY, SMALLEST_DUMP

PROBE = "doctor-probe-{}"
"""The name of the probe, an object that tests the store.

If the credentials cannot delete, one probe per environment stays in the store.
"""
CONTENT = b"`ctgitops doctor` wrote this to test the store. It can be deleted.\n"
_SIZE = "select pg_database_size(current_database())"


def store(environment: Environment, root: Path) -> Iterator[Diagnosis]:
    """Puts a probe into the store, reads it and deletes it."""
    policy = environment.backup
    if policy is None:
        why = "A migration that destroys data cannot be undone without a backup."
        fix = f"add `backup: {{to: …}}` to {environment.path}   # docs/backups.md"
        what = "the manifest has no `backup`, so no backup is taken before a migration"
        yield note("backup-store", what, fix, why=why)
    elif policy.provider:
        yield ok("backup-store", f"{policy.provider} takes and stores the backups")
    elif "://" in policy.to:
        yield from _probed(bucket_at(policy.to, policy.store, root, hurried=True), environment)
    else:
        yield from _folder(root / Path(policy.to).expanduser(), environment)


def _folder(folder: Path, environment: Environment) -> Iterator[Diagnosis]:
    if folder.is_dir():
        yield from _probed(FolderObjects(folder), environment)
        return
    existing = next(parent for parent in folder.parents if parent.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        yield ok("backup-store", f"the first backup creates {folder}")
    else:
        yield problem("backup-store", f"{folder} cannot be created in {existing}", f"sudo install -d -o $USER {folder}")


def _probed(objects: Objects, environment: Environment) -> Iterator[Diagnosis]:
    name, to = PROBE.format(environment.name), environment.backup.to if environment.backup else ""
    try:
        objects.put(name, CONTENT)
        readable = _read(objects, name)
    except NotAllowedError as error:
        yield problem("backup-store", error.what, error.hint or "give the credentials the right to write objects")
        return
    except (BackupError, UsageError) as error:
        yield problem("backup-store", error.what, error.hint)
        return
    if readable == CONTENT:
        yield ok("backup-store", f"{to}: a test object was written and read")
    elif readable is None:
        what = f"{to}: these credentials can write, but not read"
        yield note("backup-store", what, why="A restore and a drill need credentials that can read.")
    else:
        yield problem(
            "backup-store", f"{to}: the test object was read back with different contents", "check the log of the store"
        )
    yield from _deleted(objects, name, to)


def _read(objects: Objects, name: str) -> bytes | None:
    """The content of the probe. None if the credentials do not allow reading."""
    with suppress(NotAllowedError):
        return b"".join(objects.get(name))
    return None


def _deleted(objects: Objects, name: str, to: str) -> Iterator[Diagnosis]:
    try:
        objects.delete([name])
    except NotAllowedError:
        what = f"these credentials cannot delete, which protects backups; the test object {name} stays in {to}"
        yield note("backup-store", what)
    except (BackupError, OSError) as error:
        yield problem("backup-store", f"the test object {name} cannot be deleted: {error}", getattr(error, "hint", ""))


def encryption_keys(policy: BackupPolicy | None, private_key: Callable[[], PrivateKey | None]) -> Iterator[Diagnosis]:
    """Whether the public keys and the private key are valid, and belong together."""
    check, keys = "encryption-keys", policy.encrypt_to if policy else ()
    for number, text in enumerate(keys, start=1):
        try:
            recipient(text)
        except ValueError:
            what = f"public key {number} of `backup.encrypt_to` is not a key of age or SSH"
            yield problem(check, what, "age-keygen -o key.txt   # prints the public key")
            return
    key = private_key()
    if key is not None:
        try:
            identities(key.text)
        except ValueError as error:
            yield problem(check, f"the private key in {key.source} cannot be used: {error}", "age-keygen -o key.txt")
            return
    if not keys:
        yield ok(check, "backups are not encrypted")
    elif key is None:
        what = f"{len(keys)} public keys are valid; the private key is not set here"
        why = "A restore and a drill need the private key. An apply does not."
        yield note(check, what, "export CTGITOPS_IDENTITY_FILE=key.txt", why=why)
    else:
        yield ok(check, "the public keys and the private key are valid")


def disk(session: DoctorSession, environment: Environment, root: Path) -> Iterator[Diagnosis]:
    """Whether the disks of this machine have room for the dump and for its test restore."""
    policy = environment.backup
    if policy is None or policy.provider:
        yield ok("disk", "runs write no backup to this machine")
        return
    size = int(str(session.row(_SIZE)[0]))
    scratch = Path(tempfile.gettempdir())
    places = [(scratch if "://" in policy.to else _existing(root / Path(policy.to).expanduser()), SMALLEST_DUMP)]
    if not policy.verify_server:
        places.append((scratch, SMALLEST_COPY))
    full = [
        f"{place} has {megabytes(free)} free and needs at least {megabytes(size // part)}"
        for place, part in places
        if (free := shutil.disk_usage(place).free) < size // part
    ]
    if full:
        fix = "free space there, or: export TMPDIR=/PATH/ON/A/LARGER/DISK; or set `backup.to` to a bucket"
        yield problem("disk", "; ".join(full), fix)
    else:
        yield ok("disk", f"there is enough space to back up the database of {megabytes(size)}")


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())
