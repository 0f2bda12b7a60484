"""Reports an ALTER DOMAIN that scans every table with a column of this domain."""

from __future__ import annotations

from ...sql.nodes import name_of
from ..added_columns import target
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called
from ..types import Type


def check(case: Case) -> Hits:
    """Reports ADD CONSTRAINT without NOT VALID, SET NOT NULL, and VALIDATE."""
    node, subtype = case.node, case.node.get("subtype")
    if subtype not in {"C", "O", "V"} or (subtype == "C" and target(node).get("skip_validation")):
        return
    schema, bare = name = name_of(node.get("typeName", []))
    domain = case.catalog.domain(Type(bare, schema=schema))
    if subtype == "O" and domain and domain.not_null:
        return
    users = case.catalog.users_of(case.catalog.created(name))
    names = [f"`{called(table)}`" for table in users if not table.new and case.has_rows(table)]
    if names or not (users or case.catalog.complete):
        tables = ", ".join(names) or "every table with a column of the domain"
        yield Hit(f"blocks writes to {tables} while every row is checked")


RULE = Rule(
    id="domain-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterDomainStmt",),
    why="Adding or validating a constraint of a domain scans every table with a column of that domain. Meanwhile "
    "PostgreSQL holds a SHARE lock on each of these tables, which blocks writes.",
    instead="use ADD CONSTRAINT … NOT VALID, which applies to new values only; to check existing values, add a CHECK "
    "constraint to each table as NOT VALID, then VALIDATE, which does not block writes",
    check=check,
    lock=LockMode.SHARE,
    blocks=True,
    given="create domain email as text;\ncreate table people (id bigint primary key, address email);",
    bad="alter domain email add constraint has_at check (value like '%@%');",
    good="alter domain email add constraint has_at check (value like '%@%') not valid;",
)
