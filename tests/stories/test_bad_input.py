"""Bad input gives a clear error and the documented exit status, and leaves the database unchanged."""

from __future__ import annotations

import resource
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fetch, missing, run, session
from tests.stories.house import House, Run, as_role, database_of, facts, has, marks, transaction

pytestmark = pytest.mark.slow

PASSWORD = "p@ss/w0rd#%:ö"
"""A password with everything that must be written in another way in a URL."""


@contextmanager
def untouched(url: str) -> Iterator[None]:
    """Nothing of a database may change: neither what is in it nor its ledger."""
    before = facts(url), marks(url)
    yield
    assert (facts(url), marks(url)) == before


def refused(done: Run, status: int, *words: str) -> None:
    """It ended with `status`, said all of `words`, and what to do next."""
    assert done.status == status, done.said
    for word in words:
        assert word in done.words, f"{word!r} is missing:\n{done.said}"
    assert "help:" in done.said or "Did you mean" in done.said, done.said


# The command line and the manifests. -----------------------------------------------------------------------------


def test_an_unknown_verb_gets_the_nearest_one(lived_in: House, database_url: str) -> None:
    with untouched(database_url):
        done = lived_in.run("aply", "--env", "staging")
    assert done.status == 2
    assert "Did you mean 'apply'?" in done.err


def test_an_unknown_environment_gets_the_list(lived_in: House) -> None:
    refused(lived_in.run("apply", "--env", "stagin"), 2, "there is no environment `stagin`", "staging")


def test_broken_yaml_names_its_line_and_the_other_environments_are_planned(lived_in: House, database_url: str) -> None:
    lived_in.write("environments/production.yaml", "environment: production\ndatabase: {url: [\n")
    with untouched(database_url):
        refused(lived_in.run("plan"), 3, "environments/production.yaml:", "staging")
        refused(lived_in.run("apply", "--env", "production"), 3, "environments/production.yaml:3")


def test_an_unknown_key_gets_the_nearest_one(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "targt: latest\n")
    with untouched(database_url):
        refused(lived_in.apply(), 3, "environments/staging.yaml:4:1", "targt", "target")


def test_a_missing_secret_is_named_and_how_to_set_it(lived_in: House) -> None:
    lived_in.environment("staging", None)
    refused(
        lived_in.apply(),
        2,
        "STAGING_DATABASE_URL, the URL of the database of staging, is not set",
        "export STAGING_DATABASE_URL=",
    )


def test_a_missing_migrations_folder_is_named(house: House, tmp_path: Path) -> None:
    done = house.run("apply", "--env", "staging", "--root", str(tmp_path))
    refused(done, 3, "the folder", "migrations` does not exist", "ctgitops init")


# Connecting. -----------------------------------------------------------------------------------------------------


def test_an_unreachable_server_is_told_without_its_password(lived_in: House) -> None:
    lived_in.environment("staging", "postgresql://me:very%20secret@127.0.0.1:1/app")
    refused(lived_in.apply(), 4, "cannot connect to staging (STAGING_DATABASE_URL)", "refused", "host and port")


def test_a_malformed_url_is_not_repeated(lived_in: House) -> None:
    malformed = [
        "postgresql://me:hunter2-secret@[::1/app",
        "postgresql://me:hunter2-secret@host:port/app",
        "postgresql://me:hunter2%zz-secret@host/app",
        "postgresql:/me:hunter2-secret@host/app",
        "host=db password=hunter2-secret' nonsense",
        "mysql://me:hunter2-secret@host/app",
    ]
    started = [lived_in.start("apply", "--env", "staging", environ={"STAGING_DATABASE_URL": url}) for url in malformed]
    for url, done in zip(malformed, [each.ended() for each in started], strict=True):
        assert done.status in {2, 4}, (url, done.said)
        assert "hunter2" not in done.said, url
        assert "staging (STAGING_DATABASE_URL)" in done.said, url


@pytest.fixture
def locked_door(tcp_server: LocalServer) -> str:
    """The URL of a database on a server that asks for a password, for a role that has `PASSWORD`."""
    name = f"door_{secrets.token_hex(4)}"
    url = tcp_server.create_database(name).url
    run(url, f"create role {name} login password $p${PASSWORD}$p$; grant create on database {name} to {name}")
    return f"postgresql://{name}:{quote(PASSWORD, safe='')}@{urlsplit(url).netloc.rpartition('@')[2]}/{name}"


def test_a_wrong_password_appears_nowhere(lived_in: House, locked_door: str) -> None:
    wrong = "p%40ss%2Fw0rd-is-wrong"
    host = urlsplit(locked_door).netloc.rpartition("@")[2]
    lived_in.environment("staging", f"postgresql://postgres:{wrong}@{host}/postgres")
    done = lived_in.apply()
    refused(done, 4, "password authentication failed", "correct the user and password")
    plan = lived_in.plan("--out", "plan.json")
    refused(plan, 4, "password authentication failed")
    assert lived_in.run("status", "--format", "json").status == 4
    assert_nowhere(lived_in.root, "p@ss/w0rd", wrong)


def test_a_right_password_with_odd_characters_connects_and_appears_nowhere(lived_in: House, locked_door: str) -> None:
    lived_in.environment("staging", locked_door, "backup: {to: backups}\n")
    lived_in.migration("002_two", "select 1 / 0;")
    done = lived_in.apply()
    assert done.status in {6, 7}, done.said
    assert_nowhere(lived_in.root, PASSWORD, quote(PASSWORD, safe=""))


def assert_nowhere(folder: Path, *secret: str) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(each.encode() in content for each in secret), file


# Files. ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (b"create table two ();\n\x00\x01\x02", ["002_two.sql:2:1", "not text"]),
        pytest.param(b"\x89PNG\r\n\x1a\n\xff\xfe", ["002_two.sql:1:1", "UTF-8"]),
        (b"create table two ();\ncreate tabel three ();\n", ["002_two.sql:2:8", 'syntax error at or near "tabel"']),
        (b"create table two ();\nCOMMIT;\ncreate table three ();", ["002_two.sql:2:1", "COMMIT"]),
        (b"create table two ();\n\\i other.sql\n", ["002_two.sql:2:1", "psql"]),
        (b"create table two (id int);\ncopy two from stdin;\n", ["002_two.sql:2:1", "COPY"]),
        pytest.param(
            b"create table two (id int);\ncopy two from stdin;\n1\n\\.\n",
            ["002_two.sql:3:1", "COPY"],
        ),
        (b"", ["002_two.sql:1", "no statement"]),
        pytest.param(b"-- only words\n", ["002_two.sql:1", "no statement"]),
        (b"select 1;\n" + b"-" * 50_000_000, ["002_two.sql", "50,000,010 bytes", "max_file_size"]),
    ],
    ids=["nul", "png", "syntax", "commit", "psql", "copy", "copy with data", "empty", "comment", "50 MB"],
)
def test_a_file_that_cannot_be_run_stops_everything_before_it_begins(
    lived_in: House, database_url: str, sql: bytes, words: list[str]
) -> None:
    lived_in.write("migrations/002_two.sql", sql)
    lived_in.migration("003_three", "create table three ();")
    with untouched(database_url):
        refused(lived_in.apply(), 3, "nothing was changed", *words)
    assert not has(database_url, "three")


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        (
            {"001_again": "select 1;"},
            3,
            ["--> migrations/001_again.sql", "001 is already used by", "001_one.sql"],
        ),
        ({"003_three": "select 1;"}, 3, ["003_three.sql", "002 does not exist"]),
        pytest.param({"01x": "select 1;"}, 3, ["01x.sql", "is not a valid migration name"]),
    ],
    ids=["duplicate", "gap", "name"],
)
def test_numbers_that_do_not_fit_stop_everything(
    lived_in: House, database_url: str, files: dict[str, str], status: int, words: list[str]
) -> None:
    for name, sql in files.items():
        lived_in.migration(name, sql)
    with untouched(database_url):
        refused(lived_in.apply(), status, *words)


def test_a_late_number_inside_a_band_is_refused_and_in_another_band_it_is_not(house: House, database_url: str) -> None:
    house.policy("header: optional\nnumbering: increasing\nbands: {core: 1-99, forms: 100-199}\n")
    for name in ("001_one", "003_three", "100_hundred"):
        house.migration(name, f"create table t{name} ();")
    house.applied()
    house.migration("002_two", "create table two ();")
    with untouched(database_url):
        refused(house.apply(), 4, "002_two comes before 003_three, which this database already has", "002_two.sql")
    house.remove("002_two")
    house.migration("004_four", "create table four ();")
    house.applied()
    assert marks(database_url)[-2:] == ["100_hundred applied", "004_four applied"]


# Files and ledger disagree. --------------------------------------------------------------------------------------


def test_p20_an_edited_file_is_shown_as_a_difference_to_what_was_applied(lived_in: House, database_url: str) -> None:
    lived_in.migration("001_one", "create table one (id bigint primary key);")
    with untouched(database_url):
        for done in (lived_in.plan(), lived_in.apply()):
            refused(done, 4, "001_one was changed after it was applied", "001_one.sql:1", "restore the file")
            assert "-create table one (id int primary key);" in done.said
            assert "+create table one (id bigint primary key);" in done.said


def test_a_deleted_file_is_shown_as_the_ledger_has_it(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    lived_in.applied()
    lived_in.remove("001_one")
    with untouched(database_url):
        done = lived_in.apply()
    refused(done, 4, "001_one was applied", "its file has been removed", "restore migrations/001_one.sql")
    assert "-create table one (id int primary key);" in done.said


def test_a_database_that_is_newer_than_the_repository_says_so(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    lived_in.applied()
    lived_in.remove("002_two")
    with untouched(database_url):
        refused(lived_in.apply(), 4, "the database is newer than this checkout: it has 002_two")


def test_a_schema_of_our_name_that_is_not_a_ledger_is_left_alone(house: House, database_url: str) -> None:
    house.migration("001_one", "create table one ();")
    run(database_url, "create schema ctgitops; create table ctgitops.notes ()")
    with untouched(database_url):
        refused(house.apply(), 4, "has a schema ctgitops that is not a ledger", "ALTER SCHEMA")
    assert has(database_url, "ctgitops.notes")


def test_a_ledger_of_a_newer_format_is_neither_read_nor_written(lived_in: House, database_url: str) -> None:
    run(database_url, "insert into ctgitops.format (version) values (99)")
    lived_in.migration("002_two", "create table two ();")
    with untouched(database_url):
        for done in (lived_in.plan(), lived_in.apply()):
            refused(done, 4, "has format 99", "newer ctgitops")


# Statements that fail. -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("create table two ();\n\nselect 1 / 0;", ["SQLSTATE 22012", "division by zero", "002_two.sql:3:1"]),
        ("create table two ();\nselect *\nfrom nowhere;", ["SQLSTATE 42P01", "nowhere", "002_two.sql:3:6"]),
        (
            "create table two ();\ndo $$\nbegin\n  insert into one values (1);\nend $$;",
            ["SQLSTATE 23505", "one_pkey", "002_two.sql:2:1", "PL/pgSQL function inline_code_block line 3"],
        ),
        (
            "create table two ();\nselect 'ä', 'ö'; select 'ü' || typo from one;",
            ["SQLSTATE 42703", "typo", "002_two.sql:2:32"],
        ),
        (
            "create table two (id int references one deferrable initially deferred);\ninsert into two values (7);",
            ["SQLSTATE 23503", "002_two.sql"],
        ),
        pytest.param(
            "create table two ();\ndo 'begin commit; end';",
            ["SQLSTATE 2D000", "002_two.sql:2:1"],
        ),
        ("create table two ();\nselect pg_terminate_backend(pg_backend_pid());", ["57P01", "002_two.sql:2"]),
    ],
    ids=["division", "missing table", "do block", "characters", "at commit", "commit in do", "backend ended"],
)
def test_a_statement_that_fails_is_named_and_its_migration_leaves_no_trace(
    lived_in: House, database_url: str, sql: str, words: list[str]
) -> None:
    lived_in.migration("002_two", sql)
    lived_in.migration("003_three", "create table three ();")
    before = facts(database_url)
    refused(lived_in.apply(), 6, "002_two left no trace", "state:", *words)
    assert facts(database_url) == before
    assert marks(database_url) == ["001_one applied", "002_two failed"]


def test_the_statement_that_failed_is_printed(lived_in: House) -> None:
    lived_in.migration("002_two", "select 1;\nselect 2 as it_is_this_one, 1 / 0;\nselect 3 as not_this_one;")
    done = lived_in.apply("--format", "json")
    assert done.status == 6
    assert "it_is_this_one" in done.err
    assert "not_this_one" not in done.err
    assert done.json["error"]["code"] == "apply"


@pytest.mark.parametrize(
    ("verify", "shown"),
    [
        ("select 1 = 1;\nselect count(*) > 0 from two;", "f"),
        pytest.param("select null::boolean;", "null"),
        ("select true from two;", "no row"),
        pytest.param("select 1;", "1"),
    ],
    ids=["false", "null", "no rows", "not a boolean"],
)
def test_a_verify_query_that_is_not_true_keeps_nothing(
    lived_in: House, database_url: str, verify: str, shown: str
) -> None:
    lived_in.migration("002_two", "create table two ();", verify=verify)
    before = facts(database_url)
    done = lived_in.apply()
    refused(done, 6, f"a verify query returned {shown} instead of true", "002_two.verify.sql:", "left no trace")
    assert facts(database_url) == before
    assert marks(database_url) == ["001_one applied", "002_two failed"]


def test_a_statement_that_takes_too_long_is_stopped(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "timeouts: {statement: 300ms}\n")
    lived_in.migration("002_two", "create table two ();\nselect pg_sleep(30);")
    before = facts(database_url)
    refused(lived_in.apply(), 6, "SQLSTATE 57014", "002_two.sql:2:1", "left no trace", "raise `timeouts.statement`")
    assert facts(database_url) == before


def test_a_lock_that_is_not_to_be_had_is_tried_for_and_given_up(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "timeouts: {lock: 100ms, retry_for: 1s}\n")
    lived_in.migration("002_two", "create table two ();\nalter table one add column word text;")
    before = facts(database_url)
    with transaction(database_url, "lock table one in access exclusive mode"):
        done = lived_in.apply()
        refused(
            done,
            6,
            "SQLSTATE 55P03",
            "002_two.sql:2",
            "lock timeout on public.one",
            "pg_stat_activity",
            "left no trace",
        )
    assert facts(database_url) == before
    assert marks(database_url) == ["001_one applied", "002_two failed"]


def test_a_lock_that_comes_free_in_time_is_had(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "timeouts: {lock: 100ms, retry_for: 30s}\n")
    lived_in.migration("002_two", "alter table one add column word text;")
    with transaction(database_url, "lock table one in access exclusive mode"):
        running = lived_in.start("apply", "--env", "staging")
        running.says("waiting before locking:")
    done = running.ended()
    assert done.status == 0, done.said
    assert marks(database_url) == ["001_one applied", "002_two applied"]


# What was approved. ----------------------------------------------------------------------------------------------


def test_another_plan_than_the_approved_one_waits(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    with untouched(database_url):
        refused(lived_in.apply("--fingerprint", "0" * 64), 5, "waits[fingerprint]", "the approved plan is 000000000000")
    assert lived_in.plan("--out", "plan.json").status == 0
    lived_in.migration("002_two", "create table two_changed ();")
    with untouched(database_url):
        refused(lived_in.apply("--plan", "plan.json"), 5, "waits[fingerprint]")
    lived_in.migration("002_two", "create table two ();")
    lived_in.applied("--plan", "plan.json")


def test_a_plan_file_of_another_environment_is_refused(
    lived_in: House, database_url: str, make_database: Callable[[], str]
) -> None:
    other = make_database()
    lived_in.environment("production", other)
    lived_in.migration("002_two", "create table two ();")
    assert lived_in.plan("--out", "plan.json").status == 0
    with untouched(other), untouched(database_url):
        done = lived_in.run("apply", "--env", "production", "--plan", "plan.json")
    assert done.status == 2, done.said
    assert "plan.json does not contain a plan of production" in done.err


def test_what_is_no_fingerprint_approves_nothing(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    with untouched(database_url):
        started = [
            lived_in.start("apply", "--env", "staging", "--fingerprint", approved)
            for approved in ("", "abc", "not hex at all", "Z" * 64)
        ]
        for done in [each.ended() for each in started]:
            refused(done, 2, "is not a fingerprint")


# Roles. ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def role(database_url: str) -> str:
    """A role that may log in, and nothing else."""
    name = f"role_{secrets.token_hex(4)}"
    run(database_url, f"create role {name} login")
    return name


def test_a_role_that_may_make_nothing_is_told_the_grant(house: House, database_url: str, role: str) -> None:
    house.migration("001_one", "create table one ();")
    house.environment("staging", as_role(database_url, role))
    with untouched(database_url):
        grant = f'GRANT CREATE ON DATABASE "{database_of(database_url)}" TO "{role}"'
        refused(house.apply(), 4, f"role {role} may not create the ledger", grant)


def test_a_role_that_may_only_read_the_ledger_can_plan(lived_in: House, database_url: str, role: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    lived_in.environment("staging", as_role(database_url, role))
    refused(lived_in.plan(), 4, f"role {role} may not read the ledger", f'GRANT USAGE ON SCHEMA ctgitops TO "{role}"')
    refused(lived_in.apply(), 4, f"role {role} may not read the ledger", f'GRANT USAGE ON SCHEMA ctgitops TO "{role}"')
    said = " ".join(lived_in.plan().words.split("help:")[1].split()[:18])
    run(database_url, said)
    with untouched(database_url):
        planned = lived_in.plan()
        assert planned.status == 0, planned.said
        assert "1 migration to apply" in planned.out
        applied = lived_in.apply()
    refused(
        applied, 4, f"role {role} cannot apply: it may read the ledger", "but not insert into it", "nothing was changed"
    )
    tables = "ctgitops.ledger, ctgitops.progress, ctgitops.home"
    run(database_url, f"grant insert on {tables} to {role}; revoke select on ctgitops.lease from {role}")
    refused(lived_in.apply(), 4, f"role {role} may not read the ledger", "GRANT SELECT ON ALL TABLES")


def test_a_role_that_is_read_only_is_told_so(lived_in: House, database_url: str, role: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    run(database_url, f"alter role {role} superuser; alter role {role} set default_transaction_read_only = on")
    lived_in.environment("staging", as_role(database_url, role))
    with untouched(database_url):
        assert lived_in.plan().status == 0
        refused(lived_in.apply(), 4, "is read-only", "a role that may write", "nothing was changed")


def test_a_role_that_is_read_only_cannot_make_the_ledger(house: House, database_url: str) -> None:
    house.migration("001_one", "create table one ();")
    run(database_url, f"alter database {database_of(database_url)} set default_transaction_read_only = on")
    refused(house.apply(), 4, "is read-only", "nothing was changed")
    assert marks(database_url) == []


# Backup. ---------------------------------------------------------------------------------------------------------


MUCH = "create table much as select g, md5(g::text) || md5((-g)::text) as t from generate_series(1, 60000) g"
"""Rows that no compression makes small enough for a disk of a megabyte."""


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of one megabyte; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if mount.returncode:
        raise missing("mount", "this user may not mount a tiny disk; the test with a limit for files stands in for it")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_for_the_backup_stops_the_run_before_anything_changes(
    lived_in: House, database_url: str, tiny_disk: Path
) -> None:
    run(database_url, MUCH)
    lived_in.environment("staging", database_url, f"backup: {{to: {tiny_disk}}}\n")
    lived_in.migration("002_two", "create table two ();")
    with untouched(database_url):
        refused(lived_in.apply(), 7, "No space left on device", "free space in", "nothing was changed")
    assert [file for file in tiny_disk.rglob("*") if file.is_file()] == []


def test_a_limit_for_files_stops_the_run_too(lived_in: House, database_url: str) -> None:
    run(database_url, MUCH)
    lived_in.environment("staging", database_url, "backup: {to: backups}\n")
    lived_in.migration("002_two", "create table two ();")

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))

    with untouched(database_url):
        done = lived_in.run("apply", "--env", "staging", preexec_fn=limited)
    assert done.status == 7, done.said
    assert "nothing was changed" in done.words
    assert [file for file in (lived_in.root / "backups").rglob("*") if file.is_file()] == []


def test_a_backup_folder_that_cannot_be_made_stops_the_run(lived_in: House, database_url: str) -> None:
    lived_in.write("backups", "a file where a folder should be")
    lived_in.environment("staging", database_url, "backup: {to: backups}\n")
    lived_in.migration("002_two", "create table two ();")
    with untouched(database_url):
        refused(lived_in.apply(), 7, "backups", "nothing was changed")


def test_a_backup_that_may_not_see_everything_stops_the_run(house: House, database_url: str, role: str) -> None:
    run(database_url, f"create table hidden (); grant create on database {database_of(database_url)} to {role}")
    run(database_url, f"grant all on schema public to {role}")
    house.environment("staging", as_role(database_url, role), "backup: {to: backups}\n")
    house.migration("001_one", "create table one ();")
    before = facts(database_url)
    refused(house.apply(), 7, "permission denied", "grant pg_read_all_data", "nothing was changed")
    assert facts(database_url) == before
    assert marks(database_url) == []
    assert [file for file in (house.root / "backups").rglob("*") if file.is_file()] == []


def test_the_backup_comes_before_the_first_step_and_its_receipt_is_in_the_ledger(
    lived_in: House, database_url: str
) -> None:
    lived_in.environment("staging", database_url, "backup: {to: backups, critical_tables: [public.one]}\n")
    lived_in.migration("002_two", "select 1 / 0;")
    done = lived_in.apply()
    refused(done, 6, "division by zero")
    receipts = list((lived_in.root / "backups").rglob("receipt.json"))
    assert len(receipts) == 1
    with session(database_url) as connection:
        kept = connection.execute("select receipt ->> 'location' from ctgitops.ledger order by id desc limit 1")
        location = kept.fetchone()
    assert location and (lived_in.root / str(location[0])).resolve() == receipts[0].parent
    assert not str(location[0]).startswith("/"), "it is shown as it is called from the repository"
    assert fetch(database_url, "select count(*) from one") == [(1,)]
