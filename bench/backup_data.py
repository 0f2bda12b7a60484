"""Databases for the bench of backups: a few large tables, or a thousand small ones."""

from __future__ import annotations

from ctgitops.postgres.connection.connect import Address, connect

AFFECTED = 20
LARGE = 8
CHUNK = 100_000
_TABLE = """
create table {name} (id bigint primary key, account int not null, word text not null, note text, amount numeric(12,2),
    made timestamptz not null default now())
"""
# Half of the text repeats, as in most databases, so a dump has a third to a fourth of the size
_ROWS = """
insert into {name}
select n, n % 5000, md5(n::text), repeat('a note on account ' || n % 977 || ', ', 4) || md5((n * 7)::text),
    n % 10000 / 7.0
from generate_series({first}, {last}) n
"""
_INDEX = "create index on {name} (account)"


def fill(address: Address, size: int) -> None:
    """Adds rows to a few tables until the database has `size` bytes with its indexes. Writes."""
    with connect(address, "bench") as connection:
        for n in range(LARGE):
            connection.execute(_TABLE.format(name=f"large{n}").encode())
            connection.execute(_INDEX.format(name=f"large{n}").encode())
        first = 1
        while _bytes(address) < size:
            for n in range(LARGE):
                rows = _ROWS.format(name=f"large{n}", first=first, last=first + CHUNK // LARGE - 1)
                connection.execute(rows.encode())
            first += CHUNK // LARGE
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def fill_many(address: Address, size: int, tables: int) -> None:
    """Adds the same rows to each of many tables. Writes."""
    with connect(address, "bench") as connection:
        connection.execute(_TABLE.format(name="first").encode())
        connection.execute(_ROWS.format(name="first", first=1, last=1000).encode())
        [(of_a_thousand,)] = connection.execute("select pg_total_relation_size('first')").fetchall()
        connection.execute("drop table first")
        rows = max(1, size * 1000 // (int(str(of_a_thousand)) * tables))
        for n in range(tables):
            connection.execute(_TABLE.format(name=f"t{n}").encode())
            connection.execute(_ROWS.format(name=f"t{n}", first=1, last=rows).encode())
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def share_of(address: Address, names: tuple[str, ...]) -> float:
    """The share of the bytes of all tables that these tables have."""
    query = """select sum(pg_total_relation_size(oid)) filter (where 'public.' || relname = any(%s))::float8
               / sum(pg_total_relation_size(oid))::float8
               from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"""
    with connect(address, "bench") as connection:
        [(share,)] = connection.execute(query, [list(names)]).fetchall()
    return float(str(share))


def _bytes(address: Address) -> int:
    with connect(address, "bench") as connection:
        [(size,)] = connection.execute("select pg_database_size(current_database())").fetchall()
    return int(str(size))
