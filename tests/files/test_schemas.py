from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from ctgitops.files.json_schema import schema_of


@pytest.mark.parametrize("name", ["manifest", "policy"])
def test_the_schemas_are_schemas_and_describe_every_key(name: str) -> None:
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    todo = [("", schema)]
    while todo:
        path, part = todo.pop()
        for key, inner in part.get("properties", {}).items():
            assert inner.get("description"), f"{path}.{key} has no description"
            assert inner.get("examples"), f"{path}.{key} has no example"
            assert inner.get("title") or inner.get("$ref"), f"{path}.{key} has no title"
            todo.append((f"{path}.{key}", inner))


@pytest.mark.parametrize("name", ["manifest", "policy"])
def test_every_example_of_a_schema_is_valid(name: str) -> None:
    schema = schema_of(name)
    todo = list(schema["properties"].values())
    while todo:
        part = todo.pop()
        validator = Draft202012Validator({**part, "$defs": schema.get("$defs", {})})
        for example in part.get("examples", ()):
            validator.validate(example)
        todo += part.get("properties", {}).values()
        if "items" in part:
            todo.append(part["items"])
