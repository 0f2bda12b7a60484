"""Reports CREATE EXTENSION in an exposed schema."""

from __future__ import annotations

from ...sql.nodes import options_of
from ..api import ROLES
from ..rule import Case, Group, Hit, Hits, Rule, Severity

_OWN_SCHEMA = {"pg_cron", "pg_graphql", "pg_net", "pgmq", "pgsodium", "plpgsql", "supabase_vault", "timescaledb"}
"""Extensions whose control file names their schema."""
_INSTALLED = {"pgcrypto", "pgjwt", "pg_stat_statements", "uuid-ossp"}
"""Extensions that a Supabase project has in `extensions` from the beginning. IF NOT EXISTS then does nothing."""


def check(case: Case) -> Hits:
    """Applies only to databases with an API."""
    name = case.node.get("extname", "")
    if name in _OWN_SCHEMA or (case.node.get("if_not_exists") and name in _INSTALLED):
        return
    schema = options_of(case.node.get("options", [])).get("schema", {}).get("String", {}).get("sval", "")
    schema = schema or next(iter(case.catalog.path), "")
    if schema in case.api_schemas:
        yield Hit(f"creates the functions of `{name}` in `{schema}`, where the clients of the API can call them")


RULE = Rule(
    id="extension-in-public",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreateExtensionStmt",),
    why="Every function in an exposed schema is an endpoint of the API, and the names of an extension's objects can "
    "collide with yours. Supabase's advisor reports this as 0014_extension_in_public.",
    instead="add WITH SCHEMA extensions, or another schema that the API does not expose",
    check=check,
    given=ROLES + "create schema extensions;\n",
    bad="create extension hstore;",
    good="create extension hstore with schema extensions;",
)
