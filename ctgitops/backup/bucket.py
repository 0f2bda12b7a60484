"""A bucket in S3, Google Cloud Storage or Azure Blob Storage. Uses the library obstore.

Credentials come from the environment variables of each cloud's own tools, or from the machine's metadata.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import SplitResult, urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from ..core.environment.environment import StoreSettings
from ..errors import BackupError, UsageError
from . import store_calls
from .folder_store import CHUNK
from .object_lock import ObjectLock, end_of, headers
from .objects import NotAllowedError, StoredObject
from .store_calls import Wait, interruptible

PAGE = 1000
"""The number of objects in an answer to a list."""
AT_ONCE = 100
"""The number of objects that one request deletes."""
ATTEMPTS = 3
"""Maximum number of attempts at a conditional put, which obstore's own retries do not repeat."""
ANSWER = timedelta(seconds=60)
"""The longest wait for the answer to a list, get or delete, and for each next piece of the answer."""
UPLOAD = timedelta(minutes=5)
"""The longest duration of one put of an object of at most 16 MB. Its answer comes only after the upload."""
RETRY = timedelta(minutes=3)
"""After this time, a request that failed is not repeated."""
_NOT_RECOGNISED = re.compile(
    "RequestTimeTooSkewed|RequestExpired|SignatureDoesNotMatch|InvalidAccessKeyId|InvalidToken|ExpiredToken"
    "|AuthenticationFailed"
)
"""Matches refusals of a whole request. These refusals do not show that the credentials lack a permission."""
_LOCKED = re.compile("BlobImmutableDueTo|RetentionPolicyNotMet|ObjectUnderActiveHold|ObjectLocked|object lock", re.I)
"""Matches the errors of a store that refuses to delete a locked object. Some stores report a conflict."""
_CERTIFICATE = re.compile(r"InvalidCertificate\(\s*(\w+)")
_BACKOFF = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=10), "base": 2}
_ADVICE = (
    (
        r"169\.254\.|metadata\.google",
        "no credentials are set, and this machine has no cloud identity: set the credentials of the cloud provider",
    ),
    (r"NoSuchBucket|ContainerNotFound|bucket does not exist", "create the bucket, or correct `backup.to`"),
    (r"RequestTimeTooSkewed|RequestExpired", "correct the clock of this machine"),
    (r"refused \(NotValidForName", "use a host in `backup.store.endpoint` that the store's certificate names"),
    (r"refused \((Expired|NotValidYet)", "renew the certificate of the store, or correct the clock of this machine"),
    (r"certificate|UnknownIssuer", "name the authority's certificate in `backup.store.ca`"),
    (r"SlowDown|code: (503|429)", "the store is overloaded or limits requests: run the command again later"),
    (r"QuotaExceeded|code: 507|Insufficient Storage", "free space in the store, or raise its quota"),
    (r"redirect|PermanentRedirect", "correct `backup.store.region` or `backup.store.endpoint`"),
    (
        r"ETag Header missing|invalid .* response|internal error",
        "check that `backup.store.endpoint` is the store's own address",
    ),
    (
        r"SignatureDoesNotMatch|InvalidAccessKeyId|InvalidToken|ExpiredToken|AuthenticationFailed|code: 401",
        "correct the credentials",
    ),
    (
        r"AccessDenied|code: 403|lacked the necessary privileges",
        "give the credentials the right to put, get and list objects",
    ),
    (
        r"NotImplemented|code: 501",
        "use a store with conditional puts (`If-None-Match: *`)",
    ),
    (r"error sending request|dns|connect", "check `backup.store.endpoint` and the network"),
)


@dataclass(frozen=True)
class Bucket:
    """Implements `objects.Objects`."""

    store: ObjectStore
    address: str
    uploads: ObjectStore | None = None
    """A client for puts, with a longer timeout. None if it is `store`."""
    object_lock: ObjectLock | None = None
    """The lock for new objects. None without `backup.store.object_lock`."""

    def put(self, name: str, content: bytes, wait: Wait | None = None) -> str:
        """Stores an object with a conditional put. Retries after a connection error. Sends a checksum."""
        return store_calls.put(lambda: self._stored(name, content), wait or Wait())

    def _stored(self, name: str, content: bytes) -> str:
        store = self.object_lock.store if self.object_lock else self.uploads or self.store
        end = monotonic() + RETRY.total_seconds()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _tag(obstore.put(store, name, content, mode="create", use_multipart=False)["e_tag"])
            except AlreadyExistsError:
                if self._has(name, content):  # the answer to an earlier attempt was lost
                    return _tag(obstore.head(self.store, name)["e_tag"])
                what = f"{self.address}/{name} exists with different contents, and is not overwritten"
                raise BackupError(what, hint="run the command again") from None
            except GenericError as error:
                if attempt == ATTEMPTS or monotonic() >= end:
                    raise self._failed("put", name, error) from None
            except (BaseError, OSError) as error:
                raise self._failed("put", name, error) from None
        raise AssertionError("unreachable")

    def get(self, name: str) -> Iterator[bytes]:
        """Yields the content of the object in chunks."""
        try:
            chunks = iter(interruptible(lambda: obstore.get(self.store, name).stream(min_chunk_size=CHUNK)))
            while chunk := interruptible(lambda: next(chunks, None)):
                yield bytes(chunk)
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
                raise self._failed("get", name, error) from None
            raise FileNotFoundError(2, "no such object", f"{self.address}/{name}") from None
        except (BaseError, OSError) as error:
            raise self._failed("get", name, error) from None

    def list(self, under: str = "", after: str = "") -> Iterator[StoredObject]:
        """Lists the objects page by page."""
        try:
            pages = obstore.list(self.store, prefix=under or None, offset=after or None, chunk_size=PAGE)
            while page := interruptible(lambda: next(pages, None)):
                for each in page:
                    yield StoredObject(each["path"], each["size"], _tag(each["e_tag"]))
        except (BaseError, OSError) as error:
            raise self._failed("list", under, error) from None

    def delete(self, names: Sequence[str], seconds: float | None = None) -> None:
        """Removes objects. Ignores objects that do not exist. `seconds` limits each wait for the store's answer."""
        one = not isinstance(self.store, S3Store)
        for name in names if one else [list(names[n : n + AT_ONCE]) for n in range(0, len(names), AT_ONCE)]:
            try:
                with suppress(FileNotFoundError):
                    interruptible(partial(obstore.delete, self.store, name), seconds)
            except TimeoutError:
                raise BackupError(f"cannot delete {self.address}/{names[0]}: the store does not answer") from None
            except (BaseError, OSError) as error:
                raise self._failed("delete", names[0], error) from None

    def locked(self, name: str) -> tuple[datetime, bool] | None:
        """Until when an object is locked, and whether the store confirms the lock. None without a lock. Read-only."""
        lock = self.object_lock
        return (lock.until, lock.confirmed(name)) if lock else None

    def _has(self, name: str, content: bytes) -> bool:
        return b"".join(self.get(name)) == content

    def _failed(self, verb: str, name: str, error: Exception) -> BackupError:
        words, _, source = str(error).partition("\n\nDebug source")
        code, message = (re.search(rf"<{tag}>(.*?)</{tag}>", words, re.DOTALL) for tag in ("Code", "Message"))
        if certificate := _CERTIFICATE.search(source):  # the message has only `error sending request`
            words += f": its certificate is refused ({certificate[1]})"
        hint = next((hint for pattern, hint in _ADVICE if re.search(pattern, words)), "")
        if self.object_lock and verb == "put" and "InvalidRequest" in words:
            hint = "use a bucket that was created with Object Lock, or remove `backup.store.object_lock`"
        said = f"{code[1]}: {message[1]}" if code and message else " ".join(words.split())
        # A signed URL has its signature after the question mark
        said = re.sub(r"\?[^\s\"'<>]+", "?…", said)[:400]
        what = f"cannot {verb} {self.address}/{name}: {said}"
        # obstore reports a refused list as a generic error
        denied = isinstance(error, PermissionDeniedError | UnauthenticatedError) or "code: 403" in words
        denied = (denied and not _NOT_RECOGNISED.search(words)) or (verb == "delete" and bool(_LOCKED.search(words)))
        return (NotAllowedError if denied else BackupError)(what, hint=hint)


def bucket_at(address: str, settings: StoreSettings, root: Path, *, hurried: bool = False) -> Bucket:
    """The bucket at an `s3://`, `gs://` or `az://` address. A `ca` file is relative to `root`. Raises UsageError.

    With `hurried`, a store that does not answer is an error within seconds.
    """
    parts = urlsplit(address)
    if not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError("the address of a backup store is not valid", hint="write it as s3://BUCKET/PREFIX")
    make = {"s3": _s3, "gs": _google, "az": _azure}[parts.scheme]
    options: Any = {"timeout": "10 minutes", "connect_timeout": "10 seconds", "read_timeout": ANSWER}
    retries: Any = {"max_retries": 7, "retry_timeout": RETRY, "backoff": _BACKOFF}
    if hurried:
        options |= {"timeout": "4 seconds", "connect_timeout": "3 seconds"}
        retries |= {"max_retries": 1, "retry_timeout": timedelta(seconds=4)}
    if settings.endpoint.startswith("http://") or os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        options["allow_http"] = True
    if settings.ca:
        options["root_certificate"] = _certificate(root / settings.ca)
    # A read timeout would also end an upload that is still sending
    for_puts = {key: value for key, value in options.items() if key != "read_timeout"}
    if not hurried:
        for_puts["timeout"] = UPLOAD
    place = parts.netloc, parts.path.strip("/") or None, settings
    try:
        store, uploads = make(*place, options, retries), make(*place, for_puts, retries)
    except (BaseError, OSError, ValueError) as error:
        words = str(error).partition("\n\nDebug source")[0]
        hint = "correct `backup.store.ca`" if "certificate" in words else "set the credentials of the cloud provider"
        raise UsageError(f"cannot open {address}: {words}", hint=hint) from None
    lock = _lock(parts, settings, for_puts, retries, root)
    return Bucket(store, address.rstrip("/"), uploads, lock)


def _lock(parts: SplitResult, settings: StoreSettings, options: Any, retries: Any, root: Path) -> ObjectLock | None:
    if settings.object_lock is None or parts.scheme != "s3":
        return None
    until = end_of(settings.object_lock, datetime.now(UTC))
    locking = {**options, "default_headers": headers(until)}
    store = _s3(parts.netloc, parts.path.strip("/") or None, settings, locking, retries)
    return ObjectLock(store, until, str(root / settings.ca) if settings.ca else "")


def _certificate(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        hint = "correct `backup.store.ca` in the manifest"
        raise UsageError(f"cannot read {file}: {error.strerror}", hint=hint) from None


def _s3(bucket: str, prefix: str | None, settings: StoreSettings, options: Any, retries: Any) -> S3Store:
    config: Any = {"checksum_algorithm": "SHA256"}
    if settings.endpoint:
        config["endpoint"] = settings.endpoint
    if settings.region:
        config["region"] = settings.region
    elif settings.endpoint and not {"AWS_REGION", "AWS_DEFAULT_REGION"} & os.environ.keys():
        config["region"] = "us-east-1"
    if settings.path_style is False:
        config["virtual_hosted_style_request"] = True
        if settings.endpoint:  # obstore expects the bucket in the endpoint's host
            scheme, _, host = settings.endpoint.partition("://")
            config["endpoint"] = f"{scheme}://{bucket}.{host}"
    if settings.server_side_encryption:
        config["server_side_encryption"] = settings.server_side_encryption
    return S3Store(bucket, prefix=prefix, config=config, client_options=options, retry_config=retries)


def _google(bucket: str, prefix: str | None, settings: StoreSettings, options: Any, retries: Any) -> ObjectStore:
    config: Any = {"base_url": settings.endpoint} if settings.endpoint else {}
    provider: Any = None
    if _external_account(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")):
        from obstore.auth.google import GoogleCredentialProvider

        provider = GoogleCredentialProvider()
    return GCSStore(
        bucket,
        prefix=prefix,
        config=config,
        client_options=options,
        retry_config=retries,
        credential_provider=provider,
    )


def _external_account(file: str) -> bool:
    """Whether the file has credentials for web identity federation, such as GitHub's OIDC. obstore cannot use them."""
    try:
        return bool(file) and json.loads(Path(file).read_text(encoding="utf-8")).get("type") == "external_account"
    except (OSError, ValueError, AttributeError):
        return False


def _azure(container: str, prefix: str | None, settings: StoreSettings, options: Any, retries: Any) -> ObjectStore:
    config: Any = {"endpoint": settings.endpoint} if settings.endpoint else {}
    return AzureStore(container, prefix=prefix, config=config, client_options=options, retry_config=retries)


def _tag(e_tag: str | None) -> str:
    return (e_tag or "").strip('"')
