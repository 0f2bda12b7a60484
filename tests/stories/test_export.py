"""`export` leaves ctgitops: the other tool finds its ledger and its files, and has nothing to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.core.environment.layout import LayoutName
from ctgitops.layouts.file_writers import FILE_WRITERS
from ctgitops.layouts.ledger_creation import NEW_LEDGERS
from ctgitops.layouts.ledger_writers import WRITERS
from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import Service, fresh_database, run
from tests.stories.house import House, has, marks
from tests.stories.test_layouts_beside import RUN, network, npm, plain, schema_of  # noqa: F401 - fixtures

pytestmark = pytest.mark.slow
FUNCTION = "create function total() returns int language plpgsql as $$ begin\n  perform 1;\n  return 2;\nend $$;"
FILES = {
    "001_people": ("begin;\ncreate table people (id int primary key, name text);\ncommit;", "drop table people;"),
    "002_total": (f"-- It's a function; of numbers\n{FUNCTION}\ncomment on function total() is 'a;b';", ""),
    "010_index": ("create index concurrently people_name on people (name);", "drop index concurrently people_name;"),
    "201_photos": ("create table photos (id int);", "drop table photos;"),
}
BY_TOOL = [pytest.param(layout, id=layout.value) for layout in FILE_WRITERS]


def own(house: House, url: str) -> None:
    house.policy("header: optional\nnumbering: increasing\n")
    for name, (up, down) in FILES.items():
        house.migration(name, up + "\n", **({"down": down + "\n"} if down else {}))
    house.environment("staging", url)
    house.applied()


def test_each_tool_has_the_three_parts_of_an_export() -> None:
    assert FILE_WRITERS.keys() == NEW_LEDGERS.keys() == WRITERS.keys()


def sql_files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*.sql")}


def test_an_export_writes_only_new_files_and_the_other_ledger(house: House, database_url: str) -> None:
    own(house, database_url)
    before = sql_files(house.root)
    shown = house.run("export", "--to", "goose", "--env", "staging", "--dry-run")
    assert "goose_db_version of goose (new): 4 migrations would be recorded" in shown.words, shown.said
    assert sql_files(house.root) == before
    assert not has(database_url, "goose_db_version")
    done = house.run("export", "--to", "goose", "--env", "staging")
    assert done.status == 0, done.said
    assert before.items() <= sql_files(house.root).items()
    assert house.run("drift", "--env", "staging").status == 0
    house.migration("202_more", "create table more ();")
    refused = house.run("export", "--to", "goose", "--env", "staging")
    assert refused.status == 0, refused.said
    assert "0 migrations recorded" in refused.words
    assert (house.root / "exported/goose/202_more.sql").exists()
    house.applied()
    assert "1 migration recorded" in house.run("export", "--to", "goose", "--env", "staging").words
    (house.root / "exported/goose/202_more.sql").write_text("x")
    other = house.run("export", "--to", "goose", "--env", "staging")
    assert other.status == 2
    assert "`exported/goose/202_more.sql` exists and has another text" in other.words


@pytest.mark.parametrize("layout", BY_TOOL)
def test_the_written_files_and_ledger_are_those_of_the_tool(
    layout: LayoutName, house: House, tmp_path: Path, server: LocalServer
) -> None:
    own(house, url := fresh_database(server))
    done = house.run("export", "--to", layout.value, "--env", "staging")
    assert done.status == 0, done.said
    back = House(tmp_path / "back")
    back.root.mkdir()
    (house.root / "exported" / layout.value).rename(back.root / "changes")
    back.write("migrations/policy.yaml", f"layout: {layout}\nmigrations: changes\n")
    run(url, "drop schema ctgitops cascade")
    back.environment("staging", url)
    taken = back.run("baseline", "--env", "staging")
    assert taken.status == 0, taken.said
    assert "4 migrations" in taken.words


@pytest.mark.parametrize(
    ("layout", "then", "status", "said"),
    [
        (
            LayoutName.GOOSE,
            "insert into ctgitops.ledger (number, name, mark, checksum) values (7, '007_gone', 'baselined', 'x')",
            4,
            "007_gone is applied, but has no file",
        ),
        (LayoutName.GOLANG_MIGRATE, "create table schema_migrations (version text)", 4, "the ledger of dbmate"),
        (
            LayoutName.GOLANG_MIGRATE,
            "create table schema_migrations (version bigint primary key, dirty boolean); "
            "insert into schema_migrations values (202, false)",
            4,
            "202_pending is recorded in public.schema_migrations, but the ledger says that it is not applied",
        ),
        (
            LayoutName.DBMATE,
            "create table schema_migrations (version text); insert into schema_migrations values ('202')",
            4,
            "202_pending is recorded in public.schema_migrations, but the ledger says that it is not applied",
        ),
        (
            LayoutName.GOOSE,
            "create schema a; create schema b; create table a.goose_db_version (id serial, version_id int, is_applied "
            "bool, tstamp timestamp); create table b.goose_db_version (like a.goose_db_version)",
            4,
            "goose has several ledgers: a.goose_db_version, b.goose_db_version",
        ),
    ],
)
def test_a_contradiction_ends_an_export_and_nothing_is_written(  # noqa: PLR0917 - the columns of the table
    layout: LayoutName, then: str, status: int, said: str, house: House, database_url: str
) -> None:
    own(house, database_url)
    house.migration("202_pending", "create table pending ();")
    run(database_url, then)
    before = marks(database_url), sql_files(house.root)
    refused = house.run("export", "--to", layout.value, "--env", "staging")
    assert refused.status == status, refused.said
    assert said in refused.words
    assert "nothing was changed" in refused.words
    assert (marks(database_url), sql_files(house.root)) == before


def test_a_late_migration_is_applied_before_a_tool_that_would_skip_it(house: House, database_url: str) -> None:
    own(house, database_url)
    house.migration("011_late", "create table late ();")
    for tool, status in (("golang-migrate", 4), ("dbmate", 0)):
        done = house.run("export", "--to", tool, "--env", "staging")
        assert done.status == status, done.said
        assert ("is pending, but precedes an applied migration; apply it first" in done.words) is (status == 4)


def test_a_file_that_the_tool_would_read_otherwise_is_refused(house: House, database_url: str) -> None:
    own(house, database_url)
    house.migration("202_mark", "comment on table photos is '${name}';")
    refused = house.run("export", "--to", "flyway", "--env", "staging")
    assert refused.status == 3, refused.said
    assert "202_mark cannot be written as a file of Flyway: the placeholder `${name}`" in refused.words
    assert not (house.root / "exported").exists()


@pytest.mark.parametrize("layout", [pytest.param(layout, id=layout.value) for layout in RUN if layout in FILE_WRITERS])
def test_the_tool_has_nothing_to_do_and_its_files_give_the_same_schema(
    layout: LayoutName,
    npm: Path,  # noqa: F811
    house: House,
    network: Service,  # noqa: F811
) -> None:
    own(house, url := plain(network, f"left_{layout}".replace("-", "_")))
    if not FILE_WRITERS[layout].outside:  # the tool runs all files in a transaction
        (house.root / "migrations/010_index.sql").unlink()
        (house.root / "migrations/010_index.down.sql").unlink()
        run(url, "drop index people_name; drop schema ctgitops cascade")
        done = house.run("baseline", "--env", "staging", "--at", "latest")
        assert done.status == 0, done.said
    done = house.run("export", "--to", layout.value, "--env", "staging", "--into", "changes")
    assert done.status == 0, done.said
    before = schema_of(url)
    RUN[layout](npm, house.root, url)  # fails if it runs a file again
    assert schema_of(url) == before
    (house.root / "node_modules").unlink(missing_ok=True)
    empty = plain(network, f"empty_{layout}".replace("-", "_"))
    RUN[layout](npm, house.root, empty)
    assert has(empty, "photos")
    assert schema_of(empty) == before


def test_a_relation_with_the_name_of_the_ledger_is_not_touched(house: House, database_url: str) -> None:
    own(house, database_url)
    run(database_url, "create view goose_db_version as select 1 as a")
    before = marks(database_url)
    refused = house.run("export", "--to", "goose", "--env", "staging")
    assert refused.status == 4, refused.said
    assert "public.goose_db_version exists, and is not a ledger of goose" in refused.words
    assert "the database was not changed" in refused.words
    assert marks(database_url) == before
    run(database_url, "drop view goose_db_version")
    assert house.run("export", "--to", "goose", "--env", "staging").status == 0  # the files are already there


def test_files_that_cannot_be_written_are_named_and_the_database_is_not_changed(
    house: House, database_url: str
) -> None:
    own(house, database_url)
    house.write("file", "x")
    house.write("folder/001_people.sql/x", "x")
    for into, said in (
        ("file", "`file` cannot be written"),
        ("folder", "folder/001_people.sql` cannot be written: Is a directory"),
        ("migrations", "`--into` takes a new folder"),
        (".", "takes a folder inside the repository"),
        ("/elsewhere", "takes a folder inside the repository"),
    ):
        refused = house.run("export", "--to", "goose", "--env", "staging", "--into", into)
        assert (refused.status, said in refused.words) == (2, True), refused.said
    assert not has(database_url, "goose_db_version")


def test_a_pending_migration_with_the_text_of_an_applied_one_is_pending(house: House, database_url: str) -> None:
    own(house, database_url)
    for number in (202, 203):
        house.migration(f"{number}_again", "comment on table photos is 'again';")
        done = house.run("export", "--to", "drizzle", "--env", "staging", "--into", f"before_{number}")
        assert done.status == 0, done.said
        house.applied()
        assert house.run("export", "--to", "drizzle", "--env", "staging", "--into", f"before_{number}").status == 0


def test_a_comment_before_a_semicolon_stays_a_comment(house: House, database_url: str) -> None:
    house.policy("header: optional\n")
    house.migration("001_a", "create table a () -- one; two\n;\n-- it's\ncreate table b () -- three")
    house.environment("staging", database_url)
    house.applied()
    for tool in ("goose", "dbmate", "drizzle"):
        done = house.run("export", "--to", tool, "--env", "staging")
        assert done.status == 0, done.said
    text = (house.root / "exported/dbmate/001_a.sql").read_text()
    assert "create table a () -- one; two\n;\n-- it's\ncreate table b () -- three\n;\n" in text


def test_an_export_names_the_batches_that_the_tool_cannot_run(house: House, database_url: str) -> None:
    own(house, database_url)
    some = "select id from people where name is null limit $1"
    house.migration("202_batch", f"-- ctgitops: batch size=10\nupdate people set name = '' where id in ({some});")
    house.applied()
    done = house.run("export", "--to", "goose", "--env", "staging")
    assert (done.status, "its files with `LIMIT $1` fail: 202_batch" in done.words) == (0, True), done.said
