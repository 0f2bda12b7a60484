"""A history with a migration of each kind that a fault can break; each writes a row that a second run would double."""

from __future__ import annotations

from tests.stories.house import House

SMALL = 40
"""Enough of them to travel together, up to sixteen in a message."""
ROWS = 3000
LOGGED = "insert into log values ({});"
FILL = """with batch as (select id from big where done is null order by id limit $1 for update skip locked)
update big set touched = touched + 1, done = true from batch where big.id = batch.id;"""
MANIFEST = "timeouts: {lock: 200ms, retry_for: 30s}\nseeds: [seeds/staging]\nparallel: 2\n"


def write_history(house: House, url: str) -> None:
    """Writes it into a repository whose environment `staging` is the database at `url`."""
    house.policy("header: optional\n")
    house.environment("staging", url, MANIFEST)
    house.migration("001_log", "create table log (number int not null);\n" + LOGGED.format(1))
    for number in range(2, SMALL + 2):
        house.migration(
            f"{number:03}_small", f"create table t{number} (id int primary key, word text);\n{LOGGED.format(number)}"
        )
    for number, (name, sql) in enumerate(_LARGE, start=SMALL + 2):
        head = "" if sql.startswith("-- ctgitops: batch") else LOGGED.format(number) + "\n"
        house.migration(f"{number:03}_{name}", head + sql, verify=_VERIFY.get(name))
    house.write("seeds/staging/001_words.sql", LOGGED.format(1001) + "\ninsert into t2 values (1, 'one');\n")
    house.write("seeds/staging/002_more.sql", LOGGED.format(1002) + "\ninsert into t3 values (1, 'one');\n")


_COMMENT = "\n".join(f"comment on table t{2 + n % SMALL} is '{'word ' * 40}{n}';" for n in range(250))
_LARGE = (
    (
        "big",
        f"""create table big (id int primary key, word text, touched int not null default 0, done boolean);
        insert into big (id, word) select n, 'word ' || n % 100 from generate_series(1, {ROWS}) n;
        select pg_sleep(0.1);""",
    ),
    ("comments", _COMMENT),
    ("role", "create schema elsewhere; set search_path = elsewhere; create table there ();"),
    (
        "indexes",
        """create index concurrently big_word on big (word);
        alter table big add column at int;
        create unique index concurrently if not exists big_twice on big (id, word);
        insert into big (id, word) values (0, 'once');
        vacuum t2;
        analyze big;""",
    ),
    (
        "builds",
        """create unique index concurrently t5_word on t5 (word, id);
        create index concurrently big_at on big (at);
        create index concurrently t6_word on t6 ((word || 'x'));
        reindex table concurrently big;
        create index concurrently if not exists t7_word on t7 (word) where id > 0;""",
    ),
    ("verified", "create view words as select word from big;"),
    ("fill", f"-- ctgitops: batch size=400 pause=5ms\n{FILL}"),
    ("mood", "create type mood as enum ('sad');"),
    ("happy", "alter type mood add value 'happy';"),
    (
        "without",
        """drop index concurrently big_twice;
        reindex index concurrently big_word;
        create table last_but_one ();""",
    ),
    ("constraint", "alter table big add constraint ids check (id >= 0) not valid; select pg_sleep(0.1);"),
    ("validated", "alter table big validate constraint ids;"),
    ("last", "create function last() returns int language sql as 'select 1';"),
)
_VERIFY = {"verified": f"select count(*) = {ROWS} + 1 from words;"}
COUNT = 1 + SMALL + len(_LARGE)
