"""Two tools on one database: ctgitops keeps the ledger of the other tool in step, and both stay right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ctgitops.core.environment.layout import LayoutName
from tests.files.checkout import Checkout
from tests.layouts.folders import FOLDERS, graphile
from tests.servers import Service
from tests.stories.house import House, has, marks
from tests.stories.test_layouts_beside import RUN, call, network, npm, plain  # noqa: F401 - fixtures

pytestmark = pytest.mark.slow


def dbmate(work: Checkout, number: int) -> None:
    text = f"-- migrate:up\n{up(number)}\n-- migrate:down\n{down(number)}"
    work.write(f"changes/2025010{number}000000_more.sql", text)


def node_pg_migrate(work: Checkout, number: int) -> None:
    text = f"-- Up Migration\n{up(number)}\n-- Down Migration\n{down(number)}"
    work.write(f"changes/170411{number}000000_more.sql", text)


def graphile_migrate(work: Checkout, number: int) -> None:
    folder = work.root / "changes/committed"
    newest = sorted(folder.iterdir())[-1].read_text()
    previous = newest.split("Hash: ")[1].partition("\n")[0]
    work.write(f"changes/committed/00000{number}-more.sql", graphile(up(number), previous, "--! Message: more\n"))


def drizzle(work: Checkout, number: int) -> None:
    path = work.root / "changes/meta/_journal.json"
    journal = json.loads(path.read_text())
    entry = {"idx": number - 1, "version": "7", "when": number, "tag": f"000{number - 1}_more", "breakpoints": True}
    path.write_text(json.dumps({**journal, "entries": [*journal["entries"], entry]}))
    work.write(f"changes/000{number - 1}_more.sql", up(number))


def sqitch(work: Checkout, number: int) -> None:
    path = work.root / "changes/sqitch.plan"
    needs = "[users appschema@v1.0 !other] " if number == 4 else ""
    line = f"more{number} {needs}2025-01-0{number}T00:00:00Z A B <a@b.c> # Größer: x\\ny\n"
    tag = f"@v{number} 2025-01-0{number}T01:00:00Z A B <a@b.c>\n"
    path.write_text(path.read_text() + line + tag)
    work.write(f"changes/deploy/more{number}.sql", f"BEGIN;\n{up(number)}COMMIT;\n")
    work.write(f"changes/revert/more{number}.sql", f"BEGIN;\n{down(number)}COMMIT;\n")


MORE: dict[LayoutName, Callable[[Checkout, int], None]] = {
    LayoutName.DBMATE: dbmate,
    LayoutName.NODE_PG_MIGRATE: node_pg_migrate,
    LayoutName.GRAPHILE_MIGRATE: graphile_migrate,
    LayoutName.DRIZZLE: drizzle,
    LayoutName.SQITCH: sqitch,
}
BACK: dict[LayoutName, Callable[[Path, Path, str], None]] = {
    LayoutName.DBMATE: lambda tools, work, url: call(
        work,
        str(tools / "node_modules/.bin/dbmate"),
        "--url",
        f"{url}?sslmode=disable",
        "-d",
        "changes",
        "--no-dump-schema",
        "rollback",
    ),
    LayoutName.NODE_PG_MIGRATE: lambda tools, work, url: call(
        work, str(tools / "node_modules/.bin/node-pg-migrate"), "down", "-m", "changes", DATABASE_URL=url
    ),
    LayoutName.SQITCH: lambda _tools, work, url: call(
        work / "changes",
        "sqitch",
        "revert",
        "-y",
        f"db:{url}",
        "--to",
        "@HEAD^",
        SQITCH_FULLNAME="A B",
        SQITCH_EMAIL="a@example.com",
    ),
}


def up(number: int) -> str:
    return f"create table more{number} (id int primary key);\n"


def down(number: int) -> str:
    return f"drop table more{number};\n"


@dataclass(frozen=True)
class Both:
    """A repository that both tools use, and its database."""

    layout: LayoutName
    tools: Path
    house: House
    url: str

    def tool(self) -> None:
        """The tool applies its pending files. It fails if it applies a file again."""
        (self.house.root / "node_modules").unlink(missing_ok=True)
        RUN[self.layout](self.tools, self.house.root, self.url)

    def back(self, number: int) -> None:
        """A rollback by ctgitops, which the tool sees; then one by the tool, which ctgitops sees."""
        newest = marks(self.url)[-1].split()[0]
        done = self.house.run("rollback", "--env", "staging", "--steps", "1", "--accept-data-loss", newest)
        assert done.status == 0, done.said
        assert not has(self.url, f"more{number}")
        self.tool()  # applies it again, because its row was removed
        assert has(self.url, f"more{number}")
        assert "nothing to do" in self.house.plan().said
        BACK[self.layout](self.tools, self.house.root, self.url)
        assert not has(self.url, f"more{number}")
        planned = self.house.plan()
        assert "was rolled back" in planned.said, planned.said


@pytest.mark.parametrize("layout", MORE)
def test_each_tool_sees_what_the_other_applied_and_rolled_back(
    layout: LayoutName,
    npm: Path,  # noqa: F811
    house: House,
    network: Service,  # noqa: F811
) -> None:
    work = Checkout(house.root)
    for path, text in FOLDERS[layout][0].items():
        work.write(f"changes/{path}", text)
    house.write("migrations/policy.yaml", f"layout: {layout}\nmigrations: changes\n")
    both = Both(layout, npm, house, plain(network, f"step_{layout}".replace("-", "_")))
    house.environment("staging", both.url)
    both.tool()
    done = house.run("baseline", "--env", "staging", "--keep-in-step")
    assert done.status == 0, done.said
    first = len(FOLDERS[layout][1].names) + 1
    MORE[layout](work, first)
    house.applied()
    assert has(both.url, f"more{first}")
    both.tool()
    MORE[layout](work, first + 1)
    both.tool()
    assert has(both.url, f"more{first + 1}")
    assert "nothing to do" in house.plan().said
    house.applied()
    assert marks(both.url)[-1].endswith(" baselined")
    assert house.run("drift", "--env", "staging").status == 0
    if layout in BACK:
        both.back(first + 1)
