"""What `init` learns from the configuration of another tool, and that it never repeats a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.core.environment.layout import LayoutName
from ctgitops.files.workspace import read_workspace
from ctgitops.layouts.configuration import ToolSettings, settings_of
from tests.files.checkout import Checkout
from tests.layouts.test_search import put, run

SECRET = "hunter2"
SUPABASE = """
project_id = "abcdefghijklmnopqrst"
[api]
schemas = ["public", "api", "graphql_public"]
[db]
major_version = 15
"""
REMOTES = """
project_id = "shop"
[remotes.staging]
project_id = "aaaaaaaaaaaaaaaaaaaa"
[remotes.production]
project_id = "bbbbbbbbbbbbbbbbbbbb"
"""
FLYWAY = f"""
[environments.development]
url = "jdbc:postgresql://localhost/shop?password={SECRET}"
[environments.production]
url = "${{env.PROD_URL}}"
[flyway.placeholders]
owner = "app"
token = "${{env.TOKEN}}"
"""
ATLAS = """
env "local" {
  src = "file://schema.hcl"
  url = getenv("LOCAL_URL")
}
env "prod" {
  url = getenv("PROD_URL")
}
"""


def read(layout: LayoutName, folder: str, **files: str) -> ToolSettings:
    named = {path.replace("__", "/").replace("_dot_", "."): text for path, text in files.items()}
    return settings_of(layout, folder, tuple(named), named.__getitem__)


def names(settings: ToolSettings) -> list[tuple[str, str]]:
    return [(each.name, each.secret) for each in settings.environments]


def test_the_variables_and_environments_of_each_tool_are_found() -> None:
    dotenv = f'# the database\nAPI=https://x\nexport DATABASE_URL="postgres://u:{SECRET}@h/d"\nOTHER=postgres://h/d\n'
    assert read(LayoutName.DBMATE, "db/migrations", _dot_env=dotenv).secret == "DATABASE_URL"
    prisma = 'datasource db {\n url = env("POOLED_URL")\n directUrl = env("DIRECT_URL")\n}\n'
    assert read(LayoutName.PRISMA, "prisma/migrations", prisma__schema_dot_prisma=prisma).secret == "DIRECT_URL"
    assert names(read(LayoutName.ATLAS, "migrations", atlas_dot_hcl=ATLAS)) == [
        ("local", "LOCAL_URL"),
        ("prod", "PROD_URL"),
    ]
    sqitch = '[core]\n\tengine = pg\n[target "production"]\n\turi = db:pg:shop\n'
    assert names(read(LayoutName.SQITCH, ".", sqitch_dot_conf=sqitch)) == [("production", "")]
    dbconfig = (
        "development:\n  dialect: postgres\n  datasource: ${DEV_URL}\nother:\n  dialect: sqlite3\n  datasource: x\n"
    )
    assert names(read(LayoutName.GOOSE, "migrations", dbconfig_dot_yml=dbconfig)) == [("development", "DEV_URL")]
    conf = f"# flyway\nflyway.url=${{FLYWAY_DB}}\nflyway.password={SECRET}\nflyway.placeholders.owner=app\n"
    found = read(LayoutName.FLYWAY, "sql", flyway_dot_conf=conf)
    assert (found.secret, found.placeholders) == ("FLYWAY_DB", {"owner": "app"})


def test_flyway_placeholders_from_variables_are_named_and_not_written() -> None:
    found = read(LayoutName.FLYWAY, "sql", flyway_dot_toml=FLYWAY)
    assert names(found) == [("development", ""), ("production", "PROD_URL")]
    assert found.placeholders == {"owner": "app"}
    assert found.notes == ("placeholder `token` in flyway.toml has its value from a variable",)


@pytest.mark.parametrize("text", ["", "= broken", "[[[", "[environments]\nx = 1\n", 'project_id = ["a"]'])
def test_a_broken_file_says_nothing(text: str) -> None:
    for layout, name in ((LayoutName.SUPABASE, "config_dot_toml"), (LayoutName.FLYWAY, "flyway_dot_toml")):
        assert names(read(layout, "migrations", **{name: text})) == []


def test_a_supabase_project_gets_its_schemas_and_the_session_pooler(tmp_path: Path) -> None:
    put(tmp_path, LayoutName.SUPABASE)
    Checkout(tmp_path).write("supabase/config.toml", SUPABASE)
    done = run(tmp_path, "init")
    assert (done.status, "read supabase/config.toml" in done.said) == (0, True), done.said
    policy = read_workspace(tmp_path).policy
    assert (policy.given.platform, policy.exposed_schemas) == ("supabase", ("public", "api"))
    manifest = (tmp_path / "environments/production.yaml").read_text()
    assert "postgresql://postgres.abcdefghijklmnopqrst:PASSWORD@aws-0-REGION.pooler.supabase.com:5432" in manifest
    assert "pooler" not in (tmp_path / "environments/staging.yaml").read_text()


def test_named_environments_replace_the_usual_three_and_each_has_its_secret(tmp_path: Path) -> None:
    put(tmp_path, LayoutName.FLYWAY)
    Checkout(tmp_path).write("flyway.toml", FLYWAY)
    done = run(tmp_path, "init")
    assert done.status == 0, done.said
    environments = {each.name: each for each in read_workspace(tmp_path).environments}
    assert {name: each.url_secret for name, each in environments.items()} == {
        "development": "DEVELOPMENT_DATABASE_URL",
        "production": "PROD_URL",
    }
    written = "".join(path.read_text() for path in tmp_path.rglob("*.yaml"))
    assert (SECRET in done.said + written, "owner: 'app'" in written) == (False, True)


def test_two_remotes_of_supabase_have_a_pooler_each(tmp_path: Path) -> None:
    put(tmp_path, LayoutName.SUPABASE)
    Checkout(tmp_path).write("supabase/config.toml", REMOTES)
    assert run(tmp_path, "init").status == 0
    workspace = read_workspace(tmp_path)
    assert [(each.name, each.after) for each in workspace.environments] == [
        ("production", "staging"),
        ("staging", None),
    ]
    assert "postgres.aaaaaaaaaaaaaaaaaaaa:" in (tmp_path / "environments/staging.yaml").read_text()


def test_init_again_shows_a_diff_and_overwrites_only_with_yes(tmp_path: Path) -> None:
    put(tmp_path, LayoutName.DBMATE)
    assert run(tmp_path, "init").status == 0
    policy = tmp_path / "migrations/policy.yaml"
    first = policy.read_text()
    policy.write_text(
        first.replace("numbering: increasing", "numbering: contiguous").replace("lint_after: ", "lint_after: 1")
    )
    changed = policy.read_text()
    again = run(tmp_path, "init")
    assert (again.status, policy.read_text()) == (0, changed)
    assert "-numbering: contiguous" in again.said
    assert "`ctgitops init --yes` overwrites them" in again.said
    assert "overwrote migrations/policy.yaml" in run(tmp_path, "init", "--yes").said
    assert "numbering: increasing" in policy.read_text()
    assert "lint_after: 1" in policy.read_text()  # pending migrations are still linted
