"""`roles` when the URL of the environment names a role that does not exist yet."""

from __future__ import annotations

import pytest

from ctgitops.commands.roles import roles
from ctgitops.errors import CtgitopsError, LedgerError, UsageError
from tests.fakes import STAGING, Diary


@pytest.mark.parametrize("error", [LedgerError('role "app_migrator" does not exist', hint="x"), UsageError("not set")])
def test_a_database_that_cannot_be_read_leads_to_the_way_without_one(error: CtgitopsError) -> None:
    with pytest.raises(type(error)) as refused:
        roles(STAGING, databases=Diary(unreachable={"staging": error}))
    assert "`ctgitops roles --env staging --database NAME` needs no URL" in refused.value.hint
    assert "administrator" in refused.value.hint
    assert roles(STAGING, databases=Diary(unreachable={"staging": error}), database="app").database == "app"
