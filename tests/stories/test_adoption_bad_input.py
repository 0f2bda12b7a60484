"""Histories and ledgers of other tools in a bad state: each gets a clear message, and nothing is written."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers import run
from tests.stories.house import House, facts, marks

pytestmark = pytest.mark.slow
UP = "create table a (id int primary key);\n"
GOOSE = "-- +goose Up\ncreate table {0} (id int primary key);\n-- +goose Down\ndrop table {0};\n"
GOOSE_TABLE = (
    "create table {0} (id serial primary key, version_id bigint not null, is_applied boolean not null, tstamp "
    "timestamp default now()); insert into {0} (version_id, is_applied) values (0, true), (1, true);"
)
FLYWAY_TABLE = (
    "create table {0} (installed_rank int primary key, version varchar(50), description varchar(200), type varchar(20),"
    " script varchar(1000), checksum int, installed_by varchar(100), installed_on timestamp default now(), "
    "execution_time int, success boolean);"
    "insert into {0} values (1, '1', 'init', 'SQL', 'V1__init.sql', {1}, 'me', now(), 1, {2});"
)
PRISMA_TABLE = (
    "create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null, finished_at "
    "timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz, started_at timestamptz "
    "not null default now(), applied_steps_count integer not null default 0);"
    "insert into _prisma_migrations values ('a', '{0}', {1}, '20240101000000_init', null, null, now(), 1);"
)
SQLX_TABLE = (
    "create table _sqlx_migrations (version bigint primary key, description text not null, installed_on timestamptz "
    "not null default now(), success boolean not null, checksum bytea not null, execution_time bigint not null);"
    "insert into _sqlx_migrations values (20240101000000, 'init', now(), true, decode('{0}', 'hex'), 1);"
)
PRISMA = "prisma/migrations/migration_lock.toml"
LOCK = 'provider = "postgresql"\n'
FLYWAY = "src/main/resources/db/migration"


def signed(crc: int) -> int:
    return crc - (1 << 32) if crc >= 1 << 31 else crc


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Bad:
    """A repository, the SQL that made its database, and what `check` or `baseline` says about them."""

    files: dict[str, str]
    said: str
    sql: str = ""
    verb: tuple[str, ...] = ("baseline", "--env", "staging")
    status: int = 4
    more: tuple[str, ...] = field(default=())


CHECK = ("check",)
CASES = {
    "a file was renamed (Prisma)": Bad(
        {PRISMA: LOCK, "prisma/migrations/20240101000000_begin/migration.sql": UP},
        "20240101000000_init is applied, but has no file, and prisma/migrations/20240101000000_begin/migration.sql has "
        "its checksum: restore the name of this file",
        UP + PRISMA_TABLE.format(sha256(UP), "now()"),
    ),
    "a file was renamed (Flyway)": Bad(
        {f"{FLYWAY}/V2__init.sql": UP},
        f"1 is applied, but has no file, and {FLYWAY}/V2__init.sql has its checksum",
        UP + FLYWAY_TABLE.format("flyway_schema_history", signed(zlib.crc32(UP.strip().encode())), True),
    ),
    "a file was changed (Prisma)": Bad(
        {PRISMA: LOCK, "prisma/migrations/20240101000000_init/migration.sql": UP},
        "20240101000000_init was changed after it was applied (prisma/migrations/20240101000000_init/migration.sql)",
        UP + PRISMA_TABLE.format(sha256("other"), "now()"),
    ),
    "a migration is half applied": Bad(
        {PRISMA: LOCK, "prisma/migrations/20240101000000_init/migration.sql": UP},
        "20240101000000_init is recorded as failed or unfinished",
        UP + PRISMA_TABLE.format(sha256(UP), "null"),
    ),
    "the dirty flag is set": Bad(
        {"migrations/000001_a.up.sql": UP, "migrations/000001_a.down.sql": "drop table a;"},
        "public.schema_migrations of golang-migrate and the files disagree: 1 is recorded as failed",
        f"{UP}create table schema_migrations (version bigint primary key, dirty boolean not null);"
        "insert into schema_migrations values (1, true);",
    ),
    "a row says that the migration failed": Bad(
        {f"{FLYWAY}/V1__init.sql": UP},
        "1 is recorded as failed or unfinished",
        UP + FLYWAY_TABLE.format("flyway_schema_history", 1, False),
    ),
    "the ledger says more than the files": Bad(
        {"db/migrations/00001_a.sql": GOOSE.format("a")},
        "2 is applied, but has no file",
        f"{UP}{GOOSE_TABLE.format('goose_db_version')}"
        "insert into goose_db_version (version_id, is_applied) values (2, true)",
    ),
    "the ledger lacks a migration": Bad(
        {f"db/migrations/0000{at}_{name}.sql": GOOSE.format(name) for at, name in enumerate("abc", 1)},
        "00002_b is not applied, but later migrations are",
        f"{UP}{GOOSE_TABLE.format('goose_db_version')}"
        "insert into goose_db_version (version_id, is_applied) values (3, true)",
    ),
    "the ledger says less than the database": Bad(
        {f"db/migrations/0000{at}_{name}.sql": GOOSE.format(name) for at, name in enumerate("ab", 1)},
        "NOT BASELINED: 1 difference from the schema of the files",
        f"{UP}create table b ();{GOOSE_TABLE.format('goose_db_version')}",
        status=1,
    ),
    "the database has no ledger that is known": Bad(
        {"db/migrations/00001_a.sql": GOOSE.format("a")},
        "staging has no ledger of another tool",
        f"{UP}create table versions (version text); insert into versions values ('1')",
        status=2,
        more=("--at NUMBER`, also if a tool's ledger has a name of your own",),
    ),
    "an include of psql": Bad(
        {"migrations/001_a.sql": UP, "migrations/002_b.sql": "select 1;\n\\i other.sql\n"},
        "`\\i other.sql` is a psql command, not SQL --> migrations/002_b.sql:2:1",
        verb=CHECK,
        status=3,
    ),
    "an include in a script of Sqitch": Bad(
        {
            "sqitch.plan": "%syntax-version=1.0.0\n%project=x\n\na 2024-01-01T00:00:00Z A B <a@b.c> # x\n",
            "deploy/a.sql": "BEGIN;\n\\ir ../more.sql\nCOMMIT;\n",
        },
        "`\\ir ../more.sql` is a psql command, not SQL --> deploy/a.sql:2:1",
        verb=CHECK,
        status=3,
    ),
    "a psql variable": Bad(
        {"migrations/001_a.sql": f"{UP}comment on table a is :'what';\n"},
        "`:'what'` is a psql variable, which ctgitops does not replace --> migrations/001_a.sql:2:23",
        verb=CHECK,
        status=3,
    ),
    "a placeholder without a value": Bad(
        {f"{FLYWAY}/V1__init.sql": f"{UP}comment on table a is '${{who}}';\n"},
        f"the placeholder `${{who}}` of Flyway has no value --> {FLYWAY}/V1__init.sql:2",
        verb=CHECK,
        status=3,
        more=("add `placeholders: {who: VALUE}` to migrations/policy.yaml",),
    ),
    "files of two tools, by their directives": Bad(
        {
            "db/migrations/00001_a.sql": GOOSE.format("a"),
            "db/migrations/00002_b.sql": "-- migrate:up\ncreate table b ();\n-- migrate:down\ndrop table b;\n",
        },
        "goose requires its directive for the up section --> db/migrations/00002_b.sql:1",
        verb=CHECK,
        status=3,
    ),
    "files of two tools, by their names": Bad(
        {"migrations/000001_a.up.sql": UP, "migrations/V2__b.sql": "create table b ();"},
        "`000001_a.up.sql` has the name of another tool's migration, and Flyway does not run it",
        verb=CHECK,
        status=3,
        more=("--> migrations/000001_a.up.sql", "keep the files of each tool in a folder of its own"),
    ),
}


def adopted(files: dict[str, str], folder: Path, url: str, sql: str) -> House:
    """A repository after `init`, whose database another tool has filled."""
    house = House(folder)
    house.root.mkdir()
    for path, text in files.items():
        house.write(path, text)
    house.secrets["STAGING_DATABASE_URL"] = url
    run(url, sql or "select 1")
    done = house.run("init")
    assert done.status == 0, done.said
    return house


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_a_clear_message_and_nothing_is_written(name: str, tmp_path: Path, database_url: str) -> None:
    bad = CASES[name]
    house = adopted(bad.files, tmp_path / "repository", database_url, bad.sql)
    before = facts(database_url)
    done = house.run(*bad.verb)
    assert done.status == bad.status, done.said
    for said in (bad.said, *bad.more):
        assert said in done.words, done.said
    if bad.verb != CHECK and bad.status == 4:
        assert "nothing was changed" in done.words
    assert (facts(database_url), marks(database_url)) == (before, [])


GOOD = {
    "the ledger has another name": ({"db/migrations/00001_a.sql": GOOSE.format("a")}, GOOSE_TABLE.format("versions")),
    "the ledger is in another schema": (
        {"db/migrations/00001_a.sql": GOOSE.format("a")},
        f"create schema tools; {GOOSE_TABLE.format('tools.goose_db_version')}",
    ),
    "the ledger is that of Flyway before 5.0": (
        {f"{FLYWAY}/V1__init.sql": UP},
        FLYWAY_TABLE.format("schema_version", signed(zlib.crc32(UP.encode())), True),
    ),
    "a file of goose has no Down": (
        {"db/migrations/00001_a.sql": f"-- +goose Up\n{UP}"},
        GOOSE_TABLE.format("goose_db_version"),
    ),
    "the files have other line ends than when they were applied": (
        {
            "migrations/20240101000000_init.sql": UP.replace("\n", "\r\n"),
            "Cargo.toml": '[dependencies]\nsqlx = "0.8"\n',
        },
        SQLX_TABLE.format(hashlib.sha384(UP.encode()).hexdigest()),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_an_unusual_history_is_taken_over(name: str, tmp_path: Path, database_url: str) -> None:
    files, sql = GOOD[name]
    house = adopted(files, tmp_path / "repository", database_url, UP + sql)
    done = house.run("baseline", "--env", "staging")
    assert done.status == 0, done.said
    assert "Flyway" in done.said or "Flyway" not in name
    assert "nothing to do" in house.plan().said
    assert house.run("drift", "--env", "staging").status == 0


def test_two_databases_with_one_folder_get_a_ledger_each(tmp_path: Path, database_url: str) -> None:
    house = adopted({"db/migrations/00001_a.sql": GOOSE.format("a")}, tmp_path / "repository", database_url, UP)
    house.environment("staging", database_url)
    house.environment("other", database_url)
    assert house.run("baseline", "--env", "staging", "--at", "1").status == 0
    before = marks(database_url)
    refused = house.run("baseline", "--env", "other", "--at", "1")
    assert refused.status == 4, refused.said
    assert "staging" in refused.words
    assert marks(database_url) == before


def test_a_policy_without_migrations_does_not_hide_those_of_another_tool(tmp_path: Path, database_url: str) -> None:
    files = {"db/migrations/00001_a.sql": GOOSE.format("a"), "migrations/policy.yaml": "header: optional\n"}
    house = adopted(files, tmp_path / "repository", database_url, "")
    assert "+layout: goose" in house.run("init").said
    assert "overwrote migrations/policy.yaml" in house.run("init", "--yes").said
    assert "1 migration, " in house.run("check").said
