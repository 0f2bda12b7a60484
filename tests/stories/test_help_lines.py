"""The help after a failure, followed literally: its commands are read from the output and run, to a good end."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest

from tests.servers import fetch, run, session
from tests.stories.house import House, Run, as_role, database_of, has, marks, until

pytestmark = pytest.mark.slow
NUMBERING = ("contiguous", "increasing")


def commands_in(done: Run) -> list[list[str]]:
    """The commands that an output names, each as its arguments, with a reason where one is left to the reader."""
    return [shlex.split(text.replace("…", "looked at it")) for text in re.findall(r"`ctgitops ([^`]+)`", done.words)]


def command_in(done: Run, verb: str) -> list[str]:
    """The one command of that verb."""
    found = [arguments for arguments in commands_in(done) if arguments[0] == verb]
    assert len(found) == 1, done.said
    return found[0]


def good(done: Run) -> Run:
    assert done.status == 0, done.said
    return done


class Two:
    """Staging and production, which takes what staging has; 002 fails on what production holds."""

    def __init__(self, house: House, staging: str, production: str) -> None:
        self.house, self.staging, self.production = house, staging, production

    def apply(self, environment: str) -> Run:
        return self.house.run("apply", "--env", environment)

    def fails_on(self, rows: str, sql: str, *, more: str = "", verify: str | None = None) -> Run:
        """Brings both to 001, puts `rows` into production alone, and fails there with 002, which staging takes."""
        self.house.environment("production", self.production, f"after: staging\n{more}")
        self.house.migration("001_p", "create table p (x int, y text);\ncreate table q (x int primary key);")
        for environment in ("staging", "production"):
            good(self.apply(environment))
        run(self.production, rows)
        self.house.migration("002_n", sql, verify=verify)
        good(self.apply("staging"))
        failed = self.apply("production")
        assert failed.status == 6, failed.said
        assert "correct the file" not in failed.words
        told = self.house.run("status", "--env", "production")
        assert told.status == 1, told.said
        assert "failed-run" in told.said
        return failed

    def ends_well(self) -> None:
        good(self.apply("production"))
        for environment in ("staging", "production"):
            assert "up to date" in good(self.apply(environment)).words
            good(self.house.run("status", "--env", environment))
        self.is_sound()

    def is_sound(self) -> None:
        """Without problems; what lint finds in the examples is not the point."""
        assert ", no problems" in self.house.run("check").words


@pytest.fixture
def two(house: House, database_url: str, make_database: Callable[[], str], request: pytest.FixtureRequest) -> Two:
    """The numbering is contiguous unless a test asks for another."""
    numbering = getattr(request, "param", NUMBERING[0])
    house.policy(f"header: optional\nnumbering: {numbering}\n")
    return Two(house, database_url, make_database())


ROWS = {
    "not null": ("insert into p values (null)", "alter table p alter column x set not null;"),
    "unique": ("insert into p values (1), (1)", "alter table p add constraint one_x unique (x);"),
    "foreign key": ("insert into p values (7)", "alter table p add constraint fk foreign key (x) references q (x);"),
    "check": ("insert into p values (-1)", "alter table p add constraint positive check (x > 0);"),
    "a new column": ("insert into p values (1)", "alter table p add column z int not null;"),
    "an index outside a transaction": (
        "insert into p values (1), (1)",
        "create unique index concurrently p_x on p (x);",
    ),
}


@pytest.mark.parametrize("more", ["", "data_preflight: off\n"], ids=["looks", "does not look"])
@pytest.mark.parametrize(("rows", "sql"), ROWS.values(), ids=ROWS)
def test_the_query_finds_the_rows_and_the_same_run_goes_on(two: Two, rows: str, sql: str, more: str) -> None:
    failed = two.fails_on(rows, sql, more=more)
    if "foreign key" in sql and more:
        assert "the rows of production that cause the error" in failed.words  # the key is in the catalog alone
        run(two.production, "delete from p")
    else:
        (query,) = re.findall(r"`(select [^`]+;)`", failed.words)
        found = fetch(two.production, query)
        assert len(found) == len(fetch(two.production, "select from p")), query
        run(two.production, query.replace("select * from", "delete from", 1))
    two.ends_well()


@pytest.mark.parametrize("two", NUMBERING, indirect=True)
@pytest.mark.parametrize(("rows", "sql"), ROWS.values(), ids=ROWS)
def test_a_new_migration_goes_before_the_one_that_fails(two: Two, rows: str, sql: str) -> None:
    failed = two.fails_on(rows, sql)
    wrote = good(two.house.run(*command_in(failed, "new")))
    path, down = re.findall(r"wrote (\S+)", wrote.out)
    assert path.startswith("migrations/003_correct_rows")
    begun = (two.house.root / path).read_text()
    assert "-- ctgitops: before 002\n" in begun
    two.house.write(path, f"{begun}delete from p;\n")
    two.house.write(down, "select 'rows that were removed do not come back';\n")
    two.is_sound()
    good(two.apply("staging"))
    two.ends_well()
    applied = [mark.removesuffix(" applied") for mark in marks(two.production) if mark.endswith(" applied")]
    assert applied == ["001_p", "003_correct_rows_for_002", "002_n"]


def test_a_verify_query_that_is_not_true_of_the_rows_there(two: Two) -> None:
    verify = "select count(*) = 0 from p where x < 0;"
    failed = two.fails_on("insert into p values (-1)", "create index p_x on p (x);", verify=verify)
    assert "correct the rows of production that cause the error" in failed.words
    run(two.production, "update p set x = 1")
    two.ends_well()


def test_a_batch_that_finds_no_end_there_is_done_by_hand(two: Two) -> None:
    batch = "-- ctgitops: batch size=1 max_rows=1\nupdate p set y = 'done' where y is null and ctid = any "
    batch += "(array(select ctid from p where y is null limit $1));"
    failed = two.fails_on("insert into p values (1), (2), (3)", batch)
    run(two.production, "update p set y = 'done'")
    good(two.house.run(*command_in(failed, "repair")))
    two.ends_well()


def test_what_is_in_the_way_is_removed_and_the_same_run_goes_on(two: Two) -> None:
    two.fails_on("create table n (id int)", "create table n (id int);")
    run(two.production, "drop table n")
    two.ends_well()


def test_a_plan_whose_trial_fails_there_does_not_ask_for_another_file(two: Two) -> None:
    two.fails_on("create table n (id int)", "create table n (id int);", more="shadow: {extensions: []}\n")
    tried = two.house.run("plan", "--env", "production")
    assert "error[fails]: fails on a copy of production's schema" in tried.words, tried.said
    assert "migrations/002_n.sql must not change, because it is applied in staging" in tried.words
    run(two.production, "drop table n")
    two.ends_well()


def test_what_was_done_by_hand_is_recorded(two: Two) -> None:
    failed = two.fails_on("create table n (id int)", "create table n (id int);")
    good(two.house.run(*command_in(failed, "repair")))
    two.ends_well()


def test_where_no_other_environment_has_it_the_file_is_corrected(lived_in: House) -> None:
    lived_in.migration("002_two", "create table one ();")
    failed = lived_in.apply()
    assert failed.status == 6, failed.said
    assert "help: correct the file, then run the command again" in failed.said
    assert lived_in.run("status", "--env", "staging").status == 1
    lived_in.migration("002_two", "create table two ();")
    lived_in.applied()
    good(lived_in.run("status", "--env", "staging"))


def test_a_database_that_had_its_schema_before_is_taken_over(house: House, database_url: str) -> None:
    run(database_url, "create table one (id int)")
    house.environment("staging", database_url)
    house.migration("001_one", "create table one (id int);")
    house.migration("002_two", "create table two (id int);")
    failed = house.run("apply", "--env", "staging")
    assert failed.status == 6, failed.said
    plan = house.run(*command_in(failed, "plan"))
    for baseline in commands_in(plan):
        if baseline[0] == "baseline":
            good(house.run(*baseline))
    good(house.run("apply", "--env", "staging"))
    assert [mark for mark in marks(database_url) if "failed" not in mark][-1] == "002_two applied"
    good(house.run("status", "--env", "staging"))


def test_an_object_that_was_made_by_hand_is_recorded(lived_in: House, database_url: str) -> None:
    run(database_url, "create table two (id int)")
    lived_in.migration("002_two", "create table two (id int);")
    failed = lived_in.apply()
    assert failed.status == 6, failed.said
    good(lived_in.run(*command_in(failed, "repair")))
    good(lived_in.apply())
    good(lived_in.run("status", "--env", "staging"))


HEALTH = "health: {query: select bool_and(fine) from public.app, within: 60s, every: 1s}\non_failure: rollback\n"


def test_after_the_health_query_took_a_run_back_the_help_brings_it_again(lived_in: House, database_url: str) -> None:
    """Seen to fail with `rollback --steps 1`, which undid the migration before."""
    run(database_url, "create table app (fine boolean); insert into app values (true)")
    lived_in.environment("staging", database_url, HEALTH)
    lived_in.migration("002_two", "create table two ();", down="drop table two;")
    running = lived_in.start("apply", "--env", "staging")
    until(lambda: marks(database_url)[-1] == "002_two applied")
    run(database_url, "update app set fine = false")
    done = running.ended()
    assert done.status == 6, done.said
    assert [arguments[0] for arguments in commands_in(done)] == ["repair"], done.said
    run(database_url, "update app set fine = true")
    lived_in.environment("staging", database_url)
    assert lived_in.apply().status == 4
    good(lived_in.run(*command_in(done, "repair")))
    lived_in.applied()
    assert has(database_url, "two")


def test_a_run_that_may_not_be_taken_back_shows_what_undoing_it_would_do(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "on_failure: rollback\n")
    lived_in.migration("002_two", "create table two ();")
    lived_in.migration("003_three", "select 1 / 0;")
    done = lived_in.apply()
    assert done.status == 6, done.said
    shown = lived_in.run(*command_in(done, "rollback"))
    assert "002_two" in shown.said
    assert "001_one" not in shown.said
    assert marks(database_url)[-1] == "003_three failed"


def test_a_migration_outside_a_transaction_is_said_to_be_there_before_it_is_undone(
    lived_in: House, database_url: str
) -> None:
    lived_in.environment("staging", database_url, "on_failure: rollback\n")
    lived_in.migration("002_two", "create table two ();")
    lived_in.migration(
        "003_index",
        "create index concurrently one_id on one (id);",
        down="drop index concurrently one_id;",
        verify="select false;",
    )
    done = lived_in.apply()
    assert done.status == 6, done.said
    good(lived_in.run(*command_in(done, "repair")))
    shown = lived_in.run(*command_in(done, "rollback"))
    assert "002_two is IRREVERSIBLE" in shown.said
    assert "001_one" not in shown.said


def test_a_rollback_that_fails_is_undone_by_hand_and_recorded(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();", down="drop table no_such_table;")
    lived_in.applied()
    failed = lived_in.run("rollback", "--env", "staging", "--steps", "1")
    assert failed.status == 6, failed.said
    assert lived_in.run("status", "--env", "staging").status == 1
    run(database_url, "drop table two")
    good(lived_in.run(*command_in(failed, "repair")))
    held = lived_in.apply()
    assert held.status == 4, held.said
    good(lived_in.run(*command_in(held, "repair")))
    lived_in.applied()
    assert has(database_url, "two")


def test_one_that_is_undone_by_hand_follows_its_procedure(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    lived_in.applied()
    refused = lived_in.run("rollback", "--env", "staging", "--steps", "1")
    assert refused.status == 4, refused.said
    assert "`ctgitops restore RECEIPT --into URL`" in refused.words
    assert has(database_url, "two")


def test_what_was_rolled_back_is_accepted_there_and_reaches_the_next_environment(two: Two) -> None:
    house = two.house
    house.environment("production", two.production, "after: staging\n")
    house.migration("001_p", "create table p ();", down="drop table p;")
    good(two.apply("staging"))
    good(house.run("rollback", "--env", "staging", "--steps", "1"))
    waits = two.apply("production")
    assert waits.status == 5, waits.said
    for command in commands_in(waits):
        good(house.run(*command))
    good(two.apply("staging"))
    good(two.apply("production"))


def test_an_unfinished_rollback_goes_on_with_the_command_of_the_plan(lived_in: House, database_url: str) -> None:
    """Seen to fail with `rollback --env staging`, which wants to know how far back."""
    lived_in.migration(
        "002_index",
        "create index concurrently one_id on one (id);",
        down="drop index concurrently one_id;\nselect 1 / (select count(*) from one);",
    )
    lived_in.applied()
    run(database_url, "delete from one")
    failed = lived_in.run("rollback", "--env", "staging", "--steps", "1")
    assert failed.status == 6, failed.said
    run(database_url, "insert into one values (1)")
    blocked = lived_in.plan()
    assert "the rollback of 002_index was started" in blocked.words
    good(lived_in.run(*command_in(blocked, "rollback")))
    assert marks(database_url)[-1] == "002_index rolled-back"


def test_a_lock_that_is_held_is_waited_for_by_the_same_run(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "timeouts: {lock: 100ms, retry_for: 1s}\n")
    lived_in.migration("002_two", "alter table one add column word text;")
    with session(database_url) as other:
        other.execute("begin; lock table one")
        held = lived_in.apply()
        assert held.status in {5, 6}, held.said
        assert "run the command again" in held.words
        other.execute("rollback")
    lived_in.applied()


def test_a_right_that_lacks_is_granted_and_the_same_run_goes_on(lived_in: House, database_url: str) -> None:
    role = f"deployer_{database_of(database_url)}"
    run(database_url, f"create role {role} login; grant all on schema public to {role}")
    run(database_url, f"grant usage on schema ctgitops to {role}; grant all on all tables in schema ctgitops to {role}")
    run(database_url, f"grant all on all sequences in schema ctgitops to {role}")
    lived_in.environment("staging", as_role(database_url, role))
    lived_in.migration("002_two", "insert into one values (2);")
    failed = lived_in.apply()
    assert failed.status == 6, failed.said
    assert (
        "grant the missing privilege to the role of this environment's URL, then run the same command again"
        in failed.words
    )
    run(database_url, f"grant insert on one to {role}")
    lived_in.applied()


def test_a_role_without_a_schema_gets_one_and_the_file_stays_as_it_is(house: House, database_url: str) -> None:
    """Seen to fail with `correct the file`, in the plan and after apply."""
    role = f"homeless_{database_of(database_url)}"
    run(database_url, "revoke all on schema public from public")
    run(database_url, f"create role {role} login; grant create on database {database_of(database_url)} to {role}")
    house.environment("staging", as_role(database_url, role), "shadow: {extensions: []}\n")
    house.migration("001_one", "create table one (id int);")
    for done in (house.run("plan", "--env", "staging"), house.run("apply", "--env", "staging")):
        assert "no schema has been selected to create in" in done.words, done.said
        (grant,) = re.findall(r"`(GRANT [^`]+)`", done.words)
        assert "correct the file" not in done.words
    run(database_url, grant.replace("ROLE", role))
    good(house.run("apply", "--env", "staging"))


def test_a_statement_that_takes_too_long_gets_more_time(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "timeouts: {statement: 100ms}\n")
    lived_in.migration("002_two", "select pg_sleep(0.5);")
    failed = lived_in.apply()
    assert failed.status == 6, failed.said
    assert "raise `timeouts.statement` in the manifest" in failed.words
    lived_in.environment("staging", database_url, "timeouts: {statement: 1min}\n")
    lived_in.applied()


def test_an_approval_of_another_plan_is_given_again(lived_in: House) -> None:
    lived_in.migration("002_two", "create table two ();")
    waits = lived_in.apply("--fingerprint", "0" * 64)
    assert waits.status == 5, waits.said
    plan = good(lived_in.run(*command_in(waits, "plan"), "--env", "staging"))
    good(lived_in.run(*command_in(plan, "apply")))


def test_what_nobody_reviewed_is_approved_on_the_command_line(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "reviewed: required\n")
    lived_in.migration("002_two", "create table two ();")
    waits = lived_in.apply()
    assert waits.status == 5, waits.said
    good(lived_in.run(*command_in(waits, "apply")))


def test_an_edited_file_is_restored_and_its_change_is_a_new_migration(lived_in: House) -> None:
    lived_in.migration("002_two", "create table two ();")
    lived_in.applied()
    lived_in.migration("002_two", "create table two (id int);")
    blocked = lived_in.apply()
    assert blocked.status == 4, blocked.said
    assert "restore the file, and put the change into a new migration" in blocked.words
    lived_in.migration("002_two", "create table two ();")
    lived_in.migration("003_three", "alter table two add column id int;")
    lived_in.applied()


def test_a_copy_of_another_database_is_adopted(lived_in: House, make_database: Callable[[], str]) -> None:
    lived_in.applied()
    url = make_database()
    source = lived_in.secrets["STAGING_DATABASE_URL"]
    run(url, f"drop database if exists {database_of(source)}_copy")
    run(url, f"create database {database_of(source)}_copy template {database_of(source)}")
    lived_in.environment("staging", source.replace(database_of(source), f"{database_of(source)}_copy", 1))
    blocked = lived_in.apply()
    assert blocked.status == 4, blocked.said
    good(lived_in.run(*command_in(blocked, "repair")))
    good(lived_in.apply())


def test_a_rollback_that_destroys_rows_is_accepted_by_name(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two (id int);", down="drop table two;")
    lived_in.applied()
    run(database_url, "insert into two values (1)")
    back = ("rollback", "--env", "staging", "--steps", "1")
    waits = lived_in.run(*back)
    assert waits.status == 5, waits.said
    (accepted,) = re.findall(r"repeat the command with `([^`]+)`", waits.words)
    good(lived_in.run(*back, *accepted.split()))


def test_what_was_done_by_hand_of_an_unfinished_file_is_said(lived_in: House, database_url: str) -> None:
    """Its file was removed: undo by hand what it did, and say so."""
    lived_in.write("migrations/002_index.sql", "-- ctgitops: no transaction\ncreate table half ();\nselect 1 / 0;\n")
    assert lived_in.apply().status == 6
    lived_in.remove("002_index")
    blocked = lived_in.apply()
    assert blocked.status == 4, blocked.said
    run(database_url, "drop table half")
    good(lived_in.run(*command_in(blocked, "repair")))
    good(lived_in.apply())
    good(lived_in.run("status", "--env", "staging"))
