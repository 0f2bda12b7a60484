"""`action.yml` declares exactly the inputs and outputs that the code reads and writes."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from ctgitops.github.inputs import Inputs, names, parse
from tests.test_layout import tracked

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
CATEGORIES = {
    "api management",
    "chat",
    "code quality",
    "code review",
    "continuous integration",
    "dependency management",
} | {
    *("deployment", "ides", "learning", "localization", "mobile", "monitoring", "project management", "publishing"),
    *("recently added", "security", "support", "testing", "utilities"),
}
"""Of the Marketplace: an action must not be named like one."""
OUTPUT = re.compile(r"\boutput\(\s*\"([a-z-]+)\"")
FIELDS = {field.name.replace("_", "-"): field.name for field in fields(Inputs)}
HINTS = get_type_hints(Inputs)


def test_inputs_are_those_that_the_code_reads_in_its_order() -> None:
    assert tuple(ACTION["inputs"]) == names()


@pytest.mark.parametrize("name", [n for n in names() if n != "github-token"])
def test_the_default_of_an_input_is_the_codes(name: str) -> None:
    default = ACTION["inputs"][name]["default"]
    assert getattr(parse({name: default}), FIELDS[name]) == getattr(Inputs(), FIELDS[name])
    assert default == _written(getattr(Inputs(), FIELDS[name])), "the page and the code's own default differ"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return " ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_token_is_the_jobs_own_unless_a_workflow_gives_another() -> None:
    assert ACTION["inputs"]["github-token"]["default"] == "${{ github.token }}"


@pytest.mark.parametrize("name", [n for n in names() if issubclass(HINTS[FIELDS[n]], StrEnum)])
def test_the_description_of_a_choice_names_every_value(name: str) -> None:
    words = set(re.findall(r"[a-z-]+", ACTION["inputs"][name]["description"]))
    assert {choice.value for choice in HINTS[FIELDS[name]]} - words == set()


def test_outputs_are_those_that_the_code_gives() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "ctgitops" / "action").glob("*.py"))
    assert set(ACTION["outputs"]) == set(OUTPUT.findall(code))


def test_everything_is_described() -> None:
    for part in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert len(part["description"]) > 20


def test_no_secret_of_a_database_is_an_input() -> None:
    assert [name for name in ACTION["inputs"] if re.search("url|password|dsn", name)] == []


def test_the_marketplace_accepts_it() -> None:
    """The checks of GitHub's form "Publish this Action to the GitHub Marketplace", which reads the tagged commit."""
    schemas = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    branding = json.loads((schemas / "github-actions.json").read_text())["properties"]["branding"]["properties"]

    assert len(ACTION["description"]) < 125
    assert "\n" not in ACTION["description"]
    assert ACTION["branding"]["icon"] in branding["icon"]["enum"]
    assert ACTION["branding"]["color"] in branding["color"]["enum"]
    assert ACTION["name"].strip()
    assert ACTION["name"].lower() not in CATEGORIES
    assert ACTION["name"] != "constructtrack", "a name of a user or an organization is only for its owner"
    assert ACTION["author"].strip()


def test_the_repository_has_one_action_as_the_marketplace_wants() -> None:
    ours = [path for path in tracked() if path.name in {"action.yml", "action.yaml"}]
    assert ours == [ROOT / "action.yml"]
    assert (ROOT / "README.md").is_file()
    assert (ROOT / "LICENSE").is_file()
