"""Random PL/pgSQL: blocks from a grammar of all its statements, and their trees with parts dropped."""

from __future__ import annotations

import random
from typing import Any

from ctgitops.sql.nodes import Node
from ctgitops.sql.plpgsql import parse_body

KINDS = frozenset(
    f"PLpgSQL_stmt_{kind}"
    for kind in (
        "block",
        "assign",
        "if",
        "case",
        "loop",
        "while",
        "fori",
        "fors",
        "forc",
        "foreach_a",
        "exit",
        "return",
        "return_next",
        "return_query",
        "raise",
        "assert",
        "execsql",
        "dynexecute",
        "dynfors",
        "getdiag",
        "open",
        "fetch",
        "close",
        "perform",
        "call",
        "commit",
        "rollback",
    )
)
"""Every statement of PL/pgSQL, as libpg_query names it."""
FUNCTION = "create function f() returns setof int language plpgsql as"
"""Has RETURN NEXT and RETURN QUERY, which a DO block may not have."""
_RETURNS = "return next n; return query select 1; return query execute s using n;"
_VARIABLES = ("n", "s", "r", "a", "b")
_DECLARE = """declare n bigint := 1; s text := 'alter table orders drop column note'; r record; a int[] := array[1, 2];
b boolean; c refcursor; k cursor for select * from orders; k2 cursor (x int) for select x;"""
_EXPRESSIONS = (
    "n",
    "n + 1",
    "s || ' x'",
    "found",
    "not found",
    "exists (select from pg_class where relname = 'orders')",
    "(select count(*) from orders) > 0",
    "to_regclass('orders') is null",
    "format('drop table %I', s)",
    "r.id",
    "a[1]",
    "current_setting('server_version_num')::int > 150000",
    "null",
    "(case when n > 1 then 'a' else s end)",
    "count(*)",
)
_SQL = (
    "update orders set note = s where id = n",
    "delete from orders",
    "insert into orders (id) values (n) returning id into n",
    "select id into n from orders",
    "select * into r from orders",
    "select 1, 2 into n, s",
    "alter table orders add column x int",
    "create index on orders (note)",
    "drop table if exists gone",
    "lock table orders",
    "create temp table tt on commit drop as select 1",
    "truncate orders",
    "set local search_path = public",
    "merge into orders using customers c on true when matched then delete",
    "do 'begin null; end'",
    "select set_config('search_path')",
)
FORMS = (
    "{v} := {e};",
    "{v} = {e};",
    "a[1] := {e};",
    "r.id := {e};",
    "if {e} then {s} end if;",
    "if {e} then {s} elsif {e} then {s} else {s} end if;",
    "if {e} then return; end if;",
    "if {e} then raise exception 'x'; end if;",
    "case {e} when 1 then {s} else {s} end case;",
    "case when {e} then {s} when {e} then {s} end case;",
    "loop {s} exit; end loop;",
    "<<l>> loop exit l when {e}; end loop;",
    "while {e} loop {s} end loop;",
    "for i in 1..{e} loop {s} end loop;",
    "for i in reverse 3..1 by 2 loop {s} continue when {e}; end loop;",
    "for r in {q} loop {s} end loop;",
    "for n, s in select 1, 'x' loop {s} end loop;",
    "for r in execute {e} using n loop {s} end loop;",
    "for x in k loop {s} end loop;",
    "for x in k2(1) loop {s} end loop;",
    "foreach n in array a loop {s} end loop;",
    "foreach n slice 1 in array {e} loop {s} end loop;",
    "return;",
    "raise notice '%', {e};",
    "raise exception using errcode = '22012', message = {e};",
    "raise division_by_zero;",
    "raise;",
    "assert {e}, {e};",
    "{d};",
    "execute {e};",
    "execute {e} into {v} using n, s;",
    "execute {e} into strict r;",
    "get diagnostics n = row_count;",
    "get current diagnostics n = row_count, s = pg_context;",
    "get diagnostics s := pg_context;",
    "get stacked diagnostics s = message_text, n = returned_sqlstate;",
    "open c for {q};",
    "open c for execute {e} using n;",
    "open k;",
    "open k2(x := 1);",
    "open c no scroll for {q};",
    "fetch c into {v};",
    "fetch last from c into n, s;",
    "move forward all from c;",
    "close c;",
    "perform {e};",
    "perform set_config('search_path', 'public', false);",
    "call p({e});",
    "commit;",
    "rollback and chain;",
    "begin {s} end;",
    "begin {s} exception when others then {s} when unique_violation or sqlstate '22012' then {s} end;",
    "<<inner>> declare z text := {e}; n int; begin {s} end inner;",
    "null;",
    "execute 'drop ' || {e};",
    "s := s || {e}; execute s;",
)


class BlockGenerator:
    """A reproducible source of blocks."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - reproducible

    def body(self, index: int) -> str:
        """A block; from one index to the next each form is in one."""
        first = self._filled(FORMS[index % len(FORMS)], 0)
        return f"{_DECLARE} begin {first} {self._statements(0)} end"

    def _statements(self, depth: int) -> str:
        if depth > 3:
            return "null;"
        chosen = self.random.choices(FORMS, k=self.random.choice((1, 1, 2, 3)))
        return " ".join(self._filled(form, depth) for form in chosen)

    def _filled(self, form: str, depth: int) -> str:
        while "{" in form:
            at = form.index("{")
            form = form[:at] + self._part(form[at + 1], depth) + form[at + 3 :]
        return form

    def _part(self, kind: str, depth: int) -> str:
        if kind == "s":
            return self._statements(depth + 1)
        if kind == "q":
            return self.random.choice([sql for sql in _SQL if sql.startswith("select") and "into" not in sql])
        return self.random.choice({"v": _VARIABLES, "e": _EXPRESSIONS, "d": _SQL}[kind])

    def trees(self, body: str) -> list[Node]:
        """The parser's tree of a block, with parts dropped that hold neither a name nor a statement's kind."""
        if self.random.random() < 0.5:
            tree = parse_body(body.replace(" begin ", f" begin {_RETURNS} ", 1), FUNCTION)
        else:
            tree = parse_body(body)
        for _ in range(self.random.choice((0, 1, 3))):
            if places := _droppable(tree):
                holder, key = self.random.choice(places)
                del holder[key]
        return tree


def _droppable(node: Any) -> list[tuple[Any, Any]]:
    found = []
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if not (isinstance(key, str) and key.startswith("PLpgSQL_")):
            found.append((node, key))
        if isinstance(value, (dict, list)):
            found += _droppable(value)
    return found
