"""The tables that a plan affects, as its trial, the live schema and the text of functions show them."""

from __future__ import annotations

import pytest

from ctgitops.core.impact.impact import Held, StatementImpact, StepImpact
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.lint.affected_tables import AffectedTables, affected_tables
from ctgitops.lint.routine_writes import Writes, writes_of
from ctgitops.sql.locks import LockMode
from tests.fakes import STAGING, migration, workspace


def table(name: str, **attributes: str) -> SchemaObject:
    return SchemaObject("table", name, attributes=attributes)


def routine(name: str, body: str, language: str = "plpgsql", returns: str = "void") -> SchemaObject:
    attributes = {"language": language, "body": body, "arguments": "", "returns": returns}
    return SchemaObject("function", f"{name}()", attributes=attributes)


TABLES = (table("public.a"), table("public.b"), table("other.a"), table('public."C d"'))


def affected(sql: str, *live: SchemaObject, held: Held | None = None) -> AffectedTables:
    plan = make_plan(workspace(migration("001_one", sql=sql)), STAGING, Ledger())
    impact = StepImpact((StatementImpact(1, taken=(held,) if held else ()),))
    return affected_tables(plan.steps, {1: impact}, Snapshot.of((*TABLES, *live)))


@pytest.mark.parametrize(
    ("held", "tables"),
    [
        (Held("public.a", LockMode.ACCESS_SHARE), ()),
        (Held("public.a", LockMode.ROW_SHARE), ("public.a",)),
        (Held("public.a_idx", LockMode.ACCESS_EXCLUSIVE, "index", of="public.a"), ("public.a",)),
        (Held("public.new", LockMode.ACCESS_EXCLUSIVE, fresh=True), ()),
        (Held('public."C d"', LockMode.SHARE), ('public."C d"',)),
        (Held("public.a_id_seq", LockMode.ROW_EXCLUSIVE, "sequence"), ()),
    ],
)
def test_each_lock_but_that_of_a_read_counts(held: Held, tables: tuple[str, ...]) -> None:
    assert affected("select 1;", held=held) == AffectedTables(tables)


@pytest.mark.parametrize(
    ("body", "tables"),
    [
        ("begin delete from b; end", ("public.b",)),
        ("begin delete from a; end", ("other.a", "public.a")),
        ("begin delete from other.a; end", ("other.a",)),
        ("begin perform 1 from a; end", ()),
        ("declare n int; begin n := (select count(*) from a); update b set x = n; end", ("public.b",)),
        ("begin with gone as (delete from b returning *) select 1; end", ("public.b",)),
        ("begin truncate a, b; end", ("other.a", "public.a", "public.b")),
        ('begin if true then insert into "C d" select 1; end if; end', ('public."C d"',)),
        ("begin return; exception when others then delete from b; end", ("public.b",)),
        ("begin perform g(); end", ("public.b",)),
    ],
)
def test_a_called_function_counts_with_all_that_its_text_can_write(body: str, tables: tuple[str, ...]) -> None:
    functions = (routine("public.f", body), routine("public.g", "delete from public.b", "sql"))
    assert affected("select f();", *functions) == AffectedTables(tables)
    assert affected("select 1;", *functions) == AffectedTables()
    assert affected(f"do $x$ {body} $x$;", *functions) == AffectedTables(tables)


@pytest.mark.parametrize(
    ("function", "unknown"),
    [
        (routine("public.f", "begin execute 'x'; end"), "the function public.f() runs dynamic SQL"),
        (routine("public.f", "begin for r in execute 'x' loop end loop; end"), "was not analysed"),
        (routine("public.f", "begin return query execute 'select 1'; end", returns="setof int"), "dynamic SQL"),
        (routine("public.f", "...", "plpython3u"), "in the language plpython3u"),
        (routine("public.f", "begin this is no statement; end"), "not analysed"),
        (routine("public.f", "select lo_unlink(1)", "sql"), "large objects"),
    ],
)
def test_what_a_text_does_not_show_is_unknown(function: SchemaObject, unknown: str) -> None:
    found = affected("select f();", function)
    assert unknown in found.unknown
    assert found.tables == ()
    assert affected("create table x (); select 1;", function).unknown == ""


def test_a_step_without_a_trial_and_a_table_of_an_extension_are_unknown() -> None:
    plan = make_plan(workspace(migration("001_one")), STAGING, Ledger())
    assert affected_tables(plan.steps, {}, Snapshot.of(TABLES)).unknown == "001_one was not tried"
    held = Held("public.spatial_ref_sys", LockMode.ROW_EXCLUSIVE)
    assert "belongs to an extension" in affected("select 1;", held=held).unknown


def test_a_function_that_the_plan_makes_is_read_if_it_runs() -> None:
    made = "create function f() returns void language sql as 'delete from b'; "
    assert affected(f"{made} select f();") == AffectedTables(("public.b",))
    assert affected(made) == AffectedTables()


def test_a_long_chain_of_foreign_keys_has_an_end() -> None:
    chain = [table(f"public.t{n}") for n in range(1500)]
    keys = [
        SchemaObject(
            "constraint", f"public.t{n}.k", f"public.t{n}",
            {"definition": f"FOREIGN KEY (i) REFERENCES public.t{(n + 1) % 1500}(i) ON DELETE CASCADE"},
        )
        for n in range(1500)
    ]  # fmt: skip
    held = Held("public.t7", LockMode.ROW_EXCLUSIVE)
    assert len(affected("select 1;", *chain, *keys, held=held).tables) == 1500


def test_statements_name_what_they_write_and_call() -> None:
    found = writes_of("copy s.t from stdin; select f(g(1)); merge into m using n on true when matched then delete")
    assert found == Writes(frozenset({("s", "t"), ("", "m")}), frozenset({("", "f"), ("", "g")}))
