"""Changes to the database between two runs, and a batched migration that would never end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from psycopg import sql

from tests.faults.history import COUNT, MANIFEST, write_history
from tests.faults.scene import Scene, Undisturbed, all_is_well, goes_on
from tests.servers import fetch, run, session
from tests.stories.house import House, advisory_locks, database_of, marks, ours, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
Told = Callable[[str, object], None]
HALF = "020"
OTHER_ROLE = """
create role {role} login superuser password '{password}';
alter schema ctgitops owner to {role};
do $$ declare each record; begin
    for each in select c.oid::regclass name from pg_class c
        where c.relnamespace = 'ctgitops'::regnamespace and c.relkind = 'r' loop
        execute format('alter table %s owner to {role}', each.name);
    end loop;
end $$;
"""
MORTAL = """
create role {role} login password '{password}'; grant create on database {database} to {role};
grant all on schema public to {role}; grant all on all tables in schema public to {role};
grant usage on schema ctgitops to {role}; grant select on all tables in schema ctgitops to {role};
"""
GRANTED = "grant insert on ctgitops.ledger, ctgitops.progress, ctgitops.home to {role};"
GRANTED += "grant insert, update on ctgitops.lease to {role};"
ENDLESS = """-- ctgitops: batch size=400 pause=0ms
with batch as (select id from big where touched >= 0 order by id limit $1 for update skip locked)
update big set touched = touched + 1 from batch where big.id = batch.id;"""


def as_somebody(url: str, role: str, password: str) -> str:
    """The same database, as another role with another password."""
    parts = urlsplit(url)
    return url.replace(f"{parts.username}:{parts.password}@", f"{role}:{password}@")


def struck(told: Told, fault: str) -> None:
    told("fault", f"{fault}, at a stop between two runs")
    told("struck", True)


def test_a_ledger_that_belongs_to_another_role_is_gone_on_with(
    scene: Scene, undisturbed: Undisturbed, record_property: Told
) -> None:
    role, password = f"owner_{secrets.token_hex(4)}", secrets.token_hex(8)
    scene.house.applied("--to", HALF)
    run(scene.url, OTHER_ROLE.format(role=role, password=password))
    struck(record_property, "the ledger belongs to another role")
    watched = scene.start()
    watched.said_line(25)
    watched.running.kill()
    watched.ended()
    goes_on(scene.house)
    all_is_well(scene.url, undisturbed.facts)
    run(scene.url, f"reassign owned by {role} to postgres; drop owned by {role}; drop role {role}")


def test_a_role_that_may_only_read_the_ledger_changes_nothing_until_it_may_add_to_it(
    scene: Scene, record_property: Told
) -> None:
    role, password = f"mortal_{secrets.token_hex(4)}", secrets.token_hex(8)
    scene.house.applied("--to", HALF)
    names = {"role": role, "password": password, "database": database_of(scene.url)}
    run(scene.url, MORTAL.format(**names))
    before = marks(scene.url)
    struck(record_property, "the ledger belongs to another role, which let nobody add to it")
    house = House(scene.house.root)
    house.environment("staging", as_somebody(scene.url, role, password), MANIFEST.replace("seeds: [seeds/staging]", ""))
    refused = house.apply("--to", "030")
    assert refused.status == 4, refused.said
    assert "but not insert into it" in refused.words
    assert marks(scene.url) == before
    run(scene.url, GRANTED.format(**names))
    done = house.apply("--to", "030")
    assert done.status == 0, done.said
    assert len(marks(scene.url)) == len(before) + 10
    run(scene.url, f"reassign owned by {role} to postgres; drop owned by {role}; drop role {role}")


def test_a_database_that_was_dropped_and_made_again_gets_all_of_it_once_more(
    scene: Scene, undisturbed: Undisturbed, record_property: Told
) -> None:
    name = database_of(scene.url)
    scene.house.applied("--to", HALF)
    watched = scene.start()
    watched.said_line(30)
    struck(record_property, "the database is dropped under a run, and made again")
    with session(scene.server.url()) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    done = watched.ended(90)
    assert done.status in {4, 6}, done.said
    scene.server.create_database(name)
    goes_on(scene.house)
    all_is_well(scene.url, undisturbed.facts)
    assert len([mark for mark in marks(scene.url) if mark.endswith(" applied")]) == COUNT + 2


def test_a_batch_that_would_never_end_is_stopped_and_what_it_did_is_on_record(
    scene: Scene, record_property: Told
) -> None:
    """Seen to fail without the comparison with how many rows there are: it ran until the test's time was over."""
    write_history(scene.house, scene.url)
    (fill,) = (scene.house.root / "migrations").glob("*_fill.sql")
    fill.write_text(ENDLESS)
    struck(record_property, "a batch whose WHERE is never false")
    began = time.monotonic()
    done = scene.house.apply()
    assert done.status == 6, done.said
    assert time.monotonic() - began < 50
    assert "it probably processes the same rows again" in done.words
    assert marks(scene.url)[-1].endswith("_fill failed")
    until(lambda: not ours(scene.url) and not advisory_locks(scene.url), 15)
    touched = fetch(scene.url, "select sum(touched)::bigint from big")
    assert touched == fetch(scene.url, "select sum(rows)::bigint from ctgitops.progress where kind = 'batch'")
