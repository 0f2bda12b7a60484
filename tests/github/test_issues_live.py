"""The issue about an environment and the check run of a long run, against the third-party emulator of GitHub."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.forge.environment_issue import EnvironmentIssue, IssueText, Topic, Trouble
from ctgitops.core.forge.forge import Conclusion
from ctgitops.core.forge.live_check import LiveCheck
from ctgitops.report.environment_issue import issue_text

from .live import Live, numbers

pytestmark = pytest.mark.github


def tell(live: Live, name: str, topic: Topic, what: str) -> None:
    trouble = (
        Trouble(what, ("a @mention", "<b>"), "run `ctgitops drift`", "https://github.com/o/r/actions/runs/1")
        if what
        else None
    )

    def compose(memory: str) -> IssueText | None:
        return issue_text(name, memory, topic, trouble)

    live.forge().keep_issue(EnvironmentIssue(f"environment-{name}", compose), needed=bool(what))


def issues(live: Live, name: str) -> list[dict[str, object]]:
    found = live.call("GET", "/issues?state=all&labels=ctgitops&per_page=100")
    return [each for each in found if str(each["title"]).startswith(f"{name}: ")]


def test_one_issue_is_opened_edited_closed_and_opened_again(live: Live) -> None:
    name = f"production-{next(numbers)}"
    tell(live, name, Topic.DRIFT, "")
    assert issues(live, name) == []
    tell(live, name, Topic.DRIFT, "1 change")
    (made,) = issues(live, name)
    assert (made["state"], made["title"]) == ("open", f"{name}: drift")
    tell(live, name, Topic.DRIFT, "2 changes")
    tell(live, name, Topic.DRILL, "no backup")
    (now,) = issues(live, name)
    assert (now["number"], now["title"]) == (made["number"], f"{name}: drift and failed drill")
    tell(live, name, Topic.DRIFT, "")
    tell(live, name, Topic.DRILL, "")
    (closed,) = issues(live, name)
    assert (closed["state"], closed["title"]) == ("closed", f"{name}: no problem")
    tell(live, name, Topic.RUN, "")
    tell(live, name, Topic.RUN, "division by zero")
    (again,) = issues(live, name)
    assert (again["number"], again["state"]) == (made["number"], "open")
    said = [each["body"].split(":")[0] for each in live.call("GET", f"/issues/{made['number']}/comments")]
    assert said == ["⛔ Failed drill", "✅ Drift", "✅ Failed drill", "⛔ Failed run"], (
        "one comment per change of state"
    )
    assert live.warnings == []
    assert live.violations() == []


def test_an_issue_of_somebody_else_with_the_same_marker_is_not_ours(live: Live) -> None:
    name = f"staging-{next(numbers)}"
    tell(live, name, Topic.DRIFT, "1 change")
    (made,) = issues(live, name)
    marker = str(made["body"]).split("\n")[0]
    live.call("PATCH", f"/issues/{made['number']}", {"labels": []})
    live.call("POST", "/issues", {"title": f"{name}: fake", "body": f"{marker}\nfake"})
    tell(live, name, Topic.DRIFT, "2 changes")
    assert [each["title"] for each in issues(live, name)] == [f"{name}: drift"]


def test_a_check_run_is_in_progress_and_then_completed(live: Live) -> None:
    sha = live.pull_request()["head"]["sha"]
    check = LiveCheck("ctgitops / apply to staging", sha, "001_one", "```text\nstep: 001_one\n```")
    number = live.forge().live_check(check)
    assert number is not None
    assert live.call("GET", f"/check-runs/{number}")["status"] == "in_progress"
    live.forge().live_check(replace(check, number=number, title="002_two"))
    now = live.call("GET", f"/check-runs/{number}")
    assert (now["status"], now["output"]["title"]) == ("in_progress", "002_two")
    live.forge().live_check(replace(check, number=number, title="applied", conclusion=Conclusion.SUCCESS))
    done = live.call("GET", f"/check-runs/{number}")
    assert (done["status"], done["conclusion"]) == ("completed", "success")
    assert live.warnings == []
    assert live.violations() == []
