"""A plan counts the data that it destroys, and says that no rollback brings it back."""

from __future__ import annotations

import pytest

from ctgitops.core.gate.data_loss import Loss
from ctgitops.errors import Place
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.session import data_loss
from ctgitops.postgres.session.data_loss import count_losses
from ctgitops.sql.data_loss import Destroyed, DestructionKind
from tests.fakes import header
from tests.servers import fetch, run
from tests.stories.house import House, facts

SHADOW = "shadow: {extensions: []}\n"
TABLES = """
create schema old;
create table public.orders (id int primary key, note text, price numeric(10,4), code text);
create table public.lines (id int);
create table public.logs (id int);
create table old.parts (id int);
create table public.unused (id int);
create materialized view public.totals as select count(*) as n from public.orders with no data;
create function public.clean() returns void language sql as 'drop table public.lines';
"""
ROWS = """
insert into public.orders select n, case when n > 4 then 'x' end, n + 0.0001 * (n % 2), repeat('c', n)
    from generate_series(1, 10) n;
insert into public.lines select generate_series(1, 7);
insert into public.logs select generate_series(1, 9);
insert into old.parts values (1), (2);
refresh materialized view public.totals;
"""


@pytest.fixture
def full(house: House, database_url: str) -> str:
    """A database with rows, whose plans are tried."""
    house.environment("staging", database_url, SHADOW)
    house.migration("001_tables", TABLES)
    house.applied()
    run(database_url, ROWS)
    return database_url


@pytest.mark.slow
def test_each_kind_of_destruction_is_counted_before_it_happens(house: House, full: str) -> None:
    before = facts(full)
    house.migration(
        "002_destroy",
        "select public.clean();\n"
        "truncate public.logs;\n"
        "alter table public.orders drop column note;\n"
        "alter table public.orders alter price type numeric(10,2);\n"
        "alter table public.orders alter code type varchar(8) using code::varchar(8);\n"
        "drop materialized view public.totals;\n"
        "drop schema old cascade;\n"
        "drop table public.unused;\n",
        down="select 1;",
    )
    looked = house.plan()
    assert looked.status in {0, 1}, looked.said
    assert "DESTROYS DATA" in looked.out.splitlines()[0]
    for line in (
        'empties table "public"."logs": 9 rows',
        'drops column "public"."orders"."note": 6 values',
        'changes the type of column "public"."orders"."price" from numeric(10,4) to numeric(10,2): 5 values',
        'changes the type of column "public"."orders"."code" from text to varchar(8): 2 values',
        'drops materialized view "public"."totals": 1 row',
        'drops schema "old": 2 rows (in 1 table)',
        'drops table "public"."unused": 0 rows',
        'drops table "public"."lines": 7 rows',
    ):
        assert f"    002_destroy {line}\n" in looked.out
    told = house.plan("--format", "json").json
    assert sum(loss["rows"] for loss in told["losses"]) == 9 + 6 + 5 + 2 + 1 + 2 + 7
    assert facts(full) == before


@pytest.mark.slow
def test_rows_are_not_counted_by_a_condition_of_a_pull_request(house: House, full: str) -> None:
    """No statement of a migration reaches the database before it is applied: the WHERE could do anything."""
    run(full, "create sequence public.called")
    house.migration("002_some", "delete from public.orders where nextval('public.called') > 0;")
    house.migration("003_all", "delete from public.lines where 1 = 1; delete from public.logs where true;")
    looked = house.plan()
    assert 'deletes rows of "public"."orders": about 10 rows (an upper bound: the affected rows' in looked.out
    assert '003_all deletes rows of "public"."lines": 7 rows\n' in looked.out
    assert '003_all deletes rows of "public"."logs": 9 rows\n' in looked.out
    assert fetch(full, "select is_called from public.called") == [(False,)]


def test_after_half_a_minute_of_counting_the_rest_is_estimated(full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(full, "analyze public.lines")
    loss = Loss("002", Destroyed(DestructionKind.TABLE, '"public"."lines"'), Place("a"))
    assert count_losses(Address(full, "staging"), (loss,))[0].text == 'drops table "public"."lines": 7 rows'
    monkeypatch.setattr(data_loss, "BUDGET", -1.0)
    run(full, "insert into public.lines values (8)")
    assert (
        'drops table "public"."lines": about 7 rows (counting timed out'
        in count_losses(Address(full, "staging"), (loss,))[0].text
    )


@pytest.mark.slow
def test_no_rollback_of_a_destruction_is_verified_and_a_backup_is_named(house: House, full: str) -> None:
    house.migration("002_drop", "drop table public.lines;", down="create table public.lines (id int);")
    house.migration("003_add", "create table public.added (id int);", down="drop table public.added;")
    looked = house.plan()
    assert "schema only" in looked.out
    assert "rollback verified: 1 of 2 restores the schema" in looked.out
    assert "the rollback of 002_drop restores the schema, NOT THE DATA that the migration destroys" in looked.out
    assert "a rollback restores the schema, NOT THIS DATA; NO BACKUP is taken before the apply" in looked.words
    page = house.plan("--format", "markdown").out
    assert page.startswith("### 🟠")
    assert "DESTROYS DATA" in page.splitlines()[0]
    assert "rolls this plan back with the rollback SQL in the ledger: this restores the schema, <b>not the data" in page
    assert "<b>🗑️ Data that the plan destroys</b>: 002_drop drops table" in page
    house.environment("staging", full, f"{SHADOW}backup: {{to: backups/staging}}\n")
    looked = house.plan()
    assert "NOT THIS DATA; only `ctgitops restore` restores the data, from the backup before" in looked.words


@pytest.mark.slow
@pytest.mark.usefixtures("full")
def test_what_the_plan_creates_itself_or_renames_is_not_destroyed(house: House) -> None:
    house.migration(
        "002_swap",
        "create table public.staged (id int); drop table public.staged;\n"
        "alter table public.lines rename to rows_of_orders; alter table public.logs set schema old;\n"
        "alter table public.orders rename note to remark;\n"
        "with moved as (delete from public.orders returning id) insert into old.parts select id from moved;\n",
    )
    looked = house.plan()
    assert "data that is destroyed" not in looked.out, looked.out
    assert "DESTROYS" not in looked.out
    assert house.plan("--format", "json").json["losses"] == []


@pytest.mark.slow
def test_a_rollback_that_is_passed_to_record_migration_is_available_and_tried(house: House, database_url: str) -> None:
    house.environment("staging", database_url, SHADOW)
    back = "select record_migration('001_notes.sql', rollback_sql => 'drop table notes');"
    house.migration("001_notes", f"create table notes (id int);\n{back}")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "IRREVERSIBLE" not in looked.out
    assert "rollback verified: 1 restores the schema" in looked.out
    house.applied()
    assert house.run("rollback", "--env", "staging", "--steps", "1").status == 0
    house.migration("002_wrong", f"create table notes (id int);\n{back.replace('001_notes', '002_wrong')}")
    house.remove("001_notes")
    house.migration(
        "001_notes", f"create table kept (id int);\n{back.replace('drop table notes', 'drop table nothing')}"
    )
    wrong = house.plan()
    assert "warning[rollback-fails]: the rollback of 001_notes fails" in wrong.out


@pytest.mark.slow
def test_what_only_the_trial_shows_contradicts_a_header_too(house: House, full: str) -> None:
    run(full, "grant select on public.lines to public")
    house.migration("002_clean", f"{header('002_clean')}select public.clean();", down="create table public.lines ();")
    looked = house.plan()
    assert looked.status == 3, looked.said
    what = (
        "error[breaking-undeclared]: `Breaking Changes: No`, but in the trial the migration drops or renames "
        "table public.lines"
    )
    assert what in looked.out
    house.migration(
        "002_clean",
        f"{header('002_clean')}do $$ begin execute 'revoke select on public.' || 'lines from public'; end $$;",
        down="select 1;",
    )
    looked = house.plan()
    assert "in the trial the migration revokes SELECT on table public.lines from PUBLIC" in looked.out
