"""Generates migration histories for benchmarks: small files that resemble a year of work."""

from __future__ import annotations

from pathlib import Path

KINDS = (
    "create table t{n} (id bigint generated always as identity primary key, owner bigint references t0 (id), "
    "name text not null unique, at timestamptz not null default now());",
    "alter table t{near} add column a{n} integer not null default 0;",
    "alter table t{near} add column b{n} text;",
    "create index i{n} on t{near} (at);",
    "create index g{n} on t{near} using gin (to_tsvector('simple', name));",
    "create function f{n}() returns trigger language plpgsql as $$ begin new.at = now(); return new; end $$;\n"
    "create trigger touch{n} before update on t{near} for each row execute function f{n}();",
    "create view v{n} as select id, name from t{near};",
    "alter table t{near} enable row level security;\ncreate policy p{n} on t{near} using (owner is not null);",
    "insert into t{near} (name) select 'name {n} ' || g from generate_series(1, 5) g;\n"
    "comment on table t{near} is 'filled by {n}';",
    "alter table t{near} add constraint c{n} check (length(name) > 0) not valid;\n"
    "alter table t{near} validate constraint c{n};",
)


def write_history(root: Path, count: int) -> list[Path]:
    """Writes `count` migrations and a manifest whose database is in BENCH_DATABASE_URL; returns the files in order."""
    migrations = root / "migrations"
    environments = root / "environments"
    migrations.mkdir(parents=True)
    environments.mkdir()
    (migrations / "policy.yaml").write_text("header: optional\n")
    (environments / "bench.yaml").write_text("environment: bench\ndatabase: {url: '${BENCH_DATABASE_URL}'}\n")
    files = []
    for number in range(count):
        near = number - number % len(KINDS)
        sql = KINDS[number % len(KINDS)].format(n=number, near=near)
        path = migrations / f"{number + 1:04}_step.sql"
        path.write_text(f"-- step {number}\n{sql}\n")
        files.append(path)
    return files
