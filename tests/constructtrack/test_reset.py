"""The whole history survives a reset: what was applied is dropped completely, so that it can be applied again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import run
from tests.stories.house import Facts, House, database_of, facts, marks

ROOT = Path(__file__).parents[2]


def schema_of(url: str) -> Facts:
    """The catalogue, without rows, which have new keys, and without the names of PostgreSQL's own triggers."""
    return [fact for fact in facts(url) if fact[0] != "rows" and not str(fact[2]).startswith("RI_ConstraintTrigger")]


@pytest.mark.slow
def test_a_reset_of_the_whole_history_gives_the_same_schema(tmp_path: Path, database_url: str) -> None:
    home = House(tmp_path / "repository", {"DEVELOPMENT_DATABASE_URL": database_url})
    for folder in ("migrations", "environments", "seeds"):
        shutil.copytree(ROOT / folder, home.root / folder)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"]):
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *command]
        subprocess.run(git, cwd=home.root, check=True)
    applied = home.run("apply", "--env", "development")
    assert applied.status == 0, applied.said
    schema = schema_of(database_url)
    entries = marks(database_url)
    run(database_url, "create table public.by_hand (id int); drop view app.organisation_usage")

    done = home.run("reset", "--env", "development", "--database", database_of(database_url))
    assert done.status == 0, done.said
    assert schema_of(database_url) == schema
    assert marks(database_url) == entries
    verified = home.run("verify", "--env", "development")
    assert verified.status == 0, verified.said
