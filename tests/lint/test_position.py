"""A finding has the position of the part of the statement that it is about."""

from __future__ import annotations

import pytest

from tests.lint.examples import linted

FIRST = "\n-- (a, b)\nalter table if exists only public.orders\n"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("alter table orders add column a int,\n  alter column note set not null;", [("not-null-scan", 2, 3)]),
        (
            'alter table "orders"\n  add column a int default (1), -- x, y\n  add check (amount in (1, 2)),\n'
            "  drop column code, alter number type text;",
            [("changed-type", 4, 21), ("check-scan", 3, 3), ("drop-column", 4, 3), ("rewriting-type", 4, 21)],
        ),
        (f"{FIRST}  add constraint c unique (note), add column x serial;",
         [("rewriting-default", 4, 35), ("unique-build", 4, 3)]),
        ("alter table orders\n  add column token uuid default gen_random_uuid();", [("rewriting-default", 2, 3)]),
        ("do $$ begin\n  alter table orders add check (amount > 0);\nend $$;", [("check-scan", 1, 1)]),
        ("-- why\ncreate index on orders (note);", [("blocking-index", 2, 1)]),
    ],
)  # fmt: skip
def test_it_points_at_its_part(text: str, places: list[tuple[str, int, int]]) -> None:
    assert sorted((f.rule, f.place.line, f.place.column) for f in linted(text)) == [
        (rule, line, column) for rule, line, column in places
    ]


def test_an_allowance_above_the_statement_counts_for_each_part() -> None:
    allowed = "-- ctgitops: allow drop-column (nothing reads it)"
    text = f"{allowed}\nalter table orders\n  drop column note,\n  drop column code;"
    assert linted(text) == []
