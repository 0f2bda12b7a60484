"""Files that are cut off, deep, long or no text at all: each is read, or is a problem with its place."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest

from ctgitops.commands.check import check, lint
from ctgitops.files.workspace import read_workspace
from tests.fuzz.blocks import BlockGenerator
from tests.lint.examples import RULES, TABLES
from tests.servers import quickly

DEEP = 1_500
FILES = {
    "parentheses": "select " + "(" * DEEP + "1" + ")" * DEEP,
    "subqueries": "select " + "(select " * DEEP + "1" + ")" * DEEP,
    "from": "select 1 from " + "(select 1 from " * DEEP + "t" + ") x" * DEEP,
    "arrays": "select " + "array[" * DEEP + "1" + "]" * DEEP,
    "case": "select " + "case when true then " * DEEP + "1" + " end" * DEEP,
    "not": "select " + "not " * DEEP + "true",
    "and": "alter table t add check (" + " and ".join(["a > 1"] * DEEP) + ")",
    "casts": "select 1" + "::int" * DEEP,
    "union": "select 1" + " union select 1" * DEEP,
    "with": "with a as (" * DEEP + "delete from t" + ") select 1" * DEEP,
    "blocks": "do $$ " + "begin " * DEEP + "null; " + "end; " * DEEP + "$$",
    "ifs": "do $$ begin " + "if true then " * DEEP + "null; " + "end if; " * DEEP + "end $$",
    "elsifs": "do $$ begin if a then null; " + "elsif b then null; " * DEEP + "end if; end $$",
    "block expression": "do $$ begin perform " + "(" * DEEP + "1" + ")" * DEEP + "; end $$",
    "block sum": "do $$ begin perform " + "+".join(["1"] * DEEP * 4) + "; end $$",
    "joined": "do $$ begin execute " + " || ".join(["'a'"] * DEEP) + "; end $$",
    "loop": "do $$ declare s text; begin " + "s := s || s || 'x'; " * 20 + "execute s; end $$",
    "nested do": "do 'do ''do ''''begin null; end'''' ''; ",
    "partitions": "".join(
        f"create table p{n} partition of p{n - 1} default partition by list (a);" for n in range(1, 400)
    ),
    "functions": "".join(
        f"create function f{n}() returns int language sql as 'select {'+'.join([f'f{n - 1}()'] * 9)}';"
        for n in range(1, 9)
    )
    + "select f8();",
    "one name": "select 1 as " + "é" * 80 + ", 2 as " + "a" * 62 + "é",
    "quotes": "select '" + "''" * DEEP,
    "comments": "/*" * DEEP + "*/" * DEEP + "select 1",
    "statements": "select 1;" * 3_000,
    "zero parameters": "select set_config('search_path'); select current_setting(); select to_regclass()",
}


def read(folder: Path, *texts: str | bytes) -> set[str]:
    """Codes of the problems of these migrations, and of one that comes after them; any error is the test's."""
    migrations = folder / "migrations"
    migrations.mkdir()
    (migrations / "policy.yaml").write_text("header: optional\nnumbering: increasing\n")
    for number, text in enumerate((*texts, "selec 1;"), start=1):
        path = migrations / f"{number:03}_a.sql"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    workspace = read_workspace(folder)
    problems, findings = check(workspace), lint(workspace, date(2026, 11, 29))
    last = f"migrations/{len(texts) + 1:03}_a.sql"
    assert [p.code for p in problems if p.place and p.place.path == last] == ["syntax-error"]
    assert all(finding.place.line for finding in findings)
    return {problem.code for problem in problems} | {finding.rule for finding in findings}


@pytest.mark.parametrize("name", quickly(FILES, alone=FILES.keys() - {"statements"}))
def test_deep_and_long_files(name: str, tmp_path: Path) -> None:
    read(tmp_path, FILES[name])


def test_files_that_are_cut_off(tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - reproducible
    blocks = BlockGenerator(1)
    texts = [TABLES, *(rule.bad for rule in RULES), *(f"do $$ {blocks.body(n)} $$" for n in range(20))]
    read(tmp_path, *(text[: chance.randrange(len(text))] for text in texts for _ in range(2)))


def test_files_that_are_no_text(tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - reproducible
    binary = [chance.randbytes(200) for _ in range(20)]
    printable = [bytes(chance.choices(b"()'\"$;-/*\\ eE.,:=select", k=200)) for _ in range(50)]
    assert "encoding" in read(tmp_path, *binary, *printable, b"\xff\xfes\x00", b"\x1f\x8b\x08", b"PGDMP\x01")
