"""A contract is held back until its time, and while code uses the old name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from ctgitops.core.environment.policy import UnrelatedCode
from ctgitops.core.ledger.contract import ContractCheck, contract_problems
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.migration.migration import Migration
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.trial.code_reference import Mention, Searched
from ctgitops.sql.name_changes import SearchedName
from ctgitops.sql.script import Script
from tests.fakes import STAGING, chained, entry, migration, workspace

DAY = date(2027, 2, 1)
NOTHING = Searched()
READY = replace(STAGING, flags=frozenset({"go"}))


def of(name: str, sql: str) -> Migration:
    return replace(migration(name), up=Script(sql, f"migrations/{name}.sql"), header=None)


EXPAND = of("001_expand", "-- ctgitops: deprecates t.a (remove after 2027-01-31)\nalter table t add column b int;")
CONTRACT = of("002_contract", "-- ctgitops: flag go\n-- ctgitops: contract 001\nalter table t drop column a;")
LATER = of("003_other", "create table other (id int);")
APPLIED = chained(entry(EXPAND))


def held(
    *,
    today: date = DAY,
    found: Searched = NOTHING,
    unrelated: tuple[UnrelatedCode, ...] = (),
    ledger: Ledger = APPLIED,
    contract: Migration = CONTRACT,
) -> str:
    asked: list[SearchedName] = []

    def search(those: tuple[SearchedName, ...]) -> Searched:
        asked.extend(those)
        return found

    files = workspace(EXPAND, contract, LATER)
    plan = make_plan(replace(files, contract_check=ContractCheck(today, search, unrelated)), READY, ledger)
    assert "003_other" in [step.name for step in plan.steps]
    assert not asked or [(each.table, getattr(each, "column", "")) for each in asked] == [("t", "a")]
    waits = {wait.name: wait.text for wait in plan.flag_waits}
    assert ("002_contract" in [step.name for step in plan.steps]) is not ("002_contract" in waits)
    return waits.get("002_contract", "")


def use(path: str) -> Searched:
    (name,) = CONTRACT.up.statements[0].removes
    return Searched((Mention(name, path, 3),))


def test_it_waits_for_its_day_and_for_code_and_then_no_longer() -> None:
    assert held(today=date(2027, 1, 31)) == "waits until 2027-01-31 has passed"
    assert held(found=use("app/a.py")) == "waits for code that does not use `t.a`: app/a.py:3"
    assert held() == ""


def test_a_match_is_accepted_by_the_policy_for_its_file_and_name_only() -> None:
    one = UnrelatedCode("app/*.py", "t.a", "another table")
    assert held(found=use("app/a.py"), unrelated=(one,)) == ""
    assert "lib/a.py:3" in held(found=use("lib/a.py"), unrelated=(one,))
    assert "app/a.py:3" in held(found=use("app/a.py"), unrelated=(replace(one, name="t.b"),))


def test_code_that_was_not_searched_holds_it_back() -> None:
    assert "2 files cannot be read" in held(found=Searched(unsearched="2 files cannot be read"))
    plan = make_plan(workspace(EXPAND, CONTRACT), READY, APPLIED)
    assert [wait.text for wait in plan.flag_waits] == ["waits for a check of the code that uses the old name"]


def test_expand_and_contract_are_not_applied_in_one_run_except_to_an_empty_database() -> None:
    other = chained(entry(of("007_seven", "select 1;")))
    assert held(ledger=other) == "waits for a run after the one that applies 001_expand"
    assert held(ledger=Ledger()) == ""


def test_the_line_itself_can_name_a_version_or_a_day() -> None:
    for after, text in (
        ("2027-02-01", "until 2027-02-01 has passed"),
        ("9.0.0", "until the environment has version 9.0.0"),
    ):
        sql = CONTRACT.up.sql.replace("contract 001", f"contract 001 after {after}")
        assert held(contract=of("002_contract", sql)) == f"waits {text}"


def test_a_line_that_is_not_valid_is_a_problem() -> None:
    for text in ("", "x y", "001 after", "001 after tomorrow", "001 after 2027-02-30", "009", "002"):
        wrong = of("002_contract", f"-- ctgitops: contract {text}\nselect 1;")
        assert [each.code for each in contract_problems((EXPAND, wrong))] == ["contract"], text
    assert not list(contract_problems((EXPAND, CONTRACT)))


def test_the_reason_names_a_file_only_if_it_can_still_be_changed() -> None:
    check = ContractCheck(date(2027, 1, 1), lambda _: NOTHING)
    for ledger, remedy in ((APPLIED, "wait"), (Ledger(), "wait, or change the day in migrations/001_expand.sql")):
        hold = check.hold(CONTRACT, (EXPAND, CONTRACT), ledger)
        assert hold is not None
        assert hold.remedy == remedy
