"""BEGIN and COMMIT that are not one pair around a file: each is refused for its true reason."""

from __future__ import annotations

import pytest

from ctgitops.core.workspace.workspace import query_problems, script_problems
from ctgitops.sql.script import Script


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "-- é\nBEGIN ISOLATION LEVEL SERIALIZABLE; select 1; COMMIT;",
            "2:1: `BEGIN ISOLATION LEVEL SERIALIZABLE` sets options that the transaction of apply does not have "
            "(write "
            "only `BEGIN`, and `SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;` on the next line)",
        ),
        (
            "START TRANSACTION READ ONLY; select 1; COMMIT;",
            "1:1: `START TRANSACTION READ ONLY` sets options that the transaction of apply does not have (write `START "
            "TRANSACTION` without `READ ONLY`)",
        ),
        (
            "BEGIN; select 1; COMMIT AND CHAIN;",
            "1:18: `COMMIT AND CHAIN` sets options that the transaction of apply does not have (write `COMMIT` without "
            "`AND CHAIN`)",
        ),
        (
            "-- ctgitops: no transaction\nBEGIN; select 1; COMMIT;",
            "2:1: BEGIN and COMMIT are in a file that runs outside a transaction: its line `-- ctgitops: no "
            "transaction` (remove BEGIN and COMMIT, or line 1)",
        ),
        (
            "BEGIN; create index concurrently i on t (a); COMMIT;",
            "1:1: CREATE INDEX CONCURRENTLY cannot run between BEGIN and COMMIT (remove BEGIN and COMMIT: the "
            "file then runs outside a transaction)",
        ),
        (
            "BEGIN; select 1; COMMIT; select 2;",
            "1:1: the SQL after COMMIT would run in a separate transaction, but a file must run in one transaction "
            "(remove BEGIN and COMMIT, or move that SQL between them)",
        ),
        (
            "select 1; BEGIN; select 2; COMMIT;",
            "1:11: the SQL before BEGIN would run in a separate transaction, but a file must run in one transaction "
            "(remove BEGIN and COMMIT, or move that SQL between them)",
        ),
        (
            "select 1;\nROLLBACK;",
            "2:1: ROLLBACK would undo the migration, and the ledger would record it as applied (remove the "
            "statement: each file already runs in its own transaction)",
        ),
    ],
)
def test_why_it_is_refused_and_what_to_do(sql: str, expected: str) -> None:
    (problem,) = script_problems(Script(sql, "a.sql"))
    assert f"{problem.place}: {problem.what} ({problem.hint})" == f"a.sql:{expected}"


def test_the_way_out_for_an_isolation_level_is_accepted() -> None:
    assert (
        script_problems(Script("BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; select 1; COMMIT;", "a.sql")) == ()
    )


def test_verify_queries_and_rollbacks_may_have_the_pair_too() -> None:
    assert query_problems(Script("BEGIN;\nselect true;\nCOMMIT;", "a.verify.sql")) == ()
    assert query_problems(Script("BEGIN;\nselect true;\nROLLBACK;", "a.verify.sql")) != ()


def test_a_pair_around_nothing_is_an_empty_file() -> None:
    (problem,) = script_problems(Script("BEGIN;\nCOMMIT;", "a.sql"))
    assert problem.code == "empty-file"
