"""PostgreSQL confirms the lock that each rule claims for its example, and the work under it."""

from __future__ import annotations

import psycopg
import pytest

from bench.truth.judge import Judge
from ctgitops.lint.rule import Rule
from ctgitops.postgres.connection.connect import Address
from ctgitops.sql.locks import LockMode
from tests.lint.examples import RULES, TABLES, files_of
from tests.servers import run

FILLED = """
insert into customers select n, 'name ' || n from generate_series(1, 50) n;
insert into orders select n, n, n, n, n, 'note', n::text from generate_series(1, 50) n;
"""
HELD = """
select max(case mode {cases} else 0 end) from pg_locks
where pid = pg_backend_pid() and locktype = 'relation' and relation = any(%s)
""".format(cases=" ".join(f"when '{mode.in_pg_locks}' then {mode.value}" for mode in LockMode))
IN_USE = (
    "select array_agg(oid) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'm')"
)


def name_of(rule: Rule) -> str:
    return rule.id


@pytest.mark.parametrize("rule", [r for r in RULES if r.lock is not None and r.id != "full-rewrite"], ids=name_of)
def test_its_example_takes_the_lock_that_it_claims(rule: Rule, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute((TABLES + rule.given).encode())
        (tables,) = connection.execute(IN_USE).fetchone() or ([],)
        connection.commit()
        connection.execute(rule.bad.encode())
        (held,) = connection.execute(HELD, (tables,)).fetchone() or (0,)
    assert LockMode(held) == rule.lock


# The examples of these two fail, which is why they are ones
@pytest.mark.parametrize(
    "rule", [r for r in RULES if r.id not in {"required-column", "partitioned-reindex"}], ids=name_of
)
def test_its_example_blocks_writes_while_it_works_as_it_claims(rule: Rule, database_url: str) -> None:
    assert blocks(database_url, rule.given, rule.bad) is rule.blocks


def test_what_is_said_to_be_refused_is_refused(database_url: str) -> None:
    rule = next(rule for rule in RULES if rule.id == "partitioned-reindex")
    run(database_url, TABLES + rule.given)
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.ActiveSqlTransaction):
        connection.execute(rule.bad.encode())


@pytest.mark.slow
# A batch is run by its runner, not by psql
@pytest.mark.parametrize("rule", [r for r in RULES if "batch" not in r.good], ids=name_of)
def test_its_good_example_does_not(rule: Rule, database_url: str) -> None:
    assert blocks(database_url, rule.given, rule.good) is False


def blocks(url: str, given: str, text: str) -> bool:
    """Whether PostgreSQL blocks writes for work, on tables with rows, in any of these files."""
    run(url, TABLES + given + FILLED)
    with Judge(Address(url, "the example's")) as judge:
        truths = [judge.file(script) for script in files_of(text)]
    assert not [truth.failed for truth in truths if truth.failed]
    return any(truth.blocks for truth in truths)
