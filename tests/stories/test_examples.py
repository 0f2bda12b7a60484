"""The repositories in examples/ are planned and applied, and their rollbacks undo them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fetch, fresh_database, run
from tests.stories.house import CODE, House
from tests.stories.test_given_schemas import PLATFORM

pytestmark = pytest.mark.slow
EXAMPLES = CODE / "examples"
WORKSPACES = {
    "minimal": ("note", "note_newest"),
    "supabase": ("profiles", "posts"),
    "monorepo/services/orders": ("orders",),
    "monorepo/services/users": ('"User"', '"User_email_key"'),
    "monorepo/services/billing": ("invoice",),
    "flyway": ("sale", "shop", "sales_by_month"),
    "django": ("shop_product", "shop_sale", "newest_sales"),
}
"""The folder of each workspace, and relations that its migrations create."""


def test_every_workspace_of_the_examples_is_tried_here() -> None:
    found = {path.parents[1].relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("migrations/policy.yaml")}
    assert found == set(WORKSPACES)
    page = (EXAMPLES / "README.md").read_text()
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert set(re.findall(r"\]\((\w+)/README\.md\)", page)) == folders


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_an_example_is_checked_planned_and_applied(workspace: str, tmp_path: Path, server: LocalServer) -> None:
    root = tmp_path / "example"
    shutil.copytree(EXAMPLES / workspace, root)
    url = fresh_database(server)
    if workspace == "supabase":
        run(url, PLATFORM)
    (manifest,) = (root / "environments").iterdir()
    secret = re.search(r"\$\{(\w+)\}", manifest.read_text())
    assert secret
    house = House(root, {secret[1]: url})
    assert house.run("check").status == 0, house.run("check").said
    plan = house.run("plan", "--env", manifest.stem)
    assert plan.status == 0, plan.said
    applied = house.run("apply", "--env", manifest.stem)
    assert applied.status == 0, applied.said
    for relation in WORKSPACES[workspace]:
        assert fetch(url, f"select to_regclass('{relation}') is not null") == [(True,)]
    assert "nothing to do" in house.run("plan", "--env", manifest.stem).said
    assert house.run("verify", "--env", manifest.stem).status == 0
