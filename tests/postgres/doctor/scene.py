"""Sessions of `doctor` for tests, and short forms of results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from ctgitops.core.doctor.diagnosis import CheckVerdict, Diagnosis
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.doctor.doctor_session import DoctorSession


@contextmanager
def doctor(url: str, role: str = "") -> Iterator[DoctorSession]:
    """A session that is closed at the end."""
    session = DoctorSession(lambda: Address(url, "staging (STAGING_DATABASE_URL)"), role)
    try:
        yield session
    finally:
        session.close()


def verdicts(found: Iterable[Diagnosis]) -> list[CheckVerdict]:
    """The verdict of each result."""
    return [each.verdict for each in found]


def as_user(url: str, role: str) -> str:
    """The URL on the tests' socket with another role, which needs no password."""
    return url.replace("postgresql://postgres@", f"postgresql://{quote(role)}@")
