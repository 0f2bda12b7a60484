"""The exit status of `drift` for several environments."""

from __future__ import annotations

import pytest

from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.view.drift import Drift, DriftResult, exit_status
from ctgitops.core.view.preview import NotPlanned
from ctgitops.errors import LedgerError, UsageError
from tests.fakes import STAGING

SAME = Drift(STAGING, ())
DRIFTED = Drift(STAGING, (Added(SchemaObject("table", "public.t")),))
UNREAD, WRONG = NotPlanned(STAGING, LedgerError("")), NotPlanned(STAGING, UsageError(""))


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ((), 0),
        ((SAME, SAME), 0),
        ((SAME, DRIFTED), 1),
        ((DRIFTED, SAME), 1),
        ((UNREAD, SAME), 4),
        ((DRIFTED, UNREAD, WRONG), 4),
        ((DRIFTED, WRONG, UNREAD), 2),
    ],
)
def test_an_environment_that_could_not_be_read_decides_before_one_that_drifted(
    results: tuple[DriftResult, ...], status: int
) -> None:
    assert exit_status(results) == status
