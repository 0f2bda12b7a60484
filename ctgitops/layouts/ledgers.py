"""The tables in which other tools record applied migrations, as each tool's source defines them. Pure."""
# ruff: noqa: S608 - queries of constants only

from __future__ import annotations

from ..core.environment.layout import LayoutName
from ..lazy import dataclass


@dataclass(frozen=True)
class LedgerTable:
    """A tool's table, and the query that reads it.

    The query returns rows of `key, complete, applied_at, by, checksum`. `{table}` stands for the table's name.
    """

    tool: LayoutName
    title: str
    table: str
    """The table's name without a schema, because most tools let users choose the schema."""
    columns: frozenset[str]
    """The columns that distinguish this table from tables of other tools with the same name."""
    query: str
    without: frozenset[str] = frozenset()
    """Columns that this tool's table does not have."""
    all_before: bool = False
    more: tuple[str, ...] = ()
    """Patterns for the names of the tool's other objects."""
    all_columns: frozenset[str] = frozenset()
    """All columns of the table, by which it is found under another name. Empty if these columns are too common."""


def _table(  # noqa: PLR0913 - one parameter for each field of the table below
    tool: LayoutName,
    title: str,
    table: str,
    columns: str,
    query: str,
    *,
    without: str = "",
    all_before: bool = False,
    more: tuple[str, ...] = (),
    all_columns: str = "",
) -> LedgerTable:
    lists = (frozenset(columns.split()), query, frozenset(without.split()), all_before, more)
    return LedgerTable(tool, title, table, *lists, frozenset(all_columns.split()))


_NOTHING_MORE = "null::timestamptz, '', ''"
LEDGER_TABLES = (
    _table(
        LayoutName.SUPABASE,
        "Supabase CLI",
        "schema_migrations",
        "version statements",
        f"select version, true, {_NOTHING_MORE} from {{table}} order by version",
        more=("supabase_migrations.*", "schema supabase_migrations"),
    ),
    _table(
        LayoutName.GOLANG_MIGRATE,
        "golang-migrate",
        "schema_migrations",
        "version dirty",
        f"select version::text, not dirty, {_NOTHING_MORE} from {{table}}",
        all_before=True,
        all_columns="version dirty",
    ),
    _table(
        LayoutName.DBMATE,
        "dbmate",
        "schema_migrations",
        "version",
        f"select version, true, {_NOTHING_MORE} from {{table}} order by version",
        without="dirty statements inserted_at name",
    ),
    _table(
        LayoutName.GOOSE,
        "goose",
        "goose_db_version",
        "version_id is_applied tstamp",
        "select version_id::text, true, tstamp::timestamptz, '', '' from (select distinct on (version_id) * from "
        "{table} order by version_id, id desc) newest where is_applied and version_id > 0 order by version_id",
        all_columns="id version_id is_applied tstamp",
    ),
    _table(
        LayoutName.FLYWAY,
        "Flyway",
        "flyway_schema_history",
        "installed_rank version script success",
        "select version, success, installed_on::timestamptz, installed_by, coalesce(checksum::text, '') from "
        "(select distinct on (version) * from {table} where version is not null order by version, "
        "installed_rank desc) newest where type not in ('DELETE', 'UNDO_SQL') order by installed_rank",
        all_columns="installed_rank version description type script checksum installed_by installed_on execution_time "
        "success",
    ),
    _table(
        LayoutName.SQLX,
        "sqlx",
        "_sqlx_migrations",
        "version success checksum",
        "select version::text, success, installed_on, '', encode(checksum, 'hex') from {table} order by version",
    ),
    _table(
        LayoutName.DIESEL,
        "Diesel",
        "__diesel_schema_migrations",
        "version run_on",
        "select version, true, run_on::timestamptz, '', '' from {table} order by version",
    ),
    _table(
        LayoutName.PRISMA,
        "Prisma Migrate",
        "_prisma_migrations",
        "migration_name finished_at rolled_back_at",
        "select migration_name, finished_at is not null, finished_at, '', checksum from {table} "
        "where rolled_back_at is null order by started_at",
    ),
    _table(
        LayoutName.DRIZZLE,
        "Drizzle Kit",
        "__drizzle_migrations",
        "hash created_at",
        "select created_at::text, true, to_timestamp(created_at / 1000.0), '', hash from {table} order by created_at",
        more=("drizzle.*", "schema drizzle"),
        all_columns="id hash created_at",
    ),
    _table(
        LayoutName.REFINERY,
        "refinery",
        "refinery_schema_history",
        "version applied_on",
        f"select version::text, true, {_NOTHING_MORE} from {{table}} order by version",
    ),
    _table(
        LayoutName.NODE_PG_MIGRATE,
        "node-pg-migrate",
        "pgmigrations",
        "name run_on",
        "select name, true, run_on::timestamptz, '', '' from {table} order by id",
        all_columns="id name run_on",
    ),
    _table(
        LayoutName.GRAPHILE_MIGRATE,
        "graphile-migrate",
        "migrations",
        "hash previous_hash filename",
        "select filename, true, date, '', hash from {table} order by filename",
        more=("graphile_migrate.*", "schema graphile_migrate"),
    ),
    _table(
        LayoutName.ATLAS,
        "Atlas",
        "atlas_schema_revisions",
        "version applied total hash",
        "select version, applied = total and coalesce(error, '') = '', executed_at, '', hash from {table} "
        "where version ~ '^[0-9]' order by version",
        more=("atlas_schema_revisions.*", "schema atlas_schema_revisions"),
    ),
    _table(
        LayoutName.SQITCH,
        "Sqitch",
        "changes",
        "change_id change project planner_email",
        "select change, true, committed_at, committer_name, change_id from {table} order by committed_at",
        more=("sqitch.*", "schema sqitch"),
    ),
    _table(
        LayoutName.LIQUIBASE_SQL,
        "Liquibase",
        "databasechangelog",
        "id author filename orderexecuted exectype md5sum",
        "select author || ':' || id, exectype <> 'FAILED', dateexecuted::timestamptz, author, '' from {table} "
        "order by orderexecuted",
        more=("*.databasechangeloglock", "* *.databasechangeloglock"),
    ),
    _table(
        LayoutName.TERN,
        "tern",
        "schema_version",
        "version",
        f"select version::text, true, {_NOTHING_MORE} from {{table}}",
        without="id applied_at installed_rank",
        all_before=True,
    ),
)
