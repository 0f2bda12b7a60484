"""Each block of code in README and documentation is run or validated, or has a marker with a reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ctgitops.files.json_schema import faults
from ctgitops.files.policy import read_policy
from ctgitops.files.repository import Repository
from ctgitops.files.strict_yaml import Document, read_yaml
from ctgitops.sql.parse import statements
from tests.pages.blocks import Block, blocks
from tests.pages.test_pages import STORIES

READ_ONLY = {"text", "console"}
"""Languages of what a program prints; a reader copies nothing of it."""
SHELLS = {"bash", "zsh", "fish"}
"""Completion scripts: tests/cli/test_options.py runs the one of each."""
MINIMAL = {"environment": "production", "database": {"url": "${PRODUCTION_DATABASE_URL}"}}
FILES = Path(__file__).parents[2] / "ctgitops" / "files"
SERVICES = """
on: push
jobs:
  a:
    runs-on: ubuntu-24.04
    steps: [{run: "true"}]
"""


def properties(schema: str) -> set[str]:
    found: dict[str, Any] = json.loads((FILES / f"{schema}.schema.json").read_text(encoding="utf-8"))["properties"]
    return set(found)


def test_each_block_says_its_language_and_is_checked_in_it() -> None:
    """Seen to fail with a block of a language that no test reads."""
    checked = {"sh", "yaml", "sql", "json"} | SHELLS | READ_ONLY
    known = {block.place for block in blocks(*checked)}
    every = {block.place for block in blocks(*checked, "", "python", "toml", "dockerfile", "diff", "yml", "ini")}
    assert every == known


def test_each_command_block_is_run_by_a_story_or_excused() -> None:
    assert {block.name for block in blocks("sh") if not block.excuse} == set(STORIES)


@pytest.mark.parametrize("block", [b for b in blocks("yaml") if not b.excuse], ids=lambda block: block.place)
def test_yaml_is_a_valid_manifest_policy_or_workflow(block: Block, tmp_path: Path) -> None:
    found = yaml.safe_load(block.text) or {}
    if "jobs" in found or True in found:
        workflow_is_sound(block.text, tmp_path)
    elif set(found) <= {"services"} and found:
        job = yaml.safe_load(SERVICES)
        job["jobs"]["a"] |= found
        workflow_is_sound(yaml.safe_dump({"on" if key is True else key: value for key, value in job.items()}), tmp_path)
    elif set(found) <= properties("manifest"):
        manifest_is_valid(block, found)
    else:
        policy_is_valid(block, tmp_path)


def manifest_is_valid(block: Block, found: dict[str, Any]) -> None:
    """A fragment is completed by the keys that every manifest has."""
    whole = block.text if "environment" in found else yaml.safe_dump({**MINIMAL, **found})
    document = read_yaml(whole, block.place)
    assert isinstance(document, Document), document
    assert faults(document, "manifest") == ()


def policy_is_valid(block: Block, tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "policy.yaml").write_text(block.text, encoding="utf-8")
    assert read_policy(Repository(tmp_path))[1] == ()


def workflow_is_sound(text: str, tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / "database.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    tools = Path(sys.executable).parent
    schema = [str(tools / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(file)]
    for command in (schema, [str(tools / "actionlint"), "-shellcheck=", str(file)]):
        done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", [b for b in blocks("sql") if not b.excuse], ids=lambda block: block.place)
def test_sql_is_sql(block: Block) -> None:
    """Examples of rules are run by tests/lint; those of other pages by the story of the page where they change data."""
    assert statements(block.text) or all(line.startswith("--") for line in block.text.splitlines())


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.place)
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


def test_an_excuse_gives_a_reason() -> None:
    excused = [block for block in blocks("sh", "yaml", "sql") if block.excuse]
    assert [block.place for block in excused if len(block.excuse.split()) < 3] == []
