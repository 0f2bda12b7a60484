"""BEGIN and COMMIT around a file mean what apply does anyway, wherever the file's SQL is sent or judged."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, facts, has, marks

TWO = "-- é\nBEGIN TRANSACTION;\n\ncreate table two (id int primary key);\n\nCOMMIT;\n"
DOWN = "begin;\ndrop table two;\nend;\n"
VERIFY = "BEGIN;\nselect count(*) = 0 from two;\nCOMMIT;\n"


def pair(house: House) -> None:
    house.migration("002_two", TWO, down=DOWN, verify=VERIFY)


def test_the_file_is_applied_with_its_entry_and_taken_back_from_the_ledger(lived_in: House, database_url: str) -> None:
    pair(lived_in)
    assert lived_in.run("check").status == 0
    lived_in.applied()
    assert marks(database_url) == ["001_one applied", "002_two applied"]
    kept = "select sql, rollback_sql from ctgitops.ledger where number = 2 and mark = 'applied'"
    assert fetch(database_url, kept) == [(TWO + "\n", DOWN + "\n")]
    assert lived_in.run("verify", "--env", "staging").status == 0
    done = lived_in.run("rollback", "--env", "staging", "--to", "1", "--accept-data-loss", "2")
    assert done.status == 0, done.said
    assert not has(database_url, "two")
    assert marks(database_url)[-1] == "002_two rolled-back"


def test_it_may_record_itself_with_a_rollback_that_has_it_too(lived_in: House, database_url: str) -> None:
    back = "BEGIN; drop table two; COMMIT;"
    record = f"select record_migration('002_two.sql', rollback_sql => '{back}');"
    lived_in.migration("002_two", f"BEGIN;\ncreate table two ();\n{record}\nCOMMIT;")
    lived_in.applied()
    assert marks(database_url) == ["001_one applied", "002_two applied"]
    assert fetch(database_url, "select rollback_sql from ctgitops.ledger where number = 2") == [(back,)]
    done = lived_in.run("rollback", "--env", "staging", "--to", "1")
    assert (done.status, has(database_url, "two")) == (0, False), done.said


def test_a_failure_inside_leaves_no_trace_and_has_its_line_in_the_file(lived_in: House, database_url: str) -> None:
    before = facts(database_url)
    lived_in.migration("002_two", "BEGIN;\ncreate table two ();\nselect 1 / 0;\nCOMMIT;")
    done = lived_in.apply()
    assert done.status == 6
    assert "migrations/002_two.sql:3" in done.words
    assert facts(database_url) == before
    assert marks(database_url) == ["001_one applied", "002_two failed"]


def test_a_verify_query_that_is_not_true_undoes_it_too(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", TWO, verify="BEGIN;\nselect false;\nCOMMIT;")
    done = lived_in.apply()
    assert done.status == 6
    assert "002_two.verify.sql:2:1" in done.words
    assert not has(database_url, "two")


def test_an_isolation_level_is_honoured_as_the_hint_writes_it(lived_in: House, database_url: str) -> None:
    create = "create table two as select current_setting('transaction_isolation') as level;"
    lived_in.migration("002_two", f"BEGIN ISOLATION LEVEL SERIALIZABLE;\n{create}\nCOMMIT;")
    refused = lived_in.apply()
    assert refused.status == 3
    assert "write only `BEGIN`, and `SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;`" in refused.words
    lived_in.migration("002_two", f"BEGIN;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n{create}\nCOMMIT;")
    lived_in.applied()
    assert fetch(database_url, "select level from two") == [("serializable",)]


def test_a_seed_file_may_have_it(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "seeds: [seeds/staging]\n")
    lived_in.write("seeds/staging/001_a.sql", "BEGIN;\ninsert into one values (7);\nCOMMIT;\n")
    lived_in.applied()
    assert fetch(database_url, "select id from one where id = 7") == [(7,)]


@pytest.mark.slow
def test_plan_tries_it_and_drift_replays_it(lived_in: House, database_url: str) -> None:
    pair(lived_in)
    lived_in.environment("staging", database_url, "shadow: {}\n")
    planned = lived_in.plan("--format", "json")
    assert planned.status == 0, planned.said
    assert planned.json["steps"][0]["transactional"] is True
    assert not planned.json["blocked"]
    lived_in.applied()
    assert lived_in.run("drift", "--env", "staging").status == 0
    run(database_url, "alter table two add by_hand int")
    assert lived_in.run("drift", "--env", "staging").status == 1


@pytest.mark.slow
def test_in_one_transaction_with_others(lived_in: House, database_url: str) -> None:
    pair(lived_in)
    lived_in.migration("003_three", "BEGIN;\nsavepoint a;\ncreate table three ();\nCOMMIT;")
    lived_in.environment("staging", database_url, "transaction: all\n")
    lived_in.applied()
    assert marks(database_url) == ["001_one applied", "002_two applied", "003_three applied"]


@pytest.mark.slow
def test_a_dump_as_pg_dump_writes_it_is_taken_over_and_applied(
    house: House, database_url: str, pg_dump: Path, make_database: Callable[[], str]
) -> None:
    run(database_url, "create table public.one (id serial primary key, name text not null)")
    dumped = subprocess.run([pg_dump, "-s", database_url], capture_output=True, text=True, check=True)
    text = dumped.stdout
    if "\\restrict" not in text:
        text = f"\\restrict aB3\n\n{text}\n\\unrestrict aB3\n"
    house.write("migrations/001_base.sql", text)
    done = house.run("baseline", "--env", "staging", "--at", "1")
    assert done.status == 0, done.said
    assert fetch(database_url, "select sql ~ 'restrict' from ctgitops.ledger where number = 1") == [(True,)]
    assert house.run("drift", "--env", "staging").status == 0
    empty = make_database()
    house.environment("other", empty)
    done = house.run("apply", "--env", "other")
    assert done.status == 0, done.said
    assert has(empty, "public.one")


@pytest.fixture
def pg_dump() -> Path:
    found = shutil.which("pg_dump")
    if found is None:
        pytest.skip("no pg_dump on the PATH")
    return Path(found)
