from __future__ import annotations

from ctgitops.commands.status import status
from ctgitops.core.gate.request import Request
from ctgitops.core.view.status import exit_status
from ctgitops.errors import LedgerError
from ctgitops.report.text_status import status_text, statuses_text
from tests.fakes import PRODUCTION, STAGING, Diary, chained, entry, migration, request, workspace

ONE = migration("001_one", "1.0.0")


def both() -> tuple[Request, ...]:
    return tuple(request(workspace(ONE), environment) for environment in (STAGING, PRODUCTION))


def test_all_environments_in_order_and_an_unreachable_one_says_so() -> None:
    diary = Diary({"staging": chained(entry(ONE))}, {"production": LedgerError("connection refused")})
    staging, production = status(both(), databases=diary)
    assert (staging.environment, staging.pending, staging.unreadable) == ("staging", 0, "")
    assert production.unreadable == "connection refused"
    assert (exit_status((staging,)), exit_status((staging, production))) == (0, 4)


def test_one_that_cannot_be_read_says_what_to_do() -> None:
    """Seen to fail: a role without rights, or a variable that is not set, came without a help line."""
    diary = Diary({"staging": chained()}, {"production": LedgerError("denied", hint="GRANT USAGE ON SCHEMA ctgitops")})
    seen = status(both(), databases=diary)
    assert "production:\n  help: GRANT USAGE ON SCHEMA ctgitops\n" in statuses_text(seen)
    assert status_text(seen[1]).endswith("\n  help: GRANT USAGE ON SCHEMA ctgitops\n")
    assert "help" not in status_text(seen[0])


def test_nothing_is_locked() -> None:
    diary = Diary()
    status(both()[:1], databases=diary)
    assert diary.lines == ["read staging"]
