"""What lint knows beyond the statement: earlier statements and files, the live schema, the transaction, DO blocks."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from ctgitops.core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
from ctgitops.lint.catalog import Catalog
from ctgitops.lint.run import Linter
from ctgitops.lint.snapshot_catalog import catalog_of
from ctgitops.lint.types import Cost, Type, cost_of, type_of
from ctgitops.sql.parse import trees
from ctgitops.sql.script import Script
from tests.lint.examples import linted, rules_found

FACTS = Path(__file__).parent / "type_changes_without_rewrite.json"
DOMAINS = {"dint": "int", "dtext": "text", "dv10": "varchar(10)", "dintchk": "int"}


@cache
def type_from(text: str) -> Type:
    """The type that `format_type` prints, such as `character varying(10)`."""
    (target,) = trees(f"select null::{text}")[0].node["targetList"]
    found = type_of(target["ResTarget"]["val"]["TypeCast"]["typeName"])
    return Type("bpchar") if text == "bpchar" else found


def test_every_measured_pair_of_types_costs_what_was_measured_and_all_others_rewrite() -> None:
    measured = json.loads(FACTS.read_text(encoding="utf-8"))["no_rewrite"]
    names = sorted({name for pair in measured for name in pair.split(" -> ")} - set(DOMAINS))
    for old in names:
        for new in names:
            fact = measured.get(f"{old} -> {new}")
            same = type_from(old) == type_from(new)
            wanted = Cost.NOTHING if same else Cost.REWRITE
            if fact:
                wanted = Cost.INDEXES if fact["index_rebuild"] else Cost.NOTHING
            assert cost_of(type_from(old), type_from(new)) is wanted, f"{old} -> {new}"


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("create table t (id int);\ncreate index on t (id);", []),
        ("create table t (id int);\n-- next file\ncreate index on t (id);", ["blocking-index"]),
        ("create table if not exists orders (id int);\ncreate index on orders (id);", ["blocking-index"]),
        ("create table n (id int);\nalter table n rename to m;\ncreate index on m (id);", []),
        (
            "create policy p on orders;\nalter policy p on orders rename to q;\ncreate index on q (id);",
            ["disabled-row-security", "blocking-index", "work-under-lock"],
        ),
        ("create temp table orders (id int);\ncreate index on orders (id);", []),
        ("set search_path to other;\ncreate table orders (id int);\ncreate index on orders (id);", []),
        ("create index on other.orders (id);", ["blocking-index"]),
        ("drop table if exists nothing;", []),
        ("alter table orders add column if not exists note text not null;", []),
        ("alter table orders alter column code type varchar(30);", []),
        ("alter table orders alter column code type varchar(10);", ["rewriting-type"]),
        ("alter table orders alter column code type text using lower(code);", ["rewriting-type"]),
        ("alter table orders alter column id set not null;", []),
        ("alter table orders add column x int references customers;", []),
        ("alter table orders add column x int default 1 references customers;", ["foreign-key-scan"]),
        ("do $$ begin alter table orders add check (amount > 0); end $$;", ["check-scan"]),
        ("do $$ begin execute 'create index on orders (note)'; end $$;", ["blocking-index"]),
        ("do $$ begin execute format('drop table %I', 'orders'); end $$;", ["drop-table"]),
        ("do $$ begin execute format('create index on %s (note)', 'or' || 'ders'); end $$;", ["blocking-index"]),
        ("do $$ declare t text := 'orders'; begin execute 'truncate ' || t; end $$;", ["truncate"]),
        (
            "do $$ declare t text; begin foreach t in array array['orders', 'customers'] loop "
            "execute format('drop table %I', t); end loop; end $$;",
            ["drop-table", "drop-table"],
        ),
        (
            "do $$ declare r record; begin for r in select relname from pg_class loop "
            "execute format('create index on %I (id)', r.relname); end loop; end $$;",
            ["blocking-index", "dynamic-sql"],
        ),
        ("do $$ declare q text; begin select 'x' into q; execute q; end $$;", ["dynamic-sql"]),
        ("alter table orders add check (amount > 0), drop constraint if exists nothing;", ["check-scan"]),
        ("set time zone 'UTC';\nalter table orders alter column code type varchar(30);", []),
        ("do $$ plainly no plpgsql $$;", ["dynamic-sql"]),
        ("alter table orders add column x int generated always as (quantity + 1) virtual;", []),
        ("alter table orders add column x int generated always as (1) virtual not null;", ["not-null-scan"]),
        ("alter table orders add column n int;\nupdate orders set n = 1 where code = 'x';", ["work-under-lock"]),
        ("alter table orders add column n int;\nupdate orders set n = 1 where id = 2;", []),
    ],
)
def test_the_same_statement_is_judged_by_what_was_before_it(text: str, rules: list[str]) -> None:
    assert rules_found(text) == rules


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("alter table orders alter column code type varchar(30) using code::varchar(25);", []),
        ("alter table orders alter column code type varchar(30) using code::varchar(5);", ["rewriting-type"]),
        ("alter table orders alter column code type varchar(30) using code::text;", ["rewriting-type"]),
        ("alter table orders alter column code type text using code::varchar;", []),
        ("alter table old alter column code type varchar(30);", []),
        ("alter table old alter column code type varchar(10);", ["rewriting-type"]),
        ("alter table old alter column short type varchar(3);", []),
        ("alter table old alter column longer type varchar(30);", ["rewriting-type"]),
    ],
)
def test_a_varchar_that_only_grows_is_known(text: str, rules: list[str]) -> None:
    """PostgreSQL 15.18 rewrites for `USING code::text`, whose result it cuts to 30, but not for a varchar(25)."""
    given = "create table old as select *, note::varchar(2) as short, note || code as longer from orders;"
    assert rules_found(text, given) == rules


def test_a_type_that_no_file_shows_is_said_to_be_unknown() -> None:
    (finding,) = linted("alter table elsewhere alter column code type varchar(30);")
    assert "the current type, which is unknown" in finding.what


def test_an_index_that_the_column_is_in_is_built_anew_and_a_check_is_proved_anew() -> None:
    change = "alter table orders alter column code type varchar(30);"
    assert rules_found(change, "create index on orders (code);") == []
    assert rules_found(change, "create index on orders (lower(code));") == ["rewriting-type"]
    assert rules_found(change, "alter table orders add check (code <> '');") == ["rewriting-type"]


def test_an_index_with_an_operator_class_of_its_own_keeps_it_with_a_type_that_sorts_otherwise() -> None:
    change = "alter table orders alter column note type citext;"
    assert rules_found(change, "create index on orders (note);") == ["rewriting-type"]
    assert rules_found(change, "create index on orders using gin (note gin_trgm_ops);") == []
    assert rules_found(change, "create index on orders (note text_pattern_ops, note);") == ["rewriting-type"]
    assert rules_found(change, "create index on orders (lower(note) text_pattern_ops);") == ["rewriting-type"]
    collated = 'alter table orders alter column note type text collate "C";'
    assert rules_found(collated, "create index on orders (note text_pattern_ops);") == ["rewriting-type"]


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ("interval", "interval hour to second", []),
        ("interval", "interval second", []),
        ("interval", "interval day to second (3)", ["rewriting-type"]),
        ("interval (3)", "interval second (4)", []),
        ("interval", "interval day to hour", ["rewriting-type"]),
        ("interval day to minute", "interval hour to minute", []),
        ("interval day to minute", "interval second (0)", []),
        ("interval year", "interval year to month", []),
        ("interval year to month", "interval year", ["rewriting-type"]),
        ("interval day", "interval", []),
    ],
)
def test_an_interval_is_rewritten_where_its_least_field_or_its_precision_gets_coarser(
    old: str, new: str, rules: list[str]
) -> None:
    assert rules_found(f"alter table lasts alter column a type {new};", f"create table lasts (a {old});") == rules


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (
            "alter table orders add check ({ands}) not valid;\nalter table orders validate constraint orders_check;",
            ["validate-under-lock"],
        ),
        ("do $$ begin execute 'select ' || {texts}; end $$;", ["dynamic-sql"]),
        ("create index on orders (({sums}));", ["blocking-index"]),
        ("create function f() returns int language sql as $$ select {sums} from orders $$;\nselect f();", []),
    ],
)
def test_what_is_nested_deeply_is_linted_on_every_python(text: str, rules: list[str]) -> None:
    ands, texts = "(id > 0 and " * 3000 + "true" + ")" * 3000, "||".join(["'a'"] * 3000)
    assert rules_found(text.format(ands=ands, texts=texts, sums="+".join(["id"] * 3000))) == rules


@pytest.mark.parametrize(
    ("given", "text", "rules"),
    [
        ("create domain d as int check (value > 0); create domain e as d;", "add column x e", ["rewriting-default"]),
        ("create domain d as int check (value > 0);", "add column x d[]", []),
        ("alter table orders add constraint c check (note is not null);", "alter column note set not null", []),
        (
            "alter table orders add constraint c check (note is not null);",
            "alter column note set not null, drop constraint c",
            ["not-null-scan"],
        ),
        ("create index on orders (code);", 'alter column code type varchar(30) collate "C"', ["rewriting-type"]),
        ("", 'alter column code type varchar(30) collate "C"', []),
        (
            "alter table orders add column tags text[]; create index on orders using gin (tags);",
            "alter column tags type text[]",
            ["rewriting-type"],
        ),
        ("alter table orders add column tags varchar(9)[];", "alter column tags type varchar[]", []),
    ],
)
def test_a_part_of_alter_table_is_judged_by_the_schema(given: str, text: str, rules: list[str]) -> None:
    assert rules_found(f"alter table orders {text};", given) == rules


def test_a_time_zone_that_the_file_sets_is_the_one_that_counts() -> None:
    change = "alter table orders alter column at type timestamptz;"
    given = "alter table orders add column at timestamp;"
    blocking = {
        zone: [f.blocks_writes for f in linted(f"set local time zone '{zone}';\n{change}", given)]
        for zone in ("UTC", "Europe/Paris")
    }
    assert blocking == {"UTC": [False], "Europe/Paris": [False, True]}


def test_what_a_called_function_changes_is_judged_where_it_is_called() -> None:
    given = (
        "create function f(t text) returns void language plpgsql as "
        "'begin execute format(''create index on %I (id)'', t); update orders set note = null; end';"
        "create procedure p() language sql as 'alter table orders add check (amount > 0)';"
    )
    assert sorted(rules_found("select f('orders');", given)) == ["blocking-index", "no-where", "work-under-lock"]
    assert sorted(rules_found("do $$ begin perform f('orders'); end $$;", given)) == [
        "blocking-index", "no-where", "work-under-lock",
    ]  # fmt: skip
    routine = "create function g() returns void language sql as 'update orders set note = null where id = quantity';"
    assert rules_found("select g();", routine) == []
    assert rules_found("call p();", given) == ["check-scan"]
    assert rules_found("select g('orders');", given) == []


@pytest.mark.parametrize(
    ("default", "bound", "rules"),
    [
        ("at < '2026-01-01'", "from ('2026-01-01') to ('2027-01-01')", []),
        ("at < '2026-01-01'", "from ('2025-06-01') to ('2027-01-01')", ["default-partition-scan"]),
        ("at < '2026-01-01' or at >= '2027-01-01'", "from ('2026-01-01') to ('2026-07-01')", []),
        ("at >= '2027-01-01'", "from ('2026-01-01') to (maxvalue)", ["default-partition-scan"]),
        ("at between '2025-01-01' and '2025-12-31'", "from ('2026-01-01') to ('2027-01-01')", []),
        ("at = '2024-02-29' or at is null", "from ('2026-01-01') to ('2027-01-01')", []),
        ("at <> any (array['2026-01-01'::date])", "from ('2026-01-01') to ('2027-01-01')", ["default-partition-scan"]),
    ],
)
def test_a_check_on_the_default_partition_spares_it_the_scan(default: str, bound: str, rules: list[str]) -> None:
    given = (
        "create table e (at date not null) partition by range (at); create table e_rest partition of e default;"
        f"alter table e_rest add check ({default});"
    )
    assert rules_found(f"create table e_2026 partition of e for values {bound};", given) == rules


@pytest.mark.parametrize(
    ("check", "rules"),
    [
        ("check (kind not in ('a', 'b'))", []),
        ("check (kind <> 'a' and not (kind in ('b', 'x')))", []),
        ("check (kind in ('c', 'd'))", []),
        ("check (kind not in ('a', 'x'))", ["attach-partition"]),
        ("check (kind <> any (array['a', 'b']))", ["attach-partition"]),
        ("check (kind in ('b', 'c'))", ["attach-partition"]),
    ],
)
def test_a_default_partition_that_holds_nothing_of_the_others_is_attached_without_a_scan(
    check: str, rules: list[str]
) -> None:
    given = (
        "create table k (kind text) partition by list (kind); create table k_a partition of k for values in ('a');"
        f"create table k_b partition of k for values in ('b'); create table rest (kind text, {check});"
    )
    assert rules_found("alter table k attach partition rest default;", given) == rules
    assert rules_found("alter table k attach partition rest default;", given + "drop table k_a, k_b;") == []


def test_what_becomes_a_partition_of_a_partition_has_to_prove_the_bounds_of_both() -> None:
    given = (
        "create table d (at date not null, n int not null) partition by range (at);"
        "create table d_26 partition of d for values from ('2026-01-01') to ('2027-01-01') partition by list (n);"
        "create table one (at date not null, n int not null, check (n = 1));"
    )
    attach = "alter table d_26 attach partition one for values in (1);"
    assert rules_found(attach, given) == ["attach-partition"]
    assert rules_found(attach, given + "alter table one add check (at >= '2026-01-01' and at < '2027-01-01');") == []


def test_a_check_and_a_partition_key_go_by_the_columns_new_name() -> None:
    given = "alter table orders add check (note is not null); alter table orders rename column note to remark;"
    assert rules_found("alter table orders alter column remark set not null;", given) == []
    parts = (
        "create table e (at date not null) partition by range (at); create table e_1 (at date not null,"
        "check (at < '2026-01-01')); alter table e rename column at to day; alter table e_1 rename column at to day;"
    )
    assert rules_found("alter table e attach partition e_1 for values from (minvalue) to ('2026-01-01');", parts) == []


def test_what_a_partitioned_table_gets_its_partitions_have_too() -> None:
    given = (
        "create table e (at date not null, n int) partition by range (at); create index on e (n);"
        "create table e_1 partition of e for values from ('2026-01-01') to ('2027-01-01');"
    )
    proved = given + "alter table e add check (n is not null);"
    assert rules_found("alter table e_1 alter column n set not null;", proved) == []
    assert rules_found("alter table e_1 alter column n set not null;", given) == ["not-null-scan"]
    assert rules_found("reindex table e_1;", given) == ["blocking-reindex"]
    assert rules_found("reindex table e;", given) == ["blocking-reindex", "partitioned-reindex"]
    assert rules_found("-- ctgitops: no transaction\nreindex table e;", given) == ["blocking-reindex"]


def test_cluster_without_a_table_takes_those_that_were_clustered_before() -> None:
    assert rules_found("cluster;") == []
    assert rules_found("cluster;", "create index o on orders (code); cluster orders using o;") == ["full-rewrite"]
    assert rules_found("cluster;", "alter table orders cluster on orders_pkey;") == ["full-rewrite"]
    gone = "create index o on orders (code); alter table orders cluster on o;"
    assert rules_found("cluster;", f"{gone} drop index o;") == []
    assert rules_found("cluster;", f"{gone} alter table orders set without cluster;") == []
    assert [f.rule for f in Linter(Catalog()).file(Script("cluster;", "x.sql"))] == ["full-rewrite"]


def test_a_type_whose_attributes_change_changes_the_tables_that_are_made_of_it() -> None:
    given = "create type pair as (a int, b text); create table pairs of pair;"
    assert rules_found("alter type pair alter attribute a type bigint cascade;", given) == ["rewriting-type"]
    assert rules_found("alter type pair add attribute c int cascade;", given) == []
    wider = "alter type pair alter attribute a type bigint cascade;"
    assert rules_found(wider, given + wider) == []
    assert rules_found("alter type pair alter attribute a type bigint cascade;", f"{given} drop table pairs;") == []
    for others in ("alter type pair add attribute c int;", "alter index i set (fillfactor = 70);"):
        assert rules_found(f"{others}\ndrop table if exists nothing;") == []


def test_a_domain_whose_last_constraint_is_gone_is_a_type_like_any_other() -> None:
    add, given = "alter table orders add column x d default 1;", "create domain d as int check (value > 0);"
    assert rules_found(add, given) == ["rewriting-default"]
    assert rules_found(add, f"{given} alter domain d drop constraint d_check;") == []
    assert rules_found(add, "create domain d as int not null; alter domain d drop not null;") == []


@pytest.mark.parametrize("how", ["rename to e", "set schema other"])
def test_a_domain_is_what_it_was_under_another_name(how: str) -> None:
    given = "create schema other; create domain d as text check (value <> ''); create table t (a d);"
    new = "e" if "rename" in how else "other.d"
    assert rules_found(f"alter table orders add column x {new};", f"{given} alter domain d {how};") == [
        "rewriting-default"
    ]
    assert rules_found(f"alter domain {new} add check (value <> 'x');", f"{given} alter type d {how};") == [
        "domain-scan"
    ]


def test_a_function_of_the_users_own_is_as_volatile_as_it_says_unless_it_is_inlined() -> None:
    add = "alter table orders add column x int default f();"
    plpgsql = "create function f() returns int language plpgsql {} as 'begin return 1; end';"
    assert rules_found(add, plpgsql.format("")) == ["rewriting-default"]
    assert rules_found(add, plpgsql.format("stable")) == []
    assert rules_found(add, "create function f() returns int language sql as 'select 1';") == []
    assert rules_found(add, "create function f() returns float8 language sql as 'select random()';") == [
        "rewriting-default"
    ]


def test_the_live_schema_is_read_from_its_snapshot() -> None:
    live = Snapshot.of(
        [
            SchemaObject("table", "public.t"),
            SchemaObject("column", "public.t.a", "public.t", {"type": "character varying(10)"}),
            SchemaObject("column", "public.t.b", "public.t", {"type": "integer", "not_null": "yes"}),
            SchemaObject("constraint", "public.t.c", "public.t", {"definition": "CHECK ((a IS NOT NULL))"}),
            SchemaObject("index", "public.i", "public.t", {"definition": "CREATE INDEX i ON public.t USING btree (b)"}),
            SchemaObject("table", "public.odd", attributes={"partition_key": "no such key ("}),
        ],
        SnapshotSource("17.2"),
    )
    sql = (
        "alter table t alter column b set not null; alter table t alter column a set not null;"
        "create index if not exists i on t (b); alter table t alter column b type bigint;"
    )
    found = Linter(catalog_of(live)).file(Script(sql, "x.sql"))
    assert [f.rule for f in found if f.blocks_writes] == ["rewriting-type"]


def test_hundreds_of_terms_in_a_row_are_no_reason_to_give_up() -> None:
    deep = " or ".join(f"amount = {n}" for n in range(3000))
    sums = " + ".join("f(1)" for _ in range(2500))
    sql = f"alter table orders add constraint c check ({deep}), add column x int default {sums};"
    assert "check-scan" in rules_found(sql)


def test_a_file_that_is_no_sql_has_no_findings() -> None:
    assert Linter(Catalog()).file(Script("create tabel t;", "x.sql")) == ()


RENAMED = """
create schema other; create type other.kind as (a integer); create table typed of other.kind;
create table other.held (id integer primary key, note text); create index held_note on other.held (note);
create domain other.short as text; create table shorts (a other.short);
"""


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("alter type other.kind rename to sort;\nalter type other.sort alter attribute a type bigint cascade;", True),
        ("alter type other.kind set schema public;\nalter type kind alter attribute a type bigint cascade;", True),
        ("alter schema other rename to more;\nalter type more.kind alter attribute a type bigint cascade;", True),
        ("alter schema other rename to more;\nalter table more.held alter column note type integer using 1;", True),
        ("alter schema other rename to more;\ncreate index if not exists held_note on more.held (id);", False),
        ("alter schema other rename to more;\nalter domain more.short add check (value <> '');", True),
        (
            "alter schema other rename to more;\ncreate schema other;\ncreate table other.held (id integer);\n"
            "alter table other.held add column n serial;",
            False,
        ),
    ],
)
def test_a_type_and_a_schema_are_followed_by_their_new_name(text: str, blocks: bool) -> None:
    assert any(finding.blocks_writes for finding in linted(text, RENAMED)) is blocks


def test_sql_that_a_loop_puts_together_is_read_in_the_time_of_one_look() -> None:
    built = " ".join(["s := s || quote_ident(t) || s || ', ' || u; u := u || s;"] * 6)
    declared = "declare s text := 'drop table orders'; u text := '';"
    block = f"do $$ {declared} begin loop {built} execute s; end loop; end $$;"
    assert "drop-table" in rules_found(block, **{"drop-table": "warning", "dynamic-sql": "off"})


def test_get_diagnostics_is_read() -> None:
    block = "do $$ declare n bigint; begin update orders set note = null; get diagnostics n = row_count; end $$;"
    assert rules_found(block) == ["no-where"]


def test_tables_that_seem_to_be_partitions_of_each_other_are_read_once() -> None:
    given = "create table a (id int) partition by list (id); create table b (id int) partition by list (id);"
    attach = "alter table a attach partition b default; alter table b attach partition a default;"
    assert "not-analysed" not in rules_found(f"{attach} alter table a alter id set not null;", given)


@pytest.mark.parametrize("call", ["set_config('search_path')", "current_setting()", "to_regclass()", "format()"])
def test_a_call_without_its_arguments_is_read(call: str) -> None:
    assert rules_found(f"select {call}; do $$ begin if {call} is null then drop table orders; end if; end $$;") != []


@pytest.mark.parametrize(
    ("sql", "reported"),
    [
        ("drop view v; create view v as select 2 as a;", False),
        ("drop view public.v; create materialized view v as select 2 as a;", False),
        ("drop view v; create view other as select 2 as a;", True),
        ("drop view v; create view other.v as select 2 as a;", True),
        ("drop view v; create unique index concurrently i on orders (id); create view v as select 2 as a;", True),
        ("drop table orders cascade; create table orders (id int);", True),
    ],
)
def test_a_view_that_the_same_transaction_replaces_needs_no_deprecation(sql: str, *, reported: bool) -> None:
    given = "create view v as select 1 as a; create schema other;"
    rule = "dropped-without-deprecation"
    assert (rule in rules_found(sql, given, **{rule: "error"})) is reported
