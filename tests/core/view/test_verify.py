"""The findings of `verify`, worst first, and its exit status."""

from __future__ import annotations

import pytest

from ctgitops.core.environment.policy import Policy
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.problem import Problem
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.core.view.preview import FailOn, NotPlanned
from ctgitops.core.view.verify import Refuted, Verified, exit_status, findings, queries_of
from ctgitops.errors import LedgerError, Place
from tests.fakes import STAGING, chained, entry, migration, workspace

ONE = migration("001_one", verify="select true;\n")
TWO = migration("002_two", verify="select true;\n")
WARNING, ERROR = Problem("w", "a warning", blocks=False), Problem("e", "an error")


def found(
    *objects: SchemaObject,
    refuted: tuple[Refuted, ...] = (),
    ledger: Ledger | None = None,
    exposed: tuple[str, ...] = (),
) -> list[Problem]:
    ledger = chained(entry(ONE)) if ledger is None else ledger
    work = workspace(ONE, policy=Policy(exposed_schemas=exposed))
    return list(findings(work, STAGING, ledger, Snapshot(objects), refuted))


def table(name: str, row_security: str = "") -> SchemaObject:
    return SchemaObject("table", name, attributes={"row_security": row_security} if row_security else {})


def test_a_database_as_it_should_be_has_no_findings() -> None:
    assert found(table("public.one")) == []


def test_a_database_without_a_ledger_is_a_finding() -> None:
    assert [each.code for each in found(ledger=Ledger())] == ["no-ledger"]


def test_a_verify_query_that_is_not_true_is_found_at_its_place() -> None:
    place = Place("migrations/001_one.verify.sql", 2)
    (problem,) = found(refuted=(Refuted("it is not true", place),))
    assert (problem.code, problem.what, problem.place) == ("verify-failed", "it is not true", place)


@pytest.mark.parametrize(
    ("name", "definition", "hint"),
    [
        ("public.i", "CREATE INDEX i ON public.one USING btree (id)", "REINDEX INDEX CONCURRENTLY public.i"),
        ("public.i_ccnew1", "CREATE INDEX i_ccnew1 ON public.one USING btree (id)", "DROP INDEX CONCURRENTLY"),
        ("public.i", "CREATE INDEX i ON ONLY public.one USING btree (id)", "ATTACH PARTITION"),
    ],
)
def test_an_invalid_index_is_found_with_what_makes_it_valid(name: str, definition: str, hint: str) -> None:
    valid = SchemaObject("index", "public.j", of="public.one", attributes={"valid": "yes", "definition": definition})
    index = SchemaObject("index", name, of="public.one", attributes={"valid": "no", "definition": definition})
    (problem,) = found(valid, index)
    assert (problem.code, problem.blocks) == ("invalid-index", True)
    assert hint in problem.hint


def test_a_constraint_that_was_not_validated_is_a_warning() -> None:
    attributes = {"definition": "CHECK ((id > 0)) NOT VALID"}
    (problem,) = found(
        SchemaObject("constraint", "public.one.positive", of="public.one", attributes=attributes),
        SchemaObject("constraint", "public.one.other", of="public.one", attributes={"definition": "CHECK ((id > 0))"}),
    )
    assert (problem.code, problem.blocks) == ("not-validated", False)
    assert "ALTER TABLE public.one VALIDATE CONSTRAINT positive" in problem.hint


def test_tables_of_an_exposed_schema_need_row_level_security() -> None:
    open_table, secured = table("api.open"), table("api.secured", "enabled")
    problems = found(open_table, secured, table("other.open"), exposed=("api",))
    assert [(each.code, each.blocks) for each in problems] == [("no-row-security", False)]
    assert "table api.open" in problems[0].what


def test_public_is_exposed_as_soon_as_one_of_its_tables_has_row_level_security() -> None:
    assert found(table("public.open"), table("other.secured", "enabled")) == []
    problems = found(table("public.open"), table("public.secured", "enabled, forced"), table("other.open"))
    assert [each.what.split()[1] for each in problems] == ["public.open"]


def test_the_worst_is_first() -> None:
    warning = SchemaObject(
        "constraint", "public.one.c", of="public.one", attributes={"definition": "CHECK (a) NOT VALID"}
    )
    problems = found(warning, refuted=(Refuted("it is not true", None),))
    assert [each.code for each in problems] == ["verify-failed", "not-validated"]


def test_only_applied_migrations_are_verified() -> None:
    assert queries_of(workspace(ONE, TWO, migration("003_three")), chained(entry(ONE))) == (ONE.verify,)


def test_the_exit_status_follows_what_should_fail() -> None:
    clean, warned, failed = (Verified(STAGING, each) for each in ((), (WARNING,), (WARNING, ERROR)))
    assert [exit_status((result,), FailOn.WARNING) for result in (clean, warned, failed)] == [0, 1, 1]
    assert [exit_status((clean, result), FailOn.ERROR) for result in (clean, warned, failed)] == [0, 0, 1]
    assert exit_status((failed,), FailOn.NEVER) == 0


def test_an_environment_that_could_not_be_read_decides_the_exit_status() -> None:
    unseen = NotPlanned(STAGING, LedgerError("cannot connect"))
    assert exit_status((Verified(STAGING, (ERROR,)), unseen), FailOn.NEVER) == 4
