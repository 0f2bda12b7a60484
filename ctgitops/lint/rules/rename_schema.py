"""Reports a renamed schema."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Skips a schema that the same file creates. On PostgreSQL 14 to 18, the statement locks no table."""
    name = case.node.get("subname", "")
    made = {node.get("schemaname") for node in case.transaction.of_kind("CreateSchemaStmt")}
    if case.node.get("renameType") == "OBJECT_SCHEMA" and name not in made:
        yield Hit(f"breaks running code that uses the schema `{name}`, by name or in its search_path")


RULE = Rule(
    id="rename-schema",
    group=Group.COMPATIBILITY,
    severity=Severity.WARNING,
    kinds=("RenameStmt",),
    why="Renaming a schema breaks running code and function bodies that use the old name, also in search_path. "
    "During a deployment the old and the new release run at the same time.",
    instead="create the new schema with views of the tables; move the tables when no code uses the old name",
    check=check,
    given="create schema sales;\ncreate table sales.offers (id bigint);",
    bad="alter schema sales rename to shop;",
    good="create schema shop;\ncreate view shop.offers as select * from sales.offers;",
)
