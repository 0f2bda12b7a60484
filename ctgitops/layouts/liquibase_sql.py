"""Liquibase: formatted SQL: files with `--changeset author:id`, in the order of the changelog that includes them.

Source: `FormattedSqlChangeLogParser.java` and the documentation, version 4. A changeset is a migration. Its number is
its place in the order, as with Sqitch. Without a changelog in XML, YAML or JSON, files are read in the order of names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..core.migration.tool_record import ToolRecord
from ..core.problem import Problem
from ..errors import Place
from ..sql.script import Script
from ..sql.tokens import Kind, tokens
from .liquibase_order import changelog_order
from .tool import Arranged, Divided, Folder, Source, Tool

FORMATTED = re.compile(r"\s*--\s*liquibase\s+formatted\s+sql\b", re.IGNORECASE)
_CHANGESET = re.compile(
    r"^--\s*changeset[ \t]+(?P<author>\"[^\"\n]+\"|'[^'\n]+'|[^:\n]+):(?P<id>\"[^\"\n]+\"|'[^'\n]+'|\S+)(?P<rest>.*)$",
    re.MULTILINE | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"(\w+):(\"[^\"]*\"|'[^']*'|\S+)")
_ROLLBACK = re.compile(r"^[ \t]*--[ \t]*rollback\b[ \t]*(.*)$", re.IGNORECASE)
_BLOCK = re.compile(r"/\*\s*liquibase\s+rollback\s*\n?(.*?)\*/", re.IGNORECASE | re.DOTALL)
_NO_ROLLBACK = re.compile(r"not required|empty|changeset(?:id|author|path):.*", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\$\{([^}\n]{1,80})\}")
_REFUSED = re.compile(
    r"^--[ \t]*(?:ignoreLines:|include(?:All)?[ \t:]|property[ \t]+).*$", re.MULTILINE | re.IGNORECASE
)
_CONDITION = re.compile(r"^--[ \t]*preconditions?\b.*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class _Changeset:
    author: str
    id: str
    file: str
    lines: tuple[int, int]
    """The first line, and the line after the last one."""
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def runs_here(self) -> bool:
        """Whether Liquibase runs the changeset on PostgreSQL, according to the attribute `dbms`."""
        named = [word.strip().lower() for word in self.attributes.get("dbms", "").split(",") if word.strip()]
        excluded = {word[1:] for word in named if word.startswith("!")}
        included = {word for word in named if not word.startswith("!")}
        return "postgresql" not in excluded and (not included or not included.isdisjoint({"postgresql", "all"}))


def _arrange(folder: Folder) -> Arranged:
    order, problems = changelog_order(folder, frozenset(p for p in folder.texts if FORMATTED.match(folder.texts[p])))
    changesets = [each for file in order for each in _changesets(file, folder.texts[file]) if each.runs_here]
    sources = tuple(_source(at, each) for at, each in enumerate(changesets, 1))
    return Arranged(sources, problems=(*problems, *(p for each in changesets for p in _problems(folder, each))))


def _changesets(file: str, text: str) -> Iterator[_Changeset]:
    found = list(_CHANGESET.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=True):
        first = text.count("\n", 0, match.start()) + 1
        last = text.count("\n", 0, end) + (1 if end < len(text) else 2)
        attributes = {name.lower(): value.strip("\"'") for name, value in _ATTRIBUTE.findall(match["rest"])}
        author, key = (match[name].strip().strip("\"'") for name in ("author", "id"))
        yield _Changeset(author, key, file, (first, last), attributes)


def _source(position: int, each: _Changeset) -> Source:
    return Source(
        f"{position:03}",
        each.id,
        each.file,
        outside_transaction=each.attributes.get("runintransaction", "").lower() == "false",
        lines=each.lines,
        key=f"{each.author}:{each.id}",
    )


def _problems(folder: Folder, each: _Changeset) -> Iterator[Problem]:
    place, name = folder.place(each.file, each.lines[0]), f"changeset {each.author}:{each.id}"
    if each.attributes.get("runalways", "").lower() == "true":
        hint = "move its SQL into a seed file or a repeatable file"
        yield Problem("other-tool", f"{name} has runAlways, and ctgitops runs a migration once", place, hint)
    for attribute in ("context", "contextfilter", "labels"):
        if each.attributes.get(attribute):
            what = f"{name} has {attribute} `{each.attributes[attribute]}`, which ctgitops does not evaluate"
            hint = "it runs in every environment, as with Liquibase without contexts and labels"
            yield Problem("layout", what, place, hint, blocks=False)
    if each.attributes.get("runonchange", "").lower() == "true":
        what = f"{name} has runOnChange: after the first run, ctgitops refuses a change of its text"
        yield Problem("layout", what, place, "write each change as a new changeset", blocks=False)


def _divide(text: str, path: str) -> Divided:
    """The scripts of one changeset. Its rollback is in comments."""
    rollback = [match[1] for line in text.split("\n") if (match := _ROLLBACK.match(line))]
    rollback += [match[1] for match in _BLOCK.finditer(text)]
    down = "\n".join(line for line in rollback if line.strip() and not _NO_ROLLBACK.fullmatch(line.strip()))
    up = _CHANGESET.sub("--", _without_delimiter(text))
    return Divided(Script(up, path), Script(f"{down}\n", path) if down else None, tuple(_directives(text, path)))


def _without_delimiter(text: str) -> str:
    """The text with semicolons instead of the attribute `endDelimiter`. Line numbers stay the same."""
    heading = _CHANGESET.match(text)
    attributes = {name.lower(): value for name, value in _ATTRIBUTE.findall(heading["rest"])} if heading else {}
    if attributes.get("splitstatements", "").lower() == "false":
        return text
    delimiter = attributes.get("enddelimiter", ";").strip("\"'").replace("\\n", "")
    if not re.search(r"[^;\s\\]", delimiter):
        return text
    body = re.sub(rf"{re.escape(delimiter)}[ \t]*$", ";", text, flags=re.MULTILINE)
    return re.sub(r";(\s*);", r";\1", body)


def _directives(text: str, path: str) -> Iterator[Problem]:
    if match := _REFUSED.search(text):
        what = f"`{match[0].strip()[:60]}` is a directive of Liquibase that ctgitops does not support"
        hint = "set `placeholders` in migrations/policy.yaml, or write the resulting SQL into the file"
        yield Problem("other-tool", what, Place(path, text.count("\n", 0, match.start()) + 1), hint)
    if match := _CONDITION.search(text):
        what = f"`{match[0].strip()[:60]}` is not evaluated: the changeset always runs"
        place = Place(path, text.count("\n", 0, match.start()) + 1)
        yield Problem("layout", what, place, "the plan tries it on a copy of the schema", blocks=False)
    for token in tokens(text) if "${" in text else ():
        match = _PLACEHOLDER.search(text, token.start, token.end) if token.kind is not Kind.COMMENT else None
        match = match or (_PLACEHOLDER.match(text, token.start) if text[token.start] == "$" else None)
        if match:
            what = f"the parameter `{match[0]}` of Liquibase has no value"
            hint = f"add `placeholders: {{{match[1]}: VALUE}}` to migrations/policy.yaml"
            yield Problem("other-tool", what, Place(path, text.count("\n", 0, match.start()) + 1), hint)
            return


def _record(source: Source, _raw: bytes, _folder: Folder) -> ToolRecord:
    return ToolRecord(source.key)


TOOL = Tool(
    name="liquibase-sql",
    title="Liquibase",
    tried="run",
    divide=_divide,
    arrange=_arrange,
    reads=re.compile(r"(?:.*/)?[^/]+\.sql|(?:.*/)?[^/]*changelog[^/]*\.(?:xml|ya?ml|json)", re.IGNORECASE),
    placeholder=_PLACEHOLDER,
    record=_record,
)
