"""The subcommands of `backup`, as a person calls them, with a folder and a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ctgitops.backup.folder_store import FolderStore
from ctgitops.cli.main import ctgitops
from tests.backup.scene import Scene
from tests.backup.test_prune import put, refer
from tests.report.test_json import valid
from tests.servers import fetch, run

MANIFEST = """
environment: staging
database: {url: "${STAGING_DATABASE_URL}"}
backup: {to: backups, verify_server: "${STAGING_DATABASE_URL}", keep: {last: 1}}
"""


@pytest.fixture
def scene(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A repository with a manifest, and a database."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "staging.yaml").write_text(MANIFEST)
    monkeypatch.setenv("STAGING_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    run(database_url, "create table t as select generate_series(1, 5) as a")
    return Scene(tmp_path, database_url)


def call(*arguments: str) -> Result:
    """Calls the command line; its return value is the exit status."""
    return CliRunner().invoke(ctgitops, list(arguments), standalone_mode=False)


def status(result: Result) -> int:
    if result.exception:
        return int(getattr(result.exception, "exit_status", 99))
    return int(result.return_value)


def test_a_backup_is_taken_listed_verified_drilled_and_restored_by_its_id(scene: Scene, make_database: object) -> None:
    assert callable(make_database)
    assert status(call("backup", "--env", "staging")) == 0
    [backup] = FolderStore(scene.root / "backups").ids()

    shown = valid("backup-list", call("backup", "list", "--format", "json").stdout)
    [found] = shown["environments"][0]["backups"]
    assert (found["id"], found["rows"], found["migrations_after"], found["drills"]) == (backup, 5, [], [])
    assert backup in call("backup", "list").stdout

    checked = valid("backup-verify", call("backup", "verify", backup, "--format", "json").stdout)
    assert (checked["id"], checked["unchecked"]) == (backup, [])
    assert "match the receipt" in call("backup", "verify", f"backups/{backup}").stdout

    drilled = valid("backup-drill", call("backup", "drill", "--env", "staging", "--format", "json").stdout)
    assert drilled["environments"][0]["drill"]["backup"] == backup
    assert "time to recover" in call("backup", "drill").stdout

    listed = call("backup", "list").stdout
    assert "ago, in " in listed
    target = make_database()
    assert status(call("restore", backup, "--into", target)) == 0
    assert fetch(target, "select count(*) from t") == [(5,)]


@pytest.mark.slow
def test_a_failed_drill_exits_with_7_and_stays_in_the_list(scene: Scene) -> None:
    call("backup", "--env", "staging")
    [folder] = (scene.root / "backups").iterdir()
    (folder / "dump" / "toc.dat").write_bytes(b"")
    failed = call("backup", "drill", "--format", "json")
    assert status(failed) == 7
    assert valid("backup-drill", failed.stdout)["environments"][0]["passed"] is False
    assert "DRILL FAILED" in call("backup", "drill").stdout
    assert "FAILED" in call("backup", "list").stdout
    assert status(call("backup", "verify", folder.name)) == 7


def test_what_prune_removes_is_shown_before_and_after(scene: Scene) -> None:
    newest, older, referred = (put(scene, days) for days in (1, 2, 3))
    refer(scene, referred)
    shown = valid("backup-prune", call("backup", "prune", "--env", "staging", "--dry-run", "--format", "json").stdout)
    assert {each["id"]: each["removed"] for each in shown["backups"]} == {newest: False, older: True, referred: False}
    text = call("backup", "prune", "--env", "staging", "--dry-run").stdout
    assert "would remove 1 of 3 backups" in text
    assert "the newest applied entry of staging refers to it" in text
    done = call("backup", "prune", "--env", "staging")
    assert "removed 1 of 3 backups" in done.stdout
    assert set(FolderStore(scene.root / "backups").ids()) == {newest, referred}


def test_the_list_says_which_migrations_came_after_and_what_it_does_not_know(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = put(scene, 1)
    refer(scene, backup)
    run(
        scene.url,
        "insert into ctgitops.ledger (mark, name, number, started_at, finished_at)"
        " values ('applied', '002_two', 2, now(), now())",
    )
    [found] = json.loads(call("backup", "list", "--format", "json").stdout)["environments"][0]["backups"]
    assert found["migrations_after"] == ["002_two"]
    monkeypatch.setenv("STAGING_DATABASE_URL", "postgresql://somebody@127.0.0.1:1/nowhere")
    unread = call("backup", "list", "--format", "json").stdout
    [environment] = valid("backup-list", unread)["environments"]
    assert environment["backups"][0]["migrations_after"] is None
    assert "cannot connect" in environment["ledger_error"]
    assert "not known" in call("backup", "list").stdout


def test_a_store_that_cannot_be_read_is_an_error(scene: Scene) -> None:
    (scene.root / "environments" / "staging.yaml").write_text(
        MANIFEST.replace("to: backups", "to: 's3://b/c', store: {endpoint: 'http://127.0.0.1:1', region: r}")
    )
    result = call("backup", "list", "--format", "json")
    assert status(result) == 7
    assert "cannot list" in valid("backup-list", result.stdout)["environments"][0]["error"]["what"]


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("backup",), "Missing option '--env'"),
        (("backup", "--env", "staging", "list"), "write `--env` after `list`"),
        (("backup", "list", "--env", "nowhere"), "there is no environment `nowhere`"),
        (("backup", "verify", "20261101T000000Z-other-0123abcd"), "no manifest of that name"),
        (("backup", "drill"), "staging: DRILL FAILED"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], said: str) -> None:
    result = call(*arguments)
    shown = str(getattr(result.exception, "message", "") or getattr(result.exception, "what", "")) + result.stdout
    assert said in shown


@pytest.mark.parametrize(
    "maker", ['by: command, command: ["./snapshot"]', "by: pgbackrest, pgbackrest: {stanza: main}"]
)
def test_backups_that_a_provider_keeps_are_named_and_no_folder_is_searched(scene: Scene, maker: str) -> None:
    manifest = MANIFEST.splitlines()[:-1]
    (scene.root / "environments/staging.yaml").write_text("\n".join([*manifest, f"backup: {{{maker}}}", ""]))
    listed = call("backup", "list")
    assert status(listed) == 0
    assert "takes and keeps the backups, so ctgitops does not know them" in listed.stdout
    assert "by" in valid("backup-list", call("backup", "list", "--format", "json").stdout)["environments"][0]
    refusals = {("prune", "--env", "staging"): 2, ("drill",): 2, ("drill", "--env", "staging"): 2}
    if "command" in maker:  # which cannot be run
        refusals |= {("drill",): 7, ("drill", "--env", "staging"): 7}
    for arguments, expected in refusals.items():
        refused = call("backup", *arguments)
        assert (status(refused), arguments) == (expected, arguments)
        if expected == 2:
            assert "providers.md" in str(getattr(refused.exception, "hint", "")) + refused.stdout
