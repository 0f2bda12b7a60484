"""What a statement of a migration destroys, renames or converts, from its parse tree alone."""

from __future__ import annotations

import pytest

from ctgitops.sql.data_loss import DestructionKind
from ctgitops.sql.destruction import Renamed, Retyped, destruction
from ctgitops.sql.parse import trees


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("alter table t alter column a type int", ['"a"']),
        ("alter table t alter a type int, add b int, alter c type text", ['"a"', '"c"']),
        ("alter table t add a int, alter b set not null, add constraint c check (d > 0), drop constraint e", []),
    ],
)
def test_only_a_change_of_type_converts_values(sql: str, columns: list[str]) -> None:
    found = [each for tree in trees(sql) for each in destruction(tree)]
    assert [each.column for each in found if isinstance(each, Retyped)] == columns
    assert len(found) == len(columns)
    assert all(not isinstance(each, Renamed) and each.how is DestructionKind.RETYPED for each in found)
