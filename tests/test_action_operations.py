"""On GitHub: the issue about an environment, the check run of a long run, and overrides."""

from __future__ import annotations

import threading

import pytest

from ctgitops.action import live_check
from ctgitops.core.forge.environment_issue import IssueText
from ctgitops.core.forge.forge import Conclusion
from ctgitops.core.forge.live_check import LiveCheck
from tests.servers import run
from tests.test_action_forge import MAIN, Scene, push, release, scene
from tests.test_action_waiting import CLOSED, dispatched, production, scheduled

__all__ = ["scene"]
pytestmark = pytest.mark.slow


def issue(scene: Scene, name: str = "production") -> list[IssueText]:
    return scene.forge.issues.get(f"environment-{name}", [])


def test_drift_opens_an_issue_that_is_edited_and_closed_with_one_comment_per_change(scene: Scene) -> None:
    assert scene.run("push", push()) == 0
    assert scheduled(scene, command="drift", environment="staging") == 0
    assert issue(scene, "staging") == [], "all is well, and there is no issue"
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    run(url, "create table by_hand ()")
    assert scheduled(scene, command="drift", environment="staging") == 1
    run(url, "create table another ()")
    assert scheduled(scene, command="drift", environment="staging") == 1
    run(url, "drop table by_hand; drop table another")
    assert scheduled(scene, command="drift", environment="staging") == 0
    assert scheduled(scene, command="drift", environment="staging") == 0
    opened, edited, closed = issue(scene, "staging")
    assert (opened.title, opened.open) == ("staging: drift", True)
    assert "\n+   table public.by_hand\n" in opened.body, "seen to fail with `Added(object=SchemaObject(kind=…`"
    assert "to undo it, change the database by hand" in opened.body
    assert (edited.comment, edited.open, "another" in edited.body) == ("", True, True)
    assert (closed.title, closed.open) == ("staging: no problem", False)
    assert "No problem is left, so this issue is closed" in closed.comment


def test_a_difference_from_the_predecessor_is_in_the_issue_until_it_is_gone(scene: Scene) -> None:
    production(scene)
    assert scene.run("push", push()) == 0
    assert scene.run("release", release()) == 0
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    setting = "do $$ begin execute format('alter database %I {} lock_timeout', current_database()); end $$"
    run(url, setting.format("set").replace("lock_timeout", "lock_timeout = 7"))
    assert scheduled(scene, command="drift") == 1
    assert scene.output("drift") == "true"
    del scene.house.secrets["STAGING_DATABASE_URL"]
    assert scheduled(scene, command="drift", environment="production") == 0
    assert scene.output("drift") == "unknown"
    scene.house.secrets["STAGING_DATABASE_URL"] = url.replace("port=5432", "port=5433")
    assert scheduled(scene, command="drift", environment="production") == 4
    scene.house.secrets["STAGING_DATABASE_URL"] = url
    run(url, setting.format("reset"))
    assert scheduled(scene, command="drift", environment="production") == 0
    assert issue(scene, "staging") == []
    opened, unread, closed = issue(scene)
    assert (opened.title, opened.open) == ("production: difference from the predecessor", True)
    assert "\n-   setting lock_timeout of this database: value 7\n" in opened.body
    assert (
        "`ctgitops diff staging production`" in opened.body
        or "<code>ctgitops diff staging production</code>" in opened.body
    )
    assert (unread.open, unread.comment, "cannot connect" in unread.body) == (True, "", True), "and not closed"
    assert (closed.title, closed.open) == ("production: no problem", False)
    assert "no difference from a predecessor is left that no migration explains" in closed.comment


def test_an_environment_without_a_predecessor_has_no_difference_in_its_issue(scene: Scene) -> None:
    """Seen to fail: the issue stayed open for ever."""
    production(scene)
    assert scene.run("push", push()) == 0
    assert scene.run("release", release()) == 0
    run(scene.house.secrets["STAGING_DATABASE_URL"], "create table by_hand ()")
    assert scheduled(scene, command="drift", environment="production") == 1
    manifest = scene.house.root / "environments/production.yaml"
    scene.house.write("environments/production.yaml", manifest.read_text().replace("after: staging\n", ""))
    assert scheduled(scene, command="drift", environment="production") == 0
    assert [each.open for each in issue(scene)] == [True, False]


def test_a_failed_production_run_is_in_the_issue_until_one_succeeds_and_staging_is_not(scene: Scene) -> None:
    scene.house.migration("002_bad", "select 1 / (random() * 0)::int;")
    assert scene.run("push", push()) == 6
    assert scene.forge.issues == {}
    scene.house.remove("002_bad")
    assert scene.run("push", push()) == 0
    url = scene.house.secrets["PRODUCTION_DATABASE_URL"]
    run(url, "create table red ()")
    assert scene.run("release", release()) == 6
    assert scheduled(scene, command="drift", environment="production") == 1
    run(url, "drop table red")
    assert scene.run("release", release()) == 0
    texts = issue(scene)
    assert [each.title for each in texts] == [
        "production: failed run",
        "production: failed run and drift",
        "production: drift",
    ]
    assert "already exists" in texts[0].body
    assert "at: migrations/001_red.sql:1:1" in texts[0].body
    assert "database: in production, 001_red left no trace" in texts[0].body
    assert texts[-1].comment.startswith("✅ Failed run: solved, because a later run succeeded.")
    assert texts[-1].open, "the drift is still there"


def test_a_release_that_waits_is_no_trouble(scene: Scene) -> None:
    production(scene, CLOSED)
    assert scene.run("push", push()) == 0
    assert scene.run("release", release()) == 5
    assert scene.forge.issues == {}


def test_without_the_permission_only_trouble_is_a_warning(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.forge.refuses = ("keep_issue",)
    assert scene.run("push", push()) == 0
    assert scheduled(scene, command="drift", environment="staging") == 0
    assert "the issue was not updated" not in capsys.readouterr().out
    run(scene.house.secrets["STAGING_DATABASE_URL"], "create table by_hand ()")
    assert scheduled(scene, command="drift", environment="staging") == 1
    assert capsys.readouterr().out.count("::warning title=ctgitops::the issue was not updated") == 1


def test_a_long_run_has_a_check_run_that_says_what_it_does(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_check, "SECONDS", 0.05)
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    wait = "do $$ begin while not exists (select from pg_class where relname = 'go') loop"
    scene.house.migration("002_slow", f"create table slow (id int); {wait} perform pg_sleep(0.02); end loop; end $$;")

    def let_it_go() -> None:
        enough.wait(30)
        run(url, "create table go ()")

    enough, say = threading.Event(), scene.forge.live_check

    def told(check: LiveCheck) -> int | None:
        if "statement: create table slow" in check.summary:
            enough.set()
        return say(check)

    monkeypatch.setattr(scene.forge, "live_check", told)
    helper = threading.Thread(target=let_it_go)
    helper.start()
    assert scene.run("push", push()) == 0
    helper.join()
    first, last = scene.forge.live_checks[0], scene.forge.live_checks[-1]
    assert (first.name, first.sha, first.number, first.conclusion) == ("ctgitops / apply to staging", MAIN, None, None)
    assert any("statement: create table slow" in each.summary for each in scene.forge.live_checks)
    assert (last.number, last.conclusion) == (5, Conclusion.SUCCESS)
    assert "2 migrations applied" in last.title
    states = [state.value for _, state, _ in (*scene.forge.begun, *scene.forge.ends)]
    assert states == ["in_progress", "success"], "the deployment changes only with the state"


def test_a_quick_run_has_no_check_run(scene: Scene) -> None:
    assert scene.run("push", push()) == 0
    assert scene.forge.live_checks == []


def test_an_override_is_for_a_run_by_hand_alone_and_is_on_the_record(scene: Scene) -> None:
    production(scene, CLOSED)
    assert scene.run("push", push()) == 0
    asked = {"override": "window", "reason": "orders fail"}
    assert scene.run("release", release(), **asked) == 2
    assert "is set in a run that the event `release` started" in scene.summary
    by_hand = {"command": "apply", "environment": "production"}
    assert scene.run("workflow_dispatch", dispatched(**by_hand)) == 5
    assert scene.run("workflow_dispatch", dispatched(**by_hand, override="window")) == 2
    assert "needs a reason" in scene.summary
    assert scene.run("workflow_dispatch", dispatched(**by_hand, override="fingerprint", reason="x")) == 2
    assert scene.tables("production") == 0
    shown = scene.run("workflow_dispatch", dispatched(**by_hand, **asked), dry_run="true", on_wait="fail")
    assert (shown, scene.output("waiting")) == (0, "false")
    assert "🔓 <b>OVERRIDE</b>: window overridden" in scene.summary
    assert "orders fail" in scene.summary
    scene.forge.brought = {"migrations/001_red.sql": 2}
    assert scene.run("workflow_dispatch", dispatched(**by_hand, **asked)) == 0
    assert scene.tables("production") == 1
    record = scene.forge.comments[-1].body
    assert "<b>production</b>: 🔓 <b>OVERRIDE</b>: window overridden" in record
    rollback = dispatched(command="rollback", environment="production", to="0", **asked)
    assert scene.run("workflow_dispatch", rollback) == 2
    assert "has no effect on `rollback`" in scene.summary
