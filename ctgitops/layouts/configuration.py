"""Reads the environments from the configuration files of other tools, for `ctgitops init`. Pure.

Reads only names of variables. A value that may contain a password is never returned.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..core.environment.layout import LayoutName

_VARIABLE = re.compile(r"\$\{(?:env[.:])?([A-Za-z_]\w*)\}|\$([A-Z_][A-Z0-9_]*)\b")
_POSTGRES = re.compile(r"[\"']?postgres(?:ql)?://")
_PLAIN = re.compile(r"[A-Za-z_]\w*")
_PROJECT = re.compile(r"[a-z]{20}")
"""Matches the reference of a hosted Supabase project. A local project has a name of the user's choice."""


@dataclass(frozen=True)
class ToolEnvironment:
    """An environment that a configuration file names."""

    name: str
    secret: str = ""
    """The variable with the database's URL. Empty if the file names none."""
    project: str = ""
    """The reference of the Supabase project. Empty for other tools."""


@dataclass(frozen=True)
class ToolSettings:
    """What the configuration files of one tool say."""

    sources: tuple[str, ...] = ()
    """The paths of the files that were read."""
    environments: tuple[ToolEnvironment, ...] = ()
    secret: str = ""
    """The variable with the URL of the developer's database. Empty if no file names one."""
    exposed_schemas: tuple[str, ...] = ()
    placeholders: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """Facts that the user must decide about, in one line each."""


def settings_of(layout: LayoutName, folder: str, paths: tuple[str, ...], text_of: Callable[[str], str]) -> ToolSettings:
    """Reads the configuration of a layout's tool: the nearest file in the folder of the migrations, or above it."""
    there = frozenset(paths)
    for path, read in _files(layout, folder):
        if path in there and (found := read(path, text_of(path))):
            return found
    return ToolSettings()


_Reader = Callable[[str, str], ToolSettings | None]


def _files(layout: LayoutName, folder: str) -> Iterator[tuple[str, _Reader]]:
    parts = [] if folder == "." else folder.split("/")
    above = ["/".join((*parts[:end], "")) for end in range(len(parts), -1, -1)]
    for at in above:
        for name, read in (*_READERS.get(layout, ()), (".env", _dotenv), (".env.example", _dotenv)):
            yield f"{at}{name}", read


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _table(of: dict[str, Any], name: str) -> dict[str, Any]:
    value = of.get(name, {})
    return value if isinstance(value, dict) else {}


def _supabase(path: str, text: str) -> ToolSettings | None:
    data = _toml(text)
    if not data:
        return None
    remotes = {name: each for name, each in _table(data, "remotes").items() if isinstance(each, dict)}
    schemas = _table(data, "api").get("schemas", ())
    project = str(data.get("project_id", ""))
    return ToolSettings(
        (path,),
        tuple(ToolEnvironment(name, project=str(each.get("project_id", ""))) for name, each in remotes.items())
        or ((ToolEnvironment("production", project=project),) if _PROJECT.fullmatch(project) else ()),
        exposed_schemas=tuple(str(each) for each in schemas if each != "graphql_public"),
    )


def _dotenv(path: str, text: str) -> ToolSettings | None:
    """The variable whose value is a PostgreSQL URL. DATABASE_URL if several have one."""
    pairs = (line.removeprefix("export ").partition("=") for line in map(str.strip, text.splitlines()))
    names = [
        name.strip() for name, _, value in pairs if _PLAIN.fullmatch(name.strip()) and _POSTGRES.match(value.strip())
    ]
    if not names:
        return None
    return ToolSettings((path,), secret="DATABASE_URL" if "DATABASE_URL" in names else names[0])


def _flyway_toml(path: str, text: str) -> ToolSettings | None:
    data = _toml(text)
    environments, flyway = _table(data, "environments"), _table(data, "flyway")
    made = [
        ToolEnvironment(name, _variable(each.get("url", "")))
        for name, each in environments.items()
        if isinstance(each, dict)
    ]
    return _flyway(path, made, _table(flyway, "placeholders")) if data else None


def _flyway_conf(path: str, text: str) -> ToolSettings | None:
    lines = (line.partition("=") for line in map(str.strip, text.splitlines()) if line[:1] not in {"#", ""})
    values = {name.strip(): value.strip() for name, _, value in lines}
    prefix = "flyway.placeholders."
    given = {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
    found = _flyway(path, [], given)
    return ToolSettings(
        found.sources,
        secret=_variable(values.get("flyway.url", "")),
        placeholders=found.placeholders,
        notes=found.notes,
    )


def _flyway(path: str, environments: list[ToolEnvironment], placeholders: dict[str, Any]) -> ToolSettings:
    plain = {name: str(value) for name, value in placeholders.items() if not _VARIABLE.search(str(value))}
    notes = tuple(
        f"placeholder `{name}` in {path} has its value from a variable" for name in placeholders if name not in plain
    )
    return ToolSettings((path,), tuple(environments), placeholders=plain, notes=notes)


_ATLAS = re.compile(r"^\s*env\s+\"(?P<name>[^\"]+)\"\s*\{(?P<body>.*?)^\s*\}", re.MULTILINE | re.DOTALL)
_GETENV = re.compile(r"^\s*url\s*=\s*getenv\(\"(\w+)\"\)", re.MULTILINE)


def _atlas(path: str, text: str) -> ToolSettings | None:
    made = []
    for match in _ATLAS.finditer(text):
        url = _GETENV.search(match["body"])
        made.append(ToolEnvironment(match["name"], url[1] if url else ""))
    return ToolSettings((path,), tuple(made)) if made else None


def _prisma(path: str, text: str) -> ToolSettings | None:
    """The variable of `directUrl`, or else of `url`, because `url` may lead to a pooler."""
    found = dict(re.findall(r"^\s*(url|directUrl)\s*=\s*env\(\"(\w+)\"\)", text, re.MULTILINE))
    name = found.get("directUrl", found.get("url", ""))
    return ToolSettings((path,), secret=name) if name else None


_SQITCH = re.compile(r"^\s*\[target\s+\"(?P<name>[^\"]+)\"\]", re.MULTILINE)


def _sqitch(path: str, text: str) -> ToolSettings | None:
    made = tuple(ToolEnvironment(match["name"]) for match in _SQITCH.finditer(text))
    return ToolSettings((path,), made) if made else None


_DBCONFIG = re.compile(r"^(?P<name>\w[\w-]*):\s*$(?P<body>(?:\n(?:[ \t]+.*|\s*))*)", re.MULTILINE)


def _dbconfig(path: str, text: str) -> ToolSettings | None:
    made = [
        ToolEnvironment(match["name"], _variable(source[1]))
        for match in _DBCONFIG.finditer(text)
        if "postgres" in match["body"] and (source := re.search(r"datasource:\s*(.*)", match["body"]))
    ]
    return ToolSettings((path,), tuple(made)) if made else None


def _variable(text: object) -> str:
    """The only variable in a URL. Empty if the text is not just one variable."""
    match = _VARIABLE.fullmatch(str(text).strip().strip("\"'"))
    return (match[1] or match[2]) if match else ""


_READERS: dict[LayoutName, tuple[tuple[str, _Reader], ...]] = {
    LayoutName.SUPABASE: (("config.toml", _supabase),),
    LayoutName.FLYWAY: (
        ("flyway.toml", _flyway_toml),
        ("flyway.conf", _flyway_conf),
        ("conf/flyway.conf", _flyway_conf),
    ),
    LayoutName.ATLAS: (("atlas.hcl", _atlas),),
    LayoutName.PRISMA: (("schema.prisma", _prisma),),
    LayoutName.SQITCH: (("sqitch.conf", _sqitch),),
    LayoutName.GOOSE: (("dbconfig.yml", _dbconfig),),
    LayoutName.CTGITOPS: (("dbconfig.yml", _dbconfig),),
}
