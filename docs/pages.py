"""Generates the pages on the command line, files and the Action from options, JSON Schemas and action.yml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import yaml

from ctgitops.cli.main import VERBS, ctgitops
from ctgitops.files.json_schema import schema_of

from .parts import NOTE, ROOT, GapError, as_table

WIDTH = 100


SHELL = """\
## In a shell

A shell completes verbs, options and the names of environments after `--env`. For bash, in `~/.bashrc`:

```bash
eval "$(_CTGITOPS_COMPLETE=bash_source ctgitops)"
```

For zsh, in `~/.zshrc`:

```zsh
eval "$(_CTGITOPS_COMPLETE=zsh_source ctgitops)"
```

For fish, in `~/.config/fish/completions/ctgitops.fish`:

```fish
_CTGITOPS_COMPLETE=fish_source ctgitops | source
```

At a terminal, text has colour and tables fit its width; in a pipe or a file there is no colour and lines are as long as
they are. `NO_COLOR=1` takes the colour away, `FORCE_COLOR=1` or `CLICOLOR_FORCE=1` sets it. A migration is named by
[any of these forms](migrations.md#naming-one-in-a-command).
"""


def cli_page() -> str:
    """The help of every verb, at a fixed width."""
    parts = [
        "# The command line\n",
        NOTE + "\n",
        "Scripts may rest on the verbs, their options, the [exit statuses](errors.md) and the JSON documents.\n",
        "Results go to standard output, progress and errors to standard error. With `--format json`, standard output "
        "holds one JSON document and nothing else, also after an error.\n",
        _help(ctgitops, _context(ctgitops, "ctgitops")),
        SHELL,
    ]
    parent = _context(ctgitops, "ctgitops")
    for verb in VERBS:
        command = ctgitops.get_command(parent, verb)
        if command is None:
            raise GapError(f"the verb {verb} has no command")
        parts += [f"## {verb}\n", _help(command, _context(command, verb, parent))]
    return "\n".join(parts)


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    return click.Context(
        command,
        parent,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        color=False,
        help_option_names=["-h", "--help"],
    )


def _help(command: click.Command, context: click.Context) -> str:
    with context.scope(cleanup=False):
        text = command.get_help(context)
    return "```text\n" + "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n```\n"


def schema_page(name: str, title: str, file: str, words: str) -> str:
    """Every key of a JSON Schema."""
    schema = schema_of(name)
    parts = [
        f"# {title}\n",
        NOTE + "\n",
        f"{schema['description']}\n",
        f"{words}\n",
        f"An editor checks the file while you write, with this as its first line:\n\n"
        f"```yaml\n# yaml-language-server: $schema={schema['$id']}\n```\n",
        f"## Keys of `{file}`\n",
        as_table(("key", "value", "left out", "meaning"), _keys(schema, schema, "")),
    ]
    return "\n".join(parts)


def _keys(node: dict[str, Any], schema: dict[str, Any], above: str) -> Iterator[tuple[str, ...]]:
    required = set(node.get("required", ()))
    for name, raw in node.get("properties", {}).items():
        part = _resolved(raw, schema)
        path = f"{above}{name}"
        yield f"`{path}`", _value(part), _left_out(name, part, required), part.get("description", "")
        yield from _keys(part, schema, f"{path}.")
        yield from _keys(_resolved(part.get("items", {}), schema), schema, f"{path}[].")


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = part.get("$ref")
    return {**schema["$defs"][reference.rsplit("/", 1)[1]], **part} if reference else part


def _value(part: dict[str, Any]) -> str:
    words = str(part["title"])
    if "enum" in part:
        words += ": " + ", ".join(f"`{value}`" for value in part["enum"] if f"`{value}`" not in words)
    example = part.get("examples", [None])[0]
    return f"{words.removesuffix(': ')}, as in `{_yaml(example)}`" if example is not None else words


def _left_out(name: str, part: dict[str, Any], required: set[str]) -> str:
    if name in required:
        return "**required**"
    return f"`{_yaml(part['default'])}`" if "default" in part else ""


def _yaml(value: object, special: str = "*,:#") -> str:
    """A value as it is written in YAML; inside of brackets, more characters mean something."""
    inside = "*,:#{}[]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(each, inside)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(each, inside) for each in value) + "]"
    return json.dumps(value) if isinstance(value, str) and set(value) & set(special) else str(value)


def action_inputs() -> str:
    """The inputs of the Action, as a table."""
    rows = [
        (f"`{name}`", f"`{part['default']}`" if part["default"] else "", _line(part))
        for name, part in _action("inputs")
    ]
    return as_table(("input", "left out", "meaning"), rows)


def action_outputs() -> str:
    """The outputs of the Action, as a table."""
    return as_table(("output", "value"), [(f"`{name}`", _line(part)) for name, part in _action("outputs")])


def _action(part: str) -> Iterator[tuple[str, dict[str, str]]]:
    yield from yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))[part].items()


def _line(part: dict[str, str]) -> str:
    return " ".join(part["description"].split())
