"""The files that `ctgitops init` writes: a policy, and a manifest for each environment."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ..core.environment.layout import Layout, LayoutName
from ..core.environment.policy import HeaderRule, Policy
from ..errors import UsageError
from ..layouts.configuration import ToolEnvironment, ToolSettings
from .git import top_of
from .policy import PATH, read_policy
from .repository import Repository
from .scaffold import NewFile
from .workspace import read_migrations_of

if TYPE_CHECKING:
    from ..layouts.search import FoundLayout

_POLICY = """\
# yaml-language-server: $schema={schemas}/policy.schema.json
{layout}numbering: {numbering}
header: {header}
{history}"""
_MANIFEST = """\
# yaml-language-server: $schema={schemas}/manifest.schema.json
environment: {name}
database:
  url: ${{{secret}}}    # name of a secret, not the URL itself
"""
_POOLER = """\
  # on GitHub, the URL of the session pooler, because the server itself has only an IPv6 address:
  # postgresql://postgres.{project}:PASSWORD@aws-0-REGION.pooler.supabase.com:5432/postgres
"""
_DEVELOPMENT = "apply: {on: manual}\n"
_STAGING = "apply: {on: push}\n"
_PRODUCTION = """\
{after}apply: {{on: release, tags: "v*"}}
backup: {{to: backups/{name}}}    # on GitHub, a bucket: s3://BUCKET/{name}
"""
_DEFAULTS = ("development", "staging", "production")
_LOCAL = re.compile(r"dev|local|test", re.IGNORECASE)
_LIVE = re.compile(r"prod|live|main", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_SCHEMAS = "https://raw.githubusercontent.com/constructtrack/ctgitops/main/ctgitops/files"


def first_files(
    root: Path, chosen: FoundLayout | None = None, settings: ToolSettings | None = None
) -> tuple[NewFile, ...]:
    """A policy that matches the existing migrations, and the manifests. Writes nothing.

    `chosen` is the folder with the migrations. None if no folder has migrations yet. `settings` are the settings in the
    tool's files. An existing policy keeps its `lint_after`, so that pending migrations are still linted. If there are
    manifests already, no other ones are proposed.
    """
    settings = settings or ToolSettings()
    layout = Layout(chosen.layout, chosen.folder, version_parts=chosen.version_parts) if chosen else Layout()
    found = read_migrations_of(Repository(root), Policy(header=HeaderRule.OPTIONAL, layout=layout)).migrations
    numbers = [m.number for m in found]
    contiguous = numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
    last = (read_policy(Repository(root))[0].lint_after if (root / PATH).exists() else 0) or max(numbers, default=0)
    policy = _POLICY.format(
        schemas=_SCHEMAS,
        layout=_layout_keys(layout, settings),
        numbering="contiguous" if contiguous else "increasing",
        header="required" if all(m.header for m in found) else "optional",
        history=f"lint_after: {last}    # lint skips this migration and all earlier ones\n" if numbers else "",
    )
    return NewFile(PATH, policy), *_missing(root, _manifests(settings, _prefix(root)))


def _missing(root: Path, manifests: Iterator[NewFile]) -> Iterator[NewFile]:
    """The manifests. Leaves out new ones if the repository has manifests: a team has then chosen its environments."""
    chosen = any(path.suffix in {".yaml", ".yml"} for path in (root / "environments").glob("*"))
    return (file for file in manifests if not chosen or (root / file.path).exists())


def _layout_keys(layout: Layout, settings: ToolSettings) -> str:
    keys = [] if layout.is_own else [f"layout: {layout.name}"]
    if layout.folder != Layout().folder:  # YAML can require quotation marks, as for `@app/db/migrations`
        keys.append(yaml.safe_dump({"migrations": layout.folder}, allow_unicode=True, width=1000).rstrip())
    keys += ["platform: supabase"] if layout.name is LayoutName.SUPABASE else []
    exposed = [name for name in settings.exposed_schemas if re.fullmatch(r"\w+", name)]
    keys += [f"exposed_schemas: [{', '.join(exposed)}]"] if exposed not in ([], ["public"]) else []
    keys += [f"version_parts: {layout.version_parts}"] if layout.version_parts > 1 else []
    if settings.placeholders:
        keys += ["placeholders:", *(f"  {name}: {_quoted(value)}" for name, value in settings.placeholders.items())]
    return "".join(f"{key}\n" for key in keys)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _prefix(root: Path) -> str:
    """The beginning of the names of secrets, by the folder. Databases of one repository share its secrets."""
    folder = root.resolve().relative_to(top_of(root).resolve()).as_posix()
    words = re.sub(r"[^A-Za-z0-9]+", "_", folder).strip("_").upper()
    return f"{'DB_' if words[:1].isdigit() else ''}{words}_" if words else ""


def _manifests(settings: ToolSettings, prefix: str) -> Iterator[NewFile]:
    """One manifest for each environment of the tool, or the usual three if its files do not name several."""
    named = {each.name: each for each in settings.environments if _NAME.fullmatch(each.name)}
    names = sorted(named, key=_rank) if len(named) > 1 else list(_DEFAULTS)
    before, secrets = "", set[str]()
    for name in names:
        tool = named.get(name, ToolEnvironment(name))
        secret = _secret_of(tool, settings, secrets) or f"{prefix}{name.upper().replace('-', '_')}_DATABASE_URL"
        secrets.add(secret)
        text = _MANIFEST.format(schemas=_SCHEMAS, name=name, secret=secret)
        text += _POOLER.format(project=tool.project) if tool.project else ""
        yield NewFile(f"environments/{name}.yaml", text + _conditions(name, before))
        before = "" if _LOCAL.search(name) else name


def _rank(name: str) -> tuple[int, str]:
    return (0 if _LOCAL.search(name) else 2 if _LIVE.search(name) else 1, name)


def _secret_of(tool: ToolEnvironment, settings: ToolSettings, taken: set[str]) -> str:
    """The variable that the tool reads. Empty if there is none, or if another environment uses it."""
    own = tool.secret or (settings.secret if _LOCAL.search(tool.name) else "")
    return own if own not in taken else ""


def _conditions(name: str, before: str) -> str:
    if _LOCAL.search(name):
        return _DEVELOPMENT
    if _LIVE.search(name):
        return _PRODUCTION.format(name=name, after=f"after: {before}\n" if before else "")
    return _STAGING


def difference(root: Path, file: NewFile) -> str:
    """The unified diff from an existing file to the new one. Empty if the file does not exist or is the same."""
    path = root / file.path
    if not path.is_file():
        return ""
    old = path.read_text("utf-8", errors="replace")
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), file.text.splitlines(keepends=True), f"a/{file.path}", f"b/{file.path}"
    )
    return "".join(lines)


def overwrite(root: Path, file: NewFile) -> None:
    """Replaces the text of an existing file. Writes."""
    path = root / file.path
    if path.is_symlink():
        raise UsageError(f"{file.path} is a symbolic link", state="nothing was changed", hint="replace it by a file")
    path.write_text(file.text, encoding="utf-8", newline="\n")
