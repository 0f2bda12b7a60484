"""The story of docs/recovery.md: each loss is caused, and the page's commands bring the rows back."""

from __future__ import annotations

import pyrage

from tests.pages.blocks import Block
from tests.pages.reader import Reader
from tests.servers import fetch, missing, programs_for_tests, run
from tests.stories.house import House

TABLE = "create table public.projects (id bigint generated always as identity primary key, name text not null unique);"
PROJECTS = f"""{TABLE}
insert into public.projects (name) select 'project ' || n from generate_series(1, 100) n;"""
ROWS = "select id, name from public.projects order by id"


def recovery(reader: Reader, page: list[Block]) -> None:
    """Corrupted rows, a dropped table, a wrong version, a lost database, and a stolen key."""
    listing, corrupted, dropped, wrong, lost, new_key, stolen = page
    if not (programs_for_tests().bin / "psql").exists():
        raise missing("clients", "no psql beside the server's programs")
    house, url = reader.house, reader.database()
    house.policy("header: optional\n")
    house.migration("001_projects", PROJECTS)
    _encrypted(reader, url, old := str(pyrage.x25519.Identity.generate()))
    reader.applied("production")

    _corrupted(reader, url, listing, corrupted)
    _dropped(reader, url, dropped)
    _wrong(reader, url, wrong)
    _lost(reader, url, lost)
    _stolen(reader, old, new_key, stolen)


def _corrupted(reader: Reader, url: str, listing: Block, corrupted: Block) -> None:
    reader.house.migration("002_names", "update public.projects set name = 'lost ' || id where id < 50;")
    before = _apply(reader, url)
    run(url, "insert into public.projects (name) values ('written since')")
    assert _newest(reader.house) in reader.copies(listing.text)
    reader.copies(corrupted.text)
    assert fetch(url, ROWS) == [*before, (101, "written since")]


def _dropped(reader: Reader, url: str, dropped: Block) -> None:
    reader.house.migration("003_drop", "drop table public.projects;", down=TABLE)
    before = _apply(reader, url)
    reader.copies(dropped.text)
    assert fetch(url, ROWS) == before
    assert fetch(url, "select to_regnamespace('restored')") == [(None,)]
    reader.house.remove("003_drop", "003_drop.down")


def _wrong(reader: Reader, url: str, wrong: Block) -> None:
    reader.house.migration("003_view", "create view seen as select name from projects;", down="drop view seen;")
    before = _apply(reader, url)
    run(url, "insert into public.projects (name) values ('written in the wrong version')")
    reader.copies(wrong.text)
    assert fetch(url, "select to_regclass('seen')") == [(None,)]
    assert len(fetch(url, ROWS)) == len(before) + 1
    reader.house.remove("003_view", "003_view.down")


def _lost(reader: Reader, url: str, lost: Block) -> None:
    house = reader.house
    assert house.run("backup", "--env", "production").status == 0
    before = fetch(url, ROWS)
    reader.replaced["BACKUP"] = _newest(house)
    parts = dict(part.split("=", 1) for part in reader.server.url("x").partition("?")[2].split("&"))
    house.secrets |= {"PGHOST": parts["host"].replace("%2F", "/"), "PGUSER": "postgres"}
    house.secrets |= {"PGPORT": parts["port"]} if "port" in parts else {}
    restored = reader.server.url("app_restored")
    reader.replaced["postgresql://USER:PASSWORD@HOST:5432/app_restored"] = restored
    run(url, "drop schema public cascade")
    assert "production" in reader.copies(lost.text)
    assert fetch(restored, ROWS) == before


def _stolen(reader: Reader, old: str, new_key: Block, stolen: Block) -> None:
    house = reader.house
    reader.copies(new_key.text)
    house.secrets.pop("CTGITOPS_IDENTITY")
    public = (house.root / "new_key.pub").read_text().strip()
    manifest = (house.root / "environments" / "production.yaml").read_text()
    house.write("environments/production.yaml", manifest.replace(_public(old), public))
    assert "was restored and matches its receipt" in reader.copies(stolen.text)


def _encrypted(reader: Reader, url: str, key: str) -> None:
    """Backups of production are encrypted to the public key of `key`."""
    reader.house.environment("production", url, f"backup: {{to: backups, encrypt_to: [{_public(key)}]}}\n")
    reader.house.secrets["CTGITOPS_IDENTITY"] = key


def _public(key: str) -> str:
    return str(pyrage.x25519.Identity.from_str(key).to_public())


def _apply(reader: Reader, url: str) -> list[tuple[object, ...]]:
    """Applies what is pending. Returns the rows as they were before, and are in the backup that the apply took."""
    before = fetch(url, ROWS)
    reader.applied("production")
    reader.replaced["BACKUP"] = _newest(reader.house)
    return before


def _newest(house: House) -> str:
    return max(each.name for each in (house.root / "backups").iterdir())
