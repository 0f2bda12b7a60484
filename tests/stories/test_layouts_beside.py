"""Each tool that a registry has, beside ctgitops: both give an empty database the same schema.

The tools come from npm and from Debian. What is not tried here was read in the tool's source,
and docs/layouts.md says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ctgitops.core.environment.layout import LayoutName
from ctgitops.layouts.registry import all_tools
from tests.files.checkout import Checkout
from tests.layouts.folders import FOLDERS, UP
from tests.servers import Service, borrowable, missing, programs_for_tests
from tests.stories.house import House

pytestmark = pytest.mark.slow
PACKAGES = (
    "dbmate@^2",
    "node-pg-migrate@^8",
    "graphile-migrate@^1.4",
    "drizzle-kit@^0.31",
    "drizzle-orm@^0.45",
    "pg@^8",
)
INSTALL = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix")


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tools of npm."""
    if not shutil.which("npm"):
        raise missing("npm", "npm, with which other migration tools are fetched, is not on this machine")
    folder = tmp_path_factory.mktemp("npm")
    subprocess.run([*INSTALL, str(folder), *PACKAGES], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def network() -> Iterator[Service]:
    """A server that listens on loopback: not every tool finds a socket in a folder."""
    with borrowable() as started:
        yield started


def call(folder: Path, *command: str, **environ: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def dbmate(npm: Path, work: Path, url: str) -> None:
    url += "?sslmode=disable"
    call(work, str(npm / "node_modules/.bin/dbmate"), "--url", url, "-d", "changes", "--no-dump-schema", "migrate")


def node_pg_migrate(npm: Path, work: Path, url: str) -> None:
    call(work, str(npm / "node_modules/.bin/node-pg-migrate"), "up", "-m", "changes", "--check-order", DATABASE_URL=url)


def graphile_migrate(npm: Path, work: Path, url: str) -> None:
    (work / ".gmrc").write_text('{"migrationsFolder": "./changes"}')
    urls = {"DATABASE_URL": url, "ROOT_DATABASE_URL": f"{url.rpartition('/')[0]}/template1"}
    call(work, str(npm / "node_modules/.bin/graphile-migrate"), "migrate", **urls)


def drizzle(npm: Path, work: Path, url: str) -> None:
    (work / "node_modules").symlink_to(npm / "node_modules")
    text = f'export default {{ dialect: "postgresql", out: "./changes", dbCredentials: {{ url: "{url}" }} }};\n'
    (work / "drizzle.config.mjs").write_text(text)
    call(work, str(npm / "node_modules/.bin/drizzle-kit"), "migrate", "--config", "drizzle.config.mjs")


def sqitch(_npm: Path, work: Path, url: str) -> None:
    if not shutil.which("sqitch"):
        raise missing("sqitch", "Sqitch is not on this machine")
    who = {"SQITCH_FULLNAME": "A B", "SQITCH_EMAIL": "a@example.com"}
    call(work / "changes", "sqitch", "deploy", f"db:{url}", **who)


def liquibase(npm: Path, work: Path, url: str) -> None:
    if not shutil.which("java"):
        raise missing("java", "Java, which Liquibase needs, is not on this machine")
    place = urlsplit(url)
    package = npm / "liquibase/node_modules/liquibase/dist"
    if not package.exists():
        subprocess.run([*INSTALL, str(npm / "liquibase"), "liquibase@^4"], check=True, capture_output=True)
    call(
        work,
        "sh",
        str(package / "liquibase/liquibase"),
        f"--classpath={next(package.glob('drivers/postgresql-*.jar'))}",
        "--search-path=changes",
        "--changelog-file=db.changelog-master.yaml",
        f"--url=jdbc:postgresql://{place.hostname}:{place.port}{place.path}",
        f"--username={place.username}",
        f"--password={place.password or 'x'}",
        "update",
    )


def plain(server: Service, name: str) -> str:
    """The URL of a new database without parameters, which some tools do not know."""
    return server.create_database(name).url.partition("?")[0]


RUN: dict[LayoutName, Callable[[Path, Path, str], None]] = {
    LayoutName.DBMATE: dbmate,
    LayoutName.NODE_PG_MIGRATE: node_pg_migrate,
    LayoutName.GRAPHILE_MIGRATE: graphile_migrate,
    LayoutName.DRIZZLE: drizzle,
    LayoutName.SQITCH: sqitch,
    LayoutName.LIQUIBASE_SQL: liquibase,
}


def schema_of(url: str) -> str:
    """The schema without the tables of the tools and of ctgitops, as pg_dump writes it."""
    leave = ["schema_migrations", "pgmigrations", "pgmigrations_id_seq", "databasechangelog*"]
    command = [
        shutil.which("pg_dump") or programs_for_tests().path("pg_dump"),
        "-s",
        "-O",
        "-x",
        "--no-comments",
        "-d",
        url,
    ]
    command += [f"--exclude-table={name}" for name in leave]
    command += [f"--exclude-schema={name}" for name in ("ctgitops", "drizzle", "graphile_migrate", "sqitch")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if line and not line.startswith(("--", "\\")))


@pytest.mark.parametrize("layout", RUN)
def test_the_tool_and_ctgitops_give_the_same_schema_and_the_tool_s_ledger_is_taken_over(
    layout: LayoutName, npm: Path, house: House, network: Service
) -> None:
    work = Checkout(house.root / "tool")
    files = FOLDERS[layout][0]
    for path, text in files.items():
        work.write(f"changes/{path}", text)
        house.write(f"changes/{path}", text)
    mine, other = (plain(network, f"{layout}_{name}".replace("-", "_")) for name in ("mine", "other"))
    house.environment("staging", mine)
    RUN[layout](npm, work.root, other)
    house.write("migrations/policy.yaml", f"layout: {layout}\nmigrations: changes\n")
    house.applied()
    house.environment("taken", other)
    done = house.run("baseline", "--env", "taken")
    assert done.status == 0, done.said
    names = FOLDERS[layout][1].names
    assert f"{len(names)} migration" in done.said
    assert house.run("drift", "--env", "taken").status == 0
    assert "taken: nothing to do" in house.run("plan", "--env", "taken").said
    ours, theirs = schema_of(mine), schema_of(other)
    assert UP.split("(", 1)[0].split()[2] in theirs or "app" in theirs
    assert ours == theirs


def test_the_pages_claim_no_more_than_is_tried_here() -> None:
    assert {tool.name for tool in all_tools() if tool.tried == "run"} == set(RUN)
