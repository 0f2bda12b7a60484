"""The schemas that a platform such as Supabase creates. They belong to no migration, and are not drift. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_NO_SCHEMA = re.compile(r'schema "([^"]+)" does not exist')


class Platform(StrEnum):
    """A platform that creates schemas in the databases of its users."""

    SUPABASE = "supabase"
    HASURA = "hasura"
    TIMESCALE = "timescale"
    NONE = "none"


SCHEMAS: dict[Platform, tuple[str, ...]] = {
    Platform.SUPABASE: (
        "_analytics",
        "_realtime",
        "auth",
        "cron",
        "extensions",
        "graphql",
        "graphql_public",
        "net",
        "pgbouncer",
        "pgmq",
        "pgsodium",
        "pgsodium_masks",
        "pgtle",
        "realtime",
        "storage",
        "supabase_functions",
        "supabase_migrations",
        "vault",
    ),
    Platform.HASURA: ("hdb_catalog", "hdb_views"),
    Platform.TIMESCALE: (
        "_timescaledb_cache",
        "_timescaledb_catalog",
        "_timescaledb_config",
        "_timescaledb_internal",
        "timescaledb_information",
        "toolkit_experimental",
    ),
    Platform.NONE: (),
}
"""Maps each platform to the schemas that it creates. Sources: each platform's documentation and public projects."""


EXPOSED: dict[Platform, tuple[str, ...]] = dict.fromkeys(Platform, ()) | {Platform.SUPABASE: ("public",)}
"""Maps each platform to the schemas that its API shows to clients by default."""


@dataclass(frozen=True)
class Given:
    """The schemas that a platform creates. A database may lack some of them."""

    schemas: tuple[str, ...] = ()
    platform: Platform = Platform.NONE

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns for the objects in these schemas, as in `drift: {ignore: […]}`."""
        each = (
            (f"{name}.*", f"* {name}.*", f"schema {name}", f"schema {name} *", f"* schema {name} *", name)
            for name in self.schemas
        )
        return tuple(pattern for patterns in each for pattern in patterns)


def given_by(platform: Platform, schemas: tuple[str, ...]) -> Given:
    """The schemas of a platform, and further schemas."""
    return Given(tuple(dict.fromkeys((*SCHEMAS[platform], *schemas))), platform)


def missing_schema(message: str) -> str:
    """The schema that an error reports as missing. Empty for other errors."""
    match = _NO_SCHEMA.search(message)
    return match[1] if match else ""


def given_hint(message: str) -> str:
    """The hint for an error about a missing schema: the keys to add to the policy. Empty for other errors."""
    missing = missing_schema(message)
    if not missing:
        return ""
    platform = next((each for each, schemas in SCHEMAS.items() if missing in schemas), None)
    keys = (
        f"`platform: {platform}` or `given: {{schemas: [{missing}]}}`"
        if platform
        else f"`given: {{schemas: [{missing}]}}`"
    )
    return f"if a platform creates this schema, add {keys} to migrations/policy.yaml"
