"""`Breaking Changes: No` over SQL that breaks something is a problem."""

from __future__ import annotations

from ctgitops.commands.check import check, exit_status
from ctgitops.core.environment.policy import Policy
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from tests.fakes import STAGING, chained, entry, migration, workspace

ONE = migration("001_one", "1.0.0")
DROP = migration("002_two", "1.1.0", sql="drop table t1;\n", Description="It is gone")
ADD = migration("003_three", "1.2.0")


def codes(ledger: Ledger) -> list[str]:
    plan = make_plan(workspace(ONE, DROP, ADD), STAGING, ledger)
    return [problem.code for problem in plan.problems if problem.blocks]


def test_check_says_what_contradicts_the_header_and_where() -> None:
    (problem,) = check(workspace(ONE, DROP, ADD))
    assert (problem.code, problem.blocks) == ("breaking-undeclared", True)
    assert problem.what == "`Breaking Changes: No`, but the migration drops table t1 (line 12)"
    assert str(problem.place) == "migrations/002_two.sql:4"
    assert exit_status((problem,)) == 3


def test_what_the_base_branch_has_cannot_be_changed_and_only_warns() -> None:
    (problem,) = check(workspace(ONE, DROP, ADD), merged={DROP.path})
    assert not problem.blocks
    assert exit_status((problem,)) == 0


def test_history_that_lint_leaves_alone_is_left_alone() -> None:
    assert check(workspace(ONE, DROP, ADD, policy=Policy(lint_after=2))) == ()
    assert len(check(workspace(ONE, DROP, ADD, policy=Policy(lint_after=1)))) == 1
    for after, blocks in ((2, False), (1, True)):
        plan = make_plan(workspace(ONE, DROP, ADD, policy=Policy(lint_after=after)), STAGING, chained(entry(ONE)))
        assert [p.blocks for p in plan.problems if p.code == "breaking-undeclared"] == [blocks]


def test_a_header_that_declares_it_or_no_header_is_no_contradiction() -> None:
    declared = migration("002_two", "2.0.0", sql="drop table t1;\n", Breaking_Changes="Yes")
    assert check(workspace(ONE, declared)) == ()
    assert check(workspace(ONE, migration("002_two", sql="drop table t1;\n"))) == ()


def test_more_than_three_are_listed_in_the_details() -> None:
    wide = migration("001_one", "1.0.0", sql="create table t1 (a int, b int, c int, d int);\n")
    drop = migration("002_two", "1.1.0", sql="".join(f"alter table t1 drop {column};\n" for column in "abcd"))
    (problem,) = check(workspace(wide, drop))
    assert problem.what.endswith("drops column t1.c (line 14), and 1 more")
    assert problem.detail.splitlines()[-1] == "drops column t1.d (line 15)"


def test_a_plan_is_blocked_where_code_may_use_it_and_not_in_an_empty_database() -> None:
    assert codes(chained(entry(ONE))) == ["breaking-undeclared"]
    assert codes(Ledger()) == []
    assert codes(chained(entry(ONE), entry(DROP))) == []


def test_such_a_plan_is_tried_all_the_same() -> None:
    assert make_plan(workspace(ONE, DROP), STAGING, chained(entry(ONE))).held


def test_rollback_sql_that_is_passed_to_record_migration_is_available() -> None:
    sql = "create table t2 (a int);\nselect record_migration('002_two.sql', rollback_sql => 'drop table t2');\n"
    passed = migration("002_two", "1.1.0", sql=sql, down=None)
    assert check(workspace(ONE, passed)) == ()
    assert migration("002_two", sql=sql, down=None).rollback == "Available"
    without = migration("002_two", "1.1.0", sql="create table t2 (a int);\n", down=None)
    assert [problem.code for problem in check(workspace(ONE, without))] == ["rollback-missing"]
