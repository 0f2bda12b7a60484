"""Which files cannot share one transaction, and at which place the cause is."""

from __future__ import annotations

import pytest

from ctgitops.core.plan.single_transaction import single_transaction_problems
from ctgitops.core.problem import Problem
from ctgitops.sql.script import Script

ADDS = "alter type mood add value 'new';"
USES = "select 'new'::mood;"


def found(*texts: str) -> list[Problem]:
    scripts = tuple((f"{n:03}_m", Script(text, f"migrations/{n:03}_m.sql")) for n, text in enumerate(texts, start=1))
    return list(single_transaction_problems(scripts, "environments/staging.yaml"))


def places(*texts: str) -> list[tuple[str, str]]:
    return [(problem.code, str(problem.place)) for problem in found(*texts)]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("create table a ();", "create table b ();"), []),
        (("create table a ();", "select 1;\n vacuum;"), [("not-together", "migrations/002_m.sql:2:2")]),
        (("vacuum;", "vacuum;"), [("not-together", f"migrations/{n:03}_m.sql:1:1") for n in (1, 2)]),
        (
            ("select 1;", "begin;\nset transaction isolation level serializable;\nselect 1;\nend;"),
            [("not-together", "migrations/002_m.sql:2:1")],
        ),
        ((ADDS, USES), [("enum-value", "migrations/002_m.sql:1:1")]),
        (
            (f"select 1;\n{ADDS}", "select 1;", f"select 1;\nselect 2;\n{USES}"),
            [("enum-value", "migrations/003_m.sql:3:1")],
        ),
        ((ADDS, f"select 1;\n{USES}", USES), [("enum-value", "migrations/002_m.sql:2:1")]),  # the first use is enough
        ((USES, ADDS), []),
        ((f"{ADDS}\n{USES}",), []),  # reported for the file alone
        ((ADDS, "select 'old'::mood;"), []),
        ((ADDS, "selec 1;"), []),  # another problem reports it
    ],
)
def test_what_keeps_files_from_one_transaction(texts: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert places(*texts) == expected


def test_a_problem_names_the_file_the_manifest_and_the_way_out() -> None:
    for problem in (*found("vacuum;"), *found(ADDS, USES)):
        assert problem.blocks
        assert "set `transaction: each` in environments/staging.yaml while " in problem.hint
    (problem,) = found("select 1;", "vacuum;")
    assert problem.what.startswith(
        "environments/staging.yaml requires one transaction for all files, but 002_m cannot run in it"
    )
    (problem,) = found(ADDS, USES)
    assert problem.what.startswith("'new' is used in the transaction that adds this value to mood")
    assert "while 002_m is pending" in problem.hint
