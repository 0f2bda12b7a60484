"""Writes the pages `docs/coming/TOOL.md`: what is the same as with another tool, what is not, and how to go back.

Files, commands, placeholders and ledgers come from `ctgitops/layouts`. The rest is in the table below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from ctgitops.core.environment.layout import LayoutName
from ctgitops.layouts.ledgers import LEDGER_TABLES
from ctgitops.layouts.registry import all_tools
from ctgitops.layouts.tool import Tool


@dataclass(frozen=True)
class Facts:
    """What the layout's module cannot tell."""

    applies: str
    """The command that `ctgitops apply` replaces."""
    differs: tuple[str, ...] = ()
    """Further differences, as sentences."""
    records: str = ""
    """The tool's own command or call that records a migration as applied. Empty if `ctgitops export` does this."""


_NO_LOCK = "ctgitops does not wait long for a lock on a table. It tries again, so that other sessions do not wait."
FACTS = {
    "atlas": Facts("atlas migrate apply", ("ctgitops does not compare `schema.hcl`.",)),
    "dbmate": Facts("dbmate up", ("ctgitops does not write `db/schema.sql`.",)),
    "diesel": Facts(
        "diesel migration run", ("ctgitops does not write `src/schema.rs`. Run `diesel print-schema` after an apply.",)
    ),
    "drizzle": Facts(
        "drizzle-kit migrate",
        ("The order is the order of the journal. `drizzle-kit push` bypasses migrations, and `drift` reports it.",),
    ),
    "flyway": Facts(
        "flyway migrate", ("Callbacks such as `beforeMigrate.sql` do not run. Migrations in Java block the plan.",)
    ),
    "golang-migrate": Facts(
        "migrate up", ("A failed migration leaves no dirty flag: PostgreSQL rolls its transaction back.",)
    ),
    "goose": Facts("goose up", ("Migrations in Go, and `+goose ENVSUB`, block the plan.",)),
    "graphile-migrate": Facts(
        "graphile-migrate migrate",
        ("`current.sql` does not run. Commit it first. Actions such as `afterAllMigrations` do not run.",),
    ),
    "hasura": Facts(
        "hasura migrate apply",
        ("Only SQL is applied. Apply the metadata with `hasura metadata apply` afterwards.",),
        "hasura migrate apply --skip-execution --version VERSION",
    ),
    "liquibase-sql": Facts(
        "liquibase update",
        (
            "Changesets in XML, YAML or JSON, and `runAlways`, block the plan. Contexts, labels and preconditions are "
            "not evaluated: `check` lists the changesets that have them.",
        ),
        "liquibase changelog-sync",
    ),
    "node-pg-migrate": Facts("node-pg-migrate up", ("Migrations in JavaScript or TypeScript block the plan.",)),
    "prisma": Facts(
        "prisma migrate deploy",
        ("`prisma migrate dev` still creates migrations on your machine, with a database of its own.",),
    ),
    "refinery": Facts(
        "refinery migrate",
        ("If the program runs migrations when it starts, remove that call.",),
        "migrations::runner().set_target(refinery::Target::Fake).run(&mut client)?;",
    ),
    "sqitch": Facts(
        "sqitch deploy",
        ("Scripts in `verify/` do not run. Write `.verify.sql` queries only for files of the layout `ctgitops`.",),
    ),
    "sqlx": Facts("sqlx migrate run", ("If the program calls `sqlx::migrate!` when it starts, remove that call.",)),
    "supabase": Facts(
        "supabase db push",
        ("Use the session pooler or the direct connection. Seeds in `supabase/seed.sql` do not run.",),
    ),
    "tern": Facts("tern migrate", ()),
}


def pages() -> dict[str, partial[str]]:
    """The path of each page relative to the repository's root, and the function that writes its text."""
    return {f"docs/coming/{tool.name}.md": partial(page, tool) for tool in all_tools()}


def table() -> str:
    """Links to the pages, as one sentence."""
    links = [f"[{tool.title.removesuffix(' with SQL files')}](coming/{tool.name}.md)" for tool in all_tools()]
    return f"Coming from {', '.join(links[:-1])} or {links[-1]}."


def page(tool: Tool) -> str:
    """The page of one tool."""
    title = tool.title.removesuffix(" with SQL files")
    facts = FACTS[tool.name]
    ledger = _ledger(tool)
    module = import_module(f"ctgitops.layouts.{tool.name.replace('-', '_')}")
    files = " ".join((module.__doc__ or "").strip().split("\n\n")[0].split()).partition(": ")[2]
    takeover = "" if ledger else " --at latest"
    read = f" reads `{ledger}`" if ledger else " compares the schema with all files"
    lines = [
        f"# Coming from {title}",
        "",
        f"ctgitops reads {files}",
        "The files stay where they are. Run these commands in the root of the repository, with the URL of the database",
        "in `STAGING_DATABASE_URL`:",
        "",
        "```sh",
        "ctgitops init",
        "ctgitops check",
        f"ctgitops baseline --env staging{takeover}    #{read}",
        "ctgitops plan --env staging    # nothing to do",
        "```",
        "",
        f"For an empty database, leave out `baseline`. From now on, `ctgitops apply` replaces `{facts.applies}`.",
        "",
        "## What is the same",
        "",
        *_same(tool, title),
        "",
        "## What is different",
        "",
        *_different(tool, facts),
        "",
        "## How to go back",
        "",
        *_back(tool, facts, title, ledger),
        "",
        "More about [all layouts](../layouts.md) and [takeover](../layouts.md#take-over-a-database).",
        "",
    ]
    return "\n".join(lines)


def _same(tool: Tool, title: str) -> Iterator[str]:
    yield f"- No file is renamed or edited, so {title} can still run them."
    yield f"- The order of the migrations is the order of {title}."
    if tool.creates:
        yield f"- `{tool.creates}` creates new migrations."
    if tool.placeholder:
        yield "- Placeholders get their values from the key `placeholders` of `migrations/policy.yaml`."
    if tool.tried == "run":
        yield f"- A test applies the same files with {title} and with ctgitops, and compares the schemas."


def _different(tool: Tool, facts: Facts) -> Iterator[str]:
    yield "- A plan shows what an apply does, tries it on a copy of the schema, and is approved before the apply."
    yield f"- {_NO_LOCK}"
    if not (tool.new_down or "down" in tool.template.lower() or tool.name == "sqitch"):
        yield "- Files have no rollback, so the plan says that a migration is irreversible."
    if tool.by_text:
        yield "- A number that is shorter than others is filled up with nines in plans and in the ledger."
    if tool.numbers_repeat or tool.name == "drizzle":
        yield "- The second of two migrations with one number gets the next number in plans and in the ledger."
    yield from (f"- {each}" for each in facts.differs)


def _back(tool: Tool, facts: Facts, title: str, ledger: str) -> Iterator[str]:
    if facts.records:
        yield from _by_hand(facts, title, ledger)
        return
    yield "```sh"
    yield f"ctgitops export --to {tool.name} --env staging"
    yield "```"
    yield ""
    yield f"This adds a row to `{ledger}` for each migration that ctgitops applied after the takeover, with the values"
    yield f"that {title} writes. If the migrations have another layout, it also writes them as files of {title} into"
    yield f"the new folder `exported/{tool.name}`."
    tried = (
        f"A test runs {title} afterwards."
        if tool.tried == "run"
        else f"This follows the source code of {title}; no test runs it."
    )
    yield f"Then `{facts.applies}` has nothing to do. {tried}"
    yield ""
    yield "Remove `migrations/policy.yaml` and `environments/`, and drop the schema `ctgitops`."


def _by_hand(facts: Facts, title: str, ledger: str) -> Iterator[str]:
    table = f"`{ledger}`" if ledger else f"the ledger of {title}"
    yield f"ctgitops does not write into {table}. Record each migration that ctgitops applied after the takeover:"
    yield ""
    yield "<!-- not run: the values are those of one migration -->"
    yield f"```{'rust' if '::' in facts.records else 'sh'}"
    yield facts.records
    yield "```"
    yield ""
    yield f"Then `{facts.applies}` has nothing to do. Remove `migrations/policy.yaml` and `environments/`, and drop the"
    yield "schema `ctgitops`."


def _ledger(tool: Tool) -> str:
    """The name of the tool's ledger. Empty if `baseline` does not read it."""
    return next((each.table for each in LEDGER_TABLES if each.tool is LayoutName(tool.name)), "")
