"""What pg_dump leaves out does not keep a backup from being proved, and is named."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import psycopg
import pytest

from ctgitops.errors import BackupError
from tests.backup.scene import Scene
from tests.servers import fetch, quickly, run, session

LEFT_OUT = {
    "an INVALID index": (
        "create table t (id int); insert into t values (1), (1)",
        "create unique index concurrently t_id on t (id)",
        "index public.t_id on public.t: it is INVALID",
    ),
    "an INVALID index that is not ready": (
        "create table t (id int); insert into t values (0)",
        "create index concurrently t_id on t ((1 / id))",
        "index public.t_id on public.t: it is INVALID",
    ),
    "an INVALID index of a partition": (
        """create table p (id int) partition by range (id);
           create table "P 1" partition of p for values from (0) to (9); insert into p values (1), (1)""",
        'create unique index concurrently "P 1_id" on "P 1" (id)',
        'index public."P 1_id" on public."P 1": it is INVALID',
    ),
    "a filled materialized view over one that is not populated": (
        """create materialized view a as select 1 as n; create view b as select n from a;
           create materialized view c as select n from b""",
        "refresh materialized view a with no data",
        "contents of materialized view public.c: it reads public.a, which is not populated",
    ),
    "rows of a table that belongs to an extension": (
        "create extension pg_trgm; create table t as select 1 as id; analyze t",
        "alter extension pg_trgm add table t",
        "rows of table public.t: it belongs to extension pg_trgm, which does not mark it for dumps",
    ),
    "settings of the database": (
        "create table t (id int)",
        "do $$ begin execute format('alter database %I set work_mem = ''8MB''', current_database()); end $$",
        "settings of the database (ALTER DATABASE, ALTER ROLE IN DATABASE): work_mem",
    ),
    "the comment of the database": (
        "create table t (id int)",
        "do $$ begin execute format('comment on database %I is ''it''', current_database()); end $$",
        "the comment of the database",
    ),
    "privileges on the database": (
        "create table t (id int)",
        "do $$ begin execute format('revoke connect on database %I from public', current_database()); end $$",
        "privileges on the database (GRANT ON DATABASE)",
    ),
}
KEPT = {
    "an index of a partitioned table that no partition has yet": """
        create table p (id int) partition by range (id); create table p1 partition of p for values from (0) to (9);
        create index p_id on only p (id)""",
    "a primary key of a partitioned table that no partition has yet": """
        create table p (id int not null) partition by range (id);
        create table p1 partition of p for values from (0) to (9); alter table only p add primary key (id)""",
    "constraints that are not valid": """
        create table a (id int primary key); create table b (a int); insert into b values (7);
        alter table b add foreign key (a) references a not valid; alter table b add check (a < 5) not valid;
        create domain d as int; create table c (d d); insert into c values (9);
        alter domain d add check (value < 5) not valid""",
    "triggers and rules that are disabled": """
        create table a (id int); create function f() returns trigger language plpgsql as 'begin return new; end';
        create trigger t before insert on a for each row execute function f(); alter table a disable trigger t;
        create rule r as on delete to a do nothing; alter table a disable rule r""",
    "unlogged tables with their rows": """
        create unlogged table u (id serial primary key, n int); insert into u (n) select generate_series(1, 9)""",
    "foreign data": """
        create extension postgres_fdw; create server s foreign data wrapper postgres_fdw options (host 'h');
        create user mapping for current_user server s options (user 'u'); create foreign table f (a int) server s""",
    "a subscription": """
        create subscription {name} connection 'host=nowhere' publication p with (connect = false)""",
    "publications, statistics and default privileges": """
        create table t (a int primary key, b int); create publication p for table t;
        create publication q for all tables; create statistics s on a, b from t;
        alter default privileges grant select on tables to public""",
    "event triggers": """
        create function f() returns event_trigger language plpgsql as 'begin end';
        create event trigger e on ddl_command_end execute function f(); alter event trigger e disable""",
}


@pytest.mark.parametrize("what", quickly(LEFT_OUT))
def test_it_is_named_in_the_receipt_and_the_backup_is_proved(quick: Scene, what: str) -> None:
    before, then, line = LEFT_OUT[what]
    run(quick.url, before)
    with contextlib.suppress(psycopg.Error):
        run(quick.url, then)
    receipt = quick.take()
    assert receipt.left_out == (line,)
    assert json.loads(receipt.summary())["not_in_backup"] == [line]


@pytest.mark.parametrize("what", quickly(KEPT))
def test_it_is_in_the_backup_so_it_is_not_named(quick: Scene, what: str) -> None:
    name = f'"sub_{quick.root.name}"'
    run(quick.url, KEPT[what].format(name=name))
    assert quick.take().left_out == ()
    if "subscription" in what:  # else its database cannot be dropped
        run(quick.url, f"alter subscription {name} set (slot_name = none)")
        run(quick.url, f"drop subscription {name}")


def test_a_role_that_may_not_read_it_is_told_what_is_missing(quick: Scene) -> None:
    name = f"owner_{quick.url.split('/')[3].split('?')[0]}"
    run(
        quick.url,
        f"""create role "{name}" login; create extension postgres_fdw;
            create server s foreign data wrapper postgres_fdw;
            create user mapping for postgres server s options (user 'u', password 'hunter22')""",
    )
    quick.url = quick.url.replace("postgres@", f"{name}@")
    receipt = quick.take()
    assert receipt.left_out == ("options of the user mapping of postgres for server s: this role may not read them",)
    assert "hunter22" not in receipt.to_json()


def test_a_receipt_of_before_has_nothing_to_name(quick: Scene) -> None:
    receipt = quick.take()
    file = Path(receipt.location) / "receipt.json"
    written = json.loads(file.read_text())
    del written["left_out"]
    file.write_text(json.dumps(written))
    from ctgitops.core.receipt import Receipt

    assert Receipt.from_json(file.read_text()).left_out == ()


@pytest.mark.parametrize("encoding", quickly(["LATIN1", "SQL_ASCII", "EUC_JP"]))
def test_the_copy_has_the_encoding_of_the_source(quick: Scene, encoding: str) -> None:
    name = f"{quick.url.split('/')[3].split('?')[0]}_{encoding.lower()}"
    run(quick.url, f"create database {name} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'")
    quick.url = quick.url.replace(quick.url.split("/")[3].split("?")[0], name, 1)
    written = {"LATIN1": "chr(233)", "SQL_ASCII": r"E'\xe9'", "EUC_JP": r"convert_from('\xa4a2', 'EUC_JP')"}
    run(quick.url, f"create table kept as select {written[encoding]}::text as a")
    quick.critical = ("public.kept",)
    assert quick.take().contents


def test_a_locale_that_the_proof_cannot_have_is_a_note(quick: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from ctgitops.postgres.catalog.exported_snapshot import ExportedSnapshot

    locale = ExportedSnapshot.locale
    monkeypatch.setattr(ExportedSnapshot, "locale", lambda self: replace(locale(self), collate="xx_YY"))
    assert any("restored with locale C: xx_YY is not available there" in note for note in quick.take().notes)


def test_a_tablespace_of_the_source_is_not_needed_for_the_proof(scene: Scene) -> None:
    folder = fetch(scene.url, "select current_setting('data_directory')")[0][0]
    name = f"space_{scene.root.name}"
    run(scene.url, f"copy (select 1) to program 'cat >/dev/null; mkdir {folder}/../{name}'")
    run(scene.url, f"create tablespace \"{name}\" location '{Path(str(folder)).parent}/{name}'")
    run(scene.url, f'create table t (a int primary key) tablespace "{name}"; insert into t values (1)')
    try:
        assert scene.take().rows == {"public.t": 1}
    finally:
        run(scene.url, "drop table t")
        run(scene.url, f'drop tablespace "{name}"')


# Since 17 an index or a materialized view cannot be made with such a function; it can lose its search_path afterwards
UNRESTORABLE = {
    "a materialized view": """
        create function total() returns bigint language sql set search_path = public as 'select count(*) from t';
        create materialized view m as select total() as n; alter function total() reset search_path""",
    "a CHECK constraint": """
        create function fits(int) returns bool language plpgsql immutable as
            'begin return $1 <= (select max(a) from t); end';
        create table u (a int check (fits(a))); insert into u values (1)""",
    "a generated column": """
        create function twice(int) returns int language plpgsql immutable as
            'begin return $1 * (select max(a) from t); end';
        create table u (a int, b int generated always as (twice(a)) stored); insert into u values (1)""",
    "an index expression": """
        create function "Helper"(int) returns int language sql immutable as 'select $1';
        create function helped(int) returns int language sql immutable set search_path = public as
            'select "Helper"($1)';
        create table u (a int); create index on u (helped(a)); alter function helped(int) reset search_path""",
    "a domain": """
        create function helper(int) returns bool language sql immutable as 'select true';
        create function helped(int) returns bool language sql immutable as 'select helper($1)';
        create domain d as int check (helped(value)); create table u (a d); insert into u values (1)""",
    "a function with names of two schemas": """
        create schema b; create table b.v (a int); insert into b.v values (9);
        set search_path = public, b;
        create function fits(int) returns bool language plpgsql immutable as
            'begin return $1 <= (select max(v.a) from t, v); end';
        create table u (a int check (fits(a))); insert into u values (1)""",
    "rows that a foreign key does not allow": """
        create table p (id int primary key); create table u (p int references p);
        set session_replication_role = replica; insert into u values (7)""",
    "rows that a CHECK constraint does not allow": """
        create function fits(int) returns bool language sql immutable as 'select true';
        create table u (a int check (fits(a))); insert into u values (1);
        create or replace function fits(int) returns bool language sql immutable as 'select false'""",
}


@pytest.mark.parametrize("what", quickly(UNRESTORABLE))
def test_a_dump_that_does_not_restore_has_a_cure_that_works_when_it_is_followed(quick: Scene, what: str) -> None:
    with session(quick.url) as connection:
        connection.execute("create table t (a int); insert into t values (5)")
        for statement in re.split(r";\s+(?=create|insert|set|alter)", UNRESTORABLE[what]):
            connection.execute(statement.encode())
    with pytest.raises(BackupError) as caught:
        quick.take()
    assert caught.value.state == "nothing was changed"
    cure = re.search(r"`(ALTER [^`]+;)`", caught.value.hint)
    assert cure, caught.value.hint
    run(quick.url, cure[1])
    assert quick.take().rows["public.t"] == 1


def test_an_encoding_that_the_proof_cannot_have_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from ctgitops.postgres.catalog.exported_snapshot import ExportedSnapshot

    locale = ExportedSnapshot.locale
    monkeypatch.setattr(ExportedSnapshot, "locale", lambda self: replace(locale(self), encoding="NONE_SUCH"))
    with pytest.raises(BackupError, match="with encoding NONE_SUCH") as caught:
        scene.take()
    assert "verify_server" in caught.value.hint
    assert caught.value.state == "nothing was changed"
