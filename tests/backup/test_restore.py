"""Restore checks the backup and the target database before it writes anything."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ctgitops.core.receipt import Receipt
from ctgitops.errors import BackupError, CtgitopsError, UsageError
from tests.backup.scene import Scene
from tests.servers import fetch, programs_for_tests, run


@pytest.fixture
def receipt(quick: Scene) -> Receipt:
    """A backup of a database with a table and an owner of its own."""
    name = urlsplit(quick.url).path.strip("/")
    run(
        quick.url,
        f"""
        create role owner_{name}; create role reader_{name};
        create table t as select generate_series(1, 100) as a; alter table t owner to owner_{name};
        grant select on t to reader_{name};
        """,
    )
    return quick.take()


def untouched(url: str) -> bool:
    return fetch(url, "select from pg_class where relnamespace = 'public'::regnamespace") == []


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        pytest.param(
            lambda file: file.write_bytes(file.read_bytes() + b"x"), "has a different size", marks=pytest.mark.slow
        ),
        (lambda file: file.write_bytes(file.read_bytes()[:-1] + b"x"), "has a different SHA-256"),
        pytest.param(lambda file: os.truncate(file, 3), "has a different size", marks=pytest.mark.slow),
        (lambda file: file.unlink(), "is missing"),
        (lambda file: (file.parent / "blob_1.dat").touch(), "blob_1.dat is not in the receipt"),
        pytest.param(
            lambda file: (file.rename(file.parent.parent / "away"), file.symlink_to("../away")),
            "has a different size",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_dump_that_is_not_what_the_receipt_says_is_refused_first(
    quick: Scene, receipt: Receipt, make_database: Callable[[], str], tamper: Callable[[Path], object], words: str
) -> None:
    tamper(next((Path(receipt.location) / "dump").glob("*.dat*")))
    target = make_database()
    with pytest.raises(BackupError, match=words) as caught:
        quick.restore(receipt, target)
    assert caught.value.state == "nothing was restored"
    assert untouched(target)


def test_a_receipt_that_was_changed_is_refused(
    quick: Scene, receipt: Receipt, make_database: Callable[[], str]
) -> None:
    file = Path(receipt.location) / "receipt.json"
    data = json.loads(file.read_text())
    data["files"]["toc.dat"]["sha256"] = "0" * 64
    file.write_text(json.dumps(data))
    with pytest.raises(BackupError, match=r"toc\.dat has a different SHA-256"):
        quick.restore(receipt, make_database())


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"format": 1}', '{"format": 2}', "\x00", '{"format": 1, "files": 3}']
)
def test_what_is_no_receipt_is_refused(quick: Scene, text: str) -> None:
    (quick.root / "receipt.json").write_text(text)
    with pytest.raises(UsageError, match="is not a receipt"):
        quick.backups.restore(f"{quick.root}/receipt.json", quick.url, quick.tell)
    with pytest.raises(UsageError, match="cannot read"):
        quick.backups.restore("nowhere/receipt.json", quick.url, quick.tell)


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ("create table kept (a int)", "public.kept"),
        pytest.param("create schema kept", "schema kept", marks=pytest.mark.slow),
        pytest.param(
            "create function kept() returns int language sql as 'select 1'",
            "function public.kept",
            marks=pytest.mark.slow,
        ),
        pytest.param("create view kept as select 1", "public.kept", marks=pytest.mark.slow),
    ],
)
def test_a_database_that_is_not_empty_is_not_restored_into(
    quick: Scene, receipt: Receipt, make_database: Callable[[], str], there: str, words: str
) -> None:
    target = make_database()
    run(target, there)
    with pytest.raises(UsageError, match=f"is not empty: it has {words}"):
        quick.restore(receipt, target)


def test_extensions_that_are_there_already_are_no_hindrance(
    quick: Scene, receipt: Receipt, make_database: Callable[[], str]
) -> None:
    target = make_database()
    run(target, "create extension pg_trgm")
    quick.restore(receipt, target)
    assert fetch(target, "select count(*) from t") == [(100,)]


def test_owners_and_grants_come_back(quick: Scene, receipt: Receipt, make_database: Callable[[], str]) -> None:
    target = make_database()
    quick.restore(receipt, target)
    query = "select relowner::regrole::text, relacl::text from pg_class where relname = 't'"
    assert fetch(target, query) == fetch(quick.url, query)


def test_missing_roles_are_named_before_anything_is_restored_and_can_be_made(quick: Scene, receipt: Receipt) -> None:
    from ctgitops.postgres.server.local_server import LocalServer
    from tests.servers import base_for_servers

    name = urlsplit(quick.url).path.strip("/")
    with LocalServer(programs_for_tests(), base=base_for_servers()) as elsewhere:
        target = elsewhere.create_database("target").url
        with pytest.raises(UsageError, match=f"lacks roles .*: owner_{name}, reader_{name}") as caught:
            quick.restore(receipt, target)
        assert untouched(target)
        file = Path(receipt.location) / "dump" / "roles.sql"
        assert str(file) in caught.value.hint
        for statement in file.read_text().splitlines():
            if "postgres" not in statement:
                run(target, statement)
        quick.restore(receipt, target)
        assert fetch(target, "select relowner::regrole::text from pg_class where relname = 't'") == [(f"owner_{name}",)]


def test_a_role_that_may_not_give_away_owns_everything_itself(
    quick: Scene, receipt: Receipt, make_database: Callable[[], str]
) -> None:
    target = make_database()
    name = urlsplit(target).path.strip("/")
    run(target, f"create role small_{name} login; alter database {name} owner to small_{name}")
    quick.restore(receipt, target.replace("postgres@", f"small_{name}@"))
    assert fetch(target, "select relowner::regrole::text from pg_class where relname = 't'") == [(f"small_{name}",)]
    assert any("becomes the owner of all objects" in words for words in quick.said)


def test_a_role_that_may_create_nothing_is_told_which_database_to_make(
    quick: Scene, make_database: Callable[[], str]
) -> None:
    """Seen to fail: whole functions on one line, and a grant that would not have been enough."""
    body = "begin " + "perform 1; " * 200 + "end"
    run(quick.url, f"create schema s; create function s.f() returns void language plpgsql as $$ {body} $$")
    receipt = quick.take()
    target = make_database()
    name = urlsplit(target).path.strip("/")
    run(target, f"create role small_{name} login")
    with pytest.raises(BackupError, match="permission denied for database") as caught:
        quick.restore(receipt, target.replace("postgres@", f"small_{name}@"))
    assert len(caught.value.what) < 1000
    assert "perform 1; perform 1; perform 1; perform 1; perform 1;" not in caught.value.what
    assert caught.value.hint == (
        "create a new database that this role owns (`createdb --owner=ROLE NAME`), and restore into it"
    )
    owned = make_database()
    run(owned, f"alter database {urlsplit(owned).path.strip('/')} owner to small_{name}")
    quick.restore(receipt, owned.replace("postgres@", f"small_{name}@"))
    assert fetch(owned, "select count(*) from pg_proc where proname = 'f'") == [(1,)]


def test_what_did_not_come_back_is_said_with_what_did(
    quick: Scene, receipt: Receipt, make_database: Callable[[], str]
) -> None:
    target = make_database()

    def be_in_the_way(words: str) -> None:
        if words.startswith("restoring"):
            run(target, "create table t (a int, b int not null)")

    quick.meanwhile = be_in_the_way
    with pytest.raises(BackupError, match='relation "t" already exists') as caught:
        quick.restore(receipt, target)
    assert "restored" in caught.value.state


def test_no_secret_in_what_is_said(quick: Scene, receipt: Receipt) -> None:
    with pytest.raises(CtgitopsError) as caught:
        quick.restore(receipt, "postgresql://u:hunter22@127.0.0.1:1/nowhere")
    assert "hunter22" not in f"{caught.value.what} {caught.value.hint} {caught.value.state}"


def test_a_restore_that_breaks_off_says_that_the_database_is_not_whole(
    quick: Scene, receipt: Receipt, make_database: Callable[[], str]
) -> None:
    target = make_database()
    name = target.split("/")[3].split("?")[0]

    def cut(words: str) -> None:
        if words.startswith("restoring"):
            run(quick.url, f"alter database {name} connection limit 0")

    quick.meanwhile = cut
    run(quick.url, f"create role small_too_{name} login; alter database {name} owner to small_too_{name}")
    with pytest.raises(BackupError, match="stopped") as caught:
        quick.restore(receipt, target.replace("postgres@", f"small_too_{name}@"))
    assert "is incomplete or not verified" in caught.value.state
    assert "createdb" in caught.value.hint
