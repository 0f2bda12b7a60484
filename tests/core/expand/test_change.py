"""The sentences of `new --expand`, and the SQL of its phases for any names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctgitops.core.expand.change import LONGEST_NAME, name_as_sql, parse_change, unquoted
from ctgitops.core.expand.definition import definition_of
from ctgitops.core.expand.table_phases import phases_of
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.errors import UsageError
from ctgitops.sql.nodes import quoted_name, walk
from ctgitops.sql.parse import statements, trees

RESERVED = (
    "order",
    "user",
    "new",
    "old",
    "left",
    "select",
    "Name",
    'we"ird',
    "a.b",
    "$x",
    "--",
    "naïve",
    "x'y",
    "\\",
    "é" * 31,
)
NAMES = st.one_of(
    st.sampled_from(RESERVED),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=LONGEST_NAME),
).filter(lambda name: len(name.encode()) <= LONGEST_NAME)
SENTENCES = (
    "rename column {0}.{1}.{2} to {3}",
    "rename table {0}.{1} to {3}",
    "change type {0}.{1}.{2} to bigint",
    "change type {0}.{1}.{2} to bigint as {3} back {3}::text",
    "not null {0}.{1}.{2}",
    "not null {0}.{1}.{2} default 'x'",
    "split {0}.{1}.{2} into {3} text, {4} text using {2}, upper({2}) back {3} || {4}",
)


def schema(schema_name: str, table: str, column: str) -> Snapshot:
    """A table with a column that has an index, a CHECK constraint and a default."""
    at, key = f"{quoted_name(schema_name)}.{quoted_name(table)}", quoted_name(column)
    return Snapshot.of(
        (
            SchemaObject("table", at),
            SchemaObject("column", f"{at}.{key}", at, {"type": "text", "default": "'x'::text"}),
            SchemaObject(
                "index",
                f"{quoted_name(schema_name)}.an_index",
                at,
                {"definition": f"CREATE INDEX an_index ON {at} USING btree (lower({key})) WHERE ({key} <> '')"},
            ),
            SchemaObject("constraint", f"{at}.a_check", at, {"definition": f"CHECK ((length({key}) > 0))"}),
            SchemaObject("constraint", f"{at}.a_key", at, {"definition": f"UNIQUE ({key})"}),
        )
    )


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(SENTENCES), st.lists(NAMES, min_size=5, max_size=5, unique=True))
def test_any_name_is_read_and_written_as_it_is(sentence: str, names: list[str]) -> None:
    change = parse_change(sentence.format(*map(quoted_name, names)))
    assert (change.schema, change.table) == tuple(names[:2])
    assert change.column in {names[2], ""}
    phases = phases_of(definition_of(change, schema(*names[:3])))
    for phase in phases:
        for sql in (*phase.parts.values(), phase.down, phase.verify):
            for tree in trees(sql):
                named = {node["relname"] for kind, node in walk(tree.node) if kind == "RangeVar"}
                assert named <= {names[1], change.renamed_to, "batch", "pg_attribute"}, sql
                assert "relation" not in tree.node or tree.node["relation"]["schemaname"] == names[0]
    made = [each for phase in phases for sql in phase.parts.values() for each in statements(sql)]
    gone = {(each.table, each.column) for one in made for each in one.removes}
    created = {(each.table, each.column) for one in made for each in one.creates}
    if change.new and not change.swaps:
        assert gone == {(names[1], names[2])}
        assert created == {(names[1], each.name) for each in change.new}


@given(NAMES)
def test_a_name_in_sql_means_the_same_name(name: str) -> None:
    assert unquoted(name_as_sql(name)) == (name,)
    ((tree,),) = [trees(f"alter table t drop column {name_as_sql(name)}")]
    assert tree.node["cmds"][0]["AlterTableCmd"]["name"] == name


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "drop column a.b",
        "rename column a to b",
        "rename column t.a to a",
        "rename column t.a to b c",
        "rename table a.b.c to d",
        "change type t.c to bigint; drop table x",
        "change type t.c to",
        "change type t.c to bigserial",
        "not null t.c default 1; drop table x",
        "not null t.c default (select 1",
        "split t.a into b text using c back d",
        "split t.a into b text, c text using x back y",
        'rename column t.a to ""',
        f'rename column t.a to "{"é" * 32}"',
    ],
)
def test_another_sentence_is_refused_with_the_grammar(sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_change(sentence)
    assert refused.value.exit_status == 2
    assert "rename column [SCHEMA.]TABLE.COLUMN to NAME" in refused.value.hint


def test_what_cannot_be_written_is_refused_before_a_file_is_written() -> None:
    live = schema("public", "t", "c")
    for sentence, why in (
        ("rename column public.t.x to y", "has no column x"),
        ("rename column public.u.x to y", "does not exist"),
        ("rename table public.t to t2", ""),
        ("not null public.t.c", ""),
    ):
        if why:
            with pytest.raises(UsageError, match=why):
                definition_of(parse_change(sentence), live)
        else:
            assert phases_of(definition_of(parse_change(sentence), live))
    for attributes, why in (({"identity": "always"}, "identity"), ({"generated": "stored 1"}, "generated")):
        column = SchemaObject("column", "public.t.c", "public.t", {"type": "bigint", **attributes})
        one = Snapshot.of((SchemaObject("table", "public.t"), column))
        with pytest.raises(UsageError, match=why):
            definition_of(parse_change("rename column public.t.c to d"), one)


def table_with(**parts: str) -> Snapshot:
    """A table with a primary key, the column `key`, and parts of one kind by name."""
    at = "public.t"
    kind = parts.pop("kind")
    zoned = {"type": parts.pop("type", "text"), "collation": '"C"'}
    made = [SchemaObject(kind, f"{at}.{name}", at, {"definition": text}) for name, text in parts.items()]
    body = {"body": "BEGIN NEW.key := NEW.other; END"}
    return Snapshot.of(
        (
            SchemaObject("table", at, "", {"replica_identity": f"{at}_identity"}),
            SchemaObject("column", f"{at}.key", at, zoned),
            SchemaObject("constraint", f"{at}.t_pkey", at, {"definition": 'PRIMARY KEY ("a)b", id)'}),
            SchemaObject("function", "public.expand_f()", "", body),
            *made,
        )
    )


TRIGGER = "CREATE TRIGGER x BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.{}()"


@pytest.mark.parametrize(
    ("sentence", "live", "why"),
    [
        ("rename column t.key to d", table_with(kind="trigger", zzz=TRIGGER.format("f")), "zzz fires after"),
        (
            "rename column t.key to d",
            table_with(kind="trigger", zz_expand_t_x=TRIGGER.format("expand_f")),
            "of another expand sets key",
        ),
        (
            "rename column t.key to d",
            table_with(kind="constraint", t_identity="UNIQUE (key)"),
            "part of the replica identity t_identity",
        ),
        ("change type t.key to timestamptz", table_with(kind="trigger"), "depends on the TimeZone"),
        (
            "change type t.key to text using key at time zone 'UTC'",
            table_with(kind="trigger", type="timestamp with time zone"),
            "depends on the TimeZone",
        ),
    ],
)
def test_a_change_that_would_not_keep_both_forms_in_step_is_refused(sentence: str, live: Snapshot, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        definition_of(parse_change(sentence), live)


def test_only_parts_that_use_the_column_are_copied() -> None:
    """The name of the column is also a function, a type, a keyword, and a column of the referenced table."""
    live = table_with(
        kind="constraint",
        check="CHECK ((key(note) > 0))",
        cast="CHECK (((note)::key > 0))",
        fk="FOREIGN KEY (a, key) REFERENCES public.p(a, key) ON DELETE SET NULL (key)",
    )
    definition = definition_of(parse_change("change type t.key to varchar(9) as d"), live)
    expand, index, *_ = phases_of(definition)
    sql = "\n".join(expand.parts.values())
    assert sql.count("ADD CONSTRAINT") == 1
    assert "FOREIGN KEY (a, d) REFERENCES public.p (a, key) ON DELETE SET NULL (d) NOT VALID" in sql
    assert 'ADD COLUMN d varchar(9) COLLATE "C"' in sql
    assert '("a)b", id)' in "".join(index.parts.values())
