from __future__ import annotations

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ctgitops.core.code.spelling import Spelling
from ctgitops.core.environment.environment import Environment
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.core.trial.code_reference import (
    CodeUnavailable,
    Mention,
    Searched,
    mention_problems,
    mentions_in,
    removed_by,
)
from ctgitops.sql.name_changes import ChangedName
from tests.fakes import STAGING, migration, workspace
from tests.servers import quickly


def planned(*sql: str, environment: Environment = STAGING) -> Plan:
    migrations = [migration(f"{n:03}_m", f"1.{n}.0", sql=text) for n, text in enumerate(sql, start=1)]
    return make_plan(workspace(*migrations), environment, Ledger())


def told(*sql: str) -> list[str]:
    return [each.text for each in removed_by(planned(*sql))]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("drop table a.one, two cascade", ["table one is dropped", "table two is dropped"]),
        ("drop view v", ["view v is dropped"]),
        ("drop materialized view if exists m", ["materialized view m is dropped"]),
        ("DROP FOREIGN TABLE remote.far", ["foreign table far is dropped"]),
        ("alter view v rename to w", ["view v is renamed to w"]),
        ("alter materialized view m rename to n", ["materialized view m is renamed to n"]),
        (
            "alter table one drop column a, drop column if exists b",
            ["column one.a is dropped", "column one.b is dropped"],
        ),
        ("alter table one rename column a to b", ["column one.a is renamed to b"]),
        ("alter table one rename to two", ["table one is renamed to two"]),
        ('drop table "Odd Name"', ["table Odd Name is dropped"]),
        ("alter table one rename constraint a to b", []),
        ("alter table one add column a int; create index on one (a)", []),
        ("drop index one_a; drop type mood; drop function f()", []),
    ],
)
def test_what_goes(sql: str, said: list[str]) -> None:
    assert told(sql) == said


@pytest.mark.parametrize(
    "again",
    [
        ("alter table one drop column a", "alter table one add column a text"),
        ("drop table one", "create table one ()"),
        ("drop view one", "create view one as select 1"),
        ("alter table one rename to two", "alter table two rename to one"),
        ("drop table one; create table one ()",),
        ("drop table one; create table one as select 1",),
        ("drop table one; alter table two rename to one",),
    ],
)
def test_what_comes_back_in_the_same_plan_is_not_gone(again: tuple[str, ...]) -> None:
    assert not [each for each in removed_by(planned(*again)) if each.table == "one"]


def test_it_is_told_at_the_statement_that_takes_it_away() -> None:
    plan = planned("create table one (a int);", "-- first\nselect 1;\nalter table one drop column old_name;")
    (mentioned,) = removed_by(plan)
    searched = Searched(tuple(Mention(mentioned, "app/a.ts", line) for line in range(1, 8)))
    (problem,) = mention_problems(plan, searched)
    assert problem.what == (
        "column one.old_name is dropped, but code still refers to it: "
        "app/a.ts:1, app/a.ts:2, app/a.ts:3, app/a.ts:4, app/a.ts:5 and 2 more"
    )
    assert problem.place
    assert problem.place.path == "migrations/002_m.sql"
    assert plan.steps[1].script.sql.splitlines()[(problem.place.line or 0) - 1].startswith("alter table")
    assert problem.hint.startswith("code first")
    assert not problem.blocks


def test_what_nobody_mentions_is_no_problem() -> None:
    assert mention_problems(planned("drop table one"), Searched()) == ()


def test_code_that_is_out_of_sight_is_not_called_clean() -> None:
    plan = planned("drop table one")
    (problem,) = mention_problems(plan, CodeUnavailable("nothing is checked out").mentions(tuple(removed_by(plan))))
    assert problem.code == "not-searched"
    assert "nothing is checked out" in problem.what
    nothing_goes = planned("create table one ()")
    assert mention_problems(nothing_goes, Searched(unsearched="nothing is checked out")) == ()


CODE = """\
const nodes = await db.fibreNodes.findMany();
select "user".photo from "user"
class FibreNode(Base):
    __tablename__ = "fibre_nodes"
    installedAt = Column("installed_at")
    user_photo = 1
delete from user where id = 1
"""


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        (ChangedName("fibre_nodes"), [1, 3, 4]),
        (ChangedName("fibre_nodes", "installed_at"), [5]),
        (ChangedName("user"), [2, 7]),
        (ChangedName("user", "photo"), [2]),
        (ChangedName("nobody", "photo"), []),
        (ChangedName("fibre_nod"), []),
        (ChangedName("user", "id"), [7]),
        (ChangedName("installed"), []),
    ],
)
def test_a_name_counts_where_it_means_the_table_or_column(changed: ChangedName, lines: list[int]) -> None:
    assert [m.line for m in mentions_in("app.py", CODE, [changed])] == lines


NAMES = st.from_regex(r"[a-z]{1,8}(_[a-z]{1,8}){1,3}", fullmatch=True)
LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), max_size=5)


@given(NAMES, LINES, LINES)
def test_a_name_of_several_words_is_found_on_its_line_whatever_stands_around_it(
    name: str, before: list[str], after: list[str]
) -> None:
    assume(not Spelling(ChangedName("t", name)).needs_table)
    text = "\n".join([*before, f"x = '{name}';", *after])
    found = [m.line for m in mentions_in("a", text, [ChangedName("t", name)])]
    assert len(before) + 1 in found


@given(st.text(), NAMES)
def test_a_line_that_is_told_of_is_one_of_the_file(text: str, name: str) -> None:
    for mention in mentions_in("a", text, [ChangedName(name), ChangedName("t", name)]):
        assert 1 <= mention.line <= text.count("\n") + 1


CODE_WORDS = """select from users u
join teams where nickname u.nickname ; ( ) { } [ ] ' " ` . , : => -> || # // /* */ --
class def User( prisma.user.findMany( .from('users') <% %> {{ }} ${ <<~SQL SQL @ & = nickname: :nickname self."""
LANGUAGES = "py ts rb go java kt sql html erb yaml json css prisma rs php unknown"
PIECES = st.sampled_from(CODE_WORDS.split())
SUFFIXES = st.sampled_from(LANGUAGES.split())


@given(st.lists(st.one_of(PIECES, st.just("\n"), st.just(" ")), max_size=40), SUFFIXES)
def test_code_that_is_cut_anywhere_is_read(pieces: list[str], suffix: str) -> None:
    text = " ".join(pieces)
    for mention in mentions_in(f"a.{suffix}", text, [ChangedName("users"), ChangedName("users", "nickname")]):
        assert isinstance(mention.changed, ChangedName)
        assert mention.changed.name[:4] in text.split("\n")[mention.line - 1].lower() or not mention.changed.column


@given(st.lists(PIECES, max_size=20), SUFFIXES)
def test_code_without_the_table_mentions_no_column_of_one_word(pieces: list[str], suffix: str) -> None:
    text = " ".join(pieces).replace("users", "teams").replace("user", "team").replace("User", "Team")
    assert list(mentions_in(f"a.{suffix}", text, [ChangedName("users", "nickname")])) == []


@pytest.mark.parametrize("suffix", ["py", "ts", "rb", "go", "java", "sql"])
def test_what_a_comment_says_is_no_reference(suffix: str) -> None:
    mark = {"py": "#", "rb": "#", "sql": "--"}.get(suffix, "//")
    text = f"{mark} select nickname, installed_by_hand from users, fibre_nodes\n"
    those = [
        ChangedName("users", "nickname"),
        ChangedName("users"),
        ChangedName("fibre_nodes"),
        ChangedName("fibre_nodes", "installed_by_hand"),
    ]
    assert list(mentions_in(f"a.{suffix}", text, those)) == []
    assert {m.changed for m in mentions_in(f"a.{suffix}", text.removeprefix(mark), those)} >= set(those)


TRIGGER = """
create function f() returns trigger language plpgsql as $$
begin
  new.installed_by := current_user;
  new.photo := lower(new.photo);
end $$;
"""


def test_in_the_body_of_a_trigger_only_a_name_of_several_words_tells_its_column() -> None:
    assert [m.line for m in mentions_in("f.sql", TRIGGER, [ChangedName("nodes", "installed_by_hand")])] == []
    assert [
        m.line
        for m in mentions_in(
            "f.sql", TRIGGER.replace("installed_by", "fibre_kind"), [ChangedName("nodes", "fibre_kind")]
        )
    ] == [4]
    assert [m.line for m in mentions_in("f.sql", TRIGGER, [ChangedName("users", "photo")])] == []


PARTS = ["a", "select ", "/*", "(", "findBy", "`", "<<SQL\n", "f(users.nickname);", "--"]


@pytest.mark.parametrize("piece", quickly(PARTS))
def test_a_generated_file_is_read_in_seconds(piece: str) -> None:
    text = "users nickname " + piece * (50_000 // len(piece))
    started = time.process_time()
    assert len(list(mentions_in("a.ts", text, [ChangedName("users", "nickname"), ChangedName("users")]))) < 3
    assert time.process_time() - started < 10
