"""Public repositories whose folders have the shapes below.

Each shape has the paths of the real repository, but few files, and SQL of our own. Every migration creates a table that
refers to the table of its predecessor in the order of the tool. Therefore a wrong order fails, and so does a rollback
that is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ctgitops.core.environment.layout import LayoutName

from .folders import atlas_sum, graphile


@dataclass(frozen=True)
class Origin:
    """A repository: where its migrations are, and their files in the order of the tool."""

    repository: str
    layout: LayoutName
    folder: str
    files: tuple[str, ...]
    """The files of the migrations in the order of the tool, relative to the folder."""
    write: Callable[[str, str], str] = lambda up, _down: up
    """The text of a file with an up script and a down script."""
    down: Callable[[str], str] | None = None
    """The path of the rollback file for the path of a migration."""
    beside: dict[str, str] = field(default_factory=dict)
    """Other files of the repository."""
    control: Callable[[dict[str, str]], dict[str, str]] = lambda _files: {}
    """The tool's own files in the folder, computed from the migrations."""
    asks: bool = False
    """Whether the repository has several folders, so that `init` needs `--migrations`."""

    @property
    def tree(self) -> dict[str, str]:
        """The files of the repository, with their texts."""
        inside = dict(self._texts())
        inside |= self.control(inside)
        prefix = "" if self.folder == "." else f"{self.folder}/"
        return {f"{prefix}{path}": text for path, text in inside.items()} | self.beside

    def _texts(self) -> Iterator[tuple[str, str]]:
        previous = "-"
        for number, path in enumerate(self.files, 1):
            up, down = table(number), f"drop table t{number};\n"
            if self.layout is LayoutName.GRAPHILE_MIGRATE:
                text = graphile(up, previous)
                previous = text.partition("--! Hash: ")[2].partition("\n")[0]
                yield path, text
                continue
            yield path, self.write(up, down)
            if self.down:
                yield self.down(path), down


def table(number: int) -> str:
    """Creates table `t3`, which refers to `t2`."""
    refers = f", previous int references t{number - 1} (id)" if number > 1 else ""
    return f"create table t{number} (id int primary key{refers});\n"


def _goose(up: str, down: str) -> str:
    begin, end = "-- +goose StatementBegin\n", "-- +goose StatementEnd\n"
    return f"-- +goose Up\n{begin}SELECT 'up SQL query';\n{up}{end}\n-- +goose Down\n{begin}{down}{end}"


def _dbmate(up: str, down: str) -> str:
    return f"-- migrate:up\n{up}\n-- migrate:down\n{down}"


def _tern(up: str, down: str) -> str:
    return f"{up}\n---- create above / drop below ----\n\n{down}"


def _own_transaction(up: str, _down: str) -> str:
    return f"BEGIN;\n{up}COMMIT;\n"


def _sqitch(up: str, _down: str) -> str:
    return f"-- Deploy x\n\nBEGIN;\n\n{up}\nCOMMIT;\n"


def _plan(files: dict[str, str]) -> dict[str, str]:
    names = [path.removeprefix("deploy/").removesuffix(".sql") for path in files if path.startswith("deploy/")]
    lines = [f"{name} 2014-10-06T04:00:12Z A B <a@example.com> # x" for name in names]
    return {"sqitch.plan": "\n".join(["%syntax-version=1.0.0-b2", "%project=forward-api", "", *lines, ""])}


def _journal(files: dict[str, str]) -> dict[str, str]:
    rows = [f'{{"idx": {at}, "when": {at}, "tag": "{path[:-4]}"}}' for at, path in enumerate(files)]
    return {"meta/_journal.json": f'{{"version": "7", "dialect": "postgresql", "entries": [{", ".join(rows)}]}}'}


def _sum(files: dict[str, str]) -> dict[str, str]:
    return {"atlas.sum": atlas_sum(files)}


def _sum_of_ups(files: dict[str, str]) -> dict[str, str]:
    return {"atlas.sum": atlas_sum({path: text for path, text in files.items() if path.endswith(".up.sql")})}


def _folders(*names: str, file: str = "up.sql") -> tuple[str, ...]:
    return tuple(f"{name}/{file}" for name in names)


def _prisma(*names: str) -> tuple[str, ...]:
    return _folders(*names, file="migration.sql")


def _down_beside(path: str) -> str:
    return path.replace("up.sql", "down.sql")


_LOCK = {"migration_lock.toml": 'provider = "postgresql"\n'}
_SQLX = '[dependencies]\nsqlx = { version = "0.8" }\n'
_OTHER = "create table other (id int);\n"
ORIGINS = (
    Origin(
        "launchbadge/realworld-axum-sqlx",
        LayoutName.SQLX,
        "migrations",
        ("1_setup.sql", "2_user.sql", "3_follow.sql", "10_article.sql"),
        beside={"Cargo.toml": _SQLX},
    ),
    Origin(
        "LukeMathWalker/zero-to-production",
        LayoutName.SQLX,
        "migrations",
        ("20200823135036_create_subscriptions_table.sql", "20210307184428_make_status_not_null_in_subscriptions.sql"),
        write=_own_transaction,
        beside={"Cargo.toml": _SQLX, "scripts/init_db.sh": "sqlx migrate run\n"},
    ),
    Origin(
        "zed-industries/zed",
        LayoutName.SQLX,
        "crates/collab/migrations",
        ("20210527024318_initial_schema.sql", "20210916123647_add_pg_trgm.sql"),
        beside={
            "Cargo.toml": "[workspace]\n",
            "crates/collab/Cargo.toml": _SQLX,
            "crates/collab/migrations.sqlite/20221109000000_test_schema.sql": _OTHER,
        },
    ),
    Origin(
        "windmill-labs/windmill",
        LayoutName.SQLX,
        "backend/migrations",
        ("20220123221901_first.up.sql", "20220123221903_owner_to_admin.up.sql"),
        down=_down_beside,
        beside={"backend/Cargo.toml": _SQLX},
    ),
    Origin(
        "atuinsh/atuin",
        LayoutName.SQLX,
        "crates/atuin-server-postgres/migrations",
        ("20210425153745_create_history.sql", "20210425153757_create_users.sql"),
        beside={
            "crates/atuin-server-postgres/Cargo.toml": _SQLX,
            "crates/atuin-server-sqlite/migrations/20231203124112_create-store.sql": _OTHER,
            "crates/atuin-client/migrations/20210422143411_create_history.sql": _OTHER,
            "crates/atuin-client/Cargo.toml": _SQLX,
        },
        asks=True,
    ),
    Origin(
        "rust-lang/crates.io",
        LayoutName.DIESEL,
        "migrations",
        _folders("00000000000000_diesel_initial_setup", "20140924113530_dumped_1", "2017-09-23-182408_tokens"),
        down=_down_beside,
        beside={"diesel.toml": '[print_schema]\nfile = "src/schema.rs"\n'},
    ),
    Origin(
        "Plume-org/Plume",
        LayoutName.DIESEL,
        "migrations/postgres",
        _folders("2018-04-22-093322_create_instances", "2018-04-22-151330_create_user"),
        down=_down_beside,
        beside={"migrations/sqlite/2018-04-22-093322_create_instances/up.sql": _OTHER, "Cargo.toml": "[workspace]\n"},
    ),
    Origin(
        "umami-software/umami",
        LayoutName.PRISMA,
        "prisma/migrations",
        _prisma("01_init", "02_report_schema_session_data", "10_add_tag"),
        beside={"prisma/schema.prisma": 'datasource db {\n  provider = "postgresql"\n}\n'},
    ),
    Origin(
        "BerriAI/litellm",
        LayoutName.PRISMA,
        "litellm-proxy-extras/litellm_proxy_extras/migrations",
        _prisma(
            "20250326162113_baseline",
            "20260107120000_budgets",
            "20260108_add_user_email_lower_idx",
            "20261013000000_access_group_mcp_tool_permissions",
            "20261013000000_add_access_group_skill_names",
        ),
        control=lambda _files: _LOCK,
    ),
    Origin(
        "calcom/cal.com",
        LayoutName.PRISMA,
        "packages/prisma/migrations",
        _prisma("20210605225044_init", "20210605225507_init"),
        control=lambda _files: _LOCK,
        beside={"packages/prisma/sql/1_x.sql": "select 1;\n"},
    ),
    Origin(
        "supabase/stripe-sync-engine",
        LayoutName.CTGITOPS,
        "packages/sync-engine/src/database/migrations",
        ("0000_initial_migration.sql", "0001_products.sql", "0002_customers.sql"),
    ),
    Origin(
        "mckaywrigley/chatbot-ui",
        LayoutName.SUPABASE,
        "supabase/migrations",
        ("20240108234540_setup.sql", "20240108234541_add_profiles.sql", "20240109_add_x.sql"),
        beside={"supabase/config.toml": 'project_id = "chatbotui"\n', "supabase/seed.sql": _OTHER},
    ),
    Origin(
        "supabase/postgres",
        LayoutName.DBMATE,
        "migrations/db/migrations",
        ("10000000000000_demote-postgres.sql", "20211115181400_update-auth-permissions.sql"),
        write=_dbmate,
        beside={
            "migrations/schema.sql": _OTHER,
            "migrations/db/init-scripts/00000000000000-initial.sql": _OTHER,
        },
        asks=True,
    ),
    Origin(
        "techschool/simplebank",
        LayoutName.GOLANG_MIGRATE,
        "db/migration",
        ("000001_init_schema.up.sql", "000002_add_users.up.sql"),
        down=_down_beside,
        beside={"db/query/account.sql": "-- name: GetAccount :one\nselect 1;\n", "doc/schema.sql": _OTHER},
    ),
    Origin(
        "coder/coder",
        LayoutName.GOLANG_MIGRATE,
        "coderd/database/migrations",
        ("000001_base.up.sql", "000002_audit_logs.up.sql"),
        down=_down_beside,
        beside={
            "coderd/database/migrations/testdata/fixtures/000004_x.up.sql": _OTHER,
            "coderd/database/dump.sql": _OTHER,
        },
    ),
    Origin(
        "mattermost/mattermost",
        LayoutName.GOLANG_MIGRATE,
        "server/channels/db/migrations/postgres",
        ("000001_create_teams.up.sql", "000002_create_team_members.up.sql"),
        down=_down_beside,
        beside={"server/channels/db/migrations/mysql/000001_create_teams.up.sql": _OTHER},
    ),
    Origin(
        "openmeterio/openmeter",
        LayoutName.GOLANG_MIGRATE,
        "tools/migrate/migrations",
        ("20240826120919_init.up.sql", "20240916150204_billing-entities.up.sql"),
        down=_down_beside,
        control=_sum_of_ups,
    ),
    Origin(
        "Obamakryt/DataLinks",
        LayoutName.GOOSE,
        "migrations",
        ("20250714114602_user.sql", "20250714114702_link.sql"),
        write=_goose,
    ),
    Origin(
        "oganes5796/service-desk",
        LayoutName.GOOSE,
        "migrations",
        ("00001_users.sql", "00002_requests.sql", "00010_comments.sql"),
        write=_goose,
    ),
    Origin(
        "dzhordano/132market",
        LayoutName.GOOSE,
        "services/users/migrations",
        ("20241010125950_users_init.sql", "20241026180431_init.sql"),
        write=_goose,
        beside={"services/sso/migrations/00001_init_users.sql": _goose(_OTHER, "")},
        asks=True,
    ),
    Origin(
        "denisero21/FlyWay-P",
        LayoutName.FLYWAY,
        "src/main/resources/db/migration",
        ("V1__create_users_table.sql", "V2__insert_users.sql", "V10__alter_table.sql"),
        beside={"pom.xml": "<project/>\n", "src/main/resources/application.properties": "spring.flyway.enabled=true\n"},
    ),
    Origin(
        "kestra-io/kestra",
        LayoutName.FLYWAY,
        "jdbc-postgres/src/main/resources/migrations/postgres",
        ("V1_1__initial.sql", "V1_2__worker_heartbeat.sql", "V1_11__execution_parentid.sql", "V10__metric.sql"),
        beside={
            "jdbc-h2/src/main/resources/migrations/h2/V1_1__initial.sql": _OTHER,
            "jdbc-mysql/src/main/resources/migrations/mysql/V1_1__initial.sql": _OTHER,
        },
    ),
    Origin(
        "rust-db/refinery",
        LayoutName.REFINERY,
        "refinery/sql_migrations",
        ("V1-2/V1__initial.sql", "V1-2/V2__add_cars_and_motos_table.sql", "V3/V3__add_brand_to_cars_table.sql"),
        beside={"refinery/Cargo.toml": '[package]\nname = "refinery"\n'},
    ),
    Origin(
        "begriffs/postgrest-example",
        LayoutName.SQITCH,
        ".",
        ("deploy/v1schema.sql", "deploy/speakers.sql", "deploy/sessions.sql"),
        write=_sqitch,
        down=lambda path: path.replace("deploy/", "revert/"),
        control=_plan,
    ),
    Origin(
        "jackc/tpr",
        LayoutName.TERN,
        "postgresql/migrations",
        ("001_create_users.sql", "002_create_feeds.sql"),
        write=_tern,
    ),
    Origin(
        "Blastose/ranobedb",
        LayoutName.GRAPHILE_MIGRATE,
        "sql/migrations",
        ("committed/000001.sql", "committed/000002.sql", "committed/000003.sql"),
        beside={".gmrc": '{"migrationsFolder": "./sql/migrations"}\n', "sql/schema.sql": _OTHER},
    ),
    Origin(
        "graphile/starter",
        LayoutName.GRAPHILE_MIGRATE,
        "@app/db/migrations",
        ("committed/000001.sql", "committed/000002.sql"),
        control=lambda _files: {"current.sql": "-- Enter migration here\n", "afterReset.sql": "select 1;\n"},
        beside={"data/schema.sql": _OTHER, "@app/db/package.json": '{"dependencies": {"graphile-migrate": "^1"}}\n'},
    ),
    Origin(
        "Satont/twitch-notifier",
        LayoutName.ATLAS,
        "ent/migrate/migrations",
        ("20230226044723_initial.sql", "20230327173748.sql", "20230401125338_TitleChangeNotification.sql"),
        control=_sum,
        beside={"ent/migrate/schema.go": "package migrate\n"},
    ),
    Origin(
        "Comfy-Org/registry-backend",
        LayoutName.ATLAS,
        "ent/migrate/migrations",
        ("20240526144817_migration.sql", "20240528220411_migration.sql"),
        control=_sum,
    ),
    Origin(
        "hasura/hasura-ecommerce",
        LayoutName.HASURA,
        "hasura-cloud/migrations/default",
        _folders("1646834482402_init", "1646834482403_orders"),
        down=_down_beside,
        beside={
            "hasura-cloud/seeds/default/01_A_user_seeds.sql": _OTHER,
            "hasura/models/order/table.sql": _OTHER,
        },
    ),
    Origin(
        "vercel/ai-chatbot",
        LayoutName.DRIZZLE,
        "lib/db/migrations",
        ("0000_keen_devos.sql", "0001_sparkling_blue_marvel.sql", "0001_late_merge.sql", "0002_wandering_riptide.sql"),
        control=_journal,
        beside={"drizzle.config.ts": "export default {}\n", "lib/db/migrations-sqlite/0000_x.sql": _OTHER},
    ),
)
"""At least thirty repositories. The tools without one here are tried beside their tool or in folders.py."""
