"""The commands of README and documentation run as they are written, page by page, where a reader would be by then."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ctgitops.core.environment.layout import LayoutName
from ctgitops.layouts.registry import all_tools, tool_of
from ctgitops.postgres.server.local_server import LocalServer
from tests.github import scripted
from tests.github.test_repository_checks import healthy
from tests.layouts.origins import ORIGINS, Origin, table
from tests.notify.receiver import serving
from tests.pages.blocks import ROOT, Block, blocks_of
from tests.pages.reader import Reader
from tests.pages.recovery import recovery
from tests.servers import fetch, missing, programs_for_tests, run
from tests.stories.house import House, as_role
from tests.stories.test_origins import INSERTS, filled

INDEXES = """-- ctgitops: no transaction
create index concurrently a on one (id);
call slow();
create index concurrently b on one (id);"""


@pytest.fixture
def reader(tmp_path: Path, server: LocalServer) -> Reader:
    house = House(tmp_path / "repository")
    house.root.mkdir()
    run(server.url(), "drop database if exists app_restored")  # which several pages create
    return Reader(house, server, tmp_path / "exported")


def readme(reader: Reader, page: list[Block]) -> None:
    """The minimal repository of the page."""
    manifest, commands = page
    reader.house.write("migrations/001_notes.sql", "create table note (id bigint primary key, text text not null);\n")
    reader.house.policy("header: optional\n")
    reader.house.write("environments/staging.yaml", manifest.text)
    reader.replaced = {"postgresql://…": (url := reader.database())}
    reader.copies(commands.text)
    assert fetch(url, "select count(*) from note") == [(0,)]


def quickstart(reader: Reader, page: list[Block]) -> None:
    """From an empty repository to a rollback."""
    demo, init, manifest, new, up, down, check, plan, apply, rollback = page
    reader.git("init", "-q")
    reader.copies(demo.text)
    shutil.rmtree(reader.house.root / "demo")
    reader.copies(init.text)
    (reader.house.root / "environments" / "development.yaml").unlink()
    reader.house.write("environments/production.yaml", manifest.text)
    reader.copies(new.text)
    for name, sql in (("001_first_table", up.text), ("001_first_table.down", down.text)):
        file = reader.house.root / "migrations" / f"{name}.sql"
        file.write_text(file.read_text(encoding="utf-8") + sql, encoding="utf-8")
    reader.copies(check.text)
    reader.replaced = {
        "postgresql://USER:PASSWORD@HOST:5432/DATABASE": reader.database(),
        "postgresql://…": (production := reader.database()),
    }
    assert "staging does not have 001_first_table yet" in " ".join(reader.copies(plan.text).split())
    reader.copies(apply.text)
    assert fetch(production, "select count(*) from note") == [(0,)]
    reader.copies(rollback.text)
    assert fetch(production, "select to_regclass('note')") == [(None,)]


def interrupted(reader: Reader) -> None:
    """A database in which the second statement of 700 failed, so that a person must decide."""
    house = reader.house
    reader.exported.unlink(missing_ok=True)
    house.policy("header: optional\nnumbering: increasing\n")
    house.migration("001_one", "create table one (id int);")
    house.migration("002_slow", "create procedure slow() language plpgsql as 'begin commit; perform 1 / 0; end';")
    house.environment("staging", reader.database())
    reader.applied("staging")
    house.migration("700_indexes", INDEXES)
    assert house.apply().status == 6
    assert "cannot be determined" in house.apply().words


def overriding(reader: Reader, override: Block) -> None:
    """A freeze that is in force, and a run in spite of it."""
    house = reader.house
    house.policy("header: optional\nfreeze: [{from: 2020-01-01, to: 2099-01-01, timezone: UTC, reason: sale}]\n")
    house.migration("001_one", "create table one (id int);")
    house.environment("production", reader.database())
    assert house.run("apply", "--env", "production").status == 5
    assert "OVERRIDE: freeze overridden by " in reader.copies(override.text)
    (house.root / "environments" / "production.yaml").unlink()


def applying(reader: Reader, page: list[Block]) -> None:
    """Each line of the repairs is an alternative; then the reset of a disposable database."""
    blocks = [block for block in page if block.language in ("sh", "yaml")]
    overriding(reader, next(block for block in blocks if "--override" in block.text))
    *_, repairs, _, _, reset = blocks
    for line in repairs.text.splitlines():
        interrupted(reader)
        assert "recorded as" in reader.copies(line)
        (reader.house.root / "migrations" / "700_indexes.sql").unlink()
    run(reader.server.url(), "create database app_development")
    (reader.house.root / "environments" / "staging.yaml").unlink()
    reader.house.environment("development", reader.server.url("app_development"), "disposable: true\n")
    reader.git("init", "-q")
    reader.git("add", "-A")
    reader.git("commit", "-qm", "x")
    reader.applied("development")
    assert "dropped" in reader.copies(reset.text)


def backups(reader: Reader, page: list[Block]) -> None:
    """A backup is restored by ctgitops, and by PostgreSQL's own programs."""
    grant, function, exported, restore, by_hand, table = [block for block in page if block.language in ("sh", "sql")]
    if not (programs_for_tests().bin / "psql").exists():
        raise missing("clients", "no psql beside the server's programs")
    folder = reader.house.root.parent / "backups"
    reader.house.policy("header: optional\n")
    reader.house.migration("001_one", "create table one (id int); create function total() returns int return 1;")
    reader.house.migration("003_projects", "create table projects as select 7 as id;")
    reader.house.migration("002_two", function.text)
    reader.house.environment("production", reader.database(), f"backup: {{to: {folder}}}\n")
    reader.applied("production")
    run(reader.house.secrets["PRODUCTION_DATABASE_URL"], "create role app_migrator")
    run(
        reader.house.secrets["PRODUCTION_DATABASE_URL"],
        f"{grant.text}; drop owned by app_migrator; drop role app_migrator",
    )
    (receipt,) = folder.glob("*/receipt.json")
    url = reader.server.url("app_restored")
    connection = dict(part.split("=", 1) for part in url.partition("?")[2].split("&"))
    reader.house.secrets |= {"PGHOST": connection["host"].replace("%2F", "/"), "PGUSER": "postgres"}
    reader.house.secrets |= {"PGPORT": connection["port"]} if "port" in connection else {}
    reader.replaced = {
        "postgresql://USER:PASSWORD@HOST:5432/app_restored": url,
        "/var/backups/production/ID": str(receipt.parent),
    }
    reader.copies(restore.text)
    for statement in ("drop database app_restored", "create database app_restored"):
        run(reader.server.url(), statement)
    root, reader.house.root = reader.house.root, receipt.parent
    reader.copies(by_hand.text)
    assert fetch(url, "select to_regclass('one') is not null, to_regclass('ctgitops.ledger') is not null")
    reader.house.root = root
    one_table(reader, (exported, table), folder)
    assert fetch(url, "select id from restored.projects") == [(7,)]


def one_table(reader: Reader, blocks: tuple[Block, Block], folder: Path) -> None:
    """The exported files of a backup, and one table beside the live one."""
    source = reader.house.secrets["PRODUCTION_DATABASE_URL"]
    policy = f"backup: {{to: {folder}, export: {{tables: [public.projects]}}}}\n"
    reader.house.environment("production", source, policy)
    assert reader.house.run("backup", "--env", "production").status == 0
    reader.replaced["restore ID"] = f"restore {max(each.name for each in folder.iterdir())}"
    exported, table = blocks
    reader.copies(exported.text)
    rows = gzip.decompress((reader.house.root / "exported" / "public.projects.csv.gz").read_bytes())
    assert rows == b'id\n"7"\n'
    reader.copies(table.text)


def layouts(reader: Reader, page: list[Block]) -> None:
    """The policy of the page is the one that `init` writes for 42 migrations of goose."""
    init, policy, baseline, keeping, leaving = page
    url = reader.database()
    run(url, "create table goose_db_version (id serial, version_id bigint, is_applied bool, tstamp timestamp)")
    for number in range(1, 43):
        text = f"-- +goose Up\ncreate table t{number} ();\n-- +goose Down\ndrop table t{number};\n"
        reader.house.write(f"sql/schema/{number:05}_t.sql", text)
        run(url, f"create table t{number} (); insert into goose_db_version values (default, {number}, true, now())")
    reader.copies(init.text)
    written = (reader.house.root / "migrations/policy.yaml").read_text(encoding="utf-8").splitlines()
    assert {*policy.text.splitlines()[1:]} <= {*written}
    reader.house.environment("staging", url)
    assert "nothing to do" in reader.copies(baseline.text)
    assert "goose" in reader.copies(keeping.text)
    assert "42 are already in public.goose_db_version" in reader.copies(leaving.text)


def drifting(reader: Reader, page: list[Block]) -> None:
    """Schemas of two environments, of the files, of a backup and of a snapshot; then a database is adopted."""
    snapshot, diff, drift, predecessor, baseline, accepting = [block for block in page if block.language == "sh"]
    house = reader.house
    house.policy("header: optional\nnumbering: increasing\n")
    house.migration("001_one", "create table one (id int);")
    house.migration("014_two", "create table two (id int);")
    house.environment("staging", reader.database())
    house.environment("production", url := reader.database(), "after: staging\nbackup: {to: backups/production}\n")
    for environment in ("staging", "production"):
        reader.applied(environment)
    (receipt,) = (house.root / "backups" / "production").glob("*/receipt.json")
    shutil.rmtree(receipt.parent)
    done = house.run("backup", "--env", "production")
    assert done.status == 0, done.said
    (receipt,) = (house.root / "backups" / "production").glob("*/receipt.json")
    reader.copies(snapshot.text)
    shutil.copy(house.root / "staging.json", house.root / "monday.json")
    reader.replaced = {"backups/production/…": str(receipt.parent)}
    reader.copies(diff.text)
    reader.copies(drift.text)
    assert "no difference from staging" in reader.copies(predecessor.text)
    run(url, "drop schema ctgitops cascade")
    reader.copies(baseline.text)
    run(url, "drop schema ctgitops cascade; alter table one add column erp int")
    reader.copies(accepting.text)
    assert fetch(url, "select count(*) from ctgitops.ledger where mark = 'baselined' and number > 0") == [(2,)]


def ledger(reader: Reader, page: list[Block]) -> None:
    """Queries on the ledger, a copy that is adopted, and grants."""
    queries, points, overrides, adopt, _, _, grants = page
    house = reader.house
    house.policy("header: optional\nnumbering: increasing\n")
    house.migration("001_one", "create table one (id int);")
    house.environment("production", url := reader.database())
    reader.applied("production")
    run(url, queries.text)
    run(url, points.text)
    run(url, overrides.text)
    run(reader.server.url(), "create role app_reader")
    run(url, grants.text)
    name = url.partition("?")[0].rpartition("/")[2]
    run(reader.server.url(), f"create database copied template {name}")
    house.environment("staging", reader.server.url("copied"))
    assert house.apply().status == 4
    reader.copies(adopt.text)
    reader.applied("staging")


def rules(reader: Reader, page: list[Block]) -> None:
    """A finding with a rewrite that needs a second migration."""
    (fix,) = [block for block in page if block.language == "sh"]
    reader.house.policy("header: optional\n")
    reader.git("init", "-q")
    reader.git("commit", "-q", "--allow-empty", "-m", "x")
    reader.git("switch", "-qc", "feature")
    reader.house.migration("001_one", "create table one (id int); create table two (id int);")
    reader.git("add", "-A")
    reader.git("commit", "-qm", "x")
    reader.git("branch", "-f", "main")
    reader.house.migration("002_index", "alter table one add constraint positive check (id > 0);")
    reader.copies(fix.text)
    assert (reader.house.root / "migrations" / "003_validate_positive.sql").is_file()


def migrations(reader: Reader, page: list[Block]) -> None:
    """A branch whose number somebody else took, and rows that are corrected before a migration."""
    renumber, correct = [block for block in page if block.language == "sh"]
    house = reader.house
    house.policy("header: optional\nnumbering: increasing\n")
    house.environment("staging", reader.database())
    for number in ("001_one", "002_two"):
        house.migration(number, "select 1;")
    reader.git("init", "-q")
    house.migration("009_taken", "select 1;")
    reader.git("add", "-A")
    reader.git("commit", "-qm", "x")
    reader.git("switch", "-qc", "feature")
    house.migration("009_customer_preferences", "select 1;", down="select 1;")
    reader.copies(renumber.text)
    assert (house.root / "migrations" / "010_customer_preferences.down.sql").is_file()
    reader.copies(correct.text)
    assert "-- ctgitops: before 002" in (house.root / "migrations" / "011_correct_rows_for_002.sql").read_text()


def expanding(reader: Reader, page: list[Block]) -> None:
    """The sentences of the page, for tables that the files and the database have; the flag and the policy are read."""
    rename, retype, manifest, policy = page
    house = reader.house
    house.policy("header: optional\n")
    house.migration("001_projects", "create table projects (id int primary key, name text not null, code text);")
    house.environment("staging", reader.database())
    reader.applied("staging")
    assert "006_contract_projects_name_to_title.verify.sql" in reader.copies(rename.text)
    said = reader.copies(retype.text)
    assert said[said.index("contract waits") :].splitlines()[:2] == ["contract waits until:", "  2027-01-31 has passed"]
    house.write("environments/staging.yaml", manifest.text)
    house.policy(f"header: optional\n{policy.text}")
    assert "no problems" in reader.copies("ctgitops check")


def roles(reader: Reader, page: list[Block]) -> None:
    """The SQL that the page lets somebody print, run by the administrator. Roles belong to the whole server."""
    (printed,) = [block for block in page if block.language == "sh"]
    url = reader.database()
    reader.house.environment("production", None)  # before its roles exist, no other URL than the administrator's works
    reader.house.migration("001_one", "select 1;")
    reader.house.secrets["ADMIN_URL"] = url
    reader.copies(printed.text)
    made = "select rolname from pg_roles where rolname ~ ('^' || current_database() || '_(migrator|reader|backup)$')"
    roles = fetch(url, made)
    for (role,) in roles:  # their memberships would be in the plan of every other test on this server
        run(url, f"drop owned by {role}; drop role {role}")
    assert len(roles) == 3


def notifications(reader: Reader, page: list[Block]) -> None:
    """The manifest of the page is accepted, and its command reaches both receivers."""
    manifest, test = page
    with serving() as heard:
        reader.house.migration("001_one", "create table one ();")
        secrets = {"PRODUCTION_DATABASE_URL": reader.database(), "WEBHOOK_URL": heard.url, "WEBHOOK_KEY": "k"}
        reader.house.secrets |= {**secrets, "SLACK_URL": heard.url.replace("http:", "json:")}
        reader.house.write("environments/production.yaml", manifest.text)
        assert reader.copies(test.text) == "production: SLACK_URL: sent\nproduction: WEBHOOK_URL: sent\n"


def doctor(reader: Reader, page: list[Block]) -> None:
    """A repository in which all is well, also on GitHub."""
    (command,) = page
    with scripted.running() as github:
        github.canned.update(healthy())
        reader.house.policy("header: optional\n")
        reader.house.migration("001_one", "create table one (id int);")
        reader.house.environment("production", reader.database(), "shadow: {}\nbackup: {to: backups}\n")
        access = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": "ours", "GITHUB_REPOSITORY": "o/r"}
        reader.house.secrets |= access
        assert "In total: no problems" in reader.copies(command.text)


def telemetry(reader: Reader, page: list[Block]) -> None:
    """Each line of the log is JSON."""
    (command,) = page
    reader.house.policy("header: optional\n")
    reader.house.migration("001_one", "create table one (id int);")
    reader.house.environment("staging", reader.database())
    assert '"event": "step-finished"' in reader.copies(command.text)


def history(reader: Reader, page: list[Block]) -> None:
    """The commands of the page, for an environment with one migration."""
    (commands,) = page
    reader.house.policy("header: optional\n")
    reader.house.migration("001_one", "create table one ();")
    reader.house.environment("staging", reader.database())
    reader.house.applied()
    reader.copies(commands.text)
    assert "<title>Schema history</title>" in (reader.house.root / "history.html").read_text(encoding="utf-8")


def performance(reader: Reader, page: list[Block]) -> None:
    """Both manifests of the page are accepted and work, and its commands show the run and the load."""
    manifest, extension, grant, health, show, traffic = page
    reader.house.migration("001_one", "create table one ();")
    reader.house.policy("header: optional\n")
    reader.house.secrets |= {"PRODUCTION_DATABASE_URL": (url := reader.database())}
    run(url, "do $$ begin create role app_migrator; exception when duplicate_object then null; end $$;" + grant.text)
    assert "pg_stat_statements" in extension.text  # without the library, the extension cannot be read
    quick = manifest.text.replace("15min", "1s")
    reader.house.write("environments/production.yaml", quick)
    reader.applied("production")
    reader.house.migration("002_two", "create table two ();", down="drop table two;")
    reader.house.write("environments/production.yaml", quick + health.text.replace("5min", "10s"))
    reader.applied("production")
    shown = reader.copies(show.text)
    assert "002_two" in shown
    assert "### Performance of production" in shown
    assert "quiet hours UNKNOWN" in reader.copies(traffic.text)
    role = "do $$ begin create role app_reader login; exception when duplicate_object then null; end $$;"
    grants = (
        "grant usage on schema ctgitops to app_reader; grant select on all tables in schema ctgitops to app_reader;"
    )
    run(url, f"{role} alter role app_reader set default_transaction_read_only = on; {grants}")
    run(url, "grant insert on ctgitops.traffic to app_reader")  # as the SQL of `ctgitops roles` does
    reader.house.secrets["PRODUCTION_DATABASE_URL"] = as_role(url, "app_reader")
    assert "quiet hours UNKNOWN" in reader.copies(traffic.text)
    run(url, "revoke pg_read_all_stats from app_migrator")  # roles belong to the server, which other stories share


def watching(reader: Reader, page: list[Block]) -> None:
    """Both commands say that no run is active; the privilege is the one that the page says is missing."""
    text, follow, grant = page
    reader.house.policy("header: optional\n")
    reader.house.migration("001_one", "create table one ();")
    reader.house.environment("production", reader.database())
    reader.applied("production")
    assert "production: no run is active; last entry of the ledger: " in reader.copies(text.text)
    assert '"run": null' in reader.copies(follow.text)
    there = "do $$ begin create role app_reader; exception when duplicate_object then null; end $$;"
    run(
        reader.house.secrets["PRODUCTION_DATABASE_URL"],
        f"{there} {grant.text}; revoke pg_read_all_stats from app_reader",
    )


NODE_PG_MIGRATE = Origin(
    "a project of node-pg-migrate",
    LayoutName.NODE_PG_MIGRATE,
    "migrations",
    ("1704110400000_a.sql", "1704110500000_b.sql"),
    write=lambda up, down: f"-- Up Migration\n{up}-- Down Migration\n{down}",
    beside={"package.json": '{"dependencies": {"node-pg-migrate": "^8"}}\n'},
)


LIQUIBASE = Origin(
    "a project of Liquibase",
    LayoutName.LIQUIBASE_SQL,
    "src/main/resources/db/changelog",
    ("changes/a.sql", "changes/b.sql"),
    write=lambda up, down: f"--liquibase formatted sql\n--changeset anna:1\n{up}--rollback {down}",
    control=lambda _files: {
        "db.changelog-master.yaml": "databaseChangeLog:\n  - includeAll: {path: db/changelog/changes}\n"
    },
)


def coming(reader: Reader, page: list[Block]) -> None:
    """A project of the tool, whose database the tool has filled, is taken over."""
    block, *leaving = page
    layout = LayoutName(block.page.stem)
    found = sorted((o for o in ORIGINS if o.layout is layout), key=lambda o: o.asks)
    origin = found[0] if found else LIQUIBASE if layout is LayoutName.LIQUIBASE_SQL else NODE_PG_MIGRATE
    origin = replace(origin, beside={}) if origin.asks else origin  # without the folders of other projects
    for path, text in origin.tree.items():
        reader.house.write(path, text)
    reader.house.secrets["STAGING_DATABASE_URL"] = url = reader.database()
    if layout in INSERTS:
        run(url, filled(origin))
    else:  # that `baseline` reads these ledgers is tested with their tables
        run(url, "".join(table(at) for at in range(1, len(origin.files) + 1)))
        reader.replaced = {"baseline --env staging  ": "baseline --env staging --at latest  "}
    assert "staging: nothing to do" in reader.copies(block.text)
    for each in leaving:
        assert f" of {tool_of(layout).title}" in reader.copies(each.text)


STORIES: dict[str, Callable[[Reader, list[Block]], None]] = {
    "README.md": readme,
    "docs/apply.md": applying,
    "docs/backups.md": backups,
    "docs/doctor.md": doctor,
    "docs/drift.md": drifting,
    "docs/expand_contract.md": expanding,
    "docs/history.md": history,
    "docs/layouts.md": layouts,
    "docs/ledger.md": ledger,
    "docs/migrations.md": migrations,
    "docs/notifications.md": notifications,
    "docs/performance.md": performance,
    "docs/quickstart.md": quickstart,
    "docs/recovery.md": recovery,
    "docs/roles.md": roles,
    "docs/rules.md": rules,
    "docs/telemetry.md": telemetry,
    "docs/watch.md": watching,
}
STORIES |= {f"docs/coming/{tool.name}.md": coming for tool in all_tools()}
"""How the commands of each page are run; a page with another number of blocks does not match its story."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", STORIES)
def test_the_commands_of_a_page_run_as_they_are_written(name: str, reader: Reader) -> None:
    """Seen to fail with commands that a newer version refuses, and with a page that needs a file it does not name."""
    STORIES[name](reader, [b for b in blocks_of(ROOT / name) if b.language in ("sh", "sql", "yaml") and not b.excuse])
