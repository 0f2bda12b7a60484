"""A schema is expanded and contracted while programs write both forms, killed and rolled back in each phase."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from ctgitops.core.expand.change import parse_change
from ctgitops.core.expand.definition import definition_of
from ctgitops.core.expand.phase import Phase
from ctgitops.core.expand.table_phases import phases_of
from ctgitops.postgres.catalog.schema_snapshot import take_snapshot
from ctgitops.postgres.connection.connect import Address
from tests.servers import fetch, missing, programs_for_tests, run
from tests.stories.house import House, has, marks, ours, until

ROWS = 8_000
TABLE = f"""create table projects (id bigint generated always as identity primary key,
    name text not null default 'unnamed' check (length(name) < 60), note text);
create index projects_lower on projects (lower(name));
create table log (id bigint primary key, value text not null);
insert into projects (name) select 'n' || i from generate_series(1, {ROWS}) i;
insert into log select id, name from projects;"""
WRITES = """\\set id random(1, {rows})
\\set v random(1, 1000000000)
begin;
update projects set {column} = '{column}' || :v where id = :id;
update log set value = '{column}' || :v where id = :id;
with added as (insert into projects ({column}) values ('{column}+' || :v) returning id, {column})
insert into log select * from added;
commit;
"""
LOST = "select count(*) from projects p full join log l using (id) where p.{0} is distinct from l.value"
NAMES = tuple(
    f"{n:03}_{phase}_projects_name_to_title"
    for n, phase in enumerate(("expand", "index", "backfill", "validate", "contract"), 2)
)


@contextmanager
def writing(url: str, folder: Path, column: str, number: int) -> Iterator[subprocess.Popen[bytes]]:
    """Clients of pgbench that write one form of rows, and record in the same transaction what they wrote."""
    program = programs_for_tests().bin / "pgbench"
    if not program.exists():
        raise missing("clients", "no pgbench beside the server's programs")
    script = folder / f"{column}.sql"
    script.write_text(WRITES.format(column=column, rows=ROWS), encoding="utf-8")
    command = [str(program), "-n", "-c", str(number), "-j", "1", "-R", "150", "-T", "300", "-f", str(script), url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_writes(url, column)
        yield process
        assert process.poll() is None, f"the writers of {column} failed"
    finally:
        process.terminate()
        process.wait(30)
        until(
            lambda: (
                not fetch(
                    url,
                    f"select from pg_stat_activity where query like '%{column}+%' "
                    "and application_name = 'pgbench' and datname = current_database()",
                )
            )
        )


def wait_for_writes(url: str, column: str, more: int = 20) -> None:
    """Waits until the writers have committed more rows of this form."""
    query = f"select count(*) from log where value like '{column}+%'"
    before = int(str(fetch(url, query)[0][0]))
    until(lambda: int(str(fetch(url, query)[0][0])) > before + more)


def killed_and_continued(house: House, url: str, name: str) -> None:
    """Applies up to a migration. The first run is killed in this migration, and the next one goes on."""
    before = len(marks(url))
    running = house.start("apply", "--env", "staging", "--to", name)
    running.says(name)
    running.kill()
    running.ended()
    until(lambda: not ours(url))
    done = house.run("apply", "--env", "staging", "--to", name)
    assert done.status == 0, done.said
    assert f"{name} applied" in marks(url)[before:]


@pytest.mark.slow
def test_no_row_is_lost_while_both_forms_are_written_and_each_phase_is_killed_and_rolled_back(
    house: House, database_url: str, tmp_path: Path
) -> None:
    house.migration("001_projects", TABLE)
    house.applied()
    sentence = "rename column public.projects.name to title"
    written = house.run("new", "--expand", sentence, "--env", "staging", "--remove-after", "2020-01-01")
    assert written.status == 0, written.said
    assert house.run("check").status == 0
    with writing(database_url, tmp_path, "name", 2):
        for last in NAMES[:-1]:
            killed_and_continued(house, database_url, last)
            with writing(database_url, tmp_path, "title", 2):
                wait_for_writes(database_url, "name")
            back = house.run("rollback", "--env", "staging", "--to", "001_projects", "--accept-data-loss", NAMES[0])
            assert back.status == 0, back.said
            assert fetch(database_url, LOST.format("name")) == [(0,)]
            names = NAMES[: NAMES.index(last) + 1]
            again = house.run("repair", *names, "--again", "--env", "staging", "--reason", "the test goes on")
            assert again.status == 0, again.said
        killed_and_continued(house, database_url, NAMES[-2])
        with writing(database_url, tmp_path, "title", 2):
            wait_for_writes(database_url, "name", 60)
            assert fetch(database_url, LOST.format("name")) == fetch(database_url, LOST.format("title")) == [(0,)]
            assert house.run("verify", "--env", "staging").status == 0
    contracted(house, database_url, tmp_path)


def contracted(house: House, database_url: str, tmp_path: Path) -> None:
    """The flag is set: contract waits for code, then it is killed, and goes on while only the new form is written."""
    house.environment("staging", database_url, "flags: [contract-projects-name-to-title]\n")
    house.write("app.py", 'cursor.execute("select name from projects")\n')
    assert "waits for code that does not use `projects.name`: app.py:1" in house.plan().words
    house.applied()
    assert has(database_url, "projects_lower_title")
    house.write("app.py", 'cursor.execute("select title from projects")\n')
    with writing(database_url, tmp_path, "title", 4):
        killed_and_continued(house, database_url, NAMES[-1])
        wait_for_writes(database_url, "title")
    assert fetch(database_url, LOST.format("title")) == [(0,)]
    columns = (
        "select attname from pg_attribute where attrelid = 'projects'::regclass and attnum > 0 and not attisdropped"
    )
    assert fetch(database_url, columns) == [("id",), ("note",), ("title",)]
    assert not has(database_url, "projects_lower_title") and has(database_url, "projects_lower")
    assert house.run("verify", "--env", "staging").status == 0


@dataclass
class Expanded:
    """A table in a database, and the phases of one change of it."""

    url: str
    phases: dict[str, Phase] = field(default_factory=dict)

    def of(self, table: str, sentence: str) -> Expanded:
        run(self.url, table)
        definition = definition_of(parse_change(sentence), take_snapshot(Address(self.url, label="test")))
        self.phases = {phase.kind.value: phase for phase in phases_of(definition)}
        return self

    def apply(self, *names: str) -> None:
        """Runs phases as one run of apply would, and their verify queries."""
        for name in names:
            phase = self.phases[name]
            for _, sql in sorted(phase.parts.items()):
                run(self.url, sql.replace("CONCURRENTLY ", "").replace("$1", "1000"))
        for phase in self.phases.values():
            if phase.verify and phase.kind in names:
                assert fetch(self.url, phase.verify) == [(True,)], phase.verify

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return fetch(self.url, sql)


PEOPLE = (
    "create table t (id int primary key, c text, n int); insert into t values (1, '007', 1), (2, null, 2), (3, '8', 3);"
)


def test_a_type_changes_and_what_the_old_form_said_is_kept(database_url: str) -> None:
    """'007' is 7: the backfill does not change it to '7', and a write of the new form does."""
    db = Expanded(database_url).of(PEOPLE, "change type public.t.c to bigint")
    db.apply("expand")
    run(database_url, "update t set n = 9 where id = 3")
    assert db.rows("select c, c_new from t order by id") == [("007", None), (None, None), ("8", 8)]
    db.apply("index", "backfill")
    assert db.rows("select c, c_new from t order by id") == [("007", 7), (None, None), ("8", 8)]
    run(database_url, "insert into t (id, c) values (4, '0010'); insert into t (id, c_new) values (5, 11)")
    run(database_url, "update t set c = '5' where id = 1; update t set c_new = 6 where id = 3")
    run(database_url, "update t set c = '1', c_new = 2 where id = 2; update t set c_new = null where id = 4")
    expected = [("5", 5), ("2", 2), ("6", 6), (None, None), ("11", 11)]
    assert db.rows("select c, c_new from t order by id") == expected
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        run(database_url, "insert into t (id, c) values (6, 'x')")
    db.apply("contract")
    assert db.rows("select c from t order by id") == [(new,) for _, new in expected]
    assert db.rows("select pg_typeof(c)::text from t limit 1") == [("bigint",)]


@pytest.mark.parametrize(
    ("value", "to", "error"),
    [
        ("x", "bigint", psycopg.errors.InvalidTextRepresentation),
        ("abcdef", "varchar(3)", psycopg.errors.RaiseException),
    ],
)
def test_a_table_with_a_value_that_cannot_be_converted_is_not_expanded(
    database_url: str, value: str, to: str, error: type[psycopg.Error]
) -> None:
    """Otherwise, each later UPDATE of the row would fail, or a cast would cut the value."""
    db = Expanded(database_url).of(f"{PEOPLE} update t set c = '{value}' where id = 3;", f"change type t.c to {to}")
    with pytest.raises(error):
        db.apply("expand")
    run(database_url, "delete from t where id = 3")
    db.apply("expand", "index", "backfill", "contract")


def test_a_value_that_is_too_long_for_the_other_form_is_refused(database_url: str) -> None:
    table = "create table t (id int primary key, c {}); insert into t values (1, 'ab');"
    for number, (old, new, column) in enumerate(
        (("varchar(3)", "text", "c_new"), ("text", "char(3)", "c"), ("char(3)", "varchar(9)", "c_new"))
    ):
        db = Expanded(database_url).of(
            table.format(old).replace(" t ", f" t{number} "), f"change type t{number}.c to {new}"
        )
        db.apply("expand", "index", "backfill")
        with pytest.raises(psycopg.errors.StringDataRightTruncation):
            run(database_url, f"insert into t{number} (id, {column}) values (2, 'abcdef')")
        run(database_url, f"insert into t{number} (id, {column}) values (3, 'abc')")
        assert db.rows(f"select trim(c), trim(c_new) from t{number} order by id") == [("ab", "ab"), ("abc", "abc")]
        db.apply("contract")


def test_row_level_security_hides_no_row_from_a_contract(database_url: str) -> None:
    role = "do $$ begin create role expand_owner; exception when duplicate_object then null; end $$; "
    db = Expanded(database_url).of(f"{PEOPLE} {role}", "rename column public.t.c to d")
    db.apply("expand")
    forced = "alter table t enable row level security, force row level security, owner to expand_owner"
    run(database_url, f"{forced}; create policy p on t using (id > 1)")
    contract, verify = db.phases["contract"].parts[1], db.phases["backfill"].verify
    for sql in (contract, verify):
        run(database_url, "update t set c = c; alter table t no force row level security")
        run(database_url, f"set role expand_owner; {sql}")
        run(database_url, "alter table t force row level security")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            run(database_url, f"set role expand_owner; {sql}")
    again = definition_of(parse_change("rename column t.n to m"), take_snapshot(Address(database_url, label="test")))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        run(database_url, f"set role expand_owner; {phases_of(again)[0].parts[1]}")
    run(database_url, "drop owned by expand_owner; drop role expand_owner")


def test_a_contract_refuses_rows_whose_forms_differ(database_url: str) -> None:
    db = Expanded(database_url).of(PEOPLE, "rename column public.t.c to d")
    db.apply("expand", "index", "backfill")
    run(database_url, "alter table t disable trigger all; update t set c = 'other' where id = 1")
    assert db.rows(db.phases["backfill"].verify) == [(False,)]
    with pytest.raises(psycopg.errors.RaiseException, match="form of a row differ"):
        db.apply("contract")


def test_a_column_is_split_and_written_in_both_forms(database_url: str) -> None:
    table = "create table t (id int primary key, whole text); insert into t values (1, 'Ada Lovelace'), (2, null);"
    db = Expanded(database_url).of(
        table,
        "split public.t.whole into a text, b text using split_part(whole, ' ', 1), split_part(whole, ' ', 2) "
        "back concat_ws(' ', a, b)",
    )
    db.apply("expand", "index", "backfill")
    run(database_url, "insert into t (id, whole) values (3, 'Alan Turing'); insert into t (id, b) values (4, 'Plato')")
    run(database_url, "update t set b = 'King' where id = 1")
    expected = [
        ("Ada King", "Ada", "King"),
        (None, None, None),
        ("Alan Turing", "Alan", "Turing"),
        ("Plato", None, "Plato"),
    ]
    assert db.rows("select whole, a, b from t order by id") == expected
    db.apply("contract")
    assert db.rows("select a, b from t order by id") == [row[1:] for row in expected]


def test_a_column_becomes_not_null_and_back(database_url: str) -> None:
    db = Expanded(database_url).of(PEOPLE, "not null public.t.c default 'none'")
    db.apply("expand", "index", "backfill", "validate", "contract")
    run(database_url, "insert into t (id) values (4)")
    assert db.rows("select c from t order by id") == [("007",), ("none",), ("8",), ("none",)]
    with pytest.raises(psycopg.errors.NotNullViolation):
        run(database_url, "update t set c = null")
    for name in ("contract", "validate", "index", "expand"):
        run(database_url, db.phases[name].down.replace("CONCURRENTLY ", ""))
    assert db.rows(
        "select attnotnull, atthasdef from pg_attribute where attrelid = 't'::regclass and attname = 'c'"
    ) == [(False, False)]


def test_a_table_is_renamed_and_both_names_work_until_contract(database_url: str) -> None:
    grant = "do $$ begin create role expand_reader; exception when duplicate_object then null; end $$; "
    owner = f"{grant.replace('reader', 'owner')} grant create on schema public to expand_owner;"
    rights = "grant select, insert on t to expand_reader; grant update (c) on t to expand_reader"
    db = Expanded(database_url).of(
        f"{PEOPLE} {grant} {owner} {rights}; alter table t owner to expand_owner;", "rename table public.t to u"
    )
    db.apply("expand")
    run(database_url, "set role expand_reader; update t set c = 'c' where id = (select max(id) from t)")
    run(database_url, "set role expand_owner; select id from t for update")
    run(
        database_url, "insert into t (id, c) values (4, 'a') on conflict (id) do nothing; insert into u (id) values (5)"
    )
    run(database_url, "update t set c = 'b' where id = 5; delete from u where id = 1")
    assert db.rows("select id, c from t order by id") == db.rows("select id, c from u order by id")
    query = (
        "select string_agg(privilege_type, ',' order by 1) from information_schema.role_table_grants "
        "where grantee = 'expand_reader' and table_name = 't'"
    )
    assert db.rows(query) == [("INSERT,SELECT",)]
    db.apply("contract")
    run(database_url, f"{db.phases['contract'].down} {db.phases['expand'].down}")
    assert db.rows("select id from t order by id") == [(2,), (3,), (4,), (5,)]
    run(database_url, "drop owned by expand_reader, expand_owner; drop role expand_reader, expand_owner")


def test_rows_written_by_replication_and_copy_are_kept_in_step(database_url: str) -> None:
    """The trigger is ENABLE ALWAYS: a subscriber's worker runs with session_replication_role = replica."""
    db = Expanded(database_url).of(PEOPLE, "rename column public.t.c to d")
    db.apply("expand", "index", "backfill")
    run(
        database_url,
        "set session_replication_role = replica; insert into t (id, c) values (4, 'r'); "
        "insert into t (id, c, d) values (5, 'same', 'same')",
    )
    with psycopg.connect(database_url, autocommit=True) as connection, connection.cursor() as cursor:
        with cursor.copy("copy t (id, d) from stdin") as copy:
            copy.write_row((6, "copied"))
        cursor.execute(
            "insert into t (id, d) values (6, 'x') on conflict (id) do update set d = excluded.d || excluded.c"
        )
    run(database_url, "update t set d = upper(d)")
    assert db.rows("select c, d from t where id > 3 order by id") == [("R", "R"), ("SAME", "SAME"), ("XX", "XX")]
