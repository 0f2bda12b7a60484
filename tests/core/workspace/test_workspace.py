"""Each rule of a workspace is violated once, and a valid workspace has no problems."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.environment import Environment
from ctgitops.core.environment.policy import Band, Numbering, Policy
from ctgitops.core.migration.header import Header, Rollback
from ctgitops.core.migration.migration import Migration, Seed
from ctgitops.core.migration.schema_version import SchemaVersion
from ctgitops.core.problem import Problem
from ctgitops.core.workspace.workspace import Workspace, problems_of, script_problems, sql_problems_of
from ctgitops.errors import Place
from ctgitops.sql.script import Script

BANDS = (Band("core", 1, 99), Band("forms", 300, 399))


def migration(number: int, version: str = "", **header: Any) -> Migration:
    name = f"{number:03}_m"
    path = f"migrations/{name}.sql"
    known = Header(
        migration=name,
        version=SchemaVersion.parse(version) or SchemaVersion(1, number, 0),
        description="words",
        breaking=False,
        rollback=Rollback.NOT_AVAILABLE,
        procedure="",
        created="2026-01-12",
        author="Anna",
    )
    return Migration(number, name, Script("SELECT 1;", path), "sha256:1", header=replace(known, **header))


def bare(number: int, name: str = "m") -> Migration:
    path = f"migrations/{number:03}_{name}.sql"
    return Migration(number, f"{number:03}_{name}", Script("SELECT 1;", path), "sha256:1")


def said(*migrations: Migration, **more: Any) -> list[str]:
    workspace = Workspace(tuple(sorted(migrations, key=lambda m: m.number)), **more)
    return [f"{p.place}: {p.what} ({p.hint})" for p in problems_of(workspace)]


def test_of_a_sound_workspace_nothing_is_said() -> None:
    assert said() == []
    assert said(migration(1), migration(2), migration(300, "1.3.0"), policy=Policy(bands=BANDS)) == []
    assert said(bare(7), bare(8)) == []


def test_a_number_is_used_once() -> None:
    assert said(bare(1, "a"), bare(1, "b")) == [
        "migrations/001_b.sql: number 001 is used by `migrations/001_a.sql` and `migrations/001_b.sql` "
        "(neither a ledger nor git shows which file is older: `ctgitops new --renumber 001` reads the ledgers, and "
        "renumbers the file that no database has applied)"
    ]


def test_numbers_leave_no_gap() -> None:
    assert said(bare(1), bare(3)) == [
        "migrations/003_m.sql: number 003 leaves a gap: 002 does not exist "
        "(renumber the file to 002, or set `numbering: increasing` in migrations/policy.yaml)"
    ]
    assert said(bare(1), bare(3), policy=Policy(numbering=Numbering.INCREASING)) == []


def test_numbers_leave_no_gap_in_a_band_nor_at_its_beginning() -> None:
    found = said(bare(1), bare(3), bare(301), policy=Policy(bands=BANDS))
    assert [line.split(" (")[0] for line in found] == [
        "migrations/003_m.sql: number 003 leaves a gap in band core",
        "migrations/301_m.sql: number 301 leaves a gap in band forms",
    ]
    assert "002 does not exist" in found[0]
    assert "300 does not exist" in found[1]


def test_a_file_that_is_there_and_could_not_be_read_is_no_gap() -> None:
    unread = Problem("encoding", "not text", Place("migrations/002_b.sql", 1))
    assert said(bare(1), bare(3), read_problems=(unread,)) == ["migrations/002_b.sql:1: not text ()"]


def test_a_number_belongs_to_a_band() -> None:
    assert said(migration(1), migration(100, "1.2.0"), policy=Policy(bands=BANDS)) == [
        "migrations/100_m.sql: number 100 is not in a band "
        "(bands of migrations/policy.yaml: core (001-099), forms (300-399))"
    ]


def test_bands_do_not_overlap() -> None:
    bands = (Band("b", 50, 150), Band("a", 1, 99))
    assert said(policy=Policy(bands=bands)) == [
        "migrations/policy.yaml: bands a (001-099) and b (050-150) overlap (each number belongs to one band)"
    ]


def test_a_header_names_its_own_file() -> None:
    assert said(migration(1, migration="001_other")) == [
        "migrations/001_m.sql:1: the header says `Migration: 001_other`, but the file is called `001_m` "
        "(write the same name in both)"
    ]


def test_a_rollback_that_is_available_is_there() -> None:
    assert said(migration(1, rollback=Rollback.AVAILABLE)) == [
        "migrations/001_m.sql:1: `Rollback: Available`, but 001_m.down.sql does not exist "
        "(create the file, or write `Rollback: Manual - …` or `Rollback: Not Available`)"
    ]


def test_a_rollback_that_is_there_is_available() -> None:
    down = Script("SELECT 1;", "migrations/001_m.down.sql")
    assert said(replace(migration(1), down=down)) == [
        "migrations/001_m.down.sql:1: `Rollback: Not Available`, but 001_m.down.sql exists "
        "(write `Rollback: Available`)"
    ]
    assert said(replace(migration(1, rollback=Rollback.AVAILABLE), down=down)) == []


def test_a_version_is_used_once() -> None:
    assert said(migration(1, "1.0.0"), migration(2, "1.0.0")) == [
        "migrations/002_m.sql:2: version 1.0.0 is already used by `migrations/001_m.sql` "
        "(`ctgitops new --renumber 002_m` gives it the next number and version)"
    ]


def test_a_version_is_one_step_above_another() -> None:
    assert said(migration(1, "1.0.0"), migration(2, "1.2.0")) == [
        "migrations/002_m.sql:2: version 1.2.0 does not directly follow another version "
        "(the versions after 1.0.0 are 2.0.0, 1.1.0, 1.0.1)"
    ]
    for step in ("1.1.0", "1.0.1"):
        assert said(migration(1, "1.0.0"), migration(2, step)) == []


def test_a_breaking_change_begins_a_major_version_and_nothing_else_does() -> None:
    assert said(migration(1, "1.0.0"), migration(2, "1.1.0", breaking=True)) == [
        "migrations/002_m.sql:2: version 1.1.0 contradicts `Breaking Changes: Yes` (this header requires a "
        "new major version)"
    ]
    assert said(migration(1, "1.0.0"), migration(2, "2.0.0")) == [
        "migrations/002_m.sql:2: version 2.0.0 contradicts `Breaking Changes: No` (this header requires the "
        "same major version)"
    ]
    assert said(migration(1, "1.0.0"), migration(2, "2.0.0", breaking=True)) == []


def test_versions_go_up_within_a_band_and_need_not_between_bands() -> None:
    falling = [migration(1, "1.0.0"), migration(2, "1.2.0"), migration(3, "1.1.0")]
    assert said(*falling) == [
        "migrations/003_m.sql:2: version 1.1.0 is lower than 1.2.0 of 002_m, an earlier migration "
        "(versions must increase within a band)"
    ]
    assert said(migration(1, "1.0.0"), migration(2, "0.9.0")) == [  # and the first one is not blamed
        "migrations/002_m.sql:2: version 0.9.0 is lower than 1.0.0 of 001_m, an earlier migration "
        "(versions must increase within a band)"
    ]
    late = [migration(1, "1.0.0"), migration(2, "1.2.0"), migration(300, "1.1.0")]
    assert said(*late, policy=Policy(bands=BANDS)) == []


@pytest.mark.parametrize(
    ("number", "what"),
    [
        (
            9,
            "the migration depends on 009, which does not exist (name a migration that exists, or write "
            "`Dependencies: None`)",
        ),
        (2, "the migration depends on itself (remove that dependency)"),
        (
            3,
            "the migration depends on 003, which is applied later in an empty database "
            "(name only migrations with lower numbers, or renumber this migration)",
        ),
    ],
)
def test_dependencies_exist_and_come_before(number: int, what: str) -> None:
    found = said(migration(1), migration(2, dependencies=(number,)), migration(3))
    assert found == [f"migrations/002_m.sql:8: {what}"]
    assert said(migration(1), migration(2, dependencies=(1,))) == []


def test_dependencies_go_in_no_circle() -> None:
    found = said(migration(1, dependencies=(2,)), migration(2, dependencies=(1,)))
    assert found == ["migrations/001_m.sql:8: 001 and 002 depend on each other (remove one of the two dependencies)"]


def environment(name: str, after: str | None = None) -> Environment:
    return Environment(name, "URL", after=after, path=f"environments/{name}.yaml")


def test_after_names_an_environment() -> None:
    environments = (environment("staging"), environment("production", "stagin"))
    assert said(environments=environments) == [
        "environments/production.yaml: `after: stagin` does not name an environment (environments: production, staging)"
    ]


def test_after_goes_in_no_circle() -> None:
    environments = (environment("a", "c"), environment("b", "a"), environment("c", "b"), environment("d", "a"))
    assert said(environments=environments) == [
        "environments/a.yaml: `after` is circular: a after c after b after a (one environment must be first)",
        "environments/b.yaml: `after` is circular: b after a after c after b (one environment must be first)",
        "environments/c.yaml: `after` is circular: c after b after a after c (one environment must be first)",
    ]
    alone = (environment("a", "a"),)
    assert said(environments=alone) == [
        "environments/a.yaml: `after` is circular: a after a (one environment must be first)"
    ]
    chain = (environment("a"), environment("b", "a"), environment("c", "b"))
    assert said(environments=chain) == []


@given(st.permutations(["a", "b", "c", "d"]), st.lists(st.sampled_from("abcde"), min_size=4, max_size=4))
def test_the_order_of_manifests_does_not_matter(order: list[str], afters: list[str]) -> None:
    environments = {name: environment(name, after) for name, after in zip("abcd", afters, strict=True)}
    shuffled = tuple(environments[name] for name in order)
    assert said(environments=shuffled) == said(environments=tuple(environments.values()))


@given(st.lists(st.integers(1, 12), unique=True))
def test_contiguous_numbers_and_only_they_leave_no_gap(numbers: list[int]) -> None:
    contiguous = not numbers or max(numbers) - min(numbers) + 1 == len(numbers)
    assert (said(*(bare(n) for n in numbers)) == []) == contiguous


def test_problems_come_in_the_order_of_their_places_and_once() -> None:
    problems = (
        Problem("x", "last"),
        Problem("x", "second", Place("b", 3)),
        Problem("x", "first", Place("a", 9)),
        Problem("x", "first", Place("a", 9)),
    )
    assert [p.what for p in problems_of(Workspace((), read_problems=problems))] == ["first", "second", "last"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1;\nSELEC 2;\n", 'a.sql:2:1: syntax error at or near "SELEC" (correct the statement)'),
        (
            "SELECT (\n",
            "a.sql:2:1: syntax error at end of input (the file ends in the middle of this statement: complete it)",
        ),
        (
            "SELECT '\n\n",
            "a.sql:1:8: unterminated quoted string "
            "(close the quotation, or find an unescaped quotation mark in a string above: inside a string, write `''`)",
        ),
        (
            "-- é\n  \\d users\n",
            "a.sql:2:3: `\\d users` is a psql command, not SQL (write the equivalent SQL, or remove the line)",
        ),
        (
            "SELECT 'é';\n/* é */ COMMIT;\n",
            "a.sql:2:9: COMMIT inside a migration would split its transaction "
            "(remove the statement: each file already runs in its own transaction)",
        ),
        (
            "COPY t FROM STDIN;\n",
            "a.sql:1:1: COPY … FROM STDIN with the data in the file works only in a client such as psql "
            "(use INSERT INTO … VALUES instead: `pg_dump --inserts` writes such statements, `--schema-only` "
            "omits the data)",
        ),
        ("", "a.sql:1: the file contains no statement (write the SQL, or remove the file)"),
        ("-- only words\n;\n", "a.sql:1: the file contains no statement (write the SQL, or remove the file)"),
    ],
)
def test_what_keeps_a_script_from_running_is_told_with_its_place(sql: str, expected: str) -> None:
    (problem,) = script_problems(Script(sql, "a.sql"))
    assert f"{problem.place}: {problem.what} ({problem.hint})" == expected


def test_a_syntax_error_shows_its_line_with_a_pointer() -> None:
    (problem,) = script_problems(Script("SELECT 1;\nSELECT 'é\u2028' FROM FROM t;\n", "a.sql", first_line=40))
    assert problem.place == Place("a.sql", 41, 18)
    assert problem.detail == "SELECT 'é\u2028' FROM FROM t;\n                 ^"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_no_script_whatsoever_makes_it_fail(sql: str) -> None:
    script_problems(Script(sql, "a.sql"))


def test_verify_queries_are_queries() -> None:
    verify = Script("SELECT true;\nDELETE FROM t;\n", "migrations/001_m.verify.sql")
    (problem,) = sql_problems_of(Workspace((replace(bare(1), verify=verify),)))
    assert (problem.code, problem.place) == ("verify-query", Place("migrations/001_m.verify.sql", 2, 1))


def test_rollbacks_and_seeds_are_parsed_too() -> None:
    down = Script("DROP;", "migrations/001_m.down.sql")
    seed = Seed("seeds/a/1.sql", Script("INSERT;", "seeds/a/1.sql"))
    workspace = Workspace((replace(bare(1), down=down),), seeds={"a": (seed,)})
    assert [str(p.place) for p in sql_problems_of(workspace)] == ["migrations/001_m.down.sql:1:5", "seeds/a/1.sql:1:7"]
