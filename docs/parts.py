"""The generated parts of the pages, as Markdown: one function for each part."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import yaml

from ctgitops.cli.main import VERBS, ctgitops
from ctgitops.core.doctor.check_list import CHECKS, FAMILIES
from ctgitops.core.schema.database_roles import DatabaseRoles, names_for
from ctgitops.files.json_schema import schema_of
from ctgitops.layouts.registry import all_tools
from ctgitops.lint.registry import all_rules
from ctgitops.lint.rule import Group, Rule
from ctgitops.report.roles import NOTES, RoleScript
from ctgitops.sql.locks import LockMode

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ctgitops"
CORE = PACKAGE / "core"
WIDTH = 100
"""Columns of the help texts, whatever the terminal's width is."""
GROUPS = {
    Group.LOCKS: "Locks and blocking",
    Group.DESTRUCTIVE: "Data loss",
    Group.COMPATIBILITY: "Compatibility with running code",
    Group.TRANSACTION: "Transactions, and SQL that lint cannot read",
    Group.SECURITY: "Security",
    Group.DATA: "Large data changes",
    Group.STYLE: "Style, off by default",
}
BLOCKED = {
    LockMode.ACCESS_EXCLUSIVE: "blocks reads and writes",
    LockMode.SHARE_ROW_EXCLUSIVE: "blocks writes",
    LockMode.SHARE: "blocks writes",
}
COLUMNS = {
    "id": "Order of the entries.",
    "name": "Name of the migration without `.sql`; for a seed file, its path.",
    "version": "Schema version of the migration, from its header.",
    "sql": "The SQL that was run: the migration's, or its rollback's.",
    "started_at": "When the transaction of the entry began.",
    "finished_at": "When the entry was written; null for `started`.",
    "millis": "How long the work took, in milliseconds.",
    "actor": "Who ran it: `GITHUB_ACTOR`, or the user on the machine.",
    "commit_sha": "Commit of the checkout.",
    "pull_request": "Number of the pull request, if the run belongs to one.",
    "run_url": "URL of the workflow run.",
    "tool_version": "Version of ctgitops.",
    "server_version": "Version of PostgreSQL.",
    "previous_hash": "`hash` of the previous entry; zeros in the first entry.",
    "hash": "SHA-256 of `previous_hash` and all columns except `id` and `hash`.",
}
"""Columns of the table `ledger` without a comment in the SQL."""
_PURE = re.compile(r" (?:Pure|Pure: it queries no server)\.$")


class GapError(Exception):
    """The code has something that the pages do not describe, or the reverse."""


def as_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple(":--" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def program_help() -> str:
    """The output of `ctgitops --help`."""
    return _help(ctgitops, context_of(ctgitops, "ctgitops"))


def verbs_help() -> str:
    """The `--help` output of every verb, each with a heading."""
    program = context_of(ctgitops, "ctgitops")
    sections = []
    for verb in VERBS:
        command = ctgitops.get_command(program, verb)
        if command is None:
            raise GapError(f"the verb {verb} has no command")
        context = context_of(command, verb, program)
        sections.append(f"## {verb}\n\n{_help(command, context)}")
        sections += [f"### {verb} {each.name}\n\n{_help(each, below)}" for each, below in subcommands(command, context)]
    return "\n".join(sections)


def subcommands(command: click.Command, context: click.Context) -> list[tuple[click.Command, click.Context]]:
    """The subcommands of a verb, each with its context."""
    group = command.commands.values() if isinstance(command, click.Group) else ()
    return [(each, context_of(each, str(each.name), context)) for each in group]


def context_of(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    """The context of a command, with the width of the pages."""
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


def schema_keys(name: str) -> str:
    """A table of all keys of a JSON Schema."""
    schema = schema_of(name)
    return as_table(("key", "value", "default", "meaning"), _keys(schema, schema, ""))


def layouts() -> str:
    """A table of all layouts, from the first lines of their modules."""
    rows = []
    for tool in all_tools():
        module = import_module(f"ctgitops.layouts.{tool.name.replace('-', '_')}")
        first = (module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        rows.append((f"`{tool.name}`", first.partition(": ")[0], first.partition(": ")[2], tool.tried))
    return as_table(("`layout`", "tool", "files", "checked"), rows)


def _keys(node: dict[str, Any], schema: dict[str, Any], above: str) -> Iterator[tuple[str, ...]]:
    required = set(node.get("required", ()))
    for name, raw in node.get("properties", {}).items():
        part = _resolved(raw, schema)
        path = f"{above}{name}"
        default = f"`{_yaml(part['default'])}`" if "default" in part else ""
        yield f"`{path}`", _value(part), "**required**" if name in required else default, part.get("description", "")
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
    return f"{words.removesuffix(': ')}, such as `{_yaml(example)}`" if example is not None else words


def _yaml(value: object, special: str = "*,:#") -> str:
    """A value in YAML's flow style. Inside brackets, more characters need quotes."""
    inside = "*,:#{}[]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(each, inside)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(each, inside) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str) and set(value) & set(special) else str(value)


def role_sql(which: str) -> str:
    """The SQL that `ctgitops roles` prints for one role of the database `app`."""
    facts = DatabaseRoles("app")
    return f"```sql\n{RoleScript(facts, names_for(facts, '')).section(which)}\n```\n"


def providers() -> str:
    """A table of the providers that `ctgitops roles` knows."""
    rows = ((f"`{key}`", f"[{note.name}]({note.source})", note.run_as, note.note) for key, note in NOTES.items())
    return as_table(("`--for`", "provider", "run the SQL as", "notes"), rows)


def action(section: str) -> str:
    """A table of the inputs or outputs in action.yml."""
    entries = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))[section]
    described = {name: " ".join(part["description"].split()) for name, part in entries.items()}
    if section == "outputs":
        return as_table(("output", "value"), [(f"`{name}`", text) for name, text in described.items()])
    defaults = {name: f"`{part['default']}`" if part["default"] else "" for name, part in entries.items()}
    rows = [(f"`{name}`", defaults[name], text) for name, text in described.items()]
    return as_table(("input", "default", "meaning"), rows)


def checks() -> str:
    """A table of the checks of `doctor`."""
    rows = (
        (f"`{name}`", each.family, each.looks_at, each.why)
        for family in FAMILIES
        for name, each in CHECKS.items()
        if each.family == family
    )
    return as_table(("check", "family", "looks at", "why it matters"), rows)


def rules() -> str:
    """All lint rules, by group."""
    sections = []
    for group, title in GROUPS.items():
        sections += [f"## {title}\n", *(_rule(rule) for rule in all_rules() if rule.group is group)]
    return "\n".join(sections)


def _rule(rule: Rule) -> str:
    lines = [f"### {rule.id}\n", f"`{rule.severity}`{_lock(rule)}\n", f"{rule.why}\n"]
    if rule.bad:
        lines.append(f"```sql\n-- risky\n{rule.bad}\n```\n")
    lines.append(f"Instead: {rule.instead}.\n")
    if rule.bad:
        lines.append(f"```sql\n{rule.good}\n```\n")
    return "\n".join(lines)


def _lock(rule: Rule) -> str:
    if rule.lock is None:
        return ""
    how = ", while PostgreSQL scans or rewrites the table" if rule.blocks else ""
    blocked = f": {BLOCKED[rule.lock]}{how}" if rule.lock in BLOCKED else ""
    return f" · {rule.lock.name.replace('_', ' ')}{blocked}"


def nouns() -> str:
    """A table of the modules in core/: each is a noun, which its docstring defines."""
    modules = [path for path in CORE.rglob("*.py") if path.name != "__init__.py"]
    rows = sorted(
        (path.stem.replace("_", " "), _first_paragraph(path), str(path.relative_to(CORE))) for path in modules
    )
    linked = ((f"**{noun}**", means, f"[{path}](../ctgitops/core/{path})") for noun, means, path in rows)
    return as_table(("noun", "is", "module"), linked)


def rooms() -> str:
    """A table of the folders in core/."""
    folders = sorted(path for path in CORE.iterdir() if (path / "__init__.py").is_file())
    rows = ((f"`core/{folder.name}`", _first_paragraph(folder / "__init__.py")) for folder in folders)
    return as_table(("folder", "contains"), rows)


def _first_paragraph(path: Path) -> str:
    return _PURE.sub("", " ".join(docstring_of(path).split("\n\n", maxsplit=1)[0].split()))


def docstring_of(path: Path) -> str:
    """The docstring of a module. Empty if the module does not begin with one."""
    source = path.read_text(encoding="utf-8").lstrip()
    return source.removeprefix('"""').split('"""')[0] if source.startswith('"""') else ""


def columns(table: str) -> str:
    """A table of the columns of one of the ledger's tables."""
    found, comments = table_columns(table), column_comments(table)
    comments = {**COLUMNS, **comments} if table == "ledger" else comments
    if missing := sorted(set(found) - set(comments)):
        raise GapError(f"no comment in the SQL, and no line in COLUMNS of docs/parts.py, for: {', '.join(missing)}")
    rows = [(f"`{name}`", kind, "yes" if not_null else "", comments[name]) for name, (kind, not_null) in found.items()]
    return as_table(("column", "type", "not null", "meaning"), rows)


def table_columns(table: str) -> dict[str, tuple[str, bool]]:
    """The columns of one of the ledger's tables: type, and whether it is NOT NULL."""
    body = re.search(rf"create table ctgitops\.{table} \((.*?)\n\);", _ledger_sql(), re.DOTALL)
    definitions = (body[1] if body else "").split("constraint", maxsplit=1)[0].split(",")
    matches = [re.fullmatch(r"\s*(\w+)\s+(\w+)(.*?)\s*", definition) for definition in definitions]
    return {m[1]: (m[2], "not null" in m[3]) for m in matches if m}


def column_comments(table: str) -> dict[str, str]:
    """The SQL comments on the table's columns; the latest ledger format wins."""
    pattern = rf"comment on column ctgitops\.{table}\.(\w+) is\s+'((?:[^']|'')*)';"
    return {name: text.replace("''", "'") for name, text in re.findall(pattern, _ledger_sql())}


def _ledger_sql() -> str:
    files = sorted((PACKAGE / "postgres" / "sql").glob("ledger_*.sql"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
