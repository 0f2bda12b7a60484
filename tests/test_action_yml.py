"""`action.yml` declares exactly the inputs and outputs that the code reads and writes."""

from __future__ import annotations

import re
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from ctgitops.github.inputs import Inputs, names, parse

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
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
