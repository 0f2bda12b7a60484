"""The schemas that a platform such as Supabase creates. They belong to no migration, and are not drift. Pure."""

from __future__ import annotations

from enum import StrEnum

from ...lazy import dataclass, regex
from ...sql.nodes import identifier

_NO_SCHEMA = regex(r'schema "([^"]+)" does not exist')


class Platform(StrEnum):
    """A platform that creates schemas in the databases of its users."""

    SUPABASE = "supabase"
    HASURA = "hasura"
    TIMESCALE = "timescale"
    RDS = "rds"
    CLOUD_SQL = "cloudsql"
    AZURE = "azure"
    NEON = "neon"
    HEROKU = "heroku"
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
    Platform.RDS: (),
    Platform.CLOUD_SQL: (),
    Platform.AZURE: (),
    Platform.NEON: ("neon",),
    Platform.HEROKU: ("heroku_ext",),
    Platform.NONE: (),
}
"""Maps each platform to the schemas that it creates. Sources: each platform's documentation and public projects."""


ROLES: dict[Platform, tuple[str, ...]] = dict.fromkeys(Platform, ()) | {
    Platform.SUPABASE: (
        "anon",
        "authenticated",
        "authenticator",
        "dashboard_user",
        "pgbouncer",
        "service_role",
        "supabase_admin",
        "supabase_auth_admin",
        "supabase_functions_admin",
        "supabase_read_only_user",
        "supabase_realtime_admin",
        "supabase_replication_admin",
        "supabase_storage_admin",
    ),
    Platform.RDS: (
        "rds_ad",
        "rds_iam",
        "rds_password",
        "rds_replication",
        "rds_superuser",
        "rdsadmin",
        "rdsrepladmin",
        "rdstopmgr",
    ),
    Platform.CLOUD_SQL: (
        "cloudsqladmin",
        "cloudsqlagent",
        "cloudsqliamgroup",
        "cloudsqliamserviceaccount",
        "cloudsqliamuser",
        "cloudsqlimportexport",
        "cloudsqlreplica",
        "cloudsqlsuperuser",
    ),
    Platform.AZURE: ("azure_pg_admin", "azuresu", "replication"),
    Platform.NEON: ("cloud_admin", "neon_superuser"),
}
"""Maps each platform to the roles that it creates, besides the role of its users."""
EXTENSIONS: dict[Platform, tuple[str, ...]] = dict.fromkeys(Platform, ()) | {
    Platform.SUPABASE: (
        "pg_graphql",
        "pg_net",
        "pg_stat_statements",
        "pgcrypto",
        "pgjwt",
        "pgsodium",
        "supabase_vault",
        "uuid-ossp",
    ),
    Platform.TIMESCALE: ("timescaledb",),
    Platform.NEON: ("neon",),
}
"""Maps each platform to the extensions that a new database has."""
PUBLICATIONS: dict[Platform, tuple[str, ...]] = dict.fromkeys(Platform, ()) | {
    Platform.SUPABASE: ("supabase_realtime", "supabase_realtime_messages_publication"),
}
"""Maps each platform to the publications that it creates without tables, and to which migrations add tables."""
_EVENT_TRIGGERS: dict[Platform, tuple[str, ...]] = dict.fromkeys(Platform, ()) | {
    Platform.SUPABASE: ("issue_*", "pgrst_*"),
}
EXPOSED: dict[Platform, tuple[str, ...]] = dict.fromkeys(Platform, ()) | {Platform.SUPABASE: ("public",)}
"""Maps each platform to the schemas that its API shows to clients by default."""
NOTIFICATIONS: dict[Platform, tuple[str, ...]] = dict.fromkeys(Platform, ()) | {
    Platform.SUPABASE: ("notify pgrst, 'reload schema'",)
}
"""Maps each platform to the statements that make its API read the schema again. PostgREST caches the schema."""
COMPARED = frozenset({"policy", "trigger"})
"""Kinds of objects that migrations add to tables of the platform, such as policies of `storage.objects`."""


@dataclass(frozen=True)
class Given:
    """What a platform creates: schemas, roles, extensions. A database may lack some of them."""

    schemas: tuple[str, ...] = ()
    platform: Platform = Platform.NONE
    roles: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns for the objects of the platform, as in `drift: {ignore: […]}`."""
        each = (
            (f"{name}.*", f"* {name}.*", f"schema {name}", f"schema {name} *", f"* schema {name} *", name)
            for name in self.schemas
        )
        return (
            *(pattern for patterns in each for pattern in patterns),
            *(f"default privileges of {name} *" for name in self.roles),
            *(f"grant schema public to {name}" for name in self.roles),
            *(f"extension {identifier(name)}" for name in self.extensions),
            *(f"event trigger {name}" for name in _EVENT_TRIGGERS[self.platform]),
        )

    @property
    def publications(self) -> tuple[str, ...]:
        """The publications of the platform."""
        return PUBLICATIONS[self.platform]


def given_by(
    platform: Platform, schemas: tuple[str, ...], roles: tuple[str, ...] = (), extensions: tuple[str, ...] = ()
) -> Given:
    """What a platform creates, and further schemas, roles and extensions."""
    return Given(
        tuple(dict.fromkeys((*SCHEMAS[platform], *schemas))),
        platform,
        tuple(dict.fromkeys((*ROLES[platform], *roles))),
        tuple(dict.fromkeys((*EXTENSIONS[platform], *extensions))),
    )


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
