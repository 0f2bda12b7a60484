from __future__ import annotations

from ctgitops.commands.status import status
from ctgitops.core.view.status import exit_status
from ctgitops.errors import LedgerError
from tests.fakes import PRODUCTION, STAGING, Diary, chained, entry, migration, workspace

ONE = migration("001_one", "1.0.0")


def test_all_environments_in_order_and_an_unreachable_one_says_so() -> None:
    diary = Diary({"staging": chained(entry(ONE))}, {"production": LedgerError("connection refused")})
    staging, production = status(workspace(ONE), (STAGING, PRODUCTION), databases=diary)
    assert (staging.environment, staging.pending, staging.unreadable) == ("staging", 0, "")
    assert production.unreadable == "connection refused"
    assert (exit_status((staging,)), exit_status((staging, production))) == (0, 4)


def test_nothing_is_locked() -> None:
    diary = Diary()
    status(workspace(ONE), (STAGING,), databases=diary)
    assert diary.lines == ["read staging"]
